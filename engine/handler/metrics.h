// SPDX-License-Identifier: BSD-3-Clause
//
// The numbers of a handler's own, for one worker: the worker writes, the control thread reads at
// any time and sums over workers.
#pragma once

#include <stdint.h>

#include <volley/engine.h>

#include "stats/spread.h"

struct vly_metrics {
	const struct vly_metric *table; // of the handler; NULL: none
	uint32_t count;
	uint64_t *values; // one for each row, read and written atomically; of a histogram: which of
			  // the spreads is its own
	struct vly_spread *spreads;
};

// What was read of one metric, summed over workers.
struct vly_metric_sum {
	uint64_t value;
	struct vly_spread_sum spread;
};

// Opens one for a table, all zero. Returns 0, -EINVAL (a table with too many rows, or rows that
// cannot be) or -ENOMEM. Control thread.
int vly_metrics_open(struct vly_metrics *metrics, const struct vly_metric *table,
		     struct vly_error *error);
void vly_metrics_close(struct vly_metrics *metrics);

// Adds what row `index` holds to the sum. Any thread.
void vly_metrics_read(const struct vly_metrics *metrics, uint32_t index,
		      struct vly_metric_sum *sum);

// Adds the counters and histograms of `old` to those of the same name. While nobody writes.
void vly_metrics_inherit(struct vly_metrics *metrics, const struct vly_metrics *old);

// Fills in all but handler and position.
void vly_metrics_describe(const struct vly_metrics *metrics, uint32_t index,
			  const struct vly_metric_sum *sum, struct vly_handler_metric *metric);

// Notes a value of a histogram. Worker thread.
static inline void vly_metrics_record(const struct vly_metrics *metrics, uint32_t index,
				      uint64_t value)
{
	vly_spread_add(&metrics->spreads[metrics->values[index]], value);
}
