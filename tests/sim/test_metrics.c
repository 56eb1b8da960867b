// SPDX-License-Identifier: BSD-3-Clause
//
// The page for Prometheus, of an engine that runs: it says what the ledger does, no counter goes
// back, buckets are cumulative, and one name has one family.
#include <stdlib.h>

#include "metrics/families.h"
#include "run.h"

enum {
	COUNT = 20000,
	PAGES = 50,
	NAME_BYTES = 256,
};

static char *read_page(const struct metrics_source *source)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(metrics_write(out, source), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	assert_non_null(end);
	return end + 1;
}

// The value of the one sample that begins so.
static double value(const char *page, const char *name)
{
	size_t length = strlen(name);
	const char *found = NULL;

	for (const char *line = page; *line; line = next_line(line)) {
		if (strncmp(line, name, length) != 0 || line[length] != ' ')
			continue;
		assert_null(found);
		found = line;
	}
	if (!found)
		fail_msg("no %s in:\n%s", name, page);
	return strtod(found + length, NULL);
}

static uint32_t occurrences(const char *page, const char *text)
{
	uint32_t count = 0;

	while ((page = strstr(page, text)) != NULL) {
		page += strlen(text);
		count++;
	}
	return count;
}

// Both pages have the same samples, and no counter or bucket of the second is less.
static void expect_no_less(const char *before, const char *after)
{
	bool is_gauge = false;

	while (*before && *after) {
		size_t length = (size_t)(next_line(before) - before);
		const char *space = memrchr(before, ' ', length);
		size_t name = (size_t)(space - before);

		if (strncmp(before, "# TYPE", strlen("# TYPE")) == 0)
			is_gauge = strncmp(space, " gauge", strlen(" gauge")) == 0;
		assert_memory_equal(before, after, name);
		if (before[0] != '#' && !is_gauge &&
		    strtod(after + name, NULL) < strtod(space, NULL))
			fail_msg("goes back: %.*s", (int)length, before);
		before = next_line(before);
		after = next_line(after);
	}
	assert_int_equal(*before, *after);
}

static void expect_cumulative(const char *page, const char *family, uint32_t buckets)
{
	char name[NAME_BYTES];
	double before = 0;

	snprintf(name, sizeof(name), "%s_bucket{", family);
	for (const char *line = page; *line; line = next_line(line)) {
		double now;

		if (strncmp(line, name, strlen(name)) != 0)
			continue;
		now = strtod(strchr(line, '}') + 1, NULL);
		assert_true(now >= before);
		before = now;
		buckets--;
	}
	assert_int_equal(buckets, 0);
	assert_true(before > 0);
}

static struct vly_engine *start(struct metrics_source *source, uint32_t workers)
{
	const struct setup setup = {
		.handler = PLUGIN_FOLDER "/sim_figures.so",
		.workers = workers,
		.queues = 2,
		.count = COUNT,
		.loss_ppm = 1000,
		.budget_ns = UINT64_C(60000000000),
	};

	*source = (struct metrics_source){
		.engine = start_engine(&setup),
		.workers = workers,
		.budget_ns = setup.budget_ns,
		.start_ns = UINT64_C(1700000000500000000),
		.reloads = 3,
	};
	return (struct vly_engine *)(uintptr_t)source->engine;
}

static void check_ledger(const char *page, const struct vly_ledger *ledger)
{
	char name[NAME_BYTES];

	assert_true(value(page, "volley_datagrams_received_total{port=\"0\"}") ==
		    (double)ledger->received);
	assert_true(value(page, "volley_datagrams_sent_total{port=\"0\"}") == (double)ledger->sent);
	assert_true(value(page, "volley_queue_received_total{port=\"0\",queue=\"0\"}") +
			    value(page, "volley_queue_received_total{port=\"0\",queue=\"1\"}") ==
		    (double)ledger->received);
	for (uint32_t drop = 0; drop < VLY_DROP_COUNT; drop++) {
		snprintf(name, sizeof(name),
			 "volley_datagrams_dropped_total{port=\"0\",reason=\"%s\"}",
			 vly_drop_name(drop));
		assert_true(value(page, name) == (double)ledger->dropped[drop]);
	}
}

static void says_what_the_ledger_does(void **state)
{
	static const char labels[] = "{handler=\"figures\",position=\"0\"}";

	(void)state;
	for (uint32_t workers = 0; workers < 2; workers++) {
		struct metrics_source source;
		struct vly_engine *engine = start(&source, workers);
		struct vly_ledger ledger;
		char name[NAME_BYTES];
		char *page;

		wait_for_count(engine, COUNT / 2);
		vly_engine_stop(engine);
		vly_engine_ledger(engine, &ledger);
		page = read_page(&source);
		check_ledger(page, &ledger);
		snprintf(name, sizeof(name), "volley_handler_figures_seen_total%s", labels);
		assert_true(value(page, name) == (double)ledger.sent);
		snprintf(name, sizeof(name), "volley_handler_figures_sizes_count%s", labels);
		assert_true(value(page, name) == (double)ledger.sent);
		assert_true(value(page, "process_start_time_seconds") == 1700000000.5);
		assert_true(value(page, "volley_reloads_total{result=\"success\"}") == 3);
		assert_true(value(page, "volley_burst_budget_seconds") == 60);
		assert_true(value(page, "volley_workers") == workers);
		free(page);
		vly_engine_close(engine);
	}
}

static void no_counter_goes_back(void **state)
{
	struct metrics_source source;
	struct vly_engine *engine = start(&source, 1);
	char *before = read_page(&source);

	(void)state;
	for (uint32_t i = 0; i < PAGES; i++) {
		const struct timespec pause = {.tv_nsec = 1000000};
		char *after;

		nanosleep(&pause, NULL);
		after = read_page(&source);
		expect_no_less(before, after);
		free(before);
		before = after;
	}
	assert_true(value(before, "volley_datagrams_received_total{port=\"0\"}") > 0);
	expect_cumulative(before, "volley_handler_figures_sizes", VLY_BELOW_COUNT + 1);
	expect_cumulative(before, "volley_burst_seconds", 34 - 7 + 2);
	free(before);
	vly_engine_close(engine);
}

static void one_name_has_one_family(void **state)
{
	struct metrics_source source;
	struct vly_engine *engine = start(&source, 0);
	char *page = read_page(&source);

	(void)state;
	assert_int_equal(occurrences(page, "# TYPE volley_handler_figures_seen_total "), 1);
	assert_int_equal(occurrences(page, "\nvolley_handler_figures_seen_total{"), 1);
	assert_int_equal(occurrences(page, "# left out: another counter of this name"), 1);
	assert_int_equal(occurrences(page, "# HELP volley_handler_figures_seen_total "
					   "datagrams\\\\ \"seen\"\\nso far\n"),
			 1);
	assert_int_equal(occurrences(page, "# HELP volley_handler_figures_last caf?\n"), 1);
	free(page);
	vly_engine_close(engine);
}

// What a bucket says beside what was put in: below[i] is exact.
static void powers_of_two_are_exact(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < VLY_BELOW_COUNT; i++) {
		struct vly_spread_sum sum = {.count = 3};
		uint64_t power = UINT64_C(1) << i;
		uint64_t below[VLY_BELOW_COUNT];

		sum.buckets[vly_spread_bucket(power - 1)]++;
		sum.buckets[vly_spread_bucket(power)]++;
		sum.buckets[vly_spread_bucket(UINT64_MAX)]++;
		vly_spread_below(&sum, below);
		assert_int_equal(below[i], 1);
		if (i + 1 < VLY_BELOW_COUNT)
			assert_int_equal(below[i + 1], 2);
		assert_int_equal(below[VLY_BELOW_COUNT - 1], i + 1 < VLY_BELOW_COUNT ? 2 : 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_the_ledger_does),
		cmocka_unit_test(no_counter_goes_back),
		cmocka_unit_test(one_name_has_one_family),
		cmocka_unit_test(powers_of_two_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
