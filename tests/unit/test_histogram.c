// SPDX-License-Identifier: BSD-3-Clause
//
// The histogram against sorted arrays and known distributions.
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "histogram.h"

enum test_sizes {
	SAMPLES = 20000,
	PERCENTILE_STEP = 1000, // of a million
};

static int setup(void **state)
{
	*state = histogram_open();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	histogram_close(*state);
	return 0;
}

// xorshift64*: the same numbers for the same seed, everywhere.
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * UINT64_C(2685821657736338717);
}

static uint64_t test_seed(void)
{
	const char *text = getenv("VLY_TEST_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : 1;

	return seed ? seed : 1;
}

static int compare_values(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

// Not below the true value, and above it by less than 1 in 1000.
static void assert_close(uint64_t found, uint64_t expected)
{
	if (found < expected || found - expected > expected / 1000) {
		print_error("found %" PRIu64 ", expected %" PRIu64 "\n", found, expected);
		fail();
	}
}

static void test_empty(void **state)
{
	struct histogram *histogram = *state;

	assert_int_equal(histogram->count, 0);
	assert_int_equal(histogram->min_ns, 0);
	assert_int_equal(histogram_percentile(histogram, 500000), 0);
	assert_true(histogram_mean(histogram) == 0);
}

static void test_one_value(void **state)
{
	struct histogram *histogram = *state;
	const uint32_t parts[] = {0, 1, 500000, 999999, 1000000};

	histogram_record(histogram, 123456789);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		assert_int_equal(histogram_percentile(histogram, parts[i]), 123456789);
	assert_true(histogram_mean(histogram) == 123456789);
}

// 1..1000, each once: the percentile of p per mille is p itself, exactly, below 2048.
static void test_uniform_is_exact_when_small(void **state)
{
	struct histogram *histogram = *state;

	for (uint64_t value = 1000; value >= 1; value--)
		histogram_record(histogram, value);
	for (uint32_t permille = 1; permille <= 1000; permille++)
		assert_int_equal(histogram_percentile(histogram, permille * 1000), permille);
	assert_int_equal(histogram->min_ns, 1);
	assert_int_equal(histogram->max_ns, 1000);
	assert_true(histogram_mean(histogram) == 500.5);
}

// 1000 short ones and one long one: the tail is seen where it belongs and nowhere else.
static void test_outlier(void **state)
{
	struct histogram *histogram = *state;

	histogram_record_many(histogram, 5, 0); // is nothing
	histogram_record_many(histogram, 1000, 998);
	histogram_record(histogram, 1000);
	histogram_record(histogram, UINT64_C(5000000000));
	assert_int_equal(histogram->count, 1000);
	assert_int_equal(histogram->min_ns, 1000);
	assert_int_equal(histogram->sum_ns, UINT64_C(999) * 1000 + UINT64_C(5000000000));
	assert_int_equal(histogram_percentile(histogram, 500000), 1000);
	assert_int_equal(histogram_percentile(histogram, 999000), 1000);
	assert_int_equal(histogram_percentile(histogram, 999001), UINT64_C(5000000000));
	assert_int_equal(histogram->max_ns, UINT64_C(5000000000));
}

// Around every power of two up to the end of the range, alone: the bound on precision.
static void test_precision_over_the_range(void **state)
{
	struct histogram *histogram = *state;

	for (uint32_t bit = 0; bit < HISTOGRAM_VALUE_BITS; bit++) {
		const uint64_t power = UINT64_C(1) << bit;
		const uint64_t values[] = {power - 1,         power,
					   power + 1,         power + power / 2,
					   power + power / 3, 2 * power - 1};

		for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
			histogram_reset(histogram);
			histogram_record(histogram, values[i]);
			// So that the exact maximum does not help.
			histogram_record(histogram, UINT64_MAX / 4);
			assert_close(histogram_percentile(histogram, 500000), values[i]);
		}
	}
}

static void test_above_the_range(void **state)
{
	struct histogram *histogram = *state;

	histogram_record(histogram, 10);
	histogram_record(histogram, UINT64_C(1) << HISTOGRAM_VALUE_BITS);
	histogram_record(histogram, UINT64_C(1) << 60);
	assert_int_equal(histogram->count, 3);
	assert_int_equal(histogram_percentile(histogram, 300000), 10);
	assert_int_equal(histogram_percentile(histogram, 1000000), UINT64_C(1) << 60);
}

// Values of all sizes against the sorted array.
static void test_against_sorting(void **state)
{
	struct histogram *histogram = *state;
	uint64_t *values = calloc(SAMPLES, sizeof(*values));
	uint64_t first = test_seed();
	uint64_t seed = first;

	assert_non_null(values);
	print_message("VLY_TEST_SEED=%" PRIu64 "\n", first);
	for (uint32_t i = 0; i < SAMPLES; i++) {
		// Uniform in the logarithm, up to 2^36 ns.
		values[i] = next_random(&seed) >> (28 + next_random(&seed) % 36);
		histogram_record(histogram, values[i]);
	}
	qsort(values, SAMPLES, sizeof(*values), compare_values);
	assert_int_equal(histogram->min_ns, values[0]);
	assert_int_equal(histogram->max_ns, values[SAMPLES - 1]);
	for (uint32_t parts = PERCENTILE_STEP; parts <= HISTOGRAM_PPM; parts += PERCENTILE_STEP) {
		uint64_t rank = ((uint64_t)parts * SAMPLES + HISTOGRAM_PPM - 1) / HISTOGRAM_PPM;

		assert_close(histogram_percentile(histogram, parts), values[rank - 1]);
	}
	free(values);
}

// Parts of all finer than a millionth, the counts behind them, and the deviation.
static void test_parts_and_deviation(void **state)
{
	struct histogram *histogram = *state;
	struct histogram *copy = histogram_open();

	assert_non_null(copy);
	for (uint64_t value = 1; value <= 1000; value++)
		histogram_record(histogram, value);
	assert_int_equal(histogram_at_part(histogram, 0), 1);
	assert_int_equal(histogram_at_part(histogram, 0.5), 500);
	assert_int_equal(histogram_at_part(histogram, 0.9999999), 1000);
	assert_int_equal(histogram_at_part(histogram, 1), 1000);
	assert_int_equal(histogram_count_up_to(histogram, 250), 250);
	assert_int_equal(histogram_count_up_to(histogram, UINT64_MAX), 1000);
	assert_true(histogram_deviation(histogram) > 288.6 &&
		    histogram_deviation(histogram) < 288.7);
	histogram_copy(copy, histogram);
	assert_int_equal(histogram_percentile(copy, 500000), 500);
	histogram_close(copy);
}

static void test_reset(void **state)
{
	struct histogram *histogram = *state;

	histogram_record(histogram, 7);
	histogram_reset(histogram);
	assert_int_equal(histogram->count, 0);
	histogram_record(histogram, 9);
	assert_int_equal(histogram->min_ns, 9);
	assert_int_equal(histogram_percentile(histogram, 500000), 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_value, setup, teardown),
		cmocka_unit_test_setup_teardown(test_uniform_is_exact_when_small, setup, teardown),
		cmocka_unit_test_setup_teardown(test_outlier, setup, teardown),
		cmocka_unit_test_setup_teardown(test_precision_over_the_range, setup, teardown),
		cmocka_unit_test_setup_teardown(test_above_the_range, setup, teardown),
		cmocka_unit_test_setup_teardown(test_against_sorting, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parts_and_deviation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
