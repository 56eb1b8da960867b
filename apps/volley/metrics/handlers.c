// SPDX-License-Identifier: BSD-3-Clause
#include "metrics/handlers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/text.h"

enum {
	BURST_FIRST = 7, // 127 ns, the shortest that is told apart
	BURST_LAST = 34, // 17 s
};

// One number of a handler, with the name of its family.
struct row {
	struct vly_handler_metric metric;
	char family[METRICS_NAME_BYTES];
	bool is_written;
};

struct rows {
	struct row *list;
	uint32_t count;
};

static const char *const types[] = {
	[VLY_METRIC_COUNTER] = "counter",
	[VLY_METRIC_GAUGE] = "gauge",
	[VLY_METRIC_HISTOGRAM] = "histogram",
};

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text);

	return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

static void name_family(struct row *row)
{
	const struct vly_handler_metric *metric = &row->metric;
	bool needs_total = metric->type == VLY_METRIC_COUNTER && !ends_with(metric->name, "_total");
	const char *const words[] = {"volley_handler", metric->handler, metric->name,
				     needs_total ? "total" : NULL, NULL};

	metrics_name(row->family, words);
}

static int read_rows(struct rows *rows, const struct vly_engine *engine)
{
	struct vly_handler_metric metric;

	for (; vly_engine_handler_metric(engine, rows->count, &metric); rows->count++) {
		struct row *list = realloc(rows->list, (rows->count + 1) * sizeof(rows->list[0]));

		if (!list)
			return -ENOMEM;
		rows->list = list;
		list[rows->count] = (struct row){.metric = metric};
		name_family(&list[rows->count]);
	}
	return 0;
}

static void write_row(FILE *out, const struct row *row)
{
	const struct vly_handler_metric *metric = &row->metric;
	const struct metrics_label labels[] = {{"handler", .text = metric->handler},
					       {"position", .number = metric->position},
					       {0}};
	const struct metrics_histogram histogram = {
		.below = metric->below,
		.last = VLY_BELOW_COUNT - 1,
		.count = metric->value,
		.total = metric->total,
	};

	if (metric->type == VLY_METRIC_HISTOGRAM)
		metrics_sample_histogram(out, row->family, labels, &histogram);
	else
		metrics_sample(out, row->family, labels, metric->value);
}

// Whether it may stand beside the first of its family, and is no second of the same labels.
static bool is_fit(const struct rows *rows, uint32_t first, uint32_t index)
{
	const struct vly_handler_metric *metric = &rows->list[index].metric;

	if (metric->type != rows->list[first].metric.type)
		return false;
	for (uint32_t i = first; i < index; i++) {
		if (rows->list[i].metric.position == metric->position &&
		    strcmp(rows->list[i].family, rows->list[index].family) == 0)
			return false;
	}
	return true;
}

static void write_family(FILE *out, struct rows *rows, uint32_t first)
{
	struct row *row = &rows->list[first];

	metrics_family(out, row->family, types[row->metric.type], row->metric.summary);
	for (uint32_t i = first; i < rows->count; i++) {
		struct row *other = &rows->list[i];

		if (strcmp(other->family, row->family) != 0)
			continue;
		if (is_fit(rows, first, i))
			write_row(out, other);
		else
			fprintf(out, "# left out: another %s of this name, of handler %u\n",
				types[other->metric.type], other->metric.position);
		other->is_written = true;
	}
}

int metrics_write_handlers(FILE *out, const struct vly_engine *engine)
{
	struct rows rows = {NULL, 0};
	int rc = read_rows(&rows, engine);

	for (uint32_t i = 0; rc == 0 && i < rows.count; i++) {
		if (!rows.list[i].is_written)
			write_family(out, &rows, i);
	}
	free(rows.list);
	return rc;
}

static void label_times(struct metrics_label *labels, const struct vly_handler_times *times)
{
	labels[0] = (struct metrics_label){"handler", .text = times->handler};
	labels[1] = (struct metrics_label){"position", .number = times->position};
	labels[2] = (struct metrics_label){"worker", .number = times->worker};
	labels[3] = (struct metrics_label){0};
}

void metrics_write_times(FILE *out, const struct vly_engine *engine)
{
	static const char seconds[] = "volley_burst_seconds";
	static const char overruns[] = "volley_burst_overruns_total";
	struct metrics_label labels[4];
	struct vly_handler_times times;

	if (!vly_engine_handler_times(engine, 0, &times))
		return;
	metrics_family(out, seconds, "histogram", "How long a handler took for a burst");
	for (uint32_t i = 0; vly_engine_handler_times(engine, i, &times); i++) {
		const struct metrics_histogram histogram = {
			.below = times.below,
			.first = BURST_FIRST,
			.last = BURST_LAST,
			.count = times.bursts,
			.total = times.total_ns,
			.unit = METRICS_NS,
		};

		label_times(labels, &times);
		metrics_sample_histogram(out, seconds, labels, &histogram);
	}
	metrics_family(out, overruns, "counter", "Bursts that took longer than the budget");
	for (uint32_t i = 0; vly_engine_handler_times(engine, i, &times); i++) {
		label_times(labels, &times);
		metrics_sample(out, overruns, labels, times.overruns);
	}
}
