// SPDX-License-Identifier: BSD-3-Clause
//
// The clock of all measurements.
#pragma once

#include <stdint.h>
#include <time.h>

enum monotonic_unit {
	NS_PER_SECOND = 1000000000,
};

// CLOCK_MONOTONIC in nanoseconds.
static inline uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}
