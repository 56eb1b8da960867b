// SPDX-License-Identifier: BSD-3-Clause
//
// What leaves a stack in several frames, and what a receiver makes of them: checked and put
// together by this file's own reading, not the stack's.
#pragma once

#include "frames.h"
#include "stack/stack.h"

enum pieces_sizes {
	PIECES_BYTES = 65536 + 64,
};

struct pieces {
	struct frame *frames;
	uint32_t count;
	size_t len;                   // of the packet that they make
	uint8_t packet[PIECES_BYTES]; // an Ethernet frame, but for its size
	uint8_t transport;            // where UDP or ICMP begins in it
};

// Takes what the stack's last verdict was about. Returns NULL, or what is wrong with the frames or
// with what they make: sizes, order, headers, checksums. Free it in any case.
const char *pieces_take(struct pieces *pieces, struct vly_stack *stack, uint32_t mtu);
void pieces_free(struct pieces *pieces);

// Cuts an Ethernet frame with IP, as frame_build() makes it but of any size, into the fragment with
// `len` bytes from `offset` on. IPv4 or IPv6; `id` names the datagram.
void piece_cut(struct frame *piece, const uint8_t *bytes, size_t bytes_len, uint32_t id,
	       uint32_t offset, uint32_t len);

// Builds such a frame: UDP from the peer to our port 9000 and with right checksums. Returns its
// length; `bytes` has room for PIECES_BYTES.
size_t piece_whole(uint8_t *bytes, bool is_ipv6, const uint8_t *payload, size_t len);
