// SPDX-License-Identifier: BSD-3-Clause
#include "straight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stack/fast.h"

enum {
	QUEUE = 5,
};

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "the straight way: %s\n", what);
	abort();
}

// With the buffer as far as it goes, so that a sanitizer sees whoever goes further.
static struct vly_dgram *copy_of(const struct vly_dgram *dgram)
{
	size_t size = (size_t)dgram->data_offset + dgram->capacity;
	struct vly_dgram *copy = aligned_alloc(64, (size + 63) / 64 * 64);

	check(copy != NULL, "no memory");
	memcpy(copy, dgram, size);
	return copy;
}

static void compare(const struct vly_dgram *one, const struct vly_dgram *other)
{
	check(!memcmp(one->peer.ip, other->peer.ip, 16) && one->peer.port == other->peer.port,
	      "another peer");
	check(!memcmp(one->local.ip, other->local.ip, 16) && one->local.port == other->local.port,
	      "another local address");
	check(one->link == other->link, "another link");
	check(one->rx_ns == other->rx_ns, "another time");
	check(one->data_offset == other->data_offset, "another place");
	check(one->flow_hash == other->flow_hash, "another flow hash");
	check(one->len == other->len, "another length");
	check(one->capacity == other->capacity, "another capacity");
	check(one->ttl == other->ttl && one->tos == other->tos, "another hop limit or class");
	check(!memcmp(vly_dgram_data(one), vly_dgram_data(other), one->len), "other bytes");
}

enum vly_stack_verdict straight_input(struct vly_stack *stack, struct vly_dgram *frame,
				      uint64_t now_ns, enum vly_drop *reason, uint32_t *taken)
{
	struct vly_dgram *copy = copy_of(frame);
	uint32_t count = vly_stack_input_fast(stack, &copy, 1, QUEUE);
	enum vly_stack_verdict verdict = vly_stack_input(stack, frame, now_ns, reason);

	if (count) {
		check(verdict == VLY_STACK_DELIVER, "took what is not delivered");
		check(copy->queue == QUEUE && copy->fate == VLY_FATE_UNDECIDED, "queue, fate");
		compare(frame, copy);
	}
	if (taken)
		*taken += count;
	free(copy);
	return verdict;
}

// Whether either straight way takes the copy of a datagram.
static uint32_t take(struct vly_stack *stack, struct vly_dgram *copy, uint64_t now_ns)
{
	uint32_t originated = 0;
	uint32_t count = vly_stack_output_fast(stack, &copy, 1);

	if (!count) {
		count = vly_stack_output_routed(stack, &copy, 1, now_ns, &originated);
		check(originated == (count && !copy->rx_ns), "another number made here");
	}
	return count;
}

enum vly_stack_output_verdict straight_output(struct vly_stack *stack, struct vly_dgram *dgram,
					      uint64_t now_ns, enum vly_drop *reason,
					      uint32_t *taken)
{
	struct vly_dgram *copy;
	enum vly_stack_output_verdict verdict;
	uint32_t count;

	// Where a large one lies is what it is known by: a copy would be another thing.
	if (vly_stack_large_has(stack, dgram)) {
		check(take(stack, dgram, now_ns) == 0, "took a large buffer");
		return vly_stack_output(stack, dgram, now_ns, reason);
	}
	copy = copy_of(dgram);
	count = take(stack, copy, now_ns);
	verdict = vly_stack_output(stack, dgram, now_ns, reason);

	if (count) {
		check(verdict == VLY_STACK_TRANSMIT, "made a frame of what is none");
		compare(dgram, copy);
	}
	if (taken)
		*taken += count;
	free(copy);
	return verdict;
}

enum vly_stack_output_verdict straight_like(struct vly_stack *stack, const struct vly_dgram *model,
					    struct vly_dgram *dgram, uint64_t now_ns,
					    enum vly_drop *reason, uint32_t *taken)
{
	struct vly_dgram *copy = copy_of(dgram);
	uint32_t count = vly_stack_output_like(stack, model, &copy, 1);
	enum vly_stack_output_verdict verdict = vly_stack_output(stack, dgram, now_ns, reason);

	if (count) {
		check(verdict == VLY_STACK_TRANSMIT, "made a frame like another of what is none");
		compare(dgram, copy);
	}
	*taken += count;
	free(copy);
	return verdict;
}
