// SPDX-License-Identifier: BSD-3-Clause
//
// The straight way for what nearly all datagrams are, a burst at a time: in, an untagged IPv4 frame
// without options or fragments, to our MAC and first address, from anybody, to a port we serve,
// with UDP as long as IP says; out, the reply to one, what goes to a neighbour that is known, or
// the same way as the one before. Whatever is anything else, or wrong in any way, is left to
// vly_stack_input() and vly_stack_output(), which do the same for these, too.
#pragma once

#include <stdint.h>

#include "stack/stack.h"

// Turns frames into payloads, as vly_stack_input() with the verdict VLY_STACK_DELIVER, until it
// meets one that is not for here. Also sets what core/queue.c sets of the others: `queue`, and
// `fate` to VLY_FATE_UNDECIDED. Returns how many, from the first on; the next one is still a frame
// for vly_stack_input().
uint32_t vly_stack_input_fast(const struct vly_stack *stack, struct vly_dgram **frames,
			      uint32_t count, uint8_t queue);

// Turns replies into frames, as vly_stack_output() with the verdict VLY_STACK_TRANSMIT, until it
// meets a datagram that is not for here. Of these none was made by a handler: all have an rx_ns.
// Returns how many, from the first on; the next one is untouched.
uint32_t vly_stack_output_fast(const struct vly_stack *stack, struct vly_dgram **dgrams,
			       uint32_t count);

// Turns datagrams that go to anybody (VLY_FATE_SEND) into frames, as vly_stack_output() with the
// verdict VLY_STACK_TRANSMIT, until it meets one that is not for here: also one whose neighbour has
// to be asked for, or asked again. Returns how many, from the first on; *originated is how many of
// those were made here (rx_ns is 0). The next one is untouched.
uint32_t vly_stack_output_routed(struct vly_stack *stack, struct vly_dgram **dgrams, uint32_t count,
				 uint64_t now_ns, uint32_t *originated);

// Turns datagrams made here into frames, as vly_stack_output() with the verdict VLY_STACK_TRANSMIT,
// for as long as they go where `model` goes: a datagram of which vly_stack_output() has just made a
// frame, and which is still that. They may differ in their ports, lengths and payloads. Returns how
// many, from the first on; the next one is untouched.
uint32_t vly_stack_output_like(const struct vly_stack *stack, const struct vly_dgram *model,
			       struct vly_dgram **dgrams, uint32_t count);
