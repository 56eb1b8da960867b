// SPDX-License-Identifier: BSD-3-Clause
#include "durations.h"

#include <inttypes.h>
#include <math.h>

enum {
	HGRM_STEPS = 5, // for each halving of the distance
	NS_OF_US = 1000,
};

struct percentile {
	const char *title;
	const char *key;
	uint32_t parts_per_million;
};

static const struct percentile percentiles[] = {
	{"p50", "p50", 500000},    {"p90", "p90", 900000},      {"p99", "p99", 990000},
	{"p99.9", "p999", 999000}, {"p99.99", "p9999", 999900}, {0},
};

static void print_us(const char *name, double value_ns)
{
	printf("%-10s %10.3f us\n", name, value_ns / NS_OF_US);
}

void print_durations(const struct histogram *histogram)
{
	print_us("min", (double)histogram->min_ns);
	for (const struct percentile *at = percentiles; at->title; at++)
		print_us(at->title, (double)histogram_percentile(histogram, at->parts_per_million));
	print_us("max", (double)histogram->max_ns);
	print_us("mean", histogram_mean(histogram));
}

void print_durations_short(const char *name, const struct histogram *histogram)
{
	printf("%-10s %10.3f us (median), %.3f us (99 %%)\n", name,
	       (double)histogram_percentile(histogram, percentiles[0].parts_per_million) / NS_OF_US,
	       (double)histogram_percentile(histogram, percentiles[2].parts_per_million) /
		       NS_OF_US);
}

json_t *json_durations(const struct histogram *histogram)
{
	json_t *object;

	if (histogram->count == 0)
		return json_null();
	object = json_object();
	json_object_set_new(object, "min", json_integer((json_int_t)histogram->min_ns));
	for (const struct percentile *at = percentiles; at->title; at++)
		json_object_set_new(object, at->key,
				    json_integer((json_int_t)histogram_percentile(
					    histogram, at->parts_per_million)));
	json_object_set_new(object, "max", json_integer((json_int_t)histogram->max_ns));
	json_object_set_new(object, "mean", json_real(histogram_mean(histogram)));
	return object;
}

// The percentile after `part` (0 to 1): a fifth of the way to the next halving.
static double next_part(double part)
{
	double halvings = floor(log2(1 / (1 - part))) + 1;

	return part + 1 / (HGRM_STEPS * exp2(halvings));
}

static void write_row(FILE *file, const struct histogram *histogram, uint64_t value_ns)
{
	uint64_t below = histogram_count_up_to(histogram, value_ns);
	double part = (double)below / (double)histogram->count;

	fprintf(file, "%12.3f %1.12f %10" PRIu64, (double)value_ns / NS_OF_US, part, below);
	if (below < histogram->count)
		fprintf(file, " %14.2f\n", 1 / (1 - part));
	else
		fputs("            inf\n", file);
}

void write_hgrm(FILE *file, const struct histogram *histogram, const char *const *comments)
{
	double part = 0;
	uint64_t value_ns = histogram->count ? histogram->min_ns : 0;

	for (; *comments; comments++)
		fprintf(file, "#%s\n", *comments);
	fputs("       Value     Percentile TotalCount 1/(1-Percentile)\n\n", file);
	while (histogram->count && value_ns < histogram->max_ns) {
		uint64_t last_ns = value_ns;

		write_row(file, histogram, value_ns);
		while (value_ns == last_ns && part < 1 && value_ns < histogram->max_ns) {
			part = next_part(part);
			value_ns = histogram_at_part(histogram, part);
		}
	}
	if (histogram->count)
		write_row(file, histogram, histogram->max_ns);
	fprintf(file, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n",
		histogram_mean(histogram) / NS_OF_US, histogram_deviation(histogram) / NS_OF_US);
	fprintf(file, "#[Max     = %12.3f, Total count    = %12" PRIu64 "]\n",
		(double)histogram->max_ns / NS_OF_US, histogram->count);
	fprintf(file, "#[Buckets = %12d, SubBuckets     = %12d]\n",
		HISTOGRAM_VALUE_BITS - HISTOGRAM_STEP_BITS, 2 * HISTOGRAM_STEPS);
}
