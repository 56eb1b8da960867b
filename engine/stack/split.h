// SPDX-License-Identifier: BSD-3-Clause
//
// Outwards in several frames. Inside engine/stack; vly_stack_split() in stack.h is what others see.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "stack/stack.h"
#include "stack/way.h"

enum vly_split_limits {
	VLY_SPLIT_COUNTERS = 64, // of identification numbers, by peer
};

// What is being split: left by the verdict that said so, until the next one.
struct vly_split {
	struct vly_way way; // its addresses are the two below
	uint8_t src[16];
	uint8_t dst[16];
	const uint8_t *l4; // with the transport's header
	uint32_t l4_len;
	uint32_t chunk; // bytes of it in each frame but the last
	uint32_t count; // frames
	uint32_t id;
	uint8_t protocol;
};

// Remembers what is to be split. `l4` stays where it is until it is done.
void vly_split_begin(struct vly_stack *stack, const struct vly_way *way, uint8_t protocol,
		     const uint8_t *l4, uint32_t l4_len);

// The same for a datagram's payload: writes the UDP header in front of it. The verdict is
// VLY_STACK_SPLIT.
enum vly_stack_output_verdict vly_split_udp(struct vly_stack *stack, struct vly_dgram *dgram,
					    const struct vly_way *way);
