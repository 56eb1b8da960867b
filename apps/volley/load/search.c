// SPDX-License-Identifier: BSD-3-Clause
#include "load/search.h"

#include <math.h>
#include <stddef.h>

enum {
	STEPS_MAX = 16, // after which the lowest rate is a 65536th of the highest
};

static bool is_borne(const struct search_config *config, const struct search_trial *trial)
{
	return trial->kept_up && trial->loss <= config->loss_limit;
}

// What was borne, and what was not.
struct bounds {
	double low, high;
};

// The next rate to try: what came through when too much was sent is a good first guess.
static double next_rate(const struct bounds *bounds, const struct search_trial *flood,
			uint32_t step)
{
	double guess = flood->received_pps;

	if (step == 0 && guess > bounds->low && guess < bounds->high)
		return guess;
	return (bounds->low + bounds->high) / 2;
}

bool search_run(const struct search_config *config, struct search_outcome *outcome)
{
	struct search_trial flood, trial;
	struct bounds bounds;

	*outcome = (struct search_outcome){.trials = 1};
	if (!config->try_rate(config->arg, 0, &flood))
		return false;
	outcome->sent_max_pps = flood.sent_pps;
	if (is_borne(config, &flood)) {
		outcome->rate_pps = flood.sent_pps;
		outcome->loss = flood.loss;
		outcome->is_limited_here = true;
		return true;
	}
	bounds = (struct bounds){0, flood.sent_pps};
	for (uint32_t step = 0; step < STEPS_MAX; step++) {
		double rate = next_rate(&bounds, &flood, step);

		if (bounds.high - bounds.low <= config->precision * bounds.high ||
		    rate < config->least_pps)
			break;
		if (!config->try_rate(config->arg, rate, &trial))
			return false;
		outcome->trials++;
		if (is_borne(config, &trial)) {
			bounds.low = rate;
			outcome->loss = trial.loss;
		} else {
			bounds.high = rate;
			outcome->is_limited_here = !trial.kept_up;
		}
	}
	outcome->rate_pps = bounds.low;
	return true;
}

double search_mean(const double *values, uint32_t count)
{
	double sum = 0;

	for (uint32_t i = 0; i < count; i++)
		sum += values[i];
	return sum / count;
}

// Student's t for 97.5 %, of so many degrees of freedom.
static double student(uint32_t freedom)
{
	static const double table[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
				       2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
				       2.110,  2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064,
				       2.060,  2.056, 2.052, 2.048, 2.045, 2.042};
	const uint32_t known = sizeof(table) / sizeof(table[0]);

	// Beyond the table it falls from there to 1.960.
	return freedom <= known ? table[freedom - 1] : 1.960 + 2.46 / freedom;
}

double search_confidence(const double *values, uint32_t count)
{
	double mean = search_mean(values, count);
	double squares = 0;

	if (count < 2)
		return -1;
	for (uint32_t i = 0; i < count; i++)
		squares += (values[i] - mean) * (values[i] - mean);
	return student(count - 1) * sqrt(squares / (count - 1) / count);
}
