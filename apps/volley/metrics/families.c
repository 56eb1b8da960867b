// SPDX-License-Identifier: BSD-3-Clause
#include "metrics/families.h"

#include <errno.h>
#include <stddef.h>

#include "metrics/handlers.h"
#include "metrics/text.h"

// A number of the ledger, and of whom it is told: in `volley_datagrams_` of ports, in
// `volley_queue_` of queues.
struct ledger_row {
	const char *name;
	const char *help;
	size_t offset; // in struct vly_ledger
};

static const struct ledger_row port_rows[] = {
	{"volley_datagrams_received_total", "Taken from the wire, or known to be lost before",
	 offsetof(struct vly_ledger, received)},
	{"volley_datagrams_originated_total", "Made by handlers",
	 offsetof(struct vly_ledger, originated)},
	{"volley_datagrams_sent_total", "Accepted by the wire", offsetof(struct vly_ledger, sent)},
	{"volley_datagrams_released_total", "Handled with nothing to send",
	 offsetof(struct vly_ledger, released)},
	{"volley_datagrams_answered_total",
	 "Answered or absorbed by the stack: ARP, NDP, ICMP, fragments",
	 offsetof(struct vly_ledger, answered)},
	{"volley_datagrams_to_kernel_total", "Handed to the kernel by the exception path",
	 offsetof(struct vly_ledger, to_kernel)},
	{"volley_datagrams_from_kernel_total", "Taken from the kernel to be sent",
	 offsetof(struct vly_ledger, from_kernel)},
};

static const struct ledger_row queue_rows[] = {
	{"volley_queue_received_total", "The same as volley_datagrams_received_total, by queue",
	 offsetof(struct vly_ledger, received)},
	{"volley_queue_sent_total", "The same as volley_datagrams_sent_total, by queue",
	 offsetof(struct vly_ledger, sent)},
};

static uint64_t value_of(const struct vly_ledger *ledger, const struct ledger_row *row)
{
	return *(const uint64_t *)(const void *)((const char *)ledger + row->offset);
}

static void write_ledgers(FILE *out, const struct vly_ledger *ledgers, uint32_t port_count)
{
	static const char dropped[] = "volley_datagrams_dropped_total";

	for (uint32_t r = 0; r < sizeof(port_rows) / sizeof(port_rows[0]); r++) {
		metrics_family(out, port_rows[r].name, "counter", port_rows[r].help);
		for (uint32_t p = 0; p < port_count; p++)
			metrics_sample(out, port_rows[r].name,
				       (struct metrics_label[]){{"port", .number = p}, {0}},
				       value_of(&ledgers[p], &port_rows[r]));
	}
	metrics_family(out, dropped, "counter", "Dropped, by the reason");
	for (uint32_t p = 0; p < port_count; p++) {
		for (uint32_t drop = 0; drop < VLY_DROP_COUNT; drop++)
			metrics_sample(
				out, dropped,
				(struct metrics_label[]){{"port", .number = p},
							 {"reason", .text = vly_drop_name(drop)},
							 {0}},
				ledgers[p].dropped[drop]);
	}
}

static void write_queue_row(FILE *out, const struct vly_port *port, uint32_t index,
			    const struct ledger_row *row)
{
	for (uint32_t q = 0; q < vly_port_queue_count(port); q++) {
		struct vly_ledger ledger;

		vly_port_queue_ledger(port, q, &ledger);
		metrics_sample(out, row->name,
			       (struct metrics_label[]){
				       {"port", .number = index}, {"queue", .number = q}, {0}},
			       value_of(&ledger, row));
	}
}

static void write_ports(FILE *out, const struct vly_engine *engine)
{
	static const char info[] = "volley_port_info";
	struct vly_ledger ledgers[VLY_PORTS_MAX];
	const struct vly_port *port;
	uint32_t count = 0;

	metrics_family(out, info, "gauge", "Always 1: what a port is");
	for (; (port = vly_engine_port(engine, count)) != NULL; count++) {
		vly_port_ledger(port, &ledgers[count]);
		metrics_sample(out, info,
			       (struct metrics_label[]){{"port", .number = count},
							{"backend", .text = vly_port_backend(port)},
							{"summary", .text = vly_port_summary(port)},
							{0}},
			       1);
	}
	write_ledgers(out, ledgers, count);
	for (uint32_t r = 0; r < sizeof(queue_rows) / sizeof(queue_rows[0]); r++) {
		metrics_family(out, queue_rows[r].name, "counter", queue_rows[r].help);
		for (uint32_t i = 0; i < count; i++)
			write_queue_row(out, vly_engine_port(engine, i), i, &queue_rows[r]);
	}
}

static void write_process(FILE *out, const struct metrics_source *source)
{
	static const char reloads[] = "volley_reloads_total";

	metrics_family(out, "volley_build_info", "gauge", "Always 1: which version it is");
	metrics_sample(out, "volley_build_info",
		       (struct metrics_label[]){{"version", .text = vly_version()}, {0}}, 1);
	metrics_family(out, "process_start_time_seconds", "gauge",
		       "When the process began, since 1970");
	metrics_sample_ns(out, "process_start_time_seconds", NULL, source->start_ns);
	metrics_family(out, "volley_workers", "gauge",
		       "Threads for the handlers; 0: those of the queues run them");
	metrics_sample(out, "volley_workers", NULL, source->workers);
	metrics_family(out, reloads, "counter", "How often the handlers were loaded anew");
	metrics_sample(out, reloads, (struct metrics_label[]){{"result", .text = "success"}, {0}},
		       source->reloads);
	metrics_sample(out, reloads, (struct metrics_label[]){{"result", .text = "failure"}, {0}},
		       source->reloads_failed);
	if (!source->budget_ns)
		return;
	metrics_family(out, "volley_burst_budget_seconds", "gauge",
		       "What a handler may take for a burst");
	metrics_sample_ns(out, "volley_burst_budget_seconds", NULL, source->budget_ns);
}

int metrics_write(FILE *out, const struct metrics_source *source)
{
	int rc;

	write_process(out, source);
	write_ports(out, source->engine);
	metrics_write_times(out, source->engine);
	rc = metrics_write_handlers(out, source->engine);
	return rc || !ferror(out) ? rc : -ENOMEM;
}
