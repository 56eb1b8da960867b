// SPDX-License-Identifier: BSD-3-Clause
//
// The ledger under fire: engines of every shape, with slow handlers, small rings, a faulty wire,
// reloads and stops in mid-flight, one after the other for ten seconds (a minute with VLY_LONG=1).
// Each round has its own seed and says it; VLY_TEST_SEED runs that one round again.
#include <stdlib.h>

#include "prng.h"
#include "run.h"

enum {
	SECONDS = 10,
	SECONDS_LONG = 60,
	RELOADS_MAX = 4,
};

static const char *const handlers[] = {
	"echo",
	PLUGIN_FOLDER "/sim_late.so,depth=80",
	PLUGIN_FOLDER "/sim_version_old.so",
	PLUGIN_FOLDER "/sim_mixed.so",
	PLUGIN_FOLDER "/sim_mixed.so,work=30us",
};

enum {
	HANDLERS = sizeof(handlers) / sizeof(handlers[0]),
	ORDERLY = 3, // the first so many answer in order
};

static const char *program;
static uint64_t running_seed; // of the round that is not over

static struct setup draw(struct prng *prng, uint32_t *handler)
{
	struct setup setup;

	*handler = prng_below(prng, HANDLERS);
	setup = (struct setup){
		.handler = handlers[*handler],
		.workers = prng_below(prng, 5),
		.queues = prng_between(prng, 1, 3),
		.ring_size = 1u << prng_between(prng, 2, 9),
		.count = prng_between(prng, 1000, 30000),
		.peers = prng_once_in(prng, 4) ? 1 : prng_between(prng, 2, 500),
		.buffers = prng_between(prng, 1024, 4096),
		.seed = prng_next(prng) >> 1,
		.stop_in_flight = prng_below(prng, 2),
		.idle = (enum vly_idle)prng_below(prng, 3),
		.steer = (enum vly_steer)prng_below(prng, 3),
		.overload = (enum vly_overload)prng_below(prng, 3),
		.budget_ns = prng_below(prng, 2),
	};
	if (prng_once_in(prng, 3))
		setup.loss_ppm = prng_below(prng, 50000);
	if (prng_once_in(prng, 3))
		setup.tx_refuse_ppm = prng_below(prng, 200000);
	if (prng_once_in(prng, 4))
		setup.duplicate_ppm = prng_below(prng, 20000);
	if (prng_once_in(prng, 4))
		setup.reorder_ppm = prng_below(prng, 20000);
	return setup;
}

static void check_round(const struct setup *setup, uint32_t handler, const struct outcome *outcome)
{
	const struct vly_ledger *ledger = &outcome->ledger;
	uint64_t in_rings =
		ledger->dropped[VLY_DROP_RING_FULL] + ledger->dropped[VLY_DROP_RING_OLDEST];

	check_truth(outcome);
	if (handler < ORDERLY && (setup->steer == VLY_STEER_FLOW || setup->workers < 2))
		assert_int_equal(outcome->report.disordered, 0);
	if (setup->overload == VLY_OVERLOAD_BLOCK || setup->workers == 0)
		assert_int_equal(in_rings, 0);
	if (setup->overload == VLY_OVERLOAD_DROP_OLDEST)
		assert_int_equal(ledger->dropped[VLY_DROP_RING_FULL], 0);
	if (setup->overload == VLY_OVERLOAD_DROP_NEWEST)
		assert_int_equal(ledger->dropped[VLY_DROP_RING_OLDEST], 0);
	if (handler < ORDERLY) // nothing else has an end but these
		assert_int_equal(ledger->received, ledger->sent + in_rings +
							   ledger->dropped[VLY_DROP_STOPPING] +
							   ledger->dropped[VLY_DROP_TX_FULL]);
}

static void run_round(uint64_t seed)
{
	struct prng prng = prng_from(seed);
	uint32_t handler;
	struct setup setup = draw(&prng, &handler);
	uint32_t reloads = prng_below(&prng, RELOADS_MAX + 1);
	uint64_t least = setup.stop_in_flight ? setup.count / 3 : setup.count * 9 / 10;
	struct vly_error error = {""};
	struct vly_engine *engine;
	struct outcome outcome;

	running_seed = seed;
	print_message("VLY_TEST_SEED=%llu: workers %u, queues %u, ring %u, steer %d, overload %d, "
		      "idle %d, handler %u, reloads %u\n",
		      (unsigned long long)seed, setup.workers, setup.queues, setup.ring_size,
		      (int)setup.steer, (int)setup.overload, (int)setup.idle, handler, reloads);
	engine = start_engine(&setup);
	for (uint32_t i = 1; i <= reloads; i++) {
		wait_for_count(engine, least * i / (reloads + 1));
		if (vly_engine_reload(engine, &error))
			fail_msg("reload: %s", error.text);
		vly_engine_poll(engine);
	}
	wait_for_count(engine, least);
	outcome = finish(engine);
	check_round(&setup, handler, &outcome);
	running_seed = 0;
}

static void the_ledger_balances_under_fire(void **state)
{
	const char *is_long = getenv("VLY_LONG");
	uint64_t seconds = is_long && strcmp(is_long, "1") == 0 ? SECONDS_LONG : SECONDS;
	uint64_t end_ns = vly_clock_ns() + seconds * 1000000000u;
	uint64_t seed = prng_open().seed;

	(void)state;
	do {
		run_round(seed++);
	} while (!getenv("VLY_TEST_SEED") && vly_clock_ns() < end_ns);
}

static int say_how_to_repeat(void **state)
{
	(void)state;
	if (running_seed)
		print_error("again with: VLY_TEST_SEED=%llu %s\n", (unsigned long long)running_seed,
			    program);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_ledger_balances_under_fire, say_how_to_repeat),
	};

	program = argc ? argv[0] : "sim_fire";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
