// SPDX-License-Identifier: BSD-3-Clause
//
// volley ping: the round trip to a UDP echo server, one datagram in flight.
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <volley/volley.h>

#include "arguments.h"
#include "client.h"
#include "commands.h"
#include "exchange.h"
#include "histogram.h"
#include "monotonic.h"
#include "output.h"
#include "ping_report.h"
#include "port_options.h"

enum ping_key {
	KEY_TIMEOUT = KEY_PRIVATE,
	KEY_WARMUP,
	KEY_RAW_FILE,
	KEY_HGRM,
	KEY_SPLIT,
};

enum ping_limits {
	PING_SIZE_DEFAULT = 64,
	PING_PROGRESS_NS = NS_PER_SECOND / 4,
	PING_DAY_S = 24 * 3600,
};

struct ping_options {
	struct port_options port;
	const char *target_text;
	struct vly_endpoint target;
	uint64_t count;   // 0: no limit
	uint64_t time_ns; // 0: no limit
	uint64_t interval_ns;
	uint64_t timeout_ns;
	uint64_t warmup;
	uint32_t size_bytes;
	const char *raw_file;
	const char *hgrm_file;
	bool splits;
	const atomic_bool *interrupted;
};

// What is written beside the report; NULL: it is not wanted.
struct ping_files {
	FILE *raw;
	FILE *hgrm;
};

static const struct argp_option options_table[] = {
	{NULL, 0, NULL, 0, "The measurement:", 2},
	{"count", 'n', "N", 0, "Stop after N datagrams", 2},
	{"time", 't', "SECONDS", 0, "Stop after this time (without -n, the default: 1)", 2},
	{"size", 's', "BYTES", 0, "Payload, 0 to 65507 (default 64)", 2},
	{"interval", 'i', "SECONDS", 0,
	 "From one datagram to the next at least (default 0: the "
	 "next leaves when the answer is there)",
	 2},
	{"timeout", KEY_TIMEOUT, "SECONDS", 0, "After which a datagram is lost (default 1)", 2},
	{"warmup", KEY_WARMUP, "N", 0, "Datagrams before these, which count nothing", 2},
	{"raw-file", KEY_RAW_FILE, "FILE", 0,
	 "Write every round trip there, in nanoseconds, one a "
	 "line",
	 2},
	{"hgrm", KEY_HGRM, "FILE", 0,
	 "Write the percentiles of the round trip there, as HdrHistogram does", 2},
	{"split", KEY_SPLIT, NULL, 0,
	 "Say what part of a round trip was the wire's, the kernels' and the handler's, which a "
	 "server with -H echo,times tells",
	 2},
	{0},
};

static const struct argp_child children[] = {
	{&port_argp, 0, NULL, 0},
	{0},
};

static void check_options(const struct argp_state *state, struct ping_options *options)
{
	if (options->count > 0 && options->time_ns > 0)
		usage_error(state, "--count and --time exclude each other");
	if (!options->target_text)
		usage_error(state, "to whom? give HOST:PORT");
	if (options->count == 0 && options->time_ns == 0)
		options->time_ns = NS_PER_SECOND;
	options->target = client_target(state, &options->port, options->target_text);
}

static error_t parse_measurement(int key, const char *arg, const struct argp_state *state,
				 struct ping_options *options)
{
	const uint64_t day_ns = (uint64_t)PING_DAY_S * NS_PER_SECOND;

	switch (key) {
	case 'n':
		options->count = parse_number(state, "--count", arg, 1, INT64_MAX);
		return 0;
	case 't':
		options->time_ns = parse_duration_ns(state, "--time", arg, 1000000, 365 * day_ns);
		return 0;
	case 's':
		options->size_bytes =
			(uint32_t)parse_number(state, "--size", arg, 0, VLY_DGRAM_BYTES_MAX);
		return 0;
	case 'i':
		options->interval_ns = parse_duration_ns(state, "--interval", arg, 0, day_ns);
		return 0;
	case KEY_TIMEOUT:
		options->timeout_ns = parse_duration_ns(state, "--timeout", arg, 1000, day_ns);
		return 0;
	case KEY_WARMUP:
		options->warmup = parse_number(state, "--warmup", arg, 0, INT64_MAX);
		return 0;
	case KEY_RAW_FILE:
		options->raw_file = arg;
		return 0;
	case KEY_HGRM:
		options->hgrm_file = arg;
		return 0;
	case KEY_SPLIT:
		options->splits = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct ping_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		one_line_messages(state);
		state->child_inputs[0] = &options->port;
		return 0;
	case ARGP_KEY_ARG:
		client_take_target(state, &options->target_text, arg);
		return 0;
	case ARGP_KEY_END:
		check_options(state, options);
		return 0;
	default:
		return parse_measurement(key, arg, state, options);
	}
}

static bool is_over(const struct ping_options *options, const struct exchange *exchange,
		    uint64_t now_ns, uint64_t end_ns)
{
	if (atomic_load_explicit(options->interrupted, memory_order_relaxed))
		return true;
	if (options->count > 0)
		return exchange_counts(exchange)->sent >= options->count;
	return now_ns >= end_ns;
}

static void warm_up(const struct ping_options *options, struct exchange *exchange)
{
	uint64_t count = options->warmup;
	struct exchange_times times;

	while (count-- > 0 && !atomic_load_explicit(options->interrupted, memory_order_relaxed))
		exchange_once(exchange, &times);
	exchange_forget_counts(exchange);
}

// The measurement itself. Returns how long it took, in nanoseconds.
static uint64_t measure(const struct ping_options *options, struct exchange *exchange,
			struct ping_histograms *histograms, FILE *raw)
{
	bool shows_progress = isatty(STDERR_FILENO);
	uint64_t start_ns = monotonic_ns();
	uint64_t progress_ns = start_ns + PING_PROGRESS_NS;
	uint64_t now_ns = start_ns;
	struct exchange_times times;

	while (!is_over(options, exchange, now_ns, start_ns + options->time_ns)) {
		if (exchange_once(exchange, &times)) {
			ping_record(histograms, &times);
			if (raw)
				fprintf(raw, "%" PRIu64 "\n", times.rtt_ns);
		}
		now_ns = monotonic_ns();
		if (shows_progress && now_ns >= progress_ns) {
			ping_progress(exchange_counts(exchange));
			progress_ns = now_ns + PING_PROGRESS_NS;
		}
	}
	if (shows_progress)
		ping_progress(NULL);
	return now_ns - start_ns;
}

static int run_exchange(const char *command, const struct ping_options *options,
			struct vly_port *port, const struct ping_files *files)
{
	const struct exchange_config config = {
		.port = port,
		.queue = vly_port_queue(port, 0),
		.target = options->target,
		.size_bytes = options->size_bytes,
		.interval_ns = options->interval_ns,
		.timeout_ns = options->timeout_ns,
		.asks_times = options->splits,
		.any_peer = client_is_shared_address(&options->target.addr),
		.idle = options->port.idle,
		.interrupted = options->interrupted,
	};
	struct ping_histograms histograms = {.rtt = NULL};
	struct exchange *exchange = NULL;
	struct vly_error error = {"no memory"};
	struct ping_report report;
	int status = STATUS_FAILED;

	if (!ping_histograms_open(&histograms, options->splits) ||
	    exchange_open(&exchange, &config, &error) < 0) {
		complain(command, "%s", error.text);
		goto err_close;
	}
	warm_up(options, exchange);
	report = (struct ping_report){
		.port = port,
		.target = &options->target.addr,
		.size_bytes = options->size_bytes,
		.elapsed_ns = measure(options, exchange, &histograms, files->raw),
		.counts = exchange_counts(exchange),
		.histograms = &histograms,
	};
	status = options->port.json ? ping_print_json(command, &report) : ping_print(&report);
	if (files->hgrm)
		ping_write_hgrm(&report, files->hgrm);
	if (report.counts->received == 0) {
		fflush(stdout);
		client_say_unsent(command, &options->port, port, &options->target.addr);
		status = STATUS_FAILED;
	}
err_close:
	exchange_close(exchange);
	ping_histograms_close(&histograms);
	return status;
}

// To tell the kernel's part from the wire's on this side, its stamps are needed.
static void ask_for_stamps(struct port_options *port)
{
	for (uint32_t i = 0; i < port->option_count; i++) {
		if (strncmp(port->options[i], "timestamps", 10) == 0)
			return;
	}
	if (port_is_of_kernel(port) && port->option_count < VLY_KEYS_MAX)
		port->options[port->option_count++] = "timestamps=software";
}

static int run_port(const char *command, struct ping_options *options,
		    const struct ping_files *files)
{
	struct vly_port_config config = port_config(&options->port, command);
	struct vly_error error = {""};
	struct vly_port *port;
	int status;

	config.queues = 1;
	if (client_pin(command, &options->port) != STATUS_OK)
		return STATUS_FAILED;
	if (vly_port_open(&port, &config, &error) < 0) {
		complain(command, "%s", error.text);
		return STATUS_FAILED;
	}
	options->interrupted = client_interruption();
	status = run_exchange(command, options, port, files);
	vly_port_close(port);
	return status;
}

// Nothing is opened, and nothing wrong, without a path.
static int file_open(const char *command, const char *option, const char *path, FILE **file)
{
	if (!path)
		return STATUS_OK;
	*file = fopen(path, "w");
	if (*file)
		return STATUS_OK;
	complain(command, "%s: %s: %s", option, path, strerror(errno));
	return STATUS_FAILED;
}

// Whether all of it was written.
static bool file_close(const char *command, const char *option, const char *path, FILE *file)
{
	if (!file || !(ferror(file) | fclose(file)))
		return true;
	complain(command, "%s: %s: %s", option, path, strerror(errno));
	return false;
}

int command_ping(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options_table,
		.parser = parse_option,
		.args_doc = "HOST:PORT",
		.doc = "Measure the round trip to a UDP echo server: one datagram in flight, each "
		       "answer compared byte by byte.",
		.children = children,
	};
	struct ping_options options = {
		.size_bytes = PING_SIZE_DEFAULT,
		.timeout_ns = NS_PER_SECOND,
	};
	struct ping_files files = {NULL, NULL};
	int status;

	if (!parse_arguments(&argp, argc, argv, 0, &options))
		return STATUS_USAGE;
	if (options.splits)
		ask_for_stamps(&options.port);
	status = file_open(argv[0], "--raw-file", options.raw_file, &files.raw);
	if (status == STATUS_OK)
		status = file_open(argv[0], "--hgrm", options.hgrm_file, &files.hgrm);
	if (status == STATUS_OK)
		status = run_port(argv[0], &options, &files);
	if (!file_close(argv[0], "--raw-file", options.raw_file, files.raw))
		status = STATUS_FAILED;
	if (!file_close(argv[0], "--hgrm", options.hgrm_file, files.hgrm))
		status = STATUS_FAILED;
	return status;
}
