// SPDX-License-Identifier: BSD-3-Clause
//
// Which worker gets what: each steering keeps its promise.
#include "probe.h"
#include "run.h"

static struct probe probe;
static char handler[256];

static struct setup set_up(enum vly_steer steer, uint32_t workers, uint64_t count, uint32_t peers)
{
	memset(&probe, 0, sizeof(probe));
	probe.gated = PROBE_EACH;
	snprintf(handler, sizeof(handler), PLUGIN_FOLDER "/sim_probe.so,at=%llu",
		 (unsigned long long)(uintptr_t)&probe);
	return (struct setup){
		.handler = handler,
		.workers = workers,
		.queues = 1,
		.count = count,
		.peers = peers,
		.steer = steer,
	};
}

static uint64_t handled_by_all(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < PROBE_WORKERS; i++)
		sum += probe.handled[i];
	return sum;
}

static void by_flow_one_peer_has_one_worker(void **state)
{
	struct setup setup = set_up(VLY_STEER_FLOW, 3, 20000, 1);
	struct outcome outcome = run(&setup);
	uint32_t busy = 0;

	(void)state;
	check_truth(&outcome);
	for (uint32_t i = 0; i < 3; i++)
		busy += probe.handled[i] != 0;
	assert_int_equal(busy, 1);
	assert_int_equal(outcome.report.disordered, 0);
}

static void by_flow_many_peers_keep_their_order(void **state)
{
	struct setup setup = set_up(VLY_STEER_FLOW, 4, 50000, 300);
	struct outcome outcome = run(&setup);

	(void)state;
	check_truth(&outcome);
	assert_int_equal(outcome.report.answers, 50000);
	assert_int_equal(outcome.report.disordered, 0);
	for (uint32_t i = 0; i < 4; i++)
		assert_true(probe.handled[i] > 0);
}

static void in_turn_one_peer_is_shared_evenly(void **state)
{
	struct setup setup = set_up(VLY_STEER_ROUND_ROBIN, 3, 30000, 1);
	struct outcome outcome = run(&setup);

	(void)state;
	check_truth(&outcome);
	assert_int_equal(outcome.report.answers, 30000);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(probe.handled[i], 10000);
}

static void the_least_loaded_gets_more(void **state)
{
	struct setup setup = set_up(VLY_STEER_LEAST_LOADED, 3, 30000, 1);
	struct vly_engine *engine;
	struct outcome outcome;

	(void)state;
	probe.is_shut = 1;
	probe.gated = 1;
	engine = start_engine(&setup);
	wait_for_count(engine, 30000); // the other two go on while one is held up
	probe.is_shut = 0;
	outcome = finish(engine);
	check_truth(&outcome);
	assert_int_equal(outcome.ledger.received, 30000);
	assert_int_equal(outcome.report.answers, 30000);
	assert_int_equal(handled_by_all(), 30000);
	// At most its share of the pool, as long as it is no fuller than the others.
	assert_in_range(probe.handled[1], 1, VLY_SIM_BUFFERS_DEFAULT / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_flow_one_peer_has_one_worker),
		cmocka_unit_test(by_flow_many_peers_keep_their_order),
		cmocka_unit_test(in_turn_one_peer_is_shared_evenly),
		cmocka_unit_test(the_least_loaded_gets_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
