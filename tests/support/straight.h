// SPDX-License-Identifier: BSD-3-Clause
//
// Both ways through the stack at once: what the straight one (stack/fast.h) takes, the other one
// must make the same of, to the byte. Anything else ends the test.
#pragma once

#include "stack/stack.h"

// As vly_stack_input() and vly_stack_output(). *taken, if given, counts what went straight.
enum vly_stack_verdict straight_input(struct vly_stack *stack, struct vly_dgram *frame,
				      uint64_t now_ns, enum vly_drop *reason, uint32_t *taken);
enum vly_stack_output_verdict straight_output(struct vly_stack *stack, struct vly_dgram *dgram,
					      uint64_t now_ns, enum vly_drop *reason,
					      uint32_t *taken);

// The same for what goes like a datagram before: `model`, which is the frame that was made of it.
enum vly_stack_output_verdict straight_like(struct vly_stack *stack, const struct vly_dgram *model,
					    struct vly_dgram *dgram, uint64_t now_ns,
					    enum vly_drop *reason, uint32_t *taken);
