// SPDX-License-Identifier: BSD-3-Clause
#include "core/queue_send.h"

#include <string.h>

#include "stack/fast.h"

void vly_queue_transmit(struct vly_queue *queue, struct vly_dgram **frames, uint32_t count,
			uint64_t now_ns)
{
	uint32_t taken = queue->backend->tx_burst(queue->inner, frames, count, now_ns);

	queue->backlog_count = count - taken;
	if (VLY_UNLIKELY(queue->backlog_count))
		memcpy(queue->backlog, frames + taken, queue->backlog_count * sizeof(frames[0]));
}

void vly_queue_refuse(struct vly_queue *queue, struct vly_dgram *dgram, enum vly_drop reason)
{
	vly_count_drop(queue->ledger, dgram, reason);
	vly_queue_give_back(queue, &dgram, 1);
}

// Frames to be sent together.
struct outbox {
	struct vly_dgram *frames[VLY_BURST_MAX];
	uint32_t count;
};

static void send_out(struct vly_queue *queue, struct outbox *outbox, uint64_t now_ns)
{
	if (outbox->count)
		vly_queue_transmit(queue, outbox->frames, outbox->count, now_ns);
	outbox->count = 0;
}

// One datagram that does not go the straight way. Returns false when the device is full with it.
static bool send_one(struct vly_queue *queue, struct vly_dgram *dgram, struct outbox *outbox,
		     uint64_t now_ns)
{
	enum vly_drop reason = VLY_DROP_TX_NO_ROUTE;

	if (dgram->rx_ns == 0)
		vly_count(&queue->ledger->originated, 1);
	switch (vly_stack_output(queue->stack, dgram, now_ns, &reason)) {
	case VLY_STACK_TRANSMIT:
		outbox->frames[outbox->count++] = dgram;
		break;
	case VLY_STACK_WAIT:
		break;
	case VLY_STACK_REFUSED:
		vly_queue_refuse(queue, dgram, reason);
		break;
	case VLY_STACK_SPLIT:
		send_out(queue, outbox, now_ns);
		return vly_queue_split(queue, dgram, now_ns);
	}
	return true;
}

static void put_out(struct outbox *outbox, struct vly_dgram **frames, uint32_t count)
{
	memcpy(outbox->frames + outbox->count, frames, count * sizeof(frames[0]));
	outbox->count += count;
}

// Those that go where the last frame goes, if `sent` is that.
static uint32_t send_alike(struct vly_queue *queue, const struct vly_dgram *sent,
			   struct vly_dgram **dgrams, uint32_t count, struct outbox *outbox)
{
	uint32_t run;

	if (!outbox->count || outbox->frames[outbox->count - 1] != sent)
		return 0;
	run = vly_stack_output_like(queue->stack, sent, dgrams, count);
	vly_count(&queue->ledger->originated, run);
	put_out(outbox, dgrams, run);
	return run;
}

// Those that go straight to a neighbour that is known, and replies behind them.
static uint32_t send_straight(struct vly_queue *queue, struct vly_dgram **dgrams, uint32_t count,
			      struct outbox *outbox, uint64_t now_ns)
{
	uint32_t originated;
	uint32_t run = vly_stack_output_routed(queue->stack, dgrams, count, now_ns, &originated);

	if (originated)
		vly_count(&queue->ledger->originated, originated);
	run += vly_stack_output_fast(queue->stack, dgrams + run, count - run);
	put_out(outbox, dgrams, run);
	return run;
}

// Datagrams of which the first is no plain reply.
static uint32_t send_mixed(struct vly_queue *queue, struct vly_dgram **dgrams, uint32_t count,
			   uint64_t now_ns)
{
	struct outbox outbox;
	uint32_t taken = 0;

	outbox.count = 0;
	while (taken < count) {
		uint32_t run = send_straight(queue, dgrams + taken, count - taken, &outbox, now_ns);

		taken += run;
		if (run)
			continue;
		if (!send_one(queue, dgrams[taken++], &outbox, now_ns))
			return taken;
		taken += send_alike(queue, dgrams[taken - 1], dgrams + taken, count - taken,
				    &outbox);
	}
	send_out(queue, &outbox, now_ns);
	return taken;
}

uint32_t vly_queue_send(struct vly_queue *queue, struct vly_dgram **dgrams, uint32_t count,
			uint64_t now_ns)
{
	uint32_t run;

	if (VLY_UNLIKELY(!vly_queue_is_flushed(queue, now_ns)))
		return 0;
	run = vly_stack_output_fast(queue->stack, dgrams, count);
	if (VLY_LIKELY(run))
		vly_queue_transmit(queue, dgrams, run, now_ns);
	if (VLY_LIKELY(run == count) || queue->backlog_count)
		return run;
	return run + send_mixed(queue, dgrams + run, count - run, now_ns);
}
