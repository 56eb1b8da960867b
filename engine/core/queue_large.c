// SPDX-License-Identifier: BSD-3-Clause
#include "core/queue_large.h"

#include <string.h>

#include "core/exception.h"

enum {
	// A frame of a datagram that a later frame of it counts for.
	FATE_PART = 0xf9,
};

// The lowest n of 64 bits.
static uint64_t low_bits(uint64_t n)
{
	return n < 64 ? (UINT64_C(1) << n) - 1 : UINT64_MAX;
}

// The backend counts what is dropped because its peer is gone. Of a datagram in several frames only
// the last one counts as sent: the others count nowhere, or, if lost, stand as frames that were
// made here and dropped.
static uint32_t send_some(struct vly_queue *queue, uint32_t count, uint64_t now_ns)
{
	struct vly_ledger_block *ledger = queue->ledger;
	uint64_t parts = 0;
	uint32_t sent_parts;
	uint32_t sent;
	uint32_t taken;

	for (uint32_t i = 0; i < count; i++)
		parts |= (uint64_t)(queue->backlog[i]->fate == FATE_PART) << i;
	taken = queue->backend->tx_own_burst(queue->inner, queue->backlog, count, now_ns, &sent);
	parts &= low_bits(taken);
	sent_parts = (uint32_t)__builtin_popcountll(parts & low_bits(sent));
	vly_count(&ledger->sent, sent - sent_parts);
	vly_count(&ledger->originated, (uint32_t)__builtin_popcountll(parts) - sent_parts);
	return taken;
}

bool vly_queue_flush_backlog(struct vly_queue *queue, uint64_t now_ns)
{
	while (queue->backlog_count) {
		uint32_t some =
			queue->backlog_count < VLY_BURST_MAX ? queue->backlog_count : VLY_BURST_MAX;
		uint32_t taken = send_some(queue, some, now_ns);

		queue->backlog_count -= taken;
		memmove(queue->backlog, queue->backlog + taken,
			queue->backlog_count * sizeof(queue->backlog[0]));
		if (taken < some)
			return false;
	}
	return true;
}

void vly_queue_abandon_backlog(struct vly_queue *queue)
{
	for (uint32_t i = 0; i < queue->backlog_count; i++) {
		if (queue->backlog[i]->fate != FATE_PART)
			vly_count_frame_drop(queue->ledger, queue->backlog[i], VLY_DROP_TX_FULL);
		vly_queue_give_back(queue, &queue->backlog[i], 1);
	}
	queue->backlog_count = 0;
}

void vly_queue_return_mixed(struct vly_queue *queue, struct vly_dgram **dgrams, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (vly_stack_large_has(queue->stack, dgrams[i]))
			vly_stack_large_give(queue->stack, dgrams[i]);
		else
			queue->backend->release_burst(queue->inner, &dgrams[i], 1);
	}
}

static uint32_t alloc_frames(struct vly_queue *queue, struct vly_dgram **frames, uint32_t count)
{
	uint32_t got = 0;

	while (got < count) {
		uint32_t some =
			queue->backend->alloc_burst(queue->inner, frames + got, count - got);

		if (!some)
			break;
		got += some;
	}
	return got;
}

// Puts the frames behind the backlog. Returns false when there are no buffers for all of them.
static bool add_frames(struct vly_queue *queue, bool last_counts)
{
	struct vly_dgram **frames = queue->backlog + queue->backlog_count;
	uint32_t count = vly_stack_split_count(queue->stack);
	uint32_t got = alloc_frames(queue, frames, count);

	if (got < count || !vly_stack_split(queue->stack, frames)) {
		if (got)
			queue->backend->release_burst(queue->inner, frames, got);
		return false;
	}
	for (uint32_t i = 0; i < count; i++)
		frames[i]->fate = FATE_PART;
	if (last_counts)
		frames[count - 1]->fate = VLY_FATE_SEND;
	queue->backlog_count += count;
	return true;
}

bool vly_queue_split(struct vly_queue *queue, struct vly_dgram *dgram, uint64_t now_ns)
{
	if (!add_frames(queue, true))
		vly_count_drop(queue->ledger, dgram, VLY_DROP_TX_NO_BUFFER);
	vly_queue_give_back(queue, &dgram, 1);
	return vly_queue_flush_backlog(queue, now_ns);
}

// An answer of the stack's own, to a ping as a rule.
static void answer(struct vly_queue *queue, uint64_t now_ns)
{
	if (!vly_queue_flush_backlog(queue, now_ns))
		vly_count(&queue->ledger->dropped[VLY_DROP_TX_FULL], 1);
	else if (!add_frames(queue, false))
		vly_count(&queue->ledger->dropped[VLY_DROP_TX_NO_BUFFER], 1);
	else
		vly_count(&queue->ledger->answered, 1);
	vly_queue_flush_backlog(queue, now_ns);
}

// A datagram for the kernel, in frames as they would have come.
static void hand(struct vly_queue *queue, uint64_t rx_ns)
{
	struct vly_dgram *frames[VLY_STACK_SPLIT_MAX];
	uint32_t count = vly_stack_split_count(queue->stack);
	uint32_t got = alloc_frames(queue, frames, count);

	if (got < count || !vly_stack_split(queue->stack, frames)) {
		vly_count(&queue->ledger->dropped[VLY_DROP_KERNEL_FULL], 1);
		if (got)
			queue->backend->release_burst(queue->inner, frames, got);
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		frames[i]->rx_ns = 0;
	frames[count - 1]->rx_ns = rx_ns;
	vly_queue_hand_parts(queue, frames, count);
}

struct vly_dgram *vly_queue_take_whole(struct vly_queue *queue, uint64_t now_ns)
{
	struct vly_stack_whole whole = vly_stack_take_whole(queue->stack);

	vly_count(&queue->ledger->answered, whole.fragments - 1);
	switch (whole.verdict) {
	case VLY_STACK_DELIVER:
		whole.dgram->queue = queue->index;
		whole.dgram->fate = VLY_FATE_UNDECIDED;
		return whole.dgram;
	case VLY_STACK_REPLY:
		answer(queue, now_ns);
		break;
	case VLY_STACK_DROP:
		if (queue->exception && vly_exception_wants(whole.dgram, whole.reason))
			hand(queue, whole.dgram->rx_ns);
		else
			vly_count(&queue->ledger->dropped[whole.reason], 1);
		break;
	default:
		vly_count(&queue->ledger->answered, 1);
		break;
	}
	vly_queue_give_back(queue, &whole.dgram, 1);
	return NULL;
}
