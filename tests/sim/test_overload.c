// SPDX-License-Identifier: BSD-3-Clause
//
// A worker that cannot keep up: each policy drops what it promises to drop, and nothing else.
#include "probe.h"
#include "run.h"

enum {
	COUNT = 1000,
	RING = 64,
};

static struct probe probe;
static char handler[256];

static struct setup set_up(enum vly_overload overload, uint32_t workers, uint64_t count)
{
	memset(&probe, 0, sizeof(probe));
	probe.gated = PROBE_EACH;
	probe.is_shut = 1;
	snprintf(handler, sizeof(handler), PLUGIN_FOLDER "/sim_probe.so,at=%llu",
		 (unsigned long long)(uintptr_t)&probe);
	return (struct setup){
		.handler = handler,
		.workers = workers,
		.queues = 1,
		.ring_size = RING,
		.count = count,
		.peers = 1,
		.overload = overload,
	};
}

static void pause_shortly(void)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	nanosleep(&pause, NULL);
}

// Lets everything come while the worker is held up, then lets it go on.
static struct outcome run_shut(const struct setup *setup)
{
	struct vly_engine *engine = start_engine(setup);

	wait_for_count(engine, setup->count);
	pause_shortly();
	probe.is_shut = 0;
	return finish(engine);
}

static void check_seen(uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		assert_int_equal(probe.seen[i], 1);
}

// Beside a full ring, the worker has a burst in hand; and the last one may come as it goes on.
static void check_balance(const struct outcome *outcome, enum vly_drop reason)
{
	check_truth(outcome);
	assert_int_equal(outcome->ledger.received, COUNT);
	assert_int_equal(outcome->report.disordered, 0);
	assert_in_range(outcome->report.answers, RING, RING + 3 * VLY_LOOP_BURST);
	assert_int_equal(outcome->report.answers + outcome->ledger.dropped[reason], COUNT);
}

static void drop_newest_handles_what_waited(void **state)
{
	struct setup setup = set_up(VLY_OVERLOAD_DROP_NEWEST, 1, COUNT);
	struct outcome outcome = run_shut(&setup);

	(void)state;
	check_balance(&outcome, VLY_DROP_RING_FULL);
	check_seen(0, RING);
}

static void drop_oldest_handles_the_newest(void **state)
{
	struct setup setup = set_up(VLY_OVERLOAD_DROP_OLDEST, 1, COUNT);
	struct outcome outcome = run_shut(&setup);

	(void)state;
	check_balance(&outcome, VLY_DROP_RING_OLDEST);
	check_seen(COUNT - RING, COUNT);
}

static void block_loses_nothing(void **state)
{
	struct setup setup = set_up(VLY_OVERLOAD_BLOCK, 1, COUNT);
	struct vly_engine *engine = start_engine(&setup);
	struct vly_ledger ledger = {.received = 0};
	struct outcome outcome;

	(void)state;
	wait_for_count(engine, RING + 1);
	for (uint32_t i = 0; i < 20; i++)
		pause_shortly();
	vly_engine_ledger(engine, &ledger);
	assert_in_range(ledger.received, RING + 1, RING + 3 * VLY_LOOP_BURST);
	probe.is_shut = 0;
	wait_for_count(engine, COUNT);
	outcome = finish(engine);
	check_truth(&outcome);
	check_seen(0, COUNT);
	assert_int_equal(outcome.report.answers, COUNT);
	assert_int_equal(outcome.report.disordered, 0);
	assert_int_equal(vly_ledger_dropped(&outcome.ledger), 0);
}

static void wait_for_handled(uint32_t worker, uint64_t count)
{
	uint64_t end_ns = vly_clock_ns() + (uint64_t)WAIT_LIMIT_S * 1000000000u;

	while (probe.handled[worker] < count && vly_clock_ns() < end_ns)
		pause_shortly();
	assert_true(probe.handled[worker] >= count);
}

// One worker is stuck for good; the wire is received and the other answers all the same.
static void a_stuck_worker_holds_up_nobody(void **state)
{
	static const enum vly_overload policies[] = {VLY_OVERLOAD_DROP_NEWEST,
						     VLY_OVERLOAD_DROP_OLDEST};

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		struct setup setup = set_up(policies[i], 2, 0);
		struct vly_engine *engine;
		struct outcome outcome;

		probe.gated = 0;
		setup.steer = VLY_STEER_ROUND_ROBIN;
		engine = start_engine(&setup);
		wait_for_count(engine, 50000);
		wait_for_handled(1, 10000);
		assert_true(probe.is_shut && probe.handled[0] == 0);
		probe.is_shut = 0;
		outcome = finish(engine);
		check_truth(&outcome);
	}
}

// Small rings, slow handlers, several threads: each policy balances, also when stopped in the
// middle, and blocking loses nothing that was received before the stop.
static void all_policies_balance(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 18; i++) {
		struct setup setup = {
			.handler = i % 2 ? PLUGIN_FOLDER "/sim_mixed.so,work=20us"
					 : PLUGIN_FOLDER "/sim_late.so,depth=20",
			.workers = 1 + i % 3,
			.queues = 1 + i / 6 % 2,
			.ring_size = 4u << i % 4,
			.count = 5000,
			.peers = 50,
			.seed = i,
			.overload = (enum vly_overload)(i / 6),
			.stop_in_flight = i % 4 == 3,
		};
		struct outcome outcome = run(&setup);

		check_truth(&outcome);
		if (i % 2 == 0) // the other answers some in fresh datagrams
			assert_int_equal(outcome.report.disordered, 0);
		if (setup.overload != VLY_OVERLOAD_DROP_NEWEST)
			assert_int_equal(outcome.ledger.dropped[VLY_DROP_RING_FULL], 0);
		if (setup.overload == VLY_OVERLOAD_BLOCK && i % 2 == 0)
			assert_int_equal(outcome.report.answers, outcome.ledger.received);
	}
}

// A ring that is full again and again while its worker empties it: what waits behind it must not be
// overtaken by what comes.
static void what_waits_is_not_overtaken(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		struct setup setup = {
			.handler = PLUGIN_FOLDER "/sim_late.so,depth=64,work=20us",
			.workers = 1,
			.queues = 1,
			.ring_size = 8u << 2 * i,
			.count = 30000,
			.peers = 1,
			.overload = VLY_OVERLOAD_DROP_OLDEST,
			.idle = VLY_IDLE_BUSY,
		};
		struct outcome outcome = run(&setup);

		check_truth(&outcome);
		assert_int_equal(outcome.report.disordered, 0);
	}
}

// A stop does not wait for ever on a handler that needs longer than it may for what is queued.
static void a_stop_ends_under_load(void **state)
{
	struct setup setup = {
		.handler = PLUGIN_FOLDER "/sim_mixed.so,work=20ms",
		.workers = 1,
		.queues = 1,
		.ring_size = 8,
		.count = 0,
		.overload = VLY_OVERLOAD_BLOCK,
	};
	struct vly_engine *engine = start_engine(&setup);
	struct outcome outcome;

	(void)state;
	wait_for_count(engine, 50);
	outcome = finish(engine);
	check_truth(&outcome);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drop_newest_handles_what_waited),
		cmocka_unit_test(drop_oldest_handles_the_newest),
		cmocka_unit_test(block_loses_nothing),
		cmocka_unit_test(a_stuck_worker_holds_up_nobody),
		cmocka_unit_test(all_policies_balance),
		cmocka_unit_test(what_waits_is_not_overtaken),
		cmocka_unit_test(a_stop_ends_under_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
