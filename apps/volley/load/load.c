// SPDX-License-Identifier: BSD-3-Clause
//
// volley load: an open-loop load on a UDP server.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <volley/volley.h>

#include "arguments.h"
#include "client.h"
#include "commands.h"
#include "durations.h"
#include "load/flows.h"
#include "load/generator.h"
#include "load/options.h"
#include "load/report.h"
#include "load/throughput.h"
#include "monotonic.h"
#include "output.h"

enum {
	WINDOW_MIN = 1 << 16,
	WINDOW_MAX = 1 << 23, // 64 MiB
	FOREVER_S = 365 * 24 * 3600,
};

static uint64_t clock_of_run(void *arg)
{
	(void)arg;
	return monotonic_ns();
}

// As many as may be under way, if answers come within the timeout.
static uint64_t window_of(const struct load_options *options)
{
	double rate_pps =
		options->rate_pps > options->from_pps ? options->rate_pps : options->from_pps;
	double window = rate_pps * (double)options->timeout_ns / NS_PER_SECOND;

	if (options->is_one_way)
		return 0; // none is
	if (options->is_unlimited || window > WINDOW_MAX)
		return WINDOW_MAX;
	return window < WINDOW_MIN ? WINDOW_MIN : (uint64_t)window;
}

static struct generator_run run_of(const struct load_options *options, uint64_t time_ns,
				   uint64_t count)
{
	return (struct generator_run){
		.arrivals =
			{
				.kind = options->arrivals,
				.burst = options->burst,
				.from_pps = options->from_pps,
				.to_pps = options->rate_pps,
				.duration_ns =
					time_ns ? time_ns : (uint64_t)FOREVER_S * NS_PER_SECOND,
				.seed = options->seed,
			},
		.is_unlimited = options->is_unlimited,
		.count = count,
	};
}

// --- the output ---------------------------------------------------------------------------------

static int write_percentiles(const char *command, const struct load_report *report, FILE *file)
{
	const char *path = report->options->hgrm_file;
	char target[VLY_ADDR_TEXT_BYTES + 64];
	const char *comments[] = {target, NULL};
	char addr[VLY_ADDR_TEXT_BYTES];

	snprintf(target, sizeof(target), "volley load to %s%s, microseconds",
		 vly_addr_format(&report->options->target.addr, addr, sizeof(addr)),
		 report->result->is_interrupted ? ", interrupted" : "");
	write_hgrm(file, report->result->latency, comments);
	if (fflush(file) == 0 && !ferror(file))
		return STATUS_OK;
	complain(command, "--hgrm: %s: %s", path, strerror(errno));
	return STATUS_FAILED;
}

// What kind of a result it is: with nothing received, or no time to it, there is none.
static int status_of(const char *command, const struct load_report *report)
{
	const struct generator_counts *counts = &report->result->counts;
	char target[VLY_ADDR_TEXT_BYTES];

	if (report->result->has_clock_jumped)
		return STATUS_FAILED;
	if (report->options->is_one_way ? counts->sent > 0 : counts->received > 0)
		return STATUS_OK;
	vly_addr_format(&report->options->target.addr, target, sizeof(target));
	if (counts->sent == 0)
		complain(command, "nothing could be sent to %s; see the counters above", target);
	return STATUS_FAILED;
}

static int tell(const char *command, const struct load_report *report, FILE *hgrm)
{
	int status =
		report->options->port.json ? load_print_json(command, report) : load_print(report);

	fflush(stdout);
	load_warn(command, report);
	if (status_of(command, report) != STATUS_OK)
		status = STATUS_FAILED;
	if (hgrm && !report->result->has_clock_jumped &&
	    write_percentiles(command, report, hgrm) != STATUS_OK)
		status = STATUS_FAILED;
	return status;
}

// --- the run ------------------------------------------------------------------------------------

static int say_silent(const char *command, const struct load_options *options,
		      const struct vly_port *port, bool is_interrupted)
{
	char target[VLY_ADDR_TEXT_BYTES];
	struct vly_ledger ledger;

	if (is_interrupted) {
		complain(command, "interrupted before anything was measured");
		return STATUS_FAILED;
	}
	vly_port_ledger(port, &ledger);
	vly_addr_format(&options->target.addr, target, sizeof(target));
	if (ledger.dropped[VLY_DROP_RX_REFUSED])
		complain(command,
			 "nobody serves %s: the connection is refused; start a server there",
			 target);
	else if (!client_say_unsent(command, &options->port, port, &options->target.addr))
		complain(command,
			 "%s does not answer within %.3g s; is it an echo? for a sink give "
			 "--one-way, "
			 "for sockperf --payload sockperf",
			 target, (double)options->timeout_ns / 1e9);
	return STATUS_FAILED;
}

static int measure(const char *command, const struct load_options *options,
		   const struct content *content, const struct vly_port *port,
		   struct generator *generator, FILE *hgrm, const atomic_bool *interrupted)
{
	struct generator_run run;
	struct generator_result result;
	struct load_report report = {options, content, port, &result};

	if (!generator_knock(generator) && !options->is_one_way)
		return say_silent(command, options, port, atomic_load(interrupted));
	if (options->warmup_ns) {
		run = run_of(options, options->warmup_ns, 0);
		generator_run(generator, &run);
	}
	run = run_of(options, options->time_ns, options->count);
	result = generator_run(generator, &run);
	return tell(command, &report, hgrm);
}

static int run_port(const char *command, const struct load_options *options,
		    const struct content *content, struct vly_port *port, const struct flows *flows,
		    FILE *hgrm)
{
	const struct generator_config config = {
		.port = port,
		.queue = vly_port_queue(port, 0),
		.target = options->target,
		.any_peer = client_is_shared_address(&options->target.addr),
		.locals = flows->locals,
		.flow_count = flows->count,
		.content = content,
		.stamp = stamp_make(options->is_sockperf),
		.is_stamped = options->is_stamped,
		.is_one_way = options->is_one_way,
		.window = window_of(options),
		.timeout_ns = options->timeout_ns,
		.idle = options->port.idle,
		.clock = clock_of_run,
		.interrupted = client_interruption(),
	};
	struct generator *generator = NULL;
	struct vly_error error = {""};
	int status = STATUS_FAILED;

	if (options->searches)
		return throughput_measure(command, options, &config);
	if (generator_open(&generator, &config, &error) < 0)
		complain(command, "%s", error.text);
	else
		status = measure(command, options, content, port, generator, hgrm,
				 config.interrupted);
	generator_close(generator);
	return status;
}

static int run_content(const char *command, const struct load_options *options,
		       const struct content *content, FILE *hgrm)
{
	struct flows flows = {.locals = NULL};
	struct vly_error error = {""};
	struct vly_port *port = NULL;
	int status = STATUS_FAILED;

	if (client_pin(command, &options->port) != STATUS_OK)
		return STATUS_FAILED;
	if (flows_open(&flows, &port, &options->port, command, &options->target.addr,
		       options->flows, &error) < 0)
		complain(command, "%s", error.text);
	else
		status = run_port(command, options, content, port, &flows, hgrm);
	vly_port_close(port);
	flows_close(&flows);
	return status;
}

int command_load(int argc, char **argv)
{
	struct content content = {.count = 0};
	struct vly_error error = {""};
	struct load_options options;
	FILE *hgrm = NULL;
	int status = STATUS_FAILED;

	if (!load_options_read(&options, argc, argv))
		return STATUS_USAGE;
	if (options.hgrm_file && !(hgrm = fopen(options.hgrm_file, "we"))) {
		complain(argv[0], "--hgrm: %s: %s", options.hgrm_file, strerror(errno));
		return STATUS_FAILED;
	}
	if (load_options_content(&options, &content, &error) < 0)
		complain(argv[0], "%s: %s", options.capture ? "--pcap" : "--size", error.text);
	else
		status = run_content(argv[0], &options, &content, hgrm);
	content_close(&content);
	if (hgrm && fclose(hgrm) && status == STATUS_OK) {
		complain(argv[0], "--hgrm: %s: %s", options.hgrm_file, strerror(errno));
		status = STATUS_FAILED;
	}
	return status;
}
