// SPDX-License-Identifier: BSD-3-Clause
#include "serve_report.h"

#include <inttypes.h>
#include <stdio.h>

#include "arguments.h"
#include "output.h"

enum {
	NS_PER_US = 1000,
};

static void print_times(const struct vly_engine *engine)
{
	struct vly_handler_times times;

	for (uint32_t i = 0; vly_engine_handler_times(engine, i, &times); i++)
		printf("%-12s worker %-3u %10" PRIu64 " bursts of %" PRIu64 " us (median), %" PRIu64
		       " us (99 %%), %" PRIu64 " us (longest); %" PRIu64 " over budget\n",
		       times.handler, times.worker, times.bursts, times.p50_ns / NS_PER_US,
		       times.p99_ns / NS_PER_US, times.max_ns / NS_PER_US, times.overruns);
}

static json_t *json_times(const struct vly_engine *engine)
{
	struct vly_handler_times times;
	json_t *list = json_array();

	for (uint32_t i = 0; vly_engine_handler_times(engine, i, &times); i++)
		json_array_append_new(
			list,
			json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "handler",
				  times.handler, "worker", (json_int_t)times.worker, "bursts",
				  (json_int_t)times.bursts, "overruns", (json_int_t)times.overruns,
				  "mean_ns", (json_int_t)times.mean_ns, "p50_ns",
				  (json_int_t)times.p50_ns, "p99_ns", (json_int_t)times.p99_ns,
				  "max_ns", (json_int_t)times.max_ns));
	return list;
}

static void print_metrics(const struct vly_engine *engine)
{
	struct vly_handler_metric metric;

	for (uint32_t i = 0; vly_engine_handler_metric(engine, i, &metric); i++) {
		printf("%-12s %-20s %12" PRIu64, metric.handler, metric.name, metric.value);
		if (metric.type == VLY_METRIC_HISTOGRAM)
			printf("  mean %" PRIu64 ", median %" PRIu64 ", 99 %% %" PRIu64
			       ", largest %" PRIu64,
			       metric.mean, metric.p50, metric.p99, metric.max);
		printf("  %s\n", metric.summary);
	}
}

static const char *name_of_type(enum vly_metric_type type)
{
	switch (type) {
	case VLY_METRIC_COUNTER:
		return "counter";
	case VLY_METRIC_GAUGE:
		return "gauge";
	case VLY_METRIC_HISTOGRAM:
		return "histogram";
	}
	return "unknown";
}

static json_t *json_metrics(const struct vly_engine *engine)
{
	struct vly_handler_metric metric;
	json_t *list = json_array();

	for (uint32_t i = 0; vly_engine_handler_metric(engine, i, &metric); i++) {
		json_t *one = json_pack("{s:s, s:I, s:s, s:s, s:I}", "handler", metric.handler,
					"position", (json_int_t)metric.position, "name",
					metric.name, "type", name_of_type(metric.type), "value",
					(json_int_t)metric.value);

		if (metric.type == VLY_METRIC_HISTOGRAM)
			json_object_update_new(one, json_pack("{s:I, s:I, s:I, s:I}", "mean",
							      (json_int_t)metric.mean, "p50",
							      (json_int_t)metric.p50, "p99",
							      (json_int_t)metric.p99, "max",
							      (json_int_t)metric.max));
		json_array_append_new(list, one);
	}
	return list;
}

static void print_ports(const struct vly_engine *engine)
{
	for (uint32_t i = 0; vly_engine_port(engine, 1) && vly_engine_port(engine, i); i++) {
		const struct vly_port *port = vly_engine_port(engine, i);
		struct vly_ledger ledger;

		vly_port_ledger(port, &ledger);
		printf("port %u: %" PRIu64 " received, %" PRIu64 " sent, %" PRIu64 " dropped: %s\n",
		       i, ledger.received, ledger.sent, vly_ledger_dropped(&ledger),
		       vly_port_summary(port));
	}
}

static json_t *json_ports(const struct vly_engine *engine)
{
	const struct vly_port *port;
	json_t *list = json_array();

	for (uint32_t i = 0; (port = vly_engine_port(engine, i)) != NULL; i++) {
		struct vly_ledger ledger;

		vly_port_ledger(port, &ledger);
		json_array_append_new(
			list,
			json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "port",
				  vly_port_summary(port), "received", (json_int_t)ledger.received,
				  "originated", (json_int_t)ledger.originated, "sent",
				  (json_int_t)ledger.sent, "released", (json_int_t)ledger.released,
				  "answered", (json_int_t)ledger.answered, "to_kernel",
				  (json_int_t)ledger.to_kernel, "from_kernel",
				  (json_int_t)ledger.from_kernel, "dropped", json_drops(&ledger)));
	}
	return list;
}

int serve_print(const struct vly_engine *engine)
{
	struct vly_ledger ledger;

	vly_engine_ledger(engine, &ledger);
	print_ledger(&ledger);
	print_ports(engine);
	print_times(engine);
	print_metrics(engine);
	puts(vly_ledger_is_balanced(&ledger) ? "balanced" : "NOT balanced");
	return STATUS_OK;
}

int serve_print_json(const char *command, const struct vly_engine *engine)
{
	struct vly_ledger ledger;

	vly_engine_ledger(engine, &ledger);
	return print_json(
		command,
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:b}",
			  "received", (json_int_t)ledger.received, "originated",
			  (json_int_t)ledger.originated, "handled",
			  (json_int_t)vly_ledger_handled(&ledger), "sent", (json_int_t)ledger.sent,
			  "released", (json_int_t)ledger.released, "answered",
			  (json_int_t)ledger.answered, "to_kernel", (json_int_t)ledger.to_kernel,
			  "from_kernel", (json_int_t)ledger.from_kernel, "dropped",
			  json_drops(&ledger), "ports", json_ports(engine), "handlers",
			  json_times(engine), "metrics", json_metrics(engine), "balanced",
			  vly_ledger_is_balanced(&ledger)));
}
