// SPDX-License-Identifier: BSD-3-Clause
//
// The bursts of a port's queue: the backend's own where it speaks datagrams, with the stack in
// between where it speaks frames.
#include <errno.h>
#include <string.h>

#include "core/exception.h"
#include "core/port.h"
#include "core/queue_large.h"
#include "core/queue_send.h"
#include "stack/fast.h"
#include "stack/flow.h"

enum {
	GIVE_UP_AFTER_S = 3600, // far past any retry of the stack
	GIVE_UP_ROUNDS = 1000,  // more than the stack can keep, VLY_STACK_POLL_MAX a round
	LEAVE_ROUNDS = VLY_GROUPS_MAX,
};

// --- frames -------------------------------------------------------------------------------------

// Transmits what the stack itself has made. It is no datagram of anybody's, so it is not `sent`: an
// answer is `answered`, a request counts nowhere.
static void send_own_frames(struct vly_queue *queue, struct vly_dgram **frames, uint32_t count,
			    bool answers, uint64_t now_ns)
{
	struct vly_ledger_block *ledger = queue->ledger;
	uint32_t sent;
	uint32_t taken = queue->backend->tx_own_burst(queue->inner, frames, count, now_ns, &sent);

	if (answers) {
		vly_count(&ledger->answered, sent);
		vly_count(&ledger->dropped[VLY_DROP_TX_FULL], count - taken);
	} else {
		vly_count(&ledger->originated, taken - sent); // what was taken and dropped
	}
	if (taken < count)
		queue->backend->release_burst(queue->inner, frames + taken, count - taken);
}

static void count_lost(struct vly_queue *queue, const struct vly_stack_poll *result)
{
	for (uint32_t i = 0; i < VLY_DROP_COUNT; i++)
		if (result->lost[i])
			vly_count(&queue->ledger->dropped[i], result->lost[i]);
}

// Puts what the stack has learned or asks up for the others, and wakes those that wait for it.
static void tell_others(struct vly_queue *queue)
{
	struct vly_stack_news news;
	bool has_told = false;

	while (vly_stack_news_take(queue->stack, &news, 1)) {
		if (vly_queue_seeks(queue, &news))
			continue;
		vly_board_write(queue->board, queue->column, &news);
		has_told = true;
	}
	if (!has_told)
		return;
	// The queues of a port stand in one array.
	for (uint32_t i = 0; i < queue->board->column_count - 1; i++)
		if (i != queue->column)
			vly_queue_wake(queue - queue->column + i);
}

static void hear_others(struct vly_queue *queue, uint64_t now_ns)
{
	struct vly_stack_news news;

	while (vly_board_read(queue->board, &queue->reader, queue->column, &news))
		vly_stack_news_put(queue->stack, &news, now_ns);
}

// What the stack does by time: neighbour requests, and datagrams that waited for the answers.
static void poll_stack(struct vly_queue *queue, uint64_t now_ns)
{
	struct vly_stack_poll result = {.frame_count = 0};
	struct vly_dgram *spare[4];
	uint32_t spare_count;
	uint32_t used;

	if (!vly_queue_is_flushed(queue, now_ns))
		return;
	spare_count = queue->backend->alloc_burst(queue->inner, spare, 4);
	used = vly_stack_poll(queue->stack, spare, spare_count, now_ns, &result);
	if (used < spare_count)
		queue->backend->release_burst(queue->inner, spare, spare_count - used);
	tell_others(queue); // before the answers can come
	if (used)
		send_own_frames(queue, spare + spare_count - used, used, false, now_ns);
	for (uint32_t i = 0; i < result.refused_count; i++)
		vly_queue_refuse(queue, result.refused[i], result.refused[i]->fate);
	if (result.frame_count)
		vly_queue_transmit(queue, result.frames, result.frame_count, now_ns);
	if (VLY_UNLIKELY(result.split != NULL))
		vly_queue_split(queue, result.split, now_ns);
	count_lost(queue, &result);
}

static void release_dropped(struct vly_queue *queue, struct vly_dgram **dgrams, uint32_t count)
{
	if (count)
		queue->backend->release_burst(queue->inner, dgrams, count);
}

// What has come in, sorted by what becomes of it.
struct inbox {
	struct vly_dgram *replies[VLY_BURST_MAX];
	struct vly_dgram *ended[VLY_BURST_MAX];
	struct vly_dgram *handed[VLY_BURST_MAX]; // to the kernel
	uint32_t reply_count;
	uint32_t ended_count;
	uint32_t handed_count;
};

// One frame that has not gone the straight way. Returns whether there is a datagram to deliver, in
// its slot.
static bool receive_frame(struct vly_queue *queue, struct vly_dgram **slot, struct inbox *inbox,
			  uint64_t now_ns)
{
	struct vly_dgram *frame = *slot;
	enum vly_drop reason = VLY_DROP_FRAME_SHORT;

	switch (vly_stack_input(queue->stack, frame, now_ns, &reason)) {
	case VLY_STACK_DELIVER:
		frame->queue = queue->index;
		frame->fate = VLY_FATE_UNDECIDED;
		return true;
	case VLY_STACK_REPLY:
		inbox->replies[inbox->reply_count++] = frame;
		return false;
	case VLY_STACK_ABSORBED:
		vly_count(&queue->ledger->answered, 1);
		break;
	case VLY_STACK_DROP:
		if (queue->exception && vly_exception_wants(frame, reason)) {
			inbox->handed[inbox->handed_count++] = frame;
			return false;
		}
		vly_count_frame_drop(queue->ledger, frame, reason);
		break;
	case VLY_STACK_WHOLE:
		*slot = vly_queue_take_whole(queue, now_ns);
		inbox->ended[inbox->ended_count++] = frame;
		return *slot != NULL;
	case VLY_STACK_HELD:
		break;
	}
	inbox->ended[inbox->ended_count++] = frame;
	return false;
}

// Runs of frames that go the straight way, and what stands between them; all in order. Returns how
// many are delivered.
static uint32_t sort_frames(struct vly_queue *queue, struct vly_dgram **dgrams, uint32_t count,
			    struct inbox *inbox, uint64_t now_ns)
{
	uint32_t delivered = 0;

	for (uint32_t i = 0; i < count;) {
		uint32_t run =
			vly_stack_input_fast(queue->stack, dgrams + i, count - i, queue->index);

		if (delivered != i)
			memmove(dgrams + delivered, dgrams + i, run * sizeof(dgrams[0]));
		delivered += run;
		i += run;
		if (i < count) {
			dgrams[delivered] = dgrams[i++];
			delivered += receive_frame(queue, &dgrams[delivered], inbox, now_ns);
		}
	}
	return delivered;
}

static uint32_t receive_frames(struct vly_queue *queue, struct vly_dgram **dgrams, uint32_t count,
			       uint64_t now_ns)
{
	struct inbox inbox;
	uint32_t n = queue->backend->rx_burst(queue->inner, dgrams, count, now_ns);

	// After the frames: one may hold the answer to what another queue has put up before it.
	if (VLY_UNLIKELY(vly_board_has_news(queue->board, &queue->reader)))
		hear_others(queue, now_ns);
	// So too, of what a queue that has slept was woken by: it may come to a new address.
	if (VLY_UNLIKELY(vly_queue_has_news(queue)))
		vly_queue_hear(queue, now_ns);
	inbox.reply_count = 0;
	inbox.ended_count = 0;
	inbox.handed_count = 0;
	if (n)
		n = sort_frames(queue, dgrams, n, &inbox, now_ns);
	if (VLY_UNLIKELY(inbox.reply_count))
		send_own_frames(queue, inbox.replies, inbox.reply_count, true, now_ns);
	release_dropped(queue, inbox.ended, inbox.ended_count);
	if (VLY_UNLIKELY(inbox.handed_count))
		vly_queue_hand(queue, inbox.handed, inbox.handed_count);
	if (VLY_UNLIKELY(vly_stack_poll_is_due(queue->stack, now_ns)))
		poll_stack(queue, now_ns);
	return n;
}

// --- the public bursts --------------------------------------------------------------------------

uint32_t vly_rx_burst(struct vly_queue *queue, struct vly_dgram **dgrams, uint32_t count,
		      uint64_t now_ns)
{
	uint32_t n;

	if (queue->stack) {
		vly_queue_is_flushed(queue, now_ns);
		vly_queue_exchange(queue, now_ns);
		return receive_frames(queue, dgrams, count, now_ns);
	}
	n = queue->backend->rx_burst(queue->inner, dgrams, count, now_ns);
	if (VLY_LIKELY(queue->backend->number != NULL))
		return n;
	for (uint32_t i = 0; i < n; i++) {
		dgrams[i]->queue = queue->index;
		dgrams[i]->fate = VLY_FATE_UNDECIDED;
		if (!dgrams[i]->flow_hash)
			dgrams[i]->flow_hash = vly_flow_hash(&dgrams[i]->peer, &dgrams[i]->local);
	}
	return n;
}

// Whether any was made here, not received. Of most bursts, none is.
static bool has_made(struct vly_dgram *const *dgrams, uint32_t count)
{
	uint32_t made = 0;

	for (uint32_t i = 0; i < count; i++)
		made += dgrams[i]->rx_ns == 0;
	return made != 0;
}

// Bit i: datagram i of up to 64 was.
static uint64_t made_here(struct vly_dgram *const *dgrams, uint32_t count)
{
	uint64_t made = 0;

	for (uint32_t i = 0; i < count; i++)
		made |= (uint64_t)(dgrams[i]->rx_ns == 0) << i;
	return made;
}

uint32_t vly_tx_burst(struct vly_queue *queue, struct vly_dgram **dgrams, uint32_t count,
		      uint64_t now_ns)
{
	uint32_t part = count < VLY_BURST_MAX ? count : VLY_BURST_MAX;
	uint64_t made;
	uint32_t taken;

	if (queue->stack)
		return vly_queue_send(queue, dgrams, part, now_ns);
	if (VLY_LIKELY(!has_made(dgrams, count)))
		return queue->backend->tx_burst(queue->inner, dgrams, count, now_ns);
	made = made_here(dgrams, part);
	taken = queue->backend->tx_burst(queue->inner, dgrams, part, now_ns);
	if (taken < 64)
		made &= (UINT64_C(1) << taken) - 1;
	vly_count(&queue->ledger->originated, (uint64_t)__builtin_popcountll(made));
	return taken;
}

static void start_empty(struct vly_queue *queue, struct vly_dgram **dgrams, uint32_t count)
{
	// The rest is 0: no rx_ns is the mark of a datagram that was not received.
	for (uint32_t i = 0; i < count; i++) {
		dgrams[i]->queue = queue->index;
		dgrams[i]->fate = VLY_FATE_SEND;
	}
}

uint32_t vly_alloc_burst(struct vly_queue *queue, struct vly_dgram **dgrams, uint32_t count)
{
	uint32_t n = queue->backend->alloc_burst(queue->inner, dgrams, count);

	start_empty(queue, dgrams, n);
	return n;
}

uint32_t vly_alloc_large_burst(struct vly_queue *queue, struct vly_dgram **dgrams, uint32_t count)
{
	uint32_t n = 0;

	if (!queue->stack)
		return vly_alloc_burst(queue, dgrams, count);
	while (n < count && (dgrams[n] = vly_stack_large_take(queue->stack)))
		n++;
	start_empty(queue, dgrams, n);
	return n;
}

void vly_release_burst(struct vly_queue *queue, struct vly_dgram **dgrams, uint32_t count)
{
	uint64_t released = 0;

	if (!count)
		return;
	for (uint32_t i = 0; i < count; i++) {
		if (!dgrams[i]->rx_ns)
			continue;
		if (dgrams[i]->fate < VLY_DROP_COUNT)
			vly_count_drop(queue->ledger, dgrams[i], dgrams[i]->fate);
		else
			released++;
	}
	if (released)
		vly_count(&queue->ledger->released, released);
	vly_queue_give_back(queue, dgrams, count);
}

void vly_queue_look(struct vly_queue *queue, uint32_t times)
{
	if (queue->backend->look)
		queue->backend->look(queue->inner, times);
}

uint32_t vly_queue_gather(struct vly_queue *queue)
{
	return queue->backend->gather ? queue->backend->gather(queue->inner) : 0;
}

int vly_queue_wait(struct vly_queue *queue, uint64_t timeout_ns)
{
	if (!queue->backend->wait)
		return -ENOTSUP;
	return queue->backend->wait(queue->inner, timeout_ns);
}

void vly_queue_wake(struct vly_queue *queue)
{
	if (queue->backend->wait)
		queue->backend->wake(queue->inner);
}

uint32_t vly_queue_flush(struct vly_queue *queue, uint64_t now_ns)
{
	uint32_t inside = 0;

	if (queue->stack) {
		vly_queue_is_flushed(queue, now_ns);
		if (vly_stack_poll_is_due(queue->stack, now_ns))
			poll_stack(queue, now_ns);
		vly_queue_exchange(queue, now_ns);
		inside = queue->backlog_count + vly_queue_out(queue);
	}
	if (queue->backend->flush)
		inside += queue->backend->flush(queue->inner);
	return inside;
}

// A poll far in the future makes the stack give up whatever still waits for a neighbour.
static void abandon_waiting(struct vly_queue *queue, uint64_t now_ns)
{
	uint64_t end_ns = now_ns + (uint64_t)GIVE_UP_AFTER_S * 1000000000u;

	for (uint32_t round = 0; round < GIVE_UP_ROUNDS; round++) {
		struct vly_stack_poll result = {.frame_count = 0};

		vly_stack_poll(queue->stack, NULL, 0, end_ns, &result);
		for (uint32_t i = 0; i < result.frame_count; i++)
			vly_queue_refuse(queue, result.frames[i], VLY_DROP_TX_FULL);
		for (uint32_t i = 0; i < result.refused_count; i++)
			vly_queue_refuse(queue, result.refused[i], result.refused[i]->fate);
		if (result.split)
			vly_queue_refuse(queue, result.split, VLY_DROP_TX_FULL);
		count_lost(queue, &result);
		if (!result.frame_count && !result.refused_count && !result.split)
			return;
		end_ns += 1000000000u;
	}
}

void vly_queue_abandon(struct vly_queue *queue, uint64_t now_ns)
{
	if (!queue->stack)
		return;
	// The routers need not send here what nobody wants any more.
	for (uint32_t i = 0; i < LEAVE_ROUNDS && vly_stack_leave(queue->stack); i++)
		poll_stack(queue, now_ns);
	vly_queue_abandon_backlog(queue);
	vly_queue_forsake(queue);
	abandon_waiting(queue, now_ns);
}
