// SPDX-License-Identifier: BSD-3-Clause
//
// Handlers that take too long are measured and named; without a budget nothing is.
#include "run.h"

static char said[VLY_ERROR_BYTES];
static uint32_t lines;

static void hear(void *arg, const char *text)
{
	(void)arg;
	snprintf(said, sizeof(said), "%s", text);
	lines++;
}

static struct vly_engine *start_budgeted(const char *handler, uint32_t workers, uint64_t budget_ns)
{
	struct setup setup = {
		.handler = handler,
		.workers = workers,
		.queues = 1,
		.count = 500,
		.budget_ns = budget_ns,
		.alerts = {.line = hear},
	};
	struct vly_engine *engine = start_engine(&setup);

	said[0] = '\0';
	lines = 0;
	wait_for_count(engine, 500);
	return engine;
}

static void names_who_is_over_the_budget(void **state)
{
	(void)state;
	for (uint32_t workers = 0; workers < 2; workers++) {
		struct vly_handler_times times;
		struct vly_engine *engine =
			start_budgeted(PLUGIN_FOLDER "/sim_mixed.so,work=2ms", workers, 1000000);
		struct outcome outcome;

		vly_engine_stop(engine);
		vly_engine_poll(engine);
		vly_engine_poll(engine); // in the same second: nothing more
		assert_int_equal(lines, 1);
		assert_non_null(strstr(said, "'mixed' on worker 0"));
		assert_non_null(strstr(said, "budget is 1000 us"));
		assert_true(vly_engine_handler_times(engine, 0, &times));
		assert_string_equal(times.handler, "mixed");
		assert_true(times.bursts > 0);
		assert_int_equal(times.overruns, times.bursts); // each sleeps twice the budget
		assert_true(times.p50_ns >= 2000000 && times.p50_ns <= times.p99_ns);
		assert_true(times.p99_ns <= times.max_ns && times.mean_ns <= times.max_ns);
		assert_false(vly_engine_handler_times(engine, 1, &times));
		outcome = finish(engine);
		check_truth(&outcome);
	}
}

static void is_silent_within_the_budget_and_without(void **state)
{
	static const uint64_t budgets_ns[] = {0, UINT64_C(1000000000000)};

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		struct vly_handler_times times;
		struct vly_engine *engine = start_budgeted("echo", 1, budgets_ns[i]);

		vly_engine_poll(engine);
		assert_int_equal(lines, 0);
		assert_int_equal(vly_engine_handler_times(engine, 0, &times), i == 1);
		if (i == 1)
			assert_int_equal(times.overruns, 0);
		finish(engine);
	}
}

// Every bucket ends right before the next begins, and none is wider than an eighth.
static void buckets_follow_each_other(void **state)
{
	(void)state;
	for (uint32_t i = 0; i + 1 < VLY_SPREAD_BUCKETS; i++) {
		uint64_t end = vly_spread_bucket_end(i);

		assert_int_equal(vly_spread_bucket(end), i);
		assert_int_equal(vly_spread_bucket(end + 1), i + 1);
		if (i)
			assert_true(end - vly_spread_bucket_end(i - 1) <= 1 + end / 8);
	}
	assert_int_equal(vly_spread_bucket(UINT64_MAX), VLY_SPREAD_BUCKETS - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_who_is_over_the_budget),
		cmocka_unit_test(is_silent_within_the_budget_and_without),
		cmocka_unit_test(buckets_follow_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
