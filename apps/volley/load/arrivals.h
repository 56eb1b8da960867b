// SPDX-License-Identifier: BSD-3-Clause
//
// When datagrams are due, by a schedule that knows nothing of answers: that is what makes the loop
// open. Pure: nanoseconds since the start in, nanoseconds since the start out.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum arrivals_kind {
	ARRIVALS_CONSTANT, // one after the other, evenly
	ARRIVALS_POISSON,  // as from many independent users: exponential gaps
	ARRIVALS_BURST,    // `burst` at a time, evenly
};

struct arrivals_config {
	enum arrivals_kind kind;
	uint32_t burst;       // of ARRIVALS_BURST, at least 1
	double from_pps;      // at the start, above 0
	double to_pps;        // at the end of duration_ns; in between it changes evenly
	uint64_t duration_ns; // at least 1
	uint64_t seed;        // of the gaps that are random
};

struct arrivals {
	struct arrivals_config config;
	double at_ns;     // when the next one is due
	uint64_t next_ns; // the same, whole
	uint64_t random;
	uint32_t left; // of the burst, the next one included
};

// The first one is due at 0.
void arrivals_begin(struct arrivals *arrivals, const struct arrivals_config *config);

// Goes on to the one after the next.
void arrivals_advance(struct arrivals *arrivals);

// How many are due from the next one on until end_ns, which is not before duration_ns: exact but
// for the rounding, or the mean where gaps are random.
uint64_t arrivals_left(const struct arrivals *arrivals, uint64_t end_ns);

// When the next one is due.
static inline uint64_t arrivals_next_ns(const struct arrivals *arrivals)
{
	return arrivals->next_ns;
}
