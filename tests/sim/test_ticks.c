// SPDX-License-Identifier: BSD-3-Clause
//
// By which port datagrams leave that a handler makes beside any burst.
#include "run.h"

enum {
	PORTS = 2,
	COUNT = 20000,
};

// Runs `workers` over two ports with the same traffic; fills the ledger of each.
static void run_two(uint32_t workers, struct vly_ledger *ledgers)
{
	const char *handler = PLUGIN_FOLDER "/sim_ticker.so";
	const char *option = "count=20000";
	struct vly_endpoint listen = {.addr = {.port = 9000}};
	struct vly_port_config ports[PORTS];
	struct vly_engine_config config = {
		.ports = ports,
		.port_count = PORTS,
		.handlers = &handler,
		.handler_count = 1,
		.workers = workers,
	};
	struct vly_engine *engine = NULL;
	struct vly_error error = {""};

	for (uint32_t i = 0; i < PORTS; i++)
		ports[i] = (struct vly_port_config){
			.backend = "sim",
			.listens = &listen,
			.listen_count = 1,
			.options = &option,
			.option_count = 1,
		};
	if (vly_engine_open(&engine, &config, &error) || vly_engine_start(engine, &error))
		fail_msg("%s", error.text);
	wait_for_count(engine, PORTS * COUNT);
	// Ticks among no traffic as well.
	nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	vly_engine_stop(engine);
	for (uint32_t i = 0; i < PORTS; i++) {
		vly_port_ledger(vly_engine_port(engine, i), &ledgers[i]);
		assert_true(vly_ledger_is_balanced(&ledgers[i]));
		assert_int_equal(ledgers[i].received, COUNT);
		assert_int_equal(ledgers[i].sent, ledgers[i].originated);
	}
	vly_engine_close(engine);
}

static void workers_send_by_the_first_port(void **state)
{
	struct vly_ledger ledgers[PORTS];

	(void)state;
	run_two(1, ledgers);
	assert_true(ledgers[0].originated > 2);
	assert_int_equal(ledgers[1].originated, 0);
	run_two(2, ledgers);
	assert_true(ledgers[0].originated > 4);
	assert_int_equal(ledgers[1].originated, 0);
}

static void io_threads_send_by_their_own(void **state)
{
	struct vly_ledger ledgers[PORTS];

	(void)state;
	run_two(0, ledgers);
	assert_true(ledgers[0].originated > 2);
	assert_true(ledgers[1].originated > 2);
}

// A wire that takes next to nothing: what a handler makes ends by name, too.
static void what_finds_no_room_is_counted(void **state)
{
	(void)state;
	for (uint32_t workers = 0; workers < 2; workers++) {
		const struct setup setup = {
			.handler = PLUGIN_FOLDER "/sim_ticker.so",
			.workers = workers,
			.count = 1000,
			.buffers = 1024,
			.tx_refuse_ppm = 1000000,
		};
		struct vly_engine *engine = start_engine(&setup);
		struct outcome outcome;

		wait_for_count(engine, setup.count);
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
		outcome = finish(engine);
		assert_true(vly_ledger_is_balanced(&outcome.ledger));
		assert_true(outcome.ledger.dropped[VLY_DROP_TX_FULL] > 2);
		assert_int_equal(outcome.ledger.originated,
				 outcome.ledger.sent + outcome.ledger.dropped[VLY_DROP_TX_FULL]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(workers_send_by_the_first_port),
		cmocka_unit_test(io_threads_send_by_their_own),
		cmocka_unit_test(what_finds_no_room_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
