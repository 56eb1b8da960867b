// SPDX-License-Identifier: BSD-3-Clause
//
// The highest rate at which no more than a given part is lost, by halving what is left between a
// rate that was borne and one that was not (RFC 2544, section 26.1). Knows nothing of datagrams.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum search_limits {
	SEARCH_REPEATS_MAX = 100,
};

// What a trial found.
struct search_trial {
	double sent_pps;
	double received_pps;
	double loss;  // 0 to 1
	bool kept_up; // what was asked for was sent
};

// Tries a rate; 0 is whatever can be sent. False: interrupted, and the search with it.
typedef bool search_try(void *arg, double rate_pps, struct search_trial *trial);

struct search_config {
	double loss_limit; // that a rate may have, 0 to 1
	double precision;  // of the rate, a part of it
	double least_pps;  // a trial at a lower rate would tell nothing
	search_try *try_rate;
	void *arg;
};

struct search_outcome {
	double rate_pps;     // the highest that was borne; 0: none was
	double loss;         // at that rate
	double sent_max_pps; // what could be sent at all
	uint32_t trials;
	bool is_limited_here; // by what can be sent: the other side bears more
};

// Returns false after an interruption.
bool search_run(const struct search_config *config, struct search_outcome *outcome);

// The mean of `count` values, and half the width of the interval that holds the true one with 95 %
// confidence (Student's t); a negative one for a single value: unknown.
double search_mean(const double *values, uint32_t count);
double search_confidence(const double *values, uint32_t count);
