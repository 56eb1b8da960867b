// SPDX-License-Identifier: BSD-3-Clause
//
// The worker: it owns handlers. A turn takes a burst from each I/O thread's lane, runs the chain,
// and returns every datagram to the lane of the queue that owns its buffer.
#include <sched.h>

#include "core/clock.h"
#include "core/loops.h"

enum {
	SLEEP_NS = 100000000,
	RETURN_YIELD_TURNS = 64,
	DRAIN_LIMIT_NS = 2000000000, // a stop does not wait for all that a slow handler has left
};

static void return_run(struct vly_worker *worker, uint32_t queue, struct vly_dgram **dgrams,
		       uint32_t count)
{
	struct vly_io *io = &worker->shared->ios[queue];
	struct vly_ring *ring = io->lanes[worker->index].to_io;
	uint32_t pushed = vly_ring_push(ring, (void *const *)dgrams, count);

	// The I/O thread never waits for a worker, so it always makes room.
	for (uint32_t turn = 1; VLY_UNLIKELY(pushed < count); turn++) {
		vly_io_wake(io);
		vly_pause();
		if (turn % RETURN_YIELD_TURNS == 0)
			sched_yield();
		pushed += vly_ring_push(ring, (void *const *)(dgrams + pushed), count - pushed);
	}
	vly_io_wake(io);
}

static void return_burst(struct vly_worker *worker, struct vly_dgram **dgrams, uint32_t count)
{
	uint32_t start = 0;

	for (uint32_t i = 1; i <= count; i++) {
		if (i < count && dgrams[i]->queue == dgrams[start]->queue)
			continue;
		return_run(worker, dgrams[start]->queue, dgrams + start, i - start);
		start = i;
	}
}

static void emit_to_lanes(void *arg, struct vly_dgram **tx, uint32_t tx_count,
			  struct vly_dgram **ended, uint32_t ended_count, uint64_t now_ns)
{
	struct vly_worker *worker = arg;

	(void)now_ns;
	return_burst(worker, tx, tx_count);
	return_burst(worker, ended, ended_count);
}

// What is made while a burst is handled leaves by the queue that the burst came by: there the
// peer is. Beside one (at the start, a timer, a tick, the end) by the first queue of all.
static const struct vly_lane *lane_of(const struct vly_worker *worker)
{
	return &worker->shared->ios[worker->current_io].lanes[worker->index];
}

static uint32_t take_spare(struct vly_worker *worker, uint32_t queue, struct vly_ring *spare,
			   struct vly_dgram **dgrams, uint32_t count)
{
	uint32_t n = vly_ring_pop(spare, (void **)dgrams, count);

	vly_io_wake(&worker->shared->ios[queue]); // to top up
	return n;
}

static uint32_t alloc_at(void *arg, uint8_t queue, struct vly_dgram **dgrams, uint32_t count)
{
	struct vly_worker *worker = arg;

	if (queue >= worker->shared->io_count)
		return 0;
	return take_spare(worker, queue, worker->shared->ios[queue].lanes[worker->index].spare,
			  dgrams, count);
}

static uint32_t alloc_from_spare(void *arg, struct vly_dgram **dgrams, uint32_t count)
{
	struct vly_worker *worker = arg;

	return take_spare(worker, worker->current_io, lane_of(worker)->spare, dgrams, count);
}

static uint32_t alloc_from_large(void *arg, struct vly_dgram **dgrams, uint32_t count)
{
	struct vly_worker *worker = arg;
	const struct vly_lane *lane = lane_of(worker);

	return take_spare(worker, worker->current_io, lane->large ? lane->large : lane->spare,
			  dgrams, count);
}

const struct vly_chain_ops vly_worker_chain_ops = {
	.emit = emit_to_lanes,
	.alloc = alloc_from_spare,
	.alloc_large = alloc_from_large,
	.alloc_at = alloc_at,
};

static void leave_bursts(struct vly_worker *worker)
{
	worker->current_io = 0;
}

static void return_unhandled(struct vly_worker *worker, struct vly_dgram **dgrams, uint32_t count,
			     enum vly_drop reason)
{
	for (uint32_t i = 0; i < count; i++)
		dgrams[i]->fate = (uint8_t)reason;
	return_burst(worker, dgrams, count);
}

static void handle(struct vly_worker *worker, const struct vly_lane *lane,
		   struct vly_dgram **dgrams, uint32_t count, uint64_t now_ns)
{
	uint32_t old = 0;

	if (VLY_UNLIKELY(now_ns > worker->end_ns)) {
		return_unhandled(worker, dgrams, count, VLY_DROP_STOPPING);
		return;
	}
	if (worker->shared->overload == VLY_OVERLOAD_DROP_OLDEST) {
		old = vly_steer_count_old(lane->backlog, count);
		// The last burst of the ring is handled even so. The newest may still wait behind
		// it: where both threads share a core, every ring found would be too old, and
		// nothing would ever be handled.
		if (old && !vly_ring_count(lane->to_worker))
			old = 0;
		return_unhandled(worker, dgrams, old, VLY_DROP_RING_OLDEST);
	}
	if (old < count)
		vly_chain_run(worker->chain, dgrams + old, count - old, now_ns);
}

static uint32_t turn(struct vly_worker *worker, uint64_t now_ns)
{
	struct vly_dgram *dgrams[VLY_LOOP_BURST];
	uint32_t work = 0;

	if (VLY_UNLIKELY(vly_chain_is_offered(&worker->next_chain))) {
		leave_bursts(worker);
		worker->chain = vly_chain_change(worker->chain, &worker->next_chain);
	}
	for (uint32_t i = 0; i < worker->shared->io_count; i++) {
		struct vly_lane *lane = &worker->shared->ios[i].lanes[worker->index];
		uint32_t n = vly_ring_pop(lane->to_worker, (void **)dgrams, VLY_LOOP_BURST);

		worker->current_io = i;
		if (n)
			handle(worker, lane, dgrams, n, now_ns);
		work += n;
	}
	if (VLY_UNLIKELY(now_ns >= worker->chain->alarm_ns)) {
		leave_bursts(worker);
		vly_chain_alarm(worker->chain, now_ns);
	}
	return work;
}

static bool has_input(const struct vly_worker *worker)
{
	for (uint32_t i = 0; i < worker->shared->io_count; i++) {
		if (vly_ring_count(worker->shared->ios[i].lanes[worker->index].to_worker))
			return true;
	}
	return false;
}

static bool all_is_received(const struct vly_worker *worker)
{
	return atomic_load_explicit(&worker->shared->rx_done, memory_order_acquire) ==
	       worker->shared->io_count;
}

static void rest(struct vly_worker *worker, uint32_t work, uint64_t now_ns)
{
	switch (vly_idler_next(&worker->idler, work, 1, now_ns)) {
	case VLY_IDLE_STEP_NONE:
		break;
	case VLY_IDLE_STEP_SPIN:
		vly_pause();
		break;
	case VLY_IDLE_STEP_YIELD:
		vly_idler_yield(&worker->idler);
		vly_note_cpu(&worker->cpu);
		break;
	case VLY_IDLE_STEP_SLEEP:
		vly_waker_announce(&worker->waker);
		if (!has_input(worker) && !all_is_received(worker) &&
		    !vly_chain_is_offered(&worker->next_chain))
			vly_waker_wait(&worker->waker,
				       vly_chain_sleep_ns(worker->chain, now_ns, SLEEP_NS));
		vly_waker_retract(&worker->waker);
		break;
	}
}

void *vly_worker_thread(void *arg)
{
	struct vly_worker *worker = arg;
	bool last;
	uint32_t work;

	worker->end_ns = UINT64_MAX;
	vly_pin(worker->core);
	vly_chain_start(worker->chain, vly_clock_ns());
	do {
		uint64_t now_ns = vly_clock_ns();

		last = all_is_received(worker); // before the turn: then an empty turn is final
		if (last && worker->end_ns == UINT64_MAX)
			worker->end_ns = now_ns + DRAIN_LIMIT_NS;
		work = turn(worker, now_ns);
		rest(worker, work, now_ns);
	} while (work || !last);
	leave_bursts(worker);
	vly_chain_drain(worker->chain, vly_clock_ns());
	atomic_fetch_add_explicit(&worker->shared->workers_done, 1, memory_order_release);
	return NULL;
}
