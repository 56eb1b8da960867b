// SPDX-License-Identifier: BSD-3-Clause
#include "load/report.h"

#include <inttypes.h>
#include <stdio.h>

#include "arguments.h"
#include "durations.h"
#include "output.h"

enum {
	PAUSE_TOLD_NS = 20000000, // a longer one is worth a line
};

static const char *const arrivals_names[] = {
	[ARRIVALS_CONSTANT] = "constant",
	[ARRIVALS_POISSON] = "poisson",
	[ARRIVALS_BURST] = "burst",
};

// Those of a capture that goes as it is cannot be told.
static uint64_t lost_of(const struct generator_counts *counts)
{
	return counts->sent - counts->received - counts->corrupt - counts->truncated;
}

static bool tells_loss(const struct load_report *report)
{
	return report->options->is_stamped && !report->options->is_one_way;
}

// Nothing that was timed is true if the clock went backwards meanwhile.
static bool tells_times(const struct load_report *report)
{
	return !report->result->has_clock_jumped;
}

static double per_second(const struct load_report *report, uint64_t count)
{
	uint64_t ns = report->result->sending_ns;

	return ns ? (double)count * 1e9 / (double)ns : 0;
}

// --- the table ----------------------------------------------------------------------------------

static void print_count(const char *name, uint64_t count)
{
	if (count > 0)
		printf("%-12s %12" PRIu64 "\n", name, count);
}

static void print_title(const struct load_report *report)
{
	const struct load_options *options = report->options;
	const struct content *content = report->content;
	char target[VLY_ADDR_TEXT_BYTES];

	if (content->size_min == content->size_max)
		printf("%" PRIu32, content->size_min);
	else
		printf("%" PRIu32 " to %" PRIu32, content->size_min, content->size_max);
	printf(" bytes to %s over %s, ",
	       vly_addr_format(&options->target.addr, target, sizeof(target)),
	       vly_port_summary(report->port));
	if (options->is_unlimited)
		printf("as many as it takes");
	else if (options->from_pps < options->rate_pps || options->rate_pps < options->from_pps)
		printf("%.10g to %.10g a second, %s", options->from_pps, options->rate_pps,
		       arrivals_names[options->arrivals]);
	else
		printf("%.10g a second, %s", options->rate_pps, arrivals_names[options->arrivals]);
	if (options->arrivals == ARRIVALS_BURST)
		printf(" of %" PRIu32, options->burst);
	printf(", %" PRIu32 " flow%s%s\n", options->flows, options->flows == 1 ? "" : "s",
	       report->result->is_interrupted ? " (interrupted)" : "");
}

static void print_loss(const struct load_report *report)
{
	const struct generator_counts *counts = &report->result->counts;
	uint64_t lost = lost_of(counts);

	printf("%-12s %12" PRIu64 "  (%.3g %%)\n", "lost", lost,
	       counts->sent ? (double)lost * 100 / (double)counts->sent : 0);
	print_count("corrupt", counts->corrupt);
	print_count("truncated", counts->truncated);
	print_count("reordered", counts->reordered);
	print_count("duplicate", counts->duplicate);
	print_count("late", counts->late);
	print_count("unrecognised", counts->unrecognised);
}

static void print_received(const struct load_report *report)
{
	const struct generator_counts *counts = &report->result->counts;

	if (!report->options->is_one_way && tells_times(report))
		printf("%-12s %12" PRIu64 "  %.0f a second\n", "received", counts->received,
		       per_second(report, counts->received_sending));
	else if (!report->options->is_one_way)
		printf("%-12s %12" PRIu64 "\n", "received", counts->received);
	if (tells_loss(report))
		print_loss(report);
	print_count("stray", counts->stray);
	print_count("refused", counts->refused);
}

static void print_sent(const struct load_report *report)
{
	const struct generator_result *result = report->result;
	const struct generator_counts *counts = &result->counts;

	if (tells_times(report))
		printf("%-12s %12" PRIu64 "  %.0f a second, %.3g Gbit/s of payload, for %.3f s\n",
		       "sent", counts->sent, per_second(report, counts->sent),
		       per_second(report, counts->sent_bytes) * 8 / 1e9,
		       (double)result->sending_ns / 1e9);
	else
		printf("%-12s %12" PRIu64 "\n", "sent", counts->sent);
	print_count("unsent", counts->unsent);
}

static void print_latencies(const struct load_report *report)
{
	const struct generator_result *result = report->result;

	if (result->latency->count > 0) {
		puts("from when it was due until it was answered:");
		print_durations(result->latency);
	}
	if (result->lag->count > 0 && !report->options->is_unlimited)
		print_durations_short("sent late", result->lag);
}

int load_print(const struct load_report *report)
{
	struct vly_ledger ledger;

	print_title(report);
	print_sent(report);
	print_received(report);
	if (tells_times(report))
		print_latencies(report);
	vly_port_ledger(report->port, &ledger);
	if (vly_ledger_dropped(&ledger) > 0) {
		puts("dropped on this side:");
		print_drops(&ledger);
	}
	return STATUS_OK;
}

// --- JSON ---------------------------------------------------------------------------------------

static json_t *json_count(uint64_t count)
{
	return json_integer((json_int_t)count);
}

static json_t *json_time(const struct load_report *report, double value)
{
	return tells_times(report) ? json_real(value) : json_null();
}

static json_t *json_latencies(const struct load_report *report, const struct histogram *histogram)
{
	return tells_times(report) ? json_durations(histogram) : json_null();
}

static json_t *json_asked(const struct load_report *report)
{
	const struct load_options *options = report->options;

	return json_pack("{s:o, s:o, s:s, s:I, s:I, s:o, s:o, s:s, s:b, s:b}", "rate_pps",
			 options->is_unlimited ? json_null() : json_real(options->rate_pps),
			 "from_pps",
			 options->is_unlimited ? json_null() : json_real(options->from_pps),
			 "arrivals", arrivals_names[options->arrivals], "burst",
			 (json_int_t)(options->burst ? options->burst : 1), "flows",
			 (json_int_t)options->flows, "seconds",
			 options->time_ns ? json_real((double)options->time_ns / 1e9) : json_null(),
			 "count", options->count ? json_count(options->count) : json_null(),
			 "payload", options->is_sockperf ? "sockperf" : "plain", "stamped",
			 options->is_stamped, "one_way", options->is_one_way);
}

static json_t *json_size(const struct content *content)
{
	return json_pack("{s:I, s:I, s:f}", "min", (json_int_t)content->size_min, "max",
			 (json_int_t)content->size_max, "mean", content->size_mean);
}

static void set_answers(json_t *object, const struct load_report *report)
{
	const struct generator_counts *counts = &report->result->counts;
	bool tells = tells_loss(report);
	uint64_t lost = lost_of(counts);

	json_object_set_new(object, "received", json_count(counts->received));
	json_object_set_new(object, "received_pps",
			    json_time(report, per_second(report, counts->received_sending)));
	json_object_set_new(object, "lost", tells ? json_count(lost) : json_null());
	json_object_set_new(object, "loss",
			    tells && counts->sent ? json_real((double)lost / (double)counts->sent)
						  : json_null());
	json_object_set_new(object, "corrupt", json_count(counts->corrupt));
	json_object_set_new(object, "truncated", json_count(counts->truncated));
	json_object_set_new(object, "reordered", json_count(counts->reordered));
	json_object_set_new(object, "duplicate", json_count(counts->duplicate));
	json_object_set_new(object, "late", json_count(counts->late));
	json_object_set_new(object, "unrecognised", json_count(counts->unrecognised));
	json_object_set_new(object, "stray", json_count(counts->stray));
	json_object_set_new(object, "refused", json_count(counts->refused));
}

int load_print_json(const char *command, const struct load_report *report)
{
	const struct generator_result *result = report->result;
	const struct generator_counts *counts = &result->counts;
	json_t *object = json_object();
	char target[VLY_ADDR_TEXT_BYTES];
	struct vly_ledger ledger;

	vly_port_ledger(report->port, &ledger);
	vly_addr_format(&report->options->target.addr, target, sizeof(target));
	json_object_set_new(object, "target", json_string(target));
	json_object_set_new(object, "backend", json_string(vly_port_backend(report->port)));
	json_object_set_new(object, "asked", json_asked(report));
	json_object_set_new(object, "size_bytes", json_size(report->content));
	json_object_set_new(object, "seconds", json_time(report, (double)result->sending_ns / 1e9));
	json_object_set_new(object, "sent", json_count(counts->sent));
	json_object_set_new(object, "sent_pps",
			    json_time(report, per_second(report, counts->sent)));
	json_object_set_new(object, "sent_bps",
			    json_time(report, per_second(report, counts->sent_bytes) * 8));
	json_object_set_new(object, "unsent", json_count(counts->unsent));
	set_answers(object, report);
	json_object_set_new(object, "latency_ns", json_latencies(report, result->latency));
	json_object_set_new(object, "lag_ns", json_latencies(report, result->lag));
	json_object_set_new(object, "pause_max_ns",
			    tells_times(report) ? json_count(result->pause_max_ns) : json_null());
	json_object_set_new(object, "kept_up", json_boolean(generator_has_kept_up(result)));
	json_object_set_new(object, "interrupted", json_boolean(result->is_interrupted));
	json_object_set_new(object, "dropped", json_drops(&ledger));
	return print_json(command, object);
}

// --- warnings -----------------------------------------------------------------------------------

static void warn_answers(const char *command, const struct load_report *report)
{
	const struct generator_counts *counts = &report->result->counts;
	char target[VLY_ADDR_TEXT_BYTES];

	vly_addr_format(&report->options->target.addr, target, sizeof(target));
	if (counts->corrupt + counts->truncated + counts->unrecognised == 0)
		return;
	complain(command,
		 "%s is no plain echo: of its answers %" PRIu64 " were shorter, %" PRIu64
		 " had other bytes, and %" PRIu64
		 " were no answer to anything; they have no latency here",
		 target, counts->truncated, counts->corrupt, counts->unrecognised);
}

void load_warn_clock(const char *command)
{
	complain(command,
		 "CLOCK_MONOTONIC went backwards: no rate or latency is told; measure again, and "
		 "if it is so again, see what dmesg says of the machine's clock source");
}

void load_warn(const char *command, const struct load_report *report)
{
	const struct generator_result *result = report->result;

	if (!tells_times(report)) {
		load_warn_clock(command);
		warn_answers(command, report);
		return; // what else there is to say is of time
	}
	if (result->is_interrupted)
		complain(command, "interrupted after %.3f s: the figures are of that time",
			 (double)result->sending_ns / 1e9);
	if (!generator_has_kept_up(result))
		complain(command,
			 "the generator did not keep up: %" PRIu64 " of %" PRIu64
			 " datagrams were due and not sent; lower --rate, or give it a core of its "
			 "own with --cores",
			 result->counts.unsent, result->counts.unsent + result->counts.sent);
	if (result->pause_max_ns > PAUSE_TOLD_NS)
		complain(command,
			 "the generator itself stood still for %.1f ms (its core was taken, or the "
			 "clock jumped): the latencies have it in them",
			 (double)result->pause_max_ns / 1e6);
	warn_answers(command, report);
}
