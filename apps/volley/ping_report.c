// SPDX-License-Identifier: BSD-3-Clause
#include "ping_report.h"

#include <inttypes.h>
#include <stdio.h>

#include "arguments.h"
#include "durations.h"
#include "output.h"

bool ping_histograms_open(struct ping_histograms *histograms, bool splits)
{
	histograms->rtt = histogram_open();
	if (!splits)
		return histograms->rtt != NULL;
	histograms->wire = histogram_open();
	histograms->kernel = histogram_open();
	histograms->handler = histogram_open();
	return histograms->rtt && histograms->wire && histograms->kernel && histograms->handler;
}

void ping_histograms_close(struct ping_histograms *histograms)
{
	histogram_close(histograms->rtt);
	histogram_close(histograms->wire);
	histogram_close(histograms->kernel);
	histogram_close(histograms->handler);
}

void ping_record(struct ping_histograms *histograms, const struct exchange_times *times)
{
	histogram_record(histograms->rtt, times->rtt_ns);
	if (!histograms->wire)
		return;
	histogram_record(histograms->wire, times->wire_ns);
	histogram_record(histograms->kernel, times->kernel_ns);
	if (times->told)
		histogram_record(histograms->handler, times->handler_ns);
}

static double rate_pps(const struct ping_report *report)
{
	if (report->elapsed_ns == 0)
		return 0;
	return (double)report->counts->received * 1e9 / (double)report->elapsed_ns;
}

void ping_progress(const struct exchange_counts *counts)
{
	if (counts)
		fprintf(stderr, "\r%" PRIu64 " sent, %" PRIu64 " received, %" PRIu64 " lost\033[K",
			counts->sent, counts->received, counts->lost);
	else
		fputs("\r\033[K", stderr);
}

static void print_count(const char *name, uint64_t count)
{
	printf("%-10s %10" PRIu64 "\n", name, count);
}

static void print_nonzero(const char *name, uint64_t count)
{
	if (count > 0)
		print_count(name, count);
}

static void print_parts(const struct ping_histograms *histograms)
{
	if (!histograms->wire || histograms->rtt->count == 0)
		return;
	puts("of which");
	print_durations_short("  wire", histograms->wire);
	print_durations_short("  kernel", histograms->kernel);
	if (histograms->handler->count > 0)
		print_durations_short("  handler", histograms->handler);
	else
		puts("  the server tells nothing of its part; serve there with -H echo,times");
}

int ping_print(const struct ping_report *report)
{
	const struct exchange_counts *counts = report->counts;
	char target[VLY_ADDR_TEXT_BYTES];
	struct vly_ledger ledger;

	printf("%" PRIu32 " bytes to %s over %s\n", report->size_bytes,
	       vly_addr_format(report->target, target, sizeof(target)),
	       vly_port_summary(report->port));
	print_count("sent", counts->sent);
	print_count("received", counts->received);
	printf("%-10s %10" PRIu64 "  (%.3g %%)\n", "lost", counts->lost,
	       counts->sent ? (double)counts->lost * 100 / (double)counts->sent : 0);
	if (counts->refused > 0)
		printf("%-10s %10" PRIu64 "  (connection refused: nobody serves %s)\n", "refused",
		       counts->refused, target);
	print_nonzero("corrupt", counts->corrupt);
	print_nonzero("late", counts->late);
	print_nonzero("duplicate", counts->duplicate);
	print_nonzero("stray", counts->stray);
	printf("%-10s %10.0f per second\n", "rate", rate_pps(report));
	if (report->histograms->rtt->count > 0)
		print_durations(report->histograms->rtt);
	print_parts(report->histograms);
	vly_port_ledger(report->port, &ledger);
	if (vly_ledger_dropped(&ledger) > 0) {
		puts("dropped on this side:");
		print_drops(&ledger);
	}
	return STATUS_OK;
}

static json_t *json_parts(const struct ping_histograms *histograms)
{
	if (!histograms->wire)
		return json_null();
	return json_pack("{s:o, s:o, s:o}", "wire", json_durations(histograms->wire), "kernel",
			 json_durations(histograms->kernel), "handler",
			 json_durations(histograms->handler));
}

int ping_print_json(const char *command, const struct ping_report *report)
{
	const struct exchange_counts *counts = report->counts;
	char target[VLY_ADDR_TEXT_BYTES];
	struct vly_ledger ledger;

	vly_port_ledger(report->port, &ledger);
	vly_addr_format(report->target, target, sizeof(target));
	return print_json(command,
			  json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, "
				    "s:o, s:f, s:o}",
				    "target", target, "backend", vly_port_backend(report->port),
				    "size_bytes", (json_int_t)report->size_bytes, "sent",
				    (json_int_t)counts->sent, "received",
				    (json_int_t)counts->received, "lost", (json_int_t)counts->lost,
				    "refused", (json_int_t)counts->refused, "corrupt",
				    (json_int_t)counts->corrupt, "late", (json_int_t)counts->late,
				    "duplicate", (json_int_t)counts->duplicate, "stray",
				    (json_int_t)counts->stray, "rtt_ns",
				    json_durations(report->histograms->rtt), "parts_ns",
				    json_parts(report->histograms), "rate_pps", rate_pps(report),
				    "dropped", json_drops(&ledger)));
}

void ping_write_hgrm(const struct ping_report *report, FILE *file)
{
	char title[VLY_ADDR_TEXT_BYTES + 64];
	const char *const comments[] = {title, NULL};
	char target[VLY_ADDR_TEXT_BYTES];

	snprintf(title, sizeof(title), "volley ping to %s, microseconds",
		 vly_addr_format(report->target, target, sizeof(target)));
	write_hgrm(file, report->histograms->rtt, comments);
}
