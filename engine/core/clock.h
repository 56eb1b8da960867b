// SPDX-License-Identifier: BSD-3-Clause
//
// Time is an argument everywhere else: the loops and clients read it here, once a turn.
#pragma once

#include <stdint.h>
#include <time.h>

// CLOCK_MONOTONIC in nanoseconds.
static inline uint64_t vly_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
