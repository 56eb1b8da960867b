// SPDX-License-Identifier: BSD-3-Clause
//
// Handlers exchanged under load: everything is answered, in order, by one build or the other.
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "probe.h"
#include "run.h"

enum {
	RELOADS = 100,
	BETWEEN = 500, // datagrams that come between two reloads
	NAME_BYTES = 256,
};

static char folder[NAME_BYTES];
static char plugin[2 * NAME_BYTES];

// Over the old file and not in its place: the hardest way to build again.
static void install(const char *build)
{
	static char bytes[1 << 20];
	char from[2 * NAME_BYTES];
	FILE *file;
	size_t size;

	snprintf(from, sizeof(from), PLUGIN_FOLDER "/sim_version_%s.so", build);
	file = fopen(from, "rb");
	assert_non_null(file);
	size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	assert_in_range(size, 1, sizeof(bytes) - 1);
	file = fopen(plugin, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static int make_folder(void **state)
{
	const char *base = getenv("TMPDIR");

	(void)state;
	snprintf(folder, sizeof(folder), "%.200s/volley-reload-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(folder))
		return -1;
	snprintf(plugin, sizeof(plugin), "%s/version.so", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(plugin);
	return rmdir(folder);
}

static uint64_t received_by(const struct vly_engine *engine)
{
	struct vly_ledger ledger;

	vly_engine_ledger(engine, &ledger);
	return ledger.received;
}

static struct vly_engine *start_endless(uint32_t workers, enum vly_idle idle)
{
	struct setup setup = {
		.handler = plugin,
		.workers = workers,
		.queues = 2,
		.peers = 50,
		.idle = idle,
	};

	install("old");
	return start_engine(&setup);
}

// Nothing is dropped but what comes while the engine stops, and no flow is out of order.
static void check_answers(const struct outcome *outcome)
{
	const struct vly_ledger *ledger = &outcome->ledger;

	assert_true(vly_ledger_is_balanced(ledger));
	assert_int_equal(vly_ledger_dropped(ledger), ledger->dropped[VLY_DROP_STOPPING]);
	assert_int_equal(outcome->report.answers, ledger->sent);
	assert_int_equal(ledger->sent + ledger->dropped[VLY_DROP_STOPPING], ledger->received);
	assert_int_equal(outcome->report.disordered, 0);
	assert_int_equal(outcome->report.foreign, 0);
}

static void builds_take_turns_under_load(void **state)
{
	(void)state;
	for (uint32_t workers = 0; workers < 3; workers++) {
		struct vly_engine *engine = start_endless(workers, VLY_IDLE_ADAPTIVE);
		struct vly_error error = {""};
		struct outcome outcome;

		for (uint32_t i = 1; i <= RELOADS; i++) {
			wait_for_count(engine, received_by(engine) + BETWEEN);
			install(i % 2 ? "new" : "old");
			if (vly_engine_reload(engine, &error))
				fail_msg("reload %u: %s", i, error.text);
		}
		outcome = finish(engine);
		check_answers(&outcome);
		// What the new build has answered is not what was sent.
		assert_in_range(outcome.report.corrupt, BETWEEN, outcome.report.answers - BETWEEN);
	}
}

static void a_bad_build_is_refused_and_the_old_goes_on(void **state)
{
	(void)state;
	for (uint32_t workers = 0; workers < 3; workers += 2) {
		struct vly_engine *engine = start_endless(workers, VLY_IDLE_ADAPTIVE);
		struct vly_error error = {""};
		struct outcome outcome;

		for (uint32_t i = 0; i < RELOADS; i++) {
			install("abi");
			assert_int_equal(vly_engine_reload(engine, &error), -EINVAL);
			assert_non_null(strstr(error.text, "ABI"));
		}
		assert_int_equal(truncate(plugin, 100), 0);
		assert_int_equal(vly_engine_reload(engine, &error), -EINVAL);
		unlink(plugin);
		assert_int_equal(vly_engine_reload(engine, &error), -ENOENT);
		wait_for_count(engine, received_by(engine) + BETWEEN);
		outcome = finish(engine);
		check_answers(&outcome);
		assert_int_equal(outcome.report.corrupt, 0);
	}
}

// Threads that sleep change over as well.
static void a_quiet_engine_reloads(void **state)
{
	static const enum vly_idle modes[] = {VLY_IDLE_BLOCK, VLY_IDLE_ADAPTIVE, VLY_IDLE_BUSY};

	(void)state;
	for (uint32_t i = 0; i < 6; i++) {
		struct setup setup = {
			.handler = plugin,
			.workers = i % 2,
			.queues = 1,
			.count = 100,
			.idle = modes[i / 2],
		};
		struct vly_error error = {""};
		struct vly_engine *engine;
		struct outcome outcome;

		install("old");
		engine = start_engine(&setup);
		wait_for_count(engine, setup.count);
		for (uint32_t k = 0; k < 10; k++)
			assert_int_equal(vly_engine_reload(engine, &error), 0);
		outcome = finish(engine);
		check_answers(&outcome);
		assert_int_equal(outcome.report.answers, setup.count);
	}
}

static void names_what_an_old_handler_never_returned(void **state)
{
	struct setup setup = {
		.handler = PLUGIN_FOLDER "/sim_late.so,depth=100,leak",
		.workers = 1,
		.queues = 1,
		.count = 10000,
	};
	struct vly_engine *engine = start_engine(&setup);
	struct vly_error error = {""};
	struct outcome outcome;

	(void)state;
	wait_for_count(engine, setup.count / 2);
	assert_int_equal(vly_engine_reload(engine, &error), 0);
	wait_for_count(engine, setup.count);
	outcome = finish(engine);
	assert_true(vly_ledger_is_balanced(&outcome.ledger));
	assert_true(outcome.ledger.dropped[VLY_DROP_UNRELEASED] > 0);
	assert_int_equal(outcome.report.answers + outcome.ledger.dropped[VLY_DROP_UNRELEASED],
			 setup.count);
}

static struct probe probe;

static void wait_for(struct vly_engine *engine, bool (*is_so)(struct vly_engine *engine))
{
	uint64_t end_ns = vly_clock_ns() + (uint64_t)WAIT_LIMIT_S * 1000000000u;

	while (!is_so(engine) && vly_clock_ns() < end_ns)
		wait_for_count(engine, 0);
	assert_true(is_so(engine));
}

static bool is_at_gate(struct vly_engine *engine)
{
	(void)engine;
	return probe.at_gate > 0;
}

static bool is_reloaded(struct vly_engine *engine)
{
	vly_engine_poll(engine);
	return engine->next_chains == NULL;
}

// One worker is stuck in a handler: a reload ends with its name, the others go on, and it changes
// over once it can. Stopped before that or not.
static void a_stuck_worker_is_named_and_changes_over_later(void **state)
{
	char handler[NAME_BYTES];

	(void)state;
	snprintf(handler, sizeof(handler), PLUGIN_FOLDER "/sim_probe.so,at=%llu",
		 (unsigned long long)(uintptr_t)&probe);
	for (uint32_t i = 0; i < 2; i++) {
		struct setup setup = {.handler = handler, .workers = 3, .queues = 1, .peers = 50};
		struct vly_error error = {""};
		struct vly_engine *engine;
		struct outcome outcome;

		memset(&probe, 0, sizeof(probe));
		probe.gated = 1;
		probe.is_shut = 1;
		setup.count = 2000;
		engine = start_engine(&setup);
		wait_for(engine, is_at_gate);
		assert_int_equal(vly_engine_reload(engine, &error), -ETIMEDOUT);
		assert_non_null(strstr(error.text, "worker 1 "));
		assert_int_equal(vly_engine_reload(engine, &error), -EBUSY);
		probe.is_shut = 0;
		if (i == 0) {
			wait_for(engine, is_reloaded);
			assert_int_equal(vly_engine_reload(engine, &error), 0);
		}
		outcome = finish(engine);
		check_truth(&outcome);
		assert_int_equal(outcome.report.disordered, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builds_take_turns_under_load),
		cmocka_unit_test(a_bad_build_is_refused_and_the_old_goes_on),
		cmocka_unit_test(a_quiet_engine_reloads),
		cmocka_unit_test(names_what_an_old_handler_never_returned),
		cmocka_unit_test(a_stuck_worker_is_named_and_changes_over_later),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
