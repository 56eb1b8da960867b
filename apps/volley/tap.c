// SPDX-License-Identifier: BSD-3-Clause
//
// volley tap: writes what passes a running volley serve, as pcapng, to a file or to another
// program.
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <volley/tap.h>
#include <volley/volley.h>

#include "arguments.h"
#include "commands.h"
#include "monotonic.h"
#include "output.h"

enum tap_limits {
	TAP_PID_LAST = 4194304, // the kernel's limit
	TAP_READ_BYTES = 1 << 20,
	TAP_TURN_NS = 100000000, // between two looks at signals and the time
	TAP_MIB = 1 << 20,
	TAP_SECONDS_MAX = 366 * 24 * 3600,
};

enum tap_key {
	KEY_PREFIX = 0x100,
	KEY_PORT,
	KEY_POINTS,
	KEY_BUFFER,
};

struct tap_options {
	struct vly_tap_config config;
	uint32_t pid;
	const char *file; // NULL: standard output
	uint64_t count;   // 0: no limit
	uint64_t time_ns; // 0: likewise
};

static const struct argp_option options_table[] = {
	{"write", 'w', "FILE", 0, "Write there; else, and with -, to standard output", 0},
	{"count", 'n', "N", 0, "End after N packets", 0},
	{"time", 't', "SECONDS", 0, "End after this time", 0},
	{"snap", 's', "BYTES", 0, "Of each payload keep so many (default: all)", 0},
	{"prefix", KEY_PREFIX, "PREFIX", 0, "Only what comes from there or goes there", 0},
	{"port", KEY_PORT, "N", 0, "Only what has this port at either end", 0},
	{"points", KEY_POINTS, "WHAT[,WHAT...]", 0,
	 "Of in (received), out (sent) and drop (dropped, with the reason) only these", 0},
	{"buffer", KEY_BUFFER, "MIB", 0,
	 "Memory for each queue of the engine, 1 to 256 MiB (default 4)", 0},
	{0},
};

static uint32_t parse_points(const struct argp_state *state, const char *text)
{
	static const char *const names[] = {"in", "out", "drop"};
	uint32_t points = 0;

	while (*text) {
		size_t len = strcspn(text, ",");
		uint32_t i = 0;

		while (i < 3 && (strlen(names[i]) != len || strncmp(names[i], text, len) != 0))
			i++;
		if (i == 3)
			usage_error(state, "--points: '%s' is none of in, out and drop", text);
		points |= 1u << i;
		text += len + (text[len] == ',');
	}
	if (!points)
		usage_error(state, "--points: give some of in, out and drop");
	return points;
}

static void parse_prefix(const struct argp_state *state, struct vly_prefix *prefix,
			 const char *text)
{
	struct vly_error error = {""};

	if (vly_prefix_parse(prefix, text, &error) < 0)
		usage_error(state, "--prefix: %s", error.text);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct tap_options *options = state->input;
	struct vly_tap_config *config = &options->config;

	switch (key) {
	case ARGP_KEY_INIT:
		one_line_messages(state);
		return 0;
	case 'w':
		options->file = strcmp(arg, "-") == 0 ? NULL : arg;
		return 0;
	case 'n':
		options->count = parse_number(state, "--count", arg, 1, UINT64_MAX);
		return 0;
	case 't':
		options->time_ns = parse_duration_ns(state, "--time", arg, 1000000,
						     (uint64_t)TAP_SECONDS_MAX * NS_PER_SECOND);
		return 0;
	case 's':
		config->snap_bytes = (uint32_t)parse_number(state, "--snap", arg, 1, UINT16_MAX);
		return 0;
	case KEY_PREFIX:
		parse_prefix(state, &config->prefix, arg);
		return 0;
	case KEY_PORT:
		config->port = (uint16_t)parse_number(state, "--port", arg, 1, UINT16_MAX);
		return 0;
	case KEY_POINTS:
		config->points = parse_points(state, arg);
		return 0;
	case KEY_BUFFER:
		config->buffer_bytes =
			TAP_MIB * (uint32_t)parse_number(state, "--buffer", arg, 1,
							 VLY_TAP_BUFFER_MAX / TAP_MIB);
		return 0;
	case ARGP_KEY_ARG:
		if (options->pid)
			usage_error(state, "takes one process, not '%s' as well", arg);
		options->pid = (uint32_t)parse_number(state, "PID", arg, 1, TAP_PID_LAST);
		return 0;
	case ARGP_KEY_NO_ARGS:
		usage_error(state, "which process? give the PID of a volley serve");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

// --- where it goes ------------------------------------------------------------------------------

// Returns a descriptor, or -1 with a message.
static int open_output(const char *command, const struct tap_options *options)
{
	int fd;

	if (!options->file) {
		if (!isatty(STDOUT_FILENO))
			return STDOUT_FILENO;
		complain(command, "this would write a capture to the terminal; give a file with "
				  "-w, or a program behind |, such as tshark -r -");
		return -1;
	}
	// What passes is nobody else's business.
	fd = open(options->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		complain(command, "%s cannot be written (%s); give another file with -w",
			 options->file, strerror(errno));
	return fd;
}

// Returns 0 or a negative errno.
static int write_all(int fd, const uint8_t *bytes, size_t count)
{
	while (count) {
		ssize_t n = write(fd, bytes, count);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		count -= (size_t)n;
	}
	return 0;
}

// Whether nobody reads the pipe any more.
static bool is_abandoned(int fd)
{
	struct pollfd output = {.fd = fd};

	return poll(&output, 1, 0) > 0 && output.revents & POLLERR;
}

// --- until it ends ------------------------------------------------------------------------------

// The signal that ends it; signal handlers have no argument.
static _Atomic int ending_signal;

static void on_signal(int signal)
{
	atomic_store(&ending_signal, signal);
}

static void await_signals(void)
{
	const struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

static uint32_t packets_left(const struct vly_tap *tap, const struct tap_options *options)
{
	struct vly_tap_counts counts;

	if (!options->count)
		return UINT32_MAX;
	vly_tap_read_counts(tap, &counts);
	if (options->count - counts.read > UINT32_MAX)
		return UINT32_MAX;
	return (uint32_t)(options->count - counts.read);
}

// Returns the exit status.
static int copy(const char *command, struct vly_tap *tap, const struct tap_options *options, int fd)
{
	static uint8_t bytes[TAP_READ_BYTES];
	uint64_t end_ns = options->time_ns ? monotonic_ns() + options->time_ns : UINT64_MAX;
	uint32_t packets;

	while (!atomic_load(&ending_signal) && (packets = packets_left(tap, options))) {
		uint64_t now_ns = monotonic_ns();
		uint64_t turn_ns = TAP_TURN_NS;
		int64_t n;
		int rc;

		if (now_ns >= end_ns)
			break;
		turn_ns = end_ns - now_ns < turn_ns ? end_ns - now_ns : turn_ns;
		n = vly_tap_read(tap, bytes, sizeof(bytes), packets, turn_ns);
		if (n == -EPIPE) {
			complain(command, "process %u has ended", options->pid);
			break;
		}
		if (n < 0) {
			complain(command, "what process %u gives is no capture; is it well?",
				 options->pid);
			return STATUS_FAILED;
		}
		rc = write_all(fd, bytes, (size_t)n);
		if (rc == -EPIPE || is_abandoned(fd)) // who reads has seen enough
			break;
		if (rc) {
			complain(command, "%s cannot be written (%s); what is there can be read",
				 options->file ? options->file : "standard output", strerror(-rc));
			return STATUS_FAILED;
		}
	}
	return STATUS_OK;
}

static void report(const char *command, const struct vly_tap *tap)
{
	struct vly_tap_counts counts;

	vly_tap_read_counts(tap, &counts);
	complain(command,
		 "%" PRIu64 " packets written, %" PRIu64 " missed%s, %" PRIu64 " not wanted",
		 counts.read, counts.missed,
		 counts.missed ? " (take a larger --buffer, fewer bytes with -s, or less with "
				 "--prefix, --port and --points)"
			       : "",
		 counts.filtered);
}

int command_tap(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options_table,
		.parser = parse_option,
		.args_doc = "PID",
		.doc = "Write what passes the volley serve of that process as a pcapng file, which "
		       "wireshark, tshark and tcpdump read: volley tap PID | tshark -r -. The "
		       "server never waits for it; what finds no room is counted. Ends with "
		       "Ctrl-C.",
	};
	struct tap_options options = {0};
	struct vly_error error = {""};
	struct vly_tap *tap = NULL;
	int status = STATUS_FAILED;
	int fd;

	if (!parse_arguments(&argp, argc, argv, 0, &options))
		return STATUS_USAGE;
	fd = open_output(argv[0], &options);
	if (fd < 0)
		return STATUS_FAILED;
	await_signals();
	if (vly_tap_attach(&tap, options.pid, &options.config, &error) < 0) {
		complain(argv[0], "%s", error.text);
	} else {
		complain(argv[0], "attached to process %u", options.pid);
		status = copy(argv[0], tap, &options, fd);
		report(argv[0], tap);
		vly_tap_detach(tap);
	}
	if (options.file)
		close(fd);
	return status;
}
