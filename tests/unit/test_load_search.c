// SPDX-License-Identifier: BSD-3-Clause
//
// The search for the throughput, on paths that bear what the test says.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "load/search.h"

// A server that bears so much, and a generator that can send so much.
struct path {
	double bears_pps;
	double sends_pps;
	double loses; // of whatever it is sent
	uint32_t tries;
	uint32_t interrupt_at;
};

static bool try_path(void *arg, double rate_pps, struct search_trial *trial)
{
	struct path *path = arg;
	double sent = rate_pps > 0 && rate_pps < path->sends_pps ? rate_pps : path->sends_pps;
	double received = (sent < path->bears_pps ? sent : path->bears_pps) * (1 - path->loses);

	*trial = (struct search_trial){
		.sent_pps = sent,
		.received_pps = received,
		.loss = (sent - received) / sent,
		.kept_up = sent >= rate_pps,
	};
	return ++path->tries != path->interrupt_at;
}

static struct search_outcome search(struct path *path, double loss_limit)
{
	const struct search_config config = {
		.loss_limit = loss_limit,
		.precision = 0.01,
		.least_pps = 50,
		.try_rate = try_path,
		.arg = path,
	};
	struct search_outcome outcome;

	assert_true(search_run(&config, &outcome));
	return outcome;
}

static void the_search_finds_what_is_borne(void **state)
{
	static const double capacities[] = {100, 12345, 777777, 3999999};

	(void)state;
	for (size_t i = 0; i < sizeof(capacities) / sizeof(capacities[0]); i++) {
		struct path path = {.bears_pps = capacities[i], .sends_pps = 4000000};
		struct search_outcome outcome = search(&path, 0);

		assert_true(outcome.rate_pps <= capacities[i]);
		assert_true(outcome.rate_pps >= capacities[i] * 0.989);
		assert_true(outcome.loss <= 0);
		assert_false(outcome.is_limited_here);
		assert_in_range(outcome.trials, 2, 17);
	}
}

static void a_part_may_be_lost(void **state)
{
	struct path path = {.bears_pps = 100000, .sends_pps = 4000000};
	struct search_outcome outcome = search(&path, 0.1);

	(void)state;
	assert_true(outcome.rate_pps > 109000 && outcome.rate_pps <= 111112);
	assert_true(outcome.loss > 0.08 && outcome.loss <= 0.1);
}

static void a_lossy_wire_bears_nothing_and_a_slow_sender_is_told(void **state)
{
	struct path lossy = {.bears_pps = 1e9, .sends_pps = 4000000, .loses = 0.001};
	struct path slow = {.bears_pps = 1e9, .sends_pps = 4000000};
	struct search_outcome outcome = search(&lossy, 0);

	(void)state;
	assert_true(outcome.rate_pps <= 0);
	assert_in_range(outcome.trials, 2, 20);
	outcome = search(&slow, 0);
	assert_true(outcome.is_limited_here);
	assert_true(outcome.rate_pps >= 4000000);
	assert_int_equal(outcome.trials, 1);
}

static void an_interruption_ends_the_search(void **state)
{
	struct path path = {.bears_pps = 1000, .sends_pps = 4000000, .interrupt_at = 3};
	const struct search_config config = {.precision = 0.01, .try_rate = try_path, .arg = &path};
	struct search_outcome outcome;

	(void)state;
	assert_false(search_run(&config, &outcome));
	assert_int_equal(path.tries, 3);
}

// Of 4.9, 5.1, 5.2 and 4.8: the deviation is 0.1826, and t 3.182.
static void confidence_is_students(void **state)
{
	static const double values[] = {4.9, 5.1, 5.2, 4.8};

	(void)state;
	assert_true(fabs(search_mean(values, 4) - 5.0) < 1e-9);
	assert_true(fabs(search_confidence(values, 4) - 3.182 * 0.182574 / 2) < 1e-4);
	assert_true(search_confidence(values, 1) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_search_finds_what_is_borne),
		cmocka_unit_test(a_part_may_be_lost),
		cmocka_unit_test(a_lossy_wire_bears_nothing_and_a_slow_sender_is_told),
		cmocka_unit_test(an_interruption_ends_the_search),
		cmocka_unit_test(confidence_is_students),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
