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

// Counts one value. Those above the range share a slot, which max_ns stands for.
void histogram_record(struct histogram *histogram, uint64_t value_ns);

// The value that `parts_per_million` of all values do not exceed (500000: the median): the upper
// edge of its slot, so at most 1 in 1024 above the true one, and never beyond max_ns. 0 when empty.
uint64_t histogram_percentile(const struct histogram *histogram, uint32_t parts_per_million);

// 0 when empty.
double histogram_mean(const struct histogram *histogram);
