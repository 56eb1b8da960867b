// SPDX-License-Identifier: BSD-3-Clause
//
// The whole engine on the simulated wire: what the peers know to be true against what the ledger
// says, for run to completion and pipelines, with faults, overload and every fate. A failing
// case prints its seed; VLY_TEST_SEED runs that one again.
#include <errno.h>

#include "prng.h"
#include "run.h"

static void echoes_all(void **state)
{
	static const struct setup setups[] = {
		{.handler = "echo", .queues = 1, .count = 100000},
		{.handler = "echo", .queues = 3, .count = 100000},
		{.handler = "echo", .workers = 1, .queues = 1, .count = 100000},
		{.handler = "echo", .workers = 2, .queues = 1, .count = 100000, .peers = 1000},
		{.handler = "echo", .workers = 3, .queues = 2, .count = 50000, .peers = 100},
		{.handler = "echo",
		 .workers = 2,
		 .queues = 1,
		 .count = 20000,
		 .idle = VLY_IDLE_BLOCK},
		{.handler = "echo",
		 .workers = 1,
		 .queues = 1,
		 .count = 20000,
		 .idle = VLY_IDLE_BUSY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(setups) / sizeof(setups[0]); i++) {
		struct outcome outcome = run(&setups[i]);

		check_truth(&outcome);
		assert_int_equal(outcome.ledger.received, setups[i].count);
		assert_int_equal(outcome.report.sent, setups[i].count);
		assert_int_equal(outcome.report.disordered, 0);
		// A pool is smaller than the default rings: nothing can overflow.
		assert_int_equal(outcome.report.answers, setups[i].count);
	}
}

static void sinks_all(void **state)
{
	struct setup setup = {.handler = "sink", .workers = 1, .queues = 1, .count = 50000};
	struct outcome outcome = run(&setup);

	(void)state;
	check_truth(&outcome);
	assert_int_equal(outcome.ledger.released, 50000);
	assert_int_equal(outcome.ledger.sent, 0);
}

static void names_each_fate(void **state)
{
	(void)state;
	for (uint32_t workers = 0; workers < 3; workers++) {
		struct setup setup = {
			.handler = PLUGIN_FOLDER "/sim_mixed.so",
			.workers = workers,
			.queues = 1,
			.count = 64000,
		};
		struct outcome outcome = run(&setup);
		const struct vly_ledger *ledger = &outcome.ledger;

		check_truth(&outcome);
		assert_int_equal(ledger->received, 64000);
		assert_in_range(ledger->dropped[VLY_DROP_MALFORMED], 7990, 8010);
		assert_in_range(ledger->dropped[VLY_DROP_UNDECIDED], 7990, 8010);
		assert_in_range(ledger->released, 15990, 16010);
		assert_true(ledger->originated > 0);
		assert_int_equal(ledger->received - ledger->released - vly_ledger_dropped(ledger) +
					 ledger->originated,
				 ledger->sent);
	}
}

static void keeps_and_answers_late(void **state)
{
	(void)state;
	for (uint32_t workers = 0; workers < 3; workers++) {
		struct setup setup = {
			.handler = PLUGIN_FOLDER "/sim_late.so,depth=200",
			.workers = workers,
			.queues = 1,
			.count = 20000,
		};
		struct outcome outcome = run(&setup);

		check_truth(&outcome);
		assert_int_equal(outcome.report.answers, 20000);
		assert_int_equal(outcome.report.disordered, 0);
	}
}

static void names_what_a_handler_never_returned(void **state)
{
	struct setup setup = {
		.handler = PLUGIN_FOLDER "/sim_late.so,depth=100,leak",
		.queues = 1,
		.count = 10000,
	};
	struct outcome outcome = run(&setup);

	(void)state;
	assert_int_equal(outcome.ledger.dropped[VLY_DROP_UNRELEASED], 100);
	assert_int_equal(outcome.report.answers, 9900);
	assert_true(vly_ledger_is_balanced(&outcome.ledger));
}

static void names_overload(void **state)
{
	struct setup setup = {
		.handler = PLUGIN_FOLDER "/sim_mixed.so,work=100us",
		.workers = 1,
		.queues = 1,
		.ring_size = 64,
		.count = 50000,
	};
	struct outcome outcome = run(&setup);

	(void)state;
	check_truth(&outcome);
	assert_true(outcome.ledger.dropped[VLY_DROP_RING_FULL] > 0);
}

// Any mixture of faults, worker and queue counts, and stops in mid-flight: exact balance.
static void balances_under_random_faults(void **state)
{
	static const char *const handlers[] = {
		"echo",
		PLUGIN_FOLDER "/sim_mixed.so",
		PLUGIN_FOLDER "/sim_late.so,depth=64",
	};
	struct prng prng = prng_open();
	uint32_t rounds = 24;

	(void)state;
	for (uint32_t round = 0; round < rounds; round++) {
		struct setup setup = {
			.handler = handlers[prng_below(&prng, 3)],
			.workers = prng_below(&prng, 4),
			.queues = prng_between(&prng, 1, 3),
			.ring_size = 1u << prng_between(&prng, 3, 10),
			.count = prng_between(&prng, 1000, 20000),
			.peers = prng_between(&prng, 1, 500),
			.loss_ppm = prng_below(&prng, 2) ? prng_below(&prng, 50000) : 0,
			.tx_refuse_ppm = prng_below(&prng, 2) ? prng_below(&prng, 200000) : 0,
			.seed = prng_next(&prng) >> 1,
			.stop_in_flight = prng_below(&prng, 2),
		};
		struct outcome outcome;

		if (prng_below(&prng, 2)) {
			setup.duplicate_ppm = prng_below(&prng, 20000);
			setup.reorder_ppm = prng_below(&prng, 20000);
		}
		print_message("round %u of VLY_TEST_SEED=%llu: %s, workers %u, queues %u\n", round,
			      (unsigned long long)prng.seed,
			      strrchr(setup.handler, '/') ? strrchr(setup.handler, '/')
							  : setup.handler,
			      setup.workers, setup.queues);
		outcome = run(&setup);
		check_truth(&outcome);
	}
}

// Empty datagrams kept ready for the workers never use a pool up; where it is too small for one
// each the engine says so.
static void a_small_pool_serves_many_workers(void **state)
{
	static const uint32_t buffers[] = {256, 300, 4096};

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		struct setup setup = {
			.handler = PLUGIN_FOLDER "/sim_mixed.so",
			.workers = VLY_WORKERS_MAX,
			.queues = 1,
			.count = 5000,
			.peers = 500,
			.buffers = buffers[i],
		};
		struct outcome outcome = run(&setup);

		check_truth(&outcome);
		assert_int_equal(outcome.ledger.received, 5000);
	}
}

static void a_pool_too_small_for_its_workers_is_refused(void **state)
{
	const char *handler = "echo";
	struct vly_port_config port = {.backend = "sim", .buffers = 255};
	struct vly_engine_config config = {
		.ports = &port,
		.port_count = 1,
		.handlers = &handler,
		.handler_count = 1,
		.workers = VLY_WORKERS_MAX,
	};
	struct vly_engine *engine = NULL;
	struct vly_error error = {""};

	(void)state;
	assert_int_equal(vly_engine_open(&engine, &config, &error), -EINVAL);
	assert_non_null(strstr(error.text, "at least 256"));
	assert_null(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(echoes_all),
		cmocka_unit_test(sinks_all),
		cmocka_unit_test(names_each_fate),
		cmocka_unit_test(keeps_and_answers_late),
		cmocka_unit_test(names_what_a_handler_never_returned),
		cmocka_unit_test(names_overload),
		cmocka_unit_test(balances_under_random_faults),
		cmocka_unit_test(a_small_pool_serves_many_workers),
		cmocka_unit_test(a_pool_too_small_for_its_workers_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
