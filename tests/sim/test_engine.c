// SPDX-License-Identifier: BSD-3-Clause
//
// The whole engine on the simulated wire: what the peers know to be true against what the ledger
// says, for run to completion and pipelines, with faults, overload and every fate. A failing
// case prints its seed; VLY_TEST_SEED runs that one again.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "backend/sim.h"
#include "core/clock.h"
#include "core/engine.h"
#include "prng.h"

enum {
	WAIT_LIMIT_S = 20,
	OPTIONS_MAX = 12,
	TEXT_BYTES = 64,
};

struct setup {
	const char *handler;
	uint32_t workers;
	uint32_t queues;
	uint32_t ring_size;
	uint64_t count;
	uint32_t peers;
	uint32_t loss_ppm;
	uint32_t duplicate_ppm;
	uint32_t reorder_ppm;
	uint32_t tx_refuse_ppm;
	uint64_t seed;
	bool stop_in_flight;
	enum vly_idle idle;
};

struct outcome {
	struct vly_ledger ledger;
	struct vly_sim_report report;
};

static struct vly_engine *open_engine(const struct setup *setup)
{
	char texts[OPTIONS_MAX][TEXT_BYTES];
	const char *options[OPTIONS_MAX];
	struct vly_endpoint listen = {.addr = {.port = 9000}};
	struct vly_port_config port = {
		.backend = "sim",
		.listens = &listen,
		.listen_count = 1,
		.options = options,
		.queues = setup->queues,
	};
	struct vly_engine_config config = {
		.ports = &port,
		.port_count = 1,
		.handlers = &setup->handler,
		.handler_count = 1,
		.workers = setup->workers,
		.ring_size = setup->ring_size,
		.idle = setup->idle,
	};
	struct vly_engine *engine = NULL;
	struct vly_error error = {""};
	uint32_t n = 0;

	snprintf(texts[n++], TEXT_BYTES, "count=%llu", (unsigned long long)setup->count);
	snprintf(texts[n++], TEXT_BYTES, "peers=%u", setup->peers ? setup->peers : 8);
	snprintf(texts[n++], TEXT_BYTES, "seed=%llu", (unsigned long long)setup->seed);
	snprintf(texts[n++], TEXT_BYTES, "loss=%u", setup->loss_ppm);
	snprintf(texts[n++], TEXT_BYTES, "duplicate=%u", setup->duplicate_ppm);
	snprintf(texts[n++], TEXT_BYTES, "reorder=%u", setup->reorder_ppm);
	snprintf(texts[n++], TEXT_BYTES, "tx-refuse=%u", setup->tx_refuse_ppm);
	for (uint32_t i = 0; i < n; i++)
		options[i] = texts[i];
	port.option_count = n;
	if (vly_engine_open(&engine, &config, &error))
		fail_msg("%s", error.text);
	return engine;
}

static void wait_for_count(struct vly_engine *engine, uint64_t count)
{
	uint64_t end_ns = vly_clock_ns() + (uint64_t)WAIT_LIMIT_S * 1000000000u;
	struct timespec pause = {.tv_nsec = 1000000};
	struct vly_ledger ledger;

	do {
		nanosleep(&pause, NULL);
		vly_engine_ledger(engine, &ledger);
	} while (ledger.received < count && vly_clock_ns() < end_ns);
}

static struct outcome run(const struct setup *setup)
{
	struct vly_engine *engine = open_engine(setup);
	struct vly_error error = {""};
	struct outcome outcome;
	uint64_t expected = setup->count - (setup->loss_ppm ? setup->count / 10 : 0);

	assert_int_equal(vly_engine_start(engine, &error), 0);
	wait_for_count(engine, setup->stop_in_flight ? setup->count / 3 : expected);
	vly_engine_stop(engine);
	vly_engine_ledger(engine, &outcome.ledger);
	vly_sim_report_read(engine->ports[0]->inner, &outcome.report);
	vly_engine_close(engine);
	return outcome;
}

// What must hold whatever happened.
static void check_truth(const struct outcome *outcome)
{
	const struct vly_ledger *ledger = &outcome->ledger;
	const struct vly_sim_report *report = &outcome->report;

	assert_true(vly_ledger_is_balanced(ledger));
	assert_true(ledger->received <= report->sent + report->duplicated - report->lost_in);
	assert_int_equal(ledger->sent, report->answers + report->lost_out);
	assert_int_equal(report->corrupt, 0);
	assert_int_equal(report->foreign, 0);
	assert_int_equal(ledger->dropped[VLY_DROP_UNRELEASED], 0);
}

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
