// SPDX-License-Identifier: BSD-3-Clause
//
// What a histogram of durations says, as a table, as JSON, and as HdrHistogram writes it.
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "histogram.h"

// One line each: min, percentiles, max, mean, in microseconds.
void print_durations(const struct histogram *histogram);

// Two of the percentiles on one line.
void print_durations_short(const char *name, const struct histogram *histogram);

// {"min": ..., "p50": ..., ... "mean": ...} in nanoseconds, or null when it is empty. The caller
// owns it.
json_t *json_durations(const struct histogram *histogram);

// The percentile distribution in microseconds, as HdrHistogram's outputPercentileDistribution()
// writes it and its plotter reads it: five steps for each halving of the distance to 100 %. Each of
// `comments` (NULL ends them) becomes a line with a # before. Errors are the stream's.
void write_hgrm(FILE *file, const struct histogram *histogram, const char *const *comments);
