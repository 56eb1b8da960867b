// SPDX-License-Identifier: BSD-3-Clause
//
// The I/O thread: it owns one queue. A turn receives a burst, hands it on, and collects and sends
// what came back. Every datagram that came in by this queue ends here.
#include <errno.h>
#include <sched.h>

#include "core/clock.h"
#include "core/loops.h"

enum {
	SLEEP_NS = 100000000,        // in a backend's wait, with nothing else to do
	ROOM_SLEEP_NS = 100000,      // until a worker has made room
	DRAIN_QUIET_NS = 2000000,    // nothing came for so long: all is received
	DRAIN_LIMIT_NS = 200000000,  // a stop that is flooded stops receiving all the same
	FLUSH_LIMIT_NS = 1000000000, // a wire that takes nothing more
	WORKERS_LIMIT_NS = 2000000000,
	SPIN_LOOKS = 8, // at the kernel's sockets in one turn: about two microseconds
};

static bool is_to_send(const struct vly_dgram *dgram)
{
	return dgram->fate == VLY_FATE_REPLY || dgram->fate == VLY_FATE_SEND;
}

// --- pipeline -----------------------------------------------------------------------------------

static void top_up_spare(struct vly_io *io, struct vly_lane *lane)
{
	struct vly_dgram *dgrams[VLY_SPARES_MAX];
	uint32_t n = vly_ring_count(lane->spare);

	if (n > lane->spare_count / 2)
		return;
	n = vly_alloc_burst(io->queue, dgrams, lane->spare_count - n);
	vly_ring_push(lane->spare, (void *const *)dgrams, n);
}

static void top_up_large(struct vly_io *io, struct vly_lane *lane)
{
	struct vly_dgram *dgrams[VLY_LARGES_MAX];
	uint32_t n = lane->large_count ? vly_ring_count(lane->large) : 0;

	if (n == lane->large_count)
		return;
	n = vly_alloc_large_burst(io->queue, dgrams, lane->large_count - n);
	vly_ring_push(lane->large, (void *const *)dgrams, n);
}

static uint32_t collect_lane(struct vly_io *io, struct vly_lane *lane, uint64_t now_ns)
{
	struct vly_dgram *dgrams[VLY_LOOP_BURST];
	struct vly_dgram *ended[VLY_LOOP_BURST];
	uint32_t n = vly_ring_pop(lane->to_io, (void **)dgrams, VLY_LOOP_BURST);
	uint32_t tx_count = 0;
	uint32_t ended_count = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (VLY_LIKELY(is_to_send(dgrams[i])))
			dgrams[tx_count++] = dgrams[i];
		else
			ended[ended_count++] = dgrams[i];
	}
	vly_io_send(io, dgrams, tx_count, now_ns);
	vly_release_burst(io->queue, ended, ended_count);
	return n;
}

static uint32_t collect(struct vly_io *io, uint64_t now_ns)
{
	uint32_t work = 0;

	for (uint32_t w = 0; w < io->shared->worker_count; w++) {
		work += collect_lane(io, &io->lanes[w], now_ns);
		top_up_spare(io, &io->lanes[w]);
		top_up_large(io, &io->lanes[w]);
	}
	return work;
}

// --- the loop -----------------------------------------------------------------------------------

static uint32_t receive(struct vly_io *io, uint64_t now_ns)
{
	struct vly_dgram *dgrams[VLY_BURST_MAX];
	uint32_t n = vly_io_receive(io, dgrams, now_ns);

	if (!n)
		return 0;
	if (!io->chain)
		vly_steer_burst(io, dgrams, n);
	else if (n == io->burst)
		return vly_io_run_full(io, dgrams, now_ns);
	else
		vly_chain_run(io->chain, dgrams, n, now_ns);
	return n;
}

// With the policy `block` nothing is received while something waits: a burst always finds room.
static bool may_receive(const struct vly_io *io)
{
	return !io->waiting_lanes || io->shared->overload != VLY_OVERLOAD_BLOCK;
}

static uint32_t turn(struct vly_io *io, uint64_t now_ns)
{
	uint32_t work = 0;

	if (VLY_UNLIKELY(vly_chain_is_offered(&io->next_chain)))
		io->chain = vly_chain_change(io->chain, &io->next_chain);
	if (VLY_UNLIKELY(vly_tap_is_switched(&io->taps)))
		vly_tap_switch(&io->taps, io->queue->ledger);
	if (VLY_UNLIKELY(io->waiting_lanes))
		work += vly_steer_waiting(io);
	if (VLY_LIKELY(may_receive(io)))
		work += receive(io, now_ns);
	if (!io->chain)
		work += collect(io, now_ns);
	else if (VLY_UNLIKELY(now_ns >= io->chain->alarm_ns))
		vly_chain_alarm(io->chain, now_ns);
	if (!work)
		vly_queue_flush(io->queue, now_ns);
	return work;
}

static bool has_returns(const struct vly_io *io)
{
	for (uint32_t w = 0; w < io->shared->worker_count; w++) {
		if (vly_ring_count(io->lanes[w].to_io))
			return true;
	}
	return false;
}

static bool is_running(const struct vly_io *io)
{
	return atomic_load_explicit(&io->shared->phase, memory_order_acquire) == VLY_PHASE_RUN;
}

// Of a wire that can only be polled.
static void nap(struct vly_io *io, uint64_t now_ns, uint64_t most_ns)
{
	uint64_t nap_ns = vly_idler_nap_ns(&io->idler, now_ns);

	vly_waker_wait(&io->waker, nap_ns < most_ns ? nap_ns : most_ns);
}

static void sleep_until_input(struct vly_io *io, uint64_t now_ns)
{
	uint64_t timeout_ns = SLEEP_NS;

	if (io->chain)
		timeout_ns = vly_chain_sleep_ns(io->chain, now_ns, timeout_ns);
	vly_waker_announce(&io->waker);
	if (io->waiting_lanes) {
		vly_waker_wait(&io->waker, ROOM_SLEEP_NS); // a worker says not when it makes room
	} else if (!has_returns(io) && is_running(io) && !vly_io_has_orders(io)) {
		if (vly_queue_wait(io->queue, timeout_ns) == -ENOTSUP)
			nap(io, now_ns, timeout_ns);
	}
	vly_waker_retract(&io->waker);
}

// All else in a turn can wait for that, but what workers send back.
static void set_looks(struct vly_io *io)
{
	vly_queue_look(io->queue, io->chain && vly_idler_spins(&io->idler) ? SPIN_LOOKS : 1);
}

static void rest(struct vly_io *io, uint32_t work, uint64_t now_ns)
{
	switch (vly_idler_next(&io->idler, work, io->burst, now_ns)) {
	case VLY_IDLE_STEP_NONE:
		break;
	case VLY_IDLE_STEP_SPIN:
		// A pause is as long as a look at the wire: a thread with a core of its own does
		// without.
		if (io->idler.mode != VLY_IDLE_BUSY)
			vly_pause();
		break;
	case VLY_IDLE_STEP_YIELD:
		vly_idler_yield(&io->idler);
		vly_note_cpu(&io->cpu);
		set_looks(io);
		break;
	case VLY_IDLE_STEP_SLEEP:
		sleep_until_input(io, now_ns);
		break;
	}
}

void vly_io_wake(struct vly_io *io)
{
	if (!vly_waker_is_asleep(&io->waker))
		return;
	vly_waker_wake(&io->waker);
	vly_queue_wake(io->queue);
}

// --- stopping -----------------------------------------------------------------------------------

// Whether everything received so far has ended: nothing is with a worker or in the kernel.
static bool is_settled(const struct vly_io *io)
{
	struct vly_ledger ledger = {.received = 0};

	vly_ledger_block_read(io->queue->ledger, &ledger);
	return vly_ledger_is_balanced(&ledger);
}

// Receives what had arrived before the stop: until nothing comes for a moment. While datagrams are
// still with the workers the pool may be empty, and silence means nothing.
static void drain_wire(struct vly_io *io)
{
	uint64_t start_ns = vly_clock_ns();
	uint64_t last_ns = start_ns;
	uint64_t now_ns = start_ns;

	while (now_ns - last_ns < DRAIN_QUIET_NS && now_ns - start_ns < DRAIN_LIMIT_NS) {
		if (turn(io, now_ns) || !is_settled(io))
			last_ns = now_ns;
		else
			sched_yield();
		now_ns = vly_clock_ns();
	}
}

// What the queue holds now, as a flood did not end by itself or more came meanwhile, is dropped by
// name. That takes buffers: the workers have given theirs back by now.
static void refuse_rest(struct vly_io *io)
{
	struct vly_dgram *dgrams[VLY_LOOP_BURST];
	uint64_t start_ns = vly_clock_ns();
	uint64_t now_ns = start_ns;
	uint32_t n;

	do {
		n = vly_rx_burst(io->queue, dgrams, VLY_LOOP_BURST, now_ns);
		vly_io_drop(io, dgrams, n, VLY_DROP_STOPPING);
		now_ns = vly_clock_ns();
	} while (n && now_ns - start_ns < DRAIN_LIMIT_NS);
}

static bool workers_are_done(const struct vly_shared *shared)
{
	return atomic_load_explicit(&shared->workers_done, memory_order_acquire) ==
	       shared->worker_count;
}

// Lets the workers take what still waits for room in their rings.
static void finish_waiting(struct vly_io *io)
{
	uint64_t end_ns = vly_clock_ns() + WORKERS_LIMIT_NS;
	uint64_t now_ns = 0;

	while (io->waiting_lanes && now_ns < end_ns) {
		now_ns = vly_clock_ns();
		if (!(vly_steer_waiting(io) + collect(io, now_ns)))
			sched_yield();
	}
	vly_steer_abandon(io);
}

static void take_back(struct vly_io *io, struct vly_ring *spare)
{
	struct vly_dgram *dgrams[VLY_LOOP_BURST];
	uint32_t n;

	while ((n = vly_ring_pop(spare, (void **)dgrams, VLY_LOOP_BURST)))
		vly_release_burst(io->queue, dgrams, n);
}

// Until the workers are done, and for no less: who returns a datagram must find room.
static void drain_lanes(struct vly_io *io)
{
	bool done;

	do {
		done = workers_are_done(io->shared);
		while (collect(io, vly_clock_ns()))
			;
		sched_yield();
	} while (!done);
	for (uint32_t w = 0; w < io->shared->worker_count; w++) {
		take_back(io, io->lanes[w].spare);
		if (io->lanes[w].large)
			take_back(io, io->lanes[w].large);
	}
}

static void flush_wire(struct vly_io *io)
{
	uint64_t now_ns = vly_clock_ns();
	uint64_t end_ns = now_ns + FLUSH_LIMIT_NS;

	while (vly_queue_flush(io->queue, now_ns) && now_ns < end_ns) {
		sched_yield();
		now_ns = vly_clock_ns();
	}
	vly_queue_abandon(io->queue, now_ns);
}

void *vly_io_thread(void *arg)
{
	struct vly_io *io = arg;

	vly_pin(io->core);
	if (io->chain)
		vly_chain_start(io->chain, vly_clock_ns());
	set_looks(io);
	while (is_running(io)) {
		uint64_t now_ns = vly_clock_ns();

		rest(io, turn(io, now_ns), now_ns);
	}
	vly_queue_look(io->queue, 1);
	drain_wire(io);
	finish_waiting(io);
	atomic_fetch_add_explicit(&io->shared->rx_done, 1, memory_order_release);
	if (io->chain)
		vly_chain_drain(io->chain, vly_clock_ns());
	else
		drain_lanes(io);
	refuse_rest(io);
	flush_wire(io);
	return NULL;
}
