// SPDX-License-Identifier: BSD-3-Clause
#include "handler/meter.h"

#include "stats/ledger_block.h"

void vly_meter_add(struct vly_meter *meter, uint64_t ns, uint64_t budget_ns)
{
	vly_spread_add(&meter->times, ns);
	if (ns <= budget_ns)
		return;
	vly_count(&meter->overruns, 1);
	// The report may set it back at this very moment: then it names this one a second later.
	if (ns > atomic_load_explicit(&meter->worst_ns, memory_order_relaxed))
		atomic_store_explicit(&meter->worst_ns, ns, memory_order_relaxed);
}

void vly_meter_read(const struct vly_meter *meter, struct vly_handler_times *times)
{
	struct vly_spread_sum sum = {.count = 0};

	vly_spread_read(&meter->times, &sum);
	times->bursts = sum.count;
	times->overruns = atomic_load_explicit(&meter->overruns, memory_order_relaxed);
	times->max_ns = sum.max;
	times->mean_ns = sum.count ? sum.total / sum.count : 0;
	times->p50_ns = vly_spread_percentile(&sum, 50);
	times->p99_ns = vly_spread_percentile(&sum, 99);
	times->total_ns = sum.total;
	vly_spread_below(&sum, times->below);
}
