// SPDX-License-Identifier: BSD-3-Clause
//
// The I/O thread's way out: what run-to-completion handlers and workers give it to send. Where the
// wire has more than a burst, the answers to several leave together.
#include <sched.h>
#include <string.h>

#include "core/clock.h"
#include "core/loops.h"

enum {
	TX_STALL_NS = 10000000, // how long a full transmit queue is waited for
	TX_YIELD_TURNS = 64,    // while waiting: the peer may need this very core
	GATHER_NS = 200000,     // after which no more is received before the answers leave
};

// The transmit queue was full: tries again for a while, then drops by name. One time-out is
// enough: until the wire takes something again, nothing waits for it.
static void send_stubbornly(struct vly_io *io, struct vly_dgram **dgrams, uint32_t count)
{
	uint64_t start_ns = vly_clock_ns();
	uint64_t now_ns = start_ns;

	for (uint32_t turn = 1; !io->tx_is_stalled; turn++) {
		uint32_t taken = vly_tx_burst(io->queue, dgrams, count, now_ns);

		dgrams += taken;
		count -= taken;
		if (!count)
			return;
		if (taken)
			start_ns = now_ns;
		vly_pause();
		if (turn % TX_YIELD_TURNS == 0)
			sched_yield();
		now_ns = vly_clock_ns();
		io->tx_is_stalled = now_ns - start_ns > TX_STALL_NS;
	}
	vly_io_drop(io, dgrams, count, VLY_DROP_TX_FULL);
}

void vly_io_send(struct vly_io *io, struct vly_dgram **dgrams, uint32_t count, uint64_t now_ns)
{
	uint32_t taken;

	if (!count)
		return;
	if (VLY_UNLIKELY(io->taps.watch != NULL))
		vly_tap_show(io->taps.watch, dgrams, count, VLY_TAP_OUT, now_ns);
	taken = vly_tx_burst(io->queue, dgrams, count, now_ns);
	if (taken)
		io->tx_is_stalled = false;
	if (VLY_UNLIKELY(taken < count))
		send_stubbornly(io, dgrams + taken, count - taken);
}

// --- gathering ----------------------------------------------------------------------------------

// One flow's train leaves as one already.
static bool is_one_flow(struct vly_dgram *const *dgrams, uint32_t count)
{
	return dgrams[0]->flow_hash == dgrams[1]->flow_hash &&
	       dgrams[0]->flow_hash == dgrams[count - 1]->flow_hash;
}

static void send_gathered(struct vly_io *io, uint64_t now_ns)
{
	vly_io_send(io, io->gathered, io->gathered_count, now_ns);
	io->gathered_count = 0;
}

// What leaves while a turn gathers: in the order in which it was given, whoever gave it.
static void gather(struct vly_io *io, struct vly_dgram **dgrams, uint32_t count, uint64_t now_ns)
{
	if (!count)
		return;
	if (io->gathered_count + count > VLY_GATHER_MAX)
		send_gathered(io, now_ns);
	memcpy(io->gathered + io->gathered_count, dgrams, count * sizeof(dgrams[0]));
	io->gathered_count += count;
}

// With many peers in turn a burst has one datagram of each, and answers that cannot be joined. More
// bursts of those that wait have more of each.
uint32_t vly_io_run_full(struct vly_io *io, struct vly_dgram **dgrams, uint64_t now_ns)
{
	uint32_t limit = vly_queue_gather(io->queue);
	uint64_t end_ns = now_ns + GATHER_NS;
	uint32_t count = io->burst;
	uint32_t n = io->burst;

	if (count * 2 > limit || is_one_flow(dgrams, n)) {
		vly_chain_run(io->chain, dgrams, n, now_ns);
		return n;
	}
	io->is_gathering = true;
	for (;;) {
		vly_chain_run(io->chain, dgrams, n, now_ns);
		if (n < io->burst || count + io->burst > limit)
			break;
		now_ns = vly_clock_ns();
		if (now_ns > end_ns)
			break;
		n = vly_io_receive(io, dgrams, now_ns);
		count += n;
		if (!n)
			break;
	}
	io->is_gathering = false;
	send_gathered(io, now_ns);
	return n ? n : 1;
}

// --- run to completion --------------------------------------------------------------------------

static void emit_here(void *arg, struct vly_dgram **tx, uint32_t tx_count, struct vly_dgram **ended,
		      uint32_t ended_count, uint64_t now_ns)
{
	struct vly_io *io = arg;

	if (VLY_UNLIKELY(io->is_gathering))
		gather(io, tx, tx_count, now_ns);
	else
		vly_io_send(io, tx, tx_count, now_ns);
	vly_release_burst(io->queue, ended, ended_count);
}

static uint32_t alloc_here(void *arg, struct vly_dgram **dgrams, uint32_t count)
{
	struct vly_io *io = arg;

	return vly_alloc_burst(io->queue, dgrams, count);
}

static uint32_t alloc_large_here(void *arg, struct vly_dgram **dgrams, uint32_t count)
{
	struct vly_io *io = arg;

	return vly_alloc_large_burst(io->queue, dgrams, count);
}

const struct vly_chain_ops vly_io_chain_ops = {
	.emit = emit_here,
	.alloc = alloc_here,
	.alloc_large = alloc_large_here,
};
