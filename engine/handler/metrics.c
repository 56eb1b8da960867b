// SPDX-License-Identifier: BSD-3-Clause
#include "handler/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"

enum {
	LINE_BYTES = 128, // two cache lines: what the neighbour's prefetch takes along
};

static int count_rows(struct vly_metrics *metrics, size_t *histograms, struct vly_error *error)
{
	const struct vly_metric *table = metrics->table;

	*histograms = 0;
	while (table && table[metrics->count].name) {
		const struct vly_metric *row = &table[metrics->count];

		if (metrics->count == VLY_METRICS_MAX)
			return vly_fail(error, -EINVAL,
					"its table has more than %u metrics; name fewer, or end "
					"it with a row whose name is NULL",
					VLY_METRICS_MAX);
		if (row->type > VLY_METRIC_HISTOGRAM || !row->summary)
			return vly_fail(error, -EINVAL,
					"its metric '%.64s' lacks a summary or has no type of "
					"enum vly_metric_type",
					row->name);
		*histograms += row->type == VLY_METRIC_HISTOGRAM;
		metrics->count++;
	}
	return 0;
}

static void *alloc_zeroed(size_t bytes)
{
	void *memory;

	bytes = (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
	memory = aligned_alloc(LINE_BYTES, bytes);
	if (memory)
		memset(memory, 0, bytes);
	return memory;
}

int vly_metrics_open(struct vly_metrics *metrics, const struct vly_metric *table,
		     struct vly_error *error)
{
	size_t histograms;
	int rc;

	*metrics = (struct vly_metrics){.table = table};
	rc = count_rows(metrics, &histograms, error);
	if (rc || !metrics->count)
		return rc;
	metrics->values = alloc_zeroed(metrics->count * sizeof(metrics->values[0]));
	if (histograms)
		metrics->spreads = alloc_zeroed(histograms * sizeof(metrics->spreads[0]));
	if (!metrics->values || (histograms && !metrics->spreads)) {
		vly_metrics_close(metrics);
		return vly_fail(error, -ENOMEM, "out of memory");
	}
	histograms = 0;
	for (uint32_t i = 0; i < metrics->count; i++) {
		if (table[i].type == VLY_METRIC_HISTOGRAM)
			metrics->values[i] = histograms++;
	}
	return 0;
}

void vly_metrics_close(struct vly_metrics *metrics)
{
	free(metrics->values);
	free(metrics->spreads);
	*metrics = (struct vly_metrics){.table = NULL};
}

void vly_metrics_read(const struct vly_metrics *metrics, uint32_t index, struct vly_metric_sum *sum)
{
	uint64_t value = __atomic_load_n(&metrics->values[index], __ATOMIC_RELAXED);

	if (metrics->table[index].type == VLY_METRIC_HISTOGRAM)
		vly_spread_read(&metrics->spreads[value], &sum->spread);
	else
		sum->value += value;
}

static void inherit_one(struct vly_metrics *metrics, uint32_t to, const struct vly_metrics *old,
			uint32_t from)
{
	if (metrics->table[to].type == VLY_METRIC_HISTOGRAM)
		vly_spread_merge(&metrics->spreads[metrics->values[to]],
				 &old->spreads[old->values[from]]);
	else if (metrics->table[to].type == VLY_METRIC_COUNTER)
		metrics->values[to] += old->values[from];
}

void vly_metrics_inherit(struct vly_metrics *metrics, const struct vly_metrics *old)
{
	for (uint32_t to = 0; to < metrics->count; to++) {
		for (uint32_t from = 0; from < old->count; from++) {
			if (metrics->table[to].type == old->table[from].type &&
			    strcmp(metrics->table[to].name, old->table[from].name) == 0)
				inherit_one(metrics, to, old, from);
		}
	}
}

void vly_metrics_describe(const struct vly_metrics *metrics, uint32_t index,
			  const struct vly_metric_sum *sum, struct vly_handler_metric *metric)
{
	const struct vly_metric *row = &metrics->table[index];
	const struct vly_spread_sum *spread = &sum->spread;

	metric->name = row->name;
	metric->type = row->type;
	metric->summary = row->summary;
	metric->value = row->type == VLY_METRIC_HISTOGRAM ? spread->count : sum->value;
	metric->mean = spread->count ? spread->total / spread->count : 0;
	metric->p50 = vly_spread_percentile(spread, 50);
	metric->p99 = vly_spread_percentile(spread, 99);
	metric->max = spread->max;
	metric->total = spread->total;
	vly_spread_below(spread, metric->below);
}
