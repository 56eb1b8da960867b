// SPDX-License-Identifier: BSD-3-Clause
//
// A histogram of durations in fixed memory: counters whose width grows with the value, so that
// every value is kept to three significant digits. The layout is that of HdrHistogram: linear up
// to 2 x 1024, then 1024 steps for each power of two.
#pragma once

#include <stdint.h>

enum histogram_shape {
	HISTOGRAM_STEP_BITS = 10,                   // 1024 steps: better than 1 in 1000
	HISTOGRAM_STEPS = 1 << HISTOGRAM_STEP_BITS, // steps of one power of two
	HISTOGRAM_VALUE_BITS = 37,                  // up to 2^37 - 1 ns, 137 s
	HISTOGRAM_SLOTS = (HISTOGRAM_VALUE_BITS - HISTOGRAM_STEP_BITS + 1) << HISTOGRAM_STEP_BITS,
};

enum histogram_part {
	HISTOGRAM_PPM = 1000000, // percentiles are asked for in parts per million
};

struct histogram {
	uint64_t count;
	uint64_t min_ns;                     // exact; 0 when empty
	uint64_t max_ns;                     // exact, also above the range
	uint64_t sum_ns;                     // wraps after 584 years
	uint64_t slots[HISTOGRAM_SLOTS + 1]; // the last one: above the range
};

// An empty one, from the heap; NULL without memory. The caller frees it.
struct histogram *histogram_open(void);
void histogram_close(struct histogram *histogram);

void histogram_reset(struct histogram *histogram);

// Makes `to` what `from` is.
void histogram_copy(struct histogram *to, const struct histogram *from);

// Counts one value. Those above the range share a slot, which max_ns stands for.
static inline void histogram_record(struct histogram *histogram, uint64_t value_ns);

// The same value, so many times.
static inline void histogram_record_many(struct histogram *histogram, uint64_t value_ns,
					 uint64_t count);

// The value that `parts_per_million` of all values do not exceed (500000: the median): the upper
// edge of its slot, so at most 1 in 1024 above the true one, and never beyond max_ns. 0 when empty.
uint64_t histogram_percentile(const struct histogram *histogram, uint32_t parts_per_million);

// The same for any part of all, from 0 to 1.
uint64_t histogram_at_part(const struct histogram *histogram, double part);

// How many of all do not exceed the upper edge of the value's slot.
uint64_t histogram_count_up_to(const struct histogram *histogram, uint64_t value_ns);

// 0 when empty. The deviation is the standard one, as far as the slots tell.
double histogram_deviation(const struct histogram *histogram);
double histogram_mean(const struct histogram *histogram);

// --- inline -------------------------------------------------------------------------------------

// Values below 2 x 1024 have a slot each. Above, a value of `bits` bits is shifted right until
// 11 bits are left, and each shift has a further 1024 slots.
static inline uint32_t histogram_slot(uint64_t value_ns)
{
	uint32_t bits, shift;

	if (value_ns >> HISTOGRAM_VALUE_BITS)
		return HISTOGRAM_SLOTS;
	bits = 64u - (uint32_t)__builtin_clzll(value_ns | 1);
	shift = bits > HISTOGRAM_STEP_BITS + 1 ? bits - HISTOGRAM_STEP_BITS - 1 : 0;
	return (shift << HISTOGRAM_STEP_BITS) + (uint32_t)(value_ns >> shift);
}

static inline void histogram_record_many(struct histogram *histogram, uint64_t value_ns,
					 uint64_t count)
{
	if (count == 0)
		return;
	if (histogram->count == 0 || value_ns < histogram->min_ns)
		histogram->min_ns = value_ns;
	if (value_ns > histogram->max_ns)
		histogram->max_ns = value_ns;
	histogram->sum_ns += value_ns * count;
	histogram->count += count;
	histogram->slots[histogram_slot(value_ns)] += count;
}

static inline void histogram_record(struct histogram *histogram, uint64_t value_ns)
{
	histogram_record_many(histogram, value_ns, 1);
}
