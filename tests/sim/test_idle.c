// SPDX-License-Identifier: BSD-3-Clause
//
// What a loop does with nothing to do, alone on its core and not.
#include <pthread.h>
#include <sched.h>

#include "heard.h"
#include "run.h"

enum {
	START_NS = 1000,
	LATE_NS = 100000,     // behind the spinning
	FOR_EVER_NS = 900000, // behind the yielding
	SLICE_NS = 4000000,   // of the scheduler
};

static void adaptive_probes_once_and_spins_on(void **state)
{
	struct vly_idler idler = {.mode = VLY_IDLE_ADAPTIVE};
	uint32_t yields = 0;

	(void)state;
	assert_int_equal(vly_idler_next(&idler, 0, 1, START_NS), VLY_IDLE_STEP_SPIN);
	for (uint64_t ns = 0; ns < 40000; ns += 100)
		yields += vly_idler_next(&idler, 0, 1, START_NS + ns) == VLY_IDLE_STEP_YIELD;
	assert_int_equal(yields, 1);
	assert_int_equal(vly_idler_next(&idler, 0, 1, START_NS + LATE_NS), VLY_IDLE_STEP_YIELD);
	assert_int_equal(vly_idler_next(&idler, 0, 1, START_NS + FOR_EVER_NS), VLY_IDLE_STEP_SLEEP);
	assert_int_equal(vly_idler_next(&idler, 1, 1, START_NS + FOR_EVER_NS), VLY_IDLE_STEP_NONE);
	assert_int_equal(vly_idler_next(&idler, 0, 1, START_NS + FOR_EVER_NS), VLY_IDLE_STEP_SPIN);
}

static void a_crowded_loop_yields_early(void **state)
{
	struct vly_idler adaptive = {.mode = VLY_IDLE_ADAPTIVE, .is_crowded = true};
	struct vly_idler busy = {.mode = VLY_IDLE_BUSY};
	uint32_t alone = 0;
	uint32_t crowded = 0;

	(void)state;
	assert_int_equal(vly_idler_next(&adaptive, 0, 1, START_NS), VLY_IDLE_STEP_YIELD);
	for (uint32_t i = 0; i < 4096; i++)
		alone += vly_idler_next(&busy, 0, 1, START_NS) == VLY_IDLE_STEP_YIELD;
	busy.is_crowded = true;
	for (uint32_t i = 0; i < 4096; i++)
		crowded += vly_idler_next(&busy, 0, 1, START_NS) == VLY_IDLE_STEP_YIELD;
	assert_true(alone > 0 && crowded > 16 * alone);
}

// Who gives a yield back at once is yielded to; who keeps the core for its time slice is not, for a
// while that grows.
static void a_hogged_core_is_slept_on(void **state)
{
	struct vly_idler idler = {.mode = VLY_IDLE_ADAPTIVE};
	uint64_t now_ns = START_NS;
	uint64_t last_ns = 0;

	(void)state;
	vly_idler_note_yield(&idler, true, now_ns, now_ns + 1000);
	assert_int_equal(vly_idler_next(&idler, 0, 1, now_ns), VLY_IDLE_STEP_YIELD);
	vly_idler_note_yield(&idler, false, now_ns, now_ns + SLICE_NS); // not taken by another
	vly_idler_next(&idler, 1, 1, now_ns);
	assert_int_equal(vly_idler_next(&idler, 0, 1, now_ns), VLY_IDLE_STEP_YIELD);
	for (uint32_t i = 0; i < 10; i++) {
		uint64_t start_ns;

		vly_idler_note_yield(&idler, true, now_ns, now_ns + SLICE_NS);
		now_ns += SLICE_NS;
		start_ns = now_ns;
		vly_idler_next(&idler, 1, 1, now_ns);
		while (vly_idler_next(&idler, 0, 1, now_ns) == VLY_IDLE_STEP_SLEEP) {
			now_ns += SLICE_NS;
			assert_true(now_ns - start_ns < 10000000000);
			vly_idler_next(&idler, 1, 1, now_ns);
		}
		assert_true(now_ns - start_ns >= last_ns && now_ns - start_ns > 10 * SLICE_NS);
		last_ns = now_ns - start_ns;
	}
	vly_idler_note_yield(&idler, true, now_ns, now_ns + 1000); // it has gone
	assert_int_equal(vly_idler_next(&idler, 0, 1, now_ns), VLY_IDLE_STEP_YIELD);
}

// What can only be polled is polled ever more seldom: late by a small part of the silence before.
static void naps_grow_with_the_silence(void **state)
{
	static const enum vly_idle modes[] = {VLY_IDLE_ADAPTIVE, VLY_IDLE_BLOCK};

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		struct vly_idler idler = {.mode = modes[i]};
		uint64_t before_ns = 0;

		vly_idler_next(&idler, 1, 1, START_NS);
		for (uint64_t ns = 1000; ns < 10000000000; ns *= 2) {
			uint64_t nap_ns = vly_idler_nap_ns(&idler, START_NS + ns);

			vly_idler_next(&idler, 0, 1, START_NS + ns);
			assert_true(nap_ns >= before_ns && nap_ns > 0);
			assert_true(nap_ns < 10000000 && (ns < 1000000 || nap_ns <= ns / 8));
			before_ns = nap_ns;
		}
		vly_idler_next(&idler, 1, 1, 2 * START_NS);
		assert_true(vly_idler_nap_ns(&idler, 2 * START_NS) < before_ns);
	}
}

static int first_core(void)
{
	cpu_set_t set;
	int core = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	while (!CPU_ISSET((unsigned)core, &set))
		core++;
	return core;
}

static _Atomic bool is_over;

static void *spin(void *core)
{
	vly_pin(*(int *)core);
	while (!atomic_load(&is_over))
		sched_yield();
	return NULL;
}

static void *find_crowd(void *core)
{
	struct vly_idler idler = {.mode = VLY_IDLE_ADAPTIVE};
	uint64_t end_ns = vly_clock_ns() + (uint64_t)WAIT_LIMIT_S * 1000000000u;

	vly_pin(*(int *)core);
	while (!idler.is_crowded && vly_clock_ns() < end_ns)
		vly_idler_yield(&idler);
	return (void *)(uintptr_t)idler.is_crowded;
}

static void a_yield_finds_who_else_is_there(void **state)
{
	int core = first_core();
	pthread_t spinner;
	pthread_t finder;
	void *found;

	(void)state;
	atomic_store(&is_over, false);
	assert_int_equal(pthread_create(&spinner, NULL, spin, &core), 0);
	assert_int_equal(pthread_create(&finder, NULL, find_crowd, &core), 0);
	pthread_join(finder, &found);
	atomic_store(&is_over, true);
	pthread_join(spinner, NULL);
	assert_non_null(found);
}

static void busy_threads_on_one_core_are_named_once(void **state)
{
	uint32_t core = (uint32_t)first_core();
	struct heard heard;
	char name[32];

	(void)state;
	snprintf(name, sizeof(name), "core %u ", core);
	for (int busy = 0; busy < 2; busy++) {
		struct setup setup = {
			.handler = "echo",
			.workers = 1,
			.queues = 1,
			.count = 2000,
			.idle = busy ? VLY_IDLE_BUSY : VLY_IDLE_ADAPTIVE,
			.cores = &core,
			.core_count = 1,
			.alerts = {.line = hear, .arg = &heard},
		};
		struct vly_engine *engine;
		struct outcome outcome;

		heard = (struct heard){.lines = 0};
		engine = start_engine(&setup);
		wait_for_count(engine, setup.count);
		for (uint32_t i = 0; i < 10; i++)
			vly_engine_poll(engine);
		outcome = finish(engine);
		check_truth(&outcome);
		assert_int_equal(outcome.report.answers, setup.count);
		assert_int_equal(heard.lines, busy);
	}
	assert_non_null(strstr(heard.said, name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adaptive_probes_once_and_spins_on),
		cmocka_unit_test(a_crowded_loop_yields_early),
		cmocka_unit_test(a_hogged_core_is_slept_on),
		cmocka_unit_test(naps_grow_with_the_silence),
		cmocka_unit_test(a_yield_finds_who_else_is_there),
		cmocka_unit_test(busy_threads_on_one_core_are_named_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
