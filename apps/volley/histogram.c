// SPDX-License-Identifier: BSD-3-Clause
#include "histogram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The largest value that histogram_slot() puts there.
static uint64_t slot_end(uint32_t slot)
{
	uint32_t shift = slot >> HISTOGRAM_STEP_BITS;
	uint64_t step;

	if (shift > 0)
		shift--;
	step = slot - (shift << HISTOGRAM_STEP_BITS);
	return ((step + 1) << shift) - 1;
}

struct histogram *histogram_open(void)
{
	return calloc(1, sizeof(struct histogram));
}

void histogram_close(struct histogram *histogram)
{
	free(histogram);
}

void histogram_reset(struct histogram *histogram)
{
	memset(histogram, 0, sizeof(*histogram));
}

void histogram_copy(struct histogram *to, const struct histogram *from)
{
	*to = *from;
}

// The value of the one that is `rank`th in order, from 1 on.
static uint64_t value_at(const struct histogram *histogram, uint64_t rank)
{
	uint64_t seen = 0;

	for (uint32_t slot = 0; slot < HISTOGRAM_SLOTS; slot++) {
		seen += histogram->slots[slot];
		if (seen >= rank) {
			uint64_t end = slot_end(slot);

			return end < histogram->max_ns ? end : histogram->max_ns;
		}
	}
	return histogram->max_ns;
}

uint64_t histogram_percentile(const struct histogram *histogram, uint32_t parts_per_million)
{
	uint64_t whole = histogram->count / HISTOGRAM_PPM * parts_per_million;
	uint64_t rest = histogram->count % HISTOGRAM_PPM * parts_per_million;
	uint64_t rank = whole + (rest + HISTOGRAM_PPM - 1) / HISTOGRAM_PPM;

	if (histogram->count == 0)
		return 0;
	return rank == 0 ? histogram->min_ns : value_at(histogram, rank);
}

uint64_t histogram_at_part(const struct histogram *histogram, double part)
{
	double rank = ceil(part * (double)histogram->count);

	if (histogram->count == 0)
		return 0;
	if (rank >= (double)histogram->count)
		return histogram->max_ns;
	return rank < 1 ? histogram->min_ns : value_at(histogram, (uint64_t)rank);
}

uint64_t histogram_count_up_to(const struct histogram *histogram, uint64_t value_ns)
{
	uint32_t last = histogram_slot(value_ns);
	uint64_t count = 0;

	for (uint32_t slot = 0; slot <= last; slot++)
		count += histogram->slots[slot];
	return count;
}

double histogram_deviation(const struct histogram *histogram)
{
	double mean = histogram_mean(histogram);
	double sum = 0;

	if (histogram->count == 0)
		return 0;
	for (uint32_t slot = 0; slot < HISTOGRAM_SLOTS; slot++) {
		double off = (double)slot_end(slot) - mean;

		sum += off * off * (double)histogram->slots[slot];
	}
	sum += ((double)histogram->max_ns - mean) * ((double)histogram->max_ns - mean) *
	       (double)histogram->slots[HISTOGRAM_SLOTS];
	return sqrt(sum / (double)histogram->count);
}

double histogram_mean(const struct histogram *histogram)
{
	if (histogram->count == 0)
		return 0;
	return (double)histogram->sum_ns / (double)histogram->count;
}
