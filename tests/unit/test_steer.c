// SPDX-License-Identifier: BSD-3-Clause
//
// What the I/O thread does with rings that are full, step by step, with no other thread: the test
// is the workers, too. So it knows at each step what must be in the ring, what waits, and which
// datagrams are among the newest. Every choice follows from a seed; VLY_TEST_SEED repeats one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/loops.h"
#include "core/port.h"
#include "prng.h"

enum {
	WORKERS = 3,
	RING = 16,
	FLOWS = 40,
	STEPS = 20000,
	BUFFERS = 1024,
};

struct bench {
	struct vly_port *port;
	struct vly_shared shared;
	struct vly_io io;
	struct vly_worker workers[WORKERS];
	struct prng prng;
	uint64_t given;
	uint64_t popped;
	uint64_t last_of_lane[WORKERS]; // the number popped last
	uint64_t last_of_flow[FLOWS];
};

static struct bench *open_bench(uint32_t workers, enum vly_steer steer, enum vly_overload overload)
{
	struct bench *bench = aligned_alloc(128, (sizeof(*bench) / 128 + 1) * 128);
	struct vly_port_config config = {.backend = "sim", .buffers = BUFFERS};
	struct vly_error error = {""};

	assert_non_null(bench);
	memset(bench, 0, sizeof(*bench));
	if (vly_port_open(&bench->port, &config, &error))
		fail_msg("%s", error.text);
	bench->prng = prng_open();
	bench->shared = (struct vly_shared){
		.steer = steer,
		.overload = overload,
		.io_count = 1,
		.worker_count = workers,
		.ios = &bench->io,
		.workers = bench->workers,
	};
	bench->io.shared = &bench->shared;
	bench->io.queue = vly_port_queue(bench->port, 0);
	for (uint32_t w = 0; w < workers; w++) {
		bench->io.lanes[w].spare_count = 1;
		assert_int_equal(vly_lane_open(&bench->io.lanes[w], RING, overload, &error), 0);
	}
	return bench;
}

static uint64_t dropped(const struct bench *bench, enum vly_drop reason)
{
	struct vly_ledger ledger;

	vly_port_ledger(bench->port, &ledger);
	assert_int_equal(vly_ledger_dropped(&ledger), ledger.dropped[reason]);
	return ledger.dropped[reason];
}

// What is in the rings and behind them.
static uint64_t count_inside(const struct bench *bench)
{
	uint64_t inside = 0;

	for (uint32_t w = 0; w < bench->shared.worker_count; w++) {
		const struct vly_lane *lane = &bench->io.lanes[w];

		inside += vly_ring_count(lane->to_worker);
		if (lane->backlog)
			inside += lane->backlog->count;
	}
	return inside;
}

static void close_bench(struct bench *bench, enum vly_drop reason)
{
	assert_int_equal(bench->given,
			 bench->popped + count_inside(bench) + dropped(bench, reason));
	for (uint32_t w = 0; w < WORKERS; w++)
		vly_lane_close(&bench->io.lanes[w]);
	vly_port_close(bench->port);
	free(bench);
}

// Datagrams with a number, from 1, in rx_ns, of a flow that follows from it.
static void give(struct bench *bench, uint32_t count)
{
	struct vly_dgram *dgrams[VLY_LOOP_BURST];

	assert_int_equal(vly_alloc_burst(bench->io.queue, dgrams, count), count);
	for (uint32_t i = 0; i < count; i++) {
		dgrams[i]->rx_ns = ++bench->given;
		dgrams[i]->link = prng_below(&bench->prng, FLOWS);
		dgrams[i]->flow_hash = dgrams[i]->link * (UINT32_MAX / FLOWS);
	}
	vly_steer_burst(&bench->io, dgrams, count);
}

// Takes up to `count` as worker w does; each must come behind those before it.
static uint32_t take(struct bench *bench, uint32_t w, uint32_t count, struct vly_dgram **dgrams)
{
	struct vly_ring *ring = bench->io.lanes[w].to_worker;
	uint32_t n = vly_ring_pop(ring, (void **)dgrams, count);

	for (uint32_t i = 0; i < n; i++) {
		uint64_t *of_flow = &bench->last_of_flow[dgrams[i]->link];

		assert_true(dgrams[i]->rx_ns > bench->last_of_lane[w]);
		bench->last_of_lane[w] = dgrams[i]->rx_ns;
		if (bench->shared.steer == VLY_STEER_FLOW) {
			assert_true(dgrams[i]->rx_ns > *of_flow);
			*of_flow = dgrams[i]->rx_ns;
		}
	}
	bench->popped += n;
	return n;
}

static void give_back(struct bench *bench, struct vly_dgram **dgrams, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		dgrams[i]->rx_ns = 0; // ends uncounted: the test counts
	vly_release_burst(bench->io.queue, dgrams, count);
}

// One step of the I/O thread, or of a worker.
static void step(struct bench *bench)
{
	struct vly_dgram *dgrams[VLY_LOOP_BURST];
	uint32_t w = prng_below(&bench->prng, bench->shared.worker_count);
	bool may_receive = !bench->io.waiting_lanes || bench->shared.overload != VLY_OVERLOAD_BLOCK;

	switch (prng_below(&bench->prng, 4)) {
	case 0:
		if (may_receive)
			give(bench, prng_between(&bench->prng, 1, VLY_LOOP_BURST));
		break;
	case 1:
		vly_steer_waiting(&bench->io);
		break;
	default:
		give_back(bench, dgrams,
			  take(bench, w, prng_between(&bench->prng, 1, VLY_LOOP_BURST), dgrams));
	}
}

// However full the rings, and whatever waits behind which: each lane is first in, first out.
static void nothing_is_overtaken(void **state)
{
	static const enum vly_drop reasons[] = {
		[VLY_OVERLOAD_DROP_NEWEST] = VLY_DROP_RING_FULL,
		[VLY_OVERLOAD_DROP_OLDEST] = VLY_DROP_RING_OLDEST,
		[VLY_OVERLOAD_BLOCK] = VLY_DROP_RING_FULL,
	};

	(void)state;
	for (uint32_t i = 0; i < 18; i++) {
		enum vly_overload overload = (enum vly_overload)(i % 3);
		struct bench *bench =
			open_bench(1 + 2 * (i / 9), (enum vly_steer)(i / 3 % 3), overload);
		bool has_waited = false;

		for (uint32_t n = 0; n < STEPS; n++) {
			step(bench);
			has_waited |= bench->io.waiting_lanes != 0;
			assert_true(bench->given == bench->popped + count_inside(bench) +
							    dropped(bench, reasons[overload]));
		}
		assert_int_equal(has_waited, overload != VLY_OVERLOAD_DROP_NEWEST);
		assert_int_equal(dropped(bench, reasons[overload]) > 0,
				 overload != VLY_OVERLOAD_BLOCK);
		close_bench(bench, reasons[overload]);
	}
}

// At each pop the worker is told exactly those that have a ring's worth of newer ones behind them;
// and what the I/O thread itself drops are such, too.
static void the_floor_is_where_the_newest_begin(void **state)
{
	struct bench *bench = open_bench(1, VLY_STEER_FLOW, VLY_OVERLOAD_DROP_OLDEST);
	struct vly_lane *lane = &bench->io.lanes[0];
	uint64_t olds = 0;

	(void)state;
	for (uint32_t n = 0; n < STEPS; n++) {
		struct vly_dgram *dgrams[VLY_LOOP_BURST];
		uint64_t before = bench->last_of_lane[0];
		uint32_t expected = 0;
		uint32_t count;

		if (prng_once_in(&bench->prng, 3))
			give(bench, prng_between(&bench->prng, 1, VLY_LOOP_BURST));
		if (prng_once_in(&bench->prng, 2))
			vly_steer_waiting(&bench->io);
		count = take(bench, 0, prng_between(&bench->prng, 1, VLY_LOOP_BURST), dgrams);
		for (uint32_t i = 0; i < count; i++) {
			// What is missing between two that came was dropped: when it had as many
			// newer ones.
			if (dgrams[i]->rx_ns != before + 1)
				assert_true(bench->given - before > RING);
			before = dgrams[i]->rx_ns;
			expected += bench->given - dgrams[i]->rx_ns >= RING;
		}
		assert_int_equal(vly_steer_count_old(lane->backlog, count), expected);
		olds += expected;
		give_back(bench, dgrams, count);
	}
	assert_true(olds > STEPS / 10);
	assert_true(dropped(bench, VLY_DROP_RING_OLDEST) > STEPS / 10);
	close_bench(bench, VLY_DROP_RING_OLDEST);
}

// The positions run free in 32 bits: past their end as before it.
static void the_floor_survives_the_wrap(void **state)
{
	struct bench *bench = open_bench(1, VLY_STEER_FLOW, VLY_OVERLOAD_DROP_OLDEST);
	struct vly_backlog *backlog = bench->io.lanes[0].backlog;
	struct vly_dgram *dgrams[VLY_LOOP_BURST];
	uint32_t count;

	(void)state;
	backlog->pushed = UINT32_MAX - RING / 2;
	backlog->popped = UINT32_MAX - RING / 2;
	give(bench, RING);
	give(bench, RING / 2); // half of what is in the ring is too old by now
	count = take(bench, 0, RING, dgrams);
	assert_int_equal(count, RING);
	assert_int_equal(vly_steer_count_old(backlog, count), RING / 2);
	give_back(bench, dgrams, count);
	assert_int_equal(vly_steer_waiting(&bench->io), RING / 2);
	count = take(bench, 0, RING, dgrams);
	assert_int_equal(count, RING / 2);
	assert_int_equal(vly_steer_count_old(backlog, count), 0);
	give_back(bench, dgrams, count);
	close_bench(bench, VLY_DROP_RING_OLDEST);
}

// What waits counts as load: of two workers that are as far behind, one that has emptied its ring
// is still behind, but less, and gets all that comes until it is as loaded as the other.
static void what_waits_counts_as_load(void **state)
{
	struct bench *bench = open_bench(2, VLY_STEER_LEAST_LOADED, VLY_OVERLOAD_DROP_OLDEST);
	struct vly_dgram *dgrams[VLY_LOOP_BURST];

	(void)state;
	for (uint32_t i = 0; i < 2; i++)
		give(bench, VLY_LOOP_BURST);
	assert_int_equal(bench->io.lanes[0].backlog->count, RING);
	assert_int_equal(bench->io.lanes[1].backlog->count, RING);
	give_back(bench, dgrams, take(bench, 1, RING, dgrams));
	assert_int_equal(vly_steer_waiting(&bench->io), RING);
	give(bench, RING);
	assert_int_equal(bench->io.lanes[0].backlog->count, RING);
	assert_int_equal(bench->io.lanes[1].backlog->count, RING);
	assert_int_equal(dropped(bench, VLY_DROP_RING_OLDEST), 0);
	close_bench(bench, VLY_DROP_RING_OLDEST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_overtaken),
		cmocka_unit_test(the_floor_is_where_the_newest_begin),
		cmocka_unit_test(the_floor_survives_the_wrap),
		cmocka_unit_test(what_waits_counts_as_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
