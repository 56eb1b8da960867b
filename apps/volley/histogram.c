// SPDX-License-Identifier: BSD-3-Clause
#include "histogram.h"

#include <stdlib.h>
#include <string.h>

// Values below 2 x 1024 have a slot each. Above, a value of `bits` bits is shifted right until
// 11 bits are left, and each shift has a further 1024 slots.
static uint32_t slot_of(uint64_t value)
{
	uint32_t bits, shift;

	if (value >> HISTOGRAM_VALUE_BITS)
		return HISTOGRAM_SLOTS;
	bits = 64u - (uint32_t)__builtin_clzll(value | 1);
	shift = bits > HISTOGRAM_STEP_BITS + 1 ? bits - HISTOGRAM_STEP_BITS - 1 : 0;
	return (shift << HISTOGRAM_STEP_BITS) + (uint32_t)(value >> shift);
}

// The largest value that slot_of() puts there.
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

void histogram_record(struct histogram *histogram, uint64_t value_ns)
{
	if (histogram->count == 0 || value_ns < histogram->min_ns)
		histogram->min_ns = value_ns;
	if (value_ns > histogram->max_ns)
		histogram->max_ns = value_ns;
	histogram->sum_ns += value_ns;
	histogram->count++;
	histogram->slots[slot_of(value_ns)]++;
}

uint64_t histogram_percentile(const struct histogram *histogram, uint32_t parts_per_million)
{
	uint64_t whole = histogram->count / HISTOGRAM_PPM * parts_per_million;
	uint64_t rest = histogram->count % HISTOGRAM_PPM * parts_per_million;
	uint64_t rank = whole + (rest + HISTOGRAM_PPM - 1) / HISTOGRAM_PPM;
	uint64_t seen = 0;

	if (histogram->count == 0)
		return 0;
	if (rank == 0)
		return histogram->min_ns;
	for (uint32_t slot = 0; slot < HISTOGRAM_SLOTS; slot++) {
		seen += histogram->slots[slot];
		if (seen >= rank) {
			uint64_t end = slot_end(slot);

			return end < histogram->max_ns ? end : histogram->max_ns;
		}
	}
	return histogram->max_ns;
}

double histogram_mean(const struct histogram *histogram)
{
	if (histogram->count == 0)
		return 0;
	return (double)histogram->sum_ns / (double)histogram->count;
}
