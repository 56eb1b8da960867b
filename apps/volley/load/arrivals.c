// SPDX-License-Identifier: BSD-3-Clause
#include "load/arrivals.h"

#include <math.h>

enum {
	NS_OF_SECOND = 1000000000,
	RANDOM_BITS = 53, // of a double's fraction
};

void arrivals_begin(struct arrivals *arrivals, const struct arrivals_config *config)
{
	*arrivals = (struct arrivals){
		.config = *config,
		.random = config->seed,
		.left = config->kind == ARRIVALS_BURST ? config->burst : 1,
	};
}

static double rate_at(const struct arrivals_config *config, double at_ns)
{
	double part = at_ns / (double)config->duration_ns;

	if (part > 1)
		part = 1;
	return config->from_pps + (config->to_pps - config->from_pps) * part;
}

// Above 0, up to 1.
static double next_random(struct arrivals *arrivals)
{
	// splitmix64, by Sebastiano Vigna, in the public domain
	uint64_t z = (arrivals->random += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	return ldexp((double)((z >> (64 - RANDOM_BITS)) + 1), -RANDOM_BITS);
}

// From one arrival, or burst of them, to the next on average.
static double mean_gap_ns(const struct arrivals_config *config, double at_ns)
{
	uint32_t count = config->kind == ARRIVALS_BURST ? config->burst : 1;

	return NS_OF_SECOND / rate_at(config, at_ns) * count;
}

void arrivals_advance(struct arrivals *arrivals)
{
	const struct arrivals_config *config = &arrivals->config;
	double gap_ns;

	if (--arrivals->left > 0)
		return;
	gap_ns = mean_gap_ns(config, arrivals->at_ns);
	if (config->kind == ARRIVALS_POISSON)
		gap_ns *= -log(next_random(arrivals));
	arrivals->left = config->kind == ARRIVALS_BURST ? config->burst : 1;
	arrivals->at_ns += gap_ns;
	arrivals->next_ns = (uint64_t)arrivals->at_ns;
}

uint64_t arrivals_left(const struct arrivals *arrivals, uint64_t end_ns)
{
	const struct arrivals_config *config = &arrivals->config;
	double from_ns = arrivals->at_ns;
	uint32_t burst = config->kind == ARRIVALS_BURST ? config->burst : 1;
	double gap_ns;

	if (arrivals->next_ns >= end_ns)
		return 0;
	// The rate changes evenly, so its mean is that of both ends.
	gap_ns = NS_OF_SECOND * 2.0 * burst /
		 (rate_at(config, from_ns) + rate_at(config, (double)end_ns));
	return arrivals->left + (uint64_t)(ceil(((double)end_ns - from_ns) / gap_ns) - 1) * burst;
}
