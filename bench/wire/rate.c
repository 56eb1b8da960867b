// SPDX-License-Identifier: BSD-3-Clause
//
// An engine as `volley serve` runs it, read while it runs. For each line of standard input, a
// number of seconds, it prints what the ledger gained in that time as one JSON object; at the end
// of the input it stops and prints the whole ledger.
//
//     rate [-b BACKEND] [-d DEVICE] [-a ADDRESS/PREFIX]... [-H HANDLER] [-c CORE]... [-n BUFFERS]
//          [-w WORKERS] [-o KEY=VALUE]... [ADDRESS]:PORT[-LAST]...
//
// With workers, a full ring holds up the wire, so that nothing is dropped; and threads that find
// nothing let others run, for there may be more of them than cores.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <volley/volley.h>

enum {
	OPTIONS_MAX = 8,
	USAGE = 2,
};

struct arguments {
	struct vly_engine_config engine;
	struct vly_port_config port;
	struct vly_prefix addrs[OPTIONS_MAX];
	const char *options[OPTIONS_MAX];
	const char *handler;
	struct vly_endpoint listens[VLY_LISTENS_MAX];
	uint32_t cores[OPTIONS_MAX];
};

static void put_line(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "%s\n", line);
}

static int read_address(struct arguments *arguments, const char *text)
{
	struct vly_error error = {""};

	if (arguments->port.addr_count == OPTIONS_MAX ||
	    vly_prefix_parse(&arguments->addrs[arguments->port.addr_count++], text, &error) < 0) {
		fprintf(stderr, "rate: %s: %s\n", text, error.text);
		return -1;
	}
	return 0;
}

static int read_option(struct arguments *arguments, int letter, const char *text)
{
	switch (letter) {
	case 'a':
		return read_address(arguments, text);
	case 'b':
		arguments->port.backend = text;
		return 0;
	case 'c':
		if (arguments->engine.core_count == OPTIONS_MAX)
			return -1;
		arguments->cores[arguments->engine.core_count++] =
			(uint32_t)strtoul(text, NULL, 10);
		return 0;
	case 'd':
		arguments->port.device = text;
		return 0;
	case 'H':
		arguments->handler = text;
		return 0;
	case 'n':
		arguments->port.buffers = (uint32_t)strtoul(text, NULL, 10);
		return 0;
	case 'o':
		if (arguments->port.option_count == OPTIONS_MAX)
			return -1;
		arguments->options[arguments->port.option_count++] = text;
		return 0;
	case 'w':
		arguments->engine.workers = (uint32_t)strtoul(text, NULL, 10);
		return 0;
	default:
		return -1;
	}
}

static int read_arguments(struct arguments *arguments, int argc, char **argv)
{
	struct vly_error error = {""};
	int letter;

	while ((letter = getopt(argc, argv, "a:b:c:d:H:n:o:w:")) != -1) {
		if (read_option(arguments, letter, optarg) < 0)
			return -1;
	}
	for (; optind < argc; optind++) {
		uint32_t count = arguments->port.listen_count;
		int found =
			vly_endpoint_resolve(&arguments->listens[count], VLY_LISTENS_MAX - count,
					     argv[optind], true, &error);

		if (found < 0)
			return -1;
		arguments->port.listen_count += (uint32_t)found;
	}
	if (!arguments->port.listen_count)
		return -1;
	arguments->port.addrs = arguments->addrs;
	arguments->port.options = arguments->options;
	arguments->port.listens = arguments->listens;
	arguments->port.log.line = put_line;
	arguments->engine.ports = &arguments->port;
	arguments->engine.port_count = 1;
	arguments->engine.handlers = &arguments->handler;
	arguments->engine.handler_count = 1;
	arguments->engine.idle = arguments->engine.workers ? VLY_IDLE_ADAPTIVE : VLY_IDLE_BUSY;
	arguments->engine.overload = VLY_OVERLOAD_BLOCK;
	arguments->engine.cores = arguments->cores;
	return 0;
}

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// What `after` has more than `before`, in seconds and datagrams.
static void print_gain(const struct vly_ledger *before, const struct vly_ledger *after,
		       uint64_t elapsed_ns)
{
	const char *comma = "";

	printf("{\"seconds\": %.9f, \"received\": %" PRIu64 ", \"sent\": %" PRIu64
	       ", \"released\": %" PRIu64 ", \"answered\": %" PRIu64 ", \"dropped\": {",
	       (double)elapsed_ns / 1e9, after->received - before->received,
	       after->sent - before->sent, after->released - before->released,
	       after->answered - before->answered);
	for (uint32_t i = 0; i < VLY_DROP_COUNT; i++) {
		if (after->dropped[i] == before->dropped[i])
			continue;
		printf("%s\"%s\": %" PRIu64, comma, vly_drop_name(i),
		       after->dropped[i] - before->dropped[i]);
		comma = ", ";
	}
	printf("}, \"balanced\": %s}\n", vly_ledger_is_balanced(after) ? "true" : "false");
	fflush(stdout);
}

static void measure(const struct vly_engine *engine, double seconds)
{
	const struct timespec pause = {
		.tv_sec = (time_t)seconds,
		.tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9),
	};
	struct vly_ledger before = {0};
	struct vly_ledger after = {0};
	uint64_t start_ns = clock_ns();

	vly_engine_ledger(engine, &before);
	nanosleep(&pause, NULL);
	vly_engine_ledger(engine, &after);
	print_gain(&before, &after, clock_ns() - start_ns);
}

int main(int argc, char **argv)
{
	struct arguments arguments = {.handler = "echo", .port.backend = "dpdk"};
	const struct vly_ledger nothing = {0};
	struct vly_ledger all = {0};
	struct vly_engine *engine = NULL;
	struct vly_error error = {""};
	char line[64];

	if (read_arguments(&arguments, argc, argv) < 0) {
		fprintf(stderr, "usage: rate [-b BACKEND] [-d DEVICE] [-a ADDRESS/PREFIX]... "
				"[-H HANDLER] [-c CORE]... [-n BUFFERS] [-w WORKERS] "
				"[-o KEY=VALUE]... [ADDRESS]:PORT[-LAST]...\n");
		return USAGE;
	}
	if (vly_engine_open(&engine, &arguments.engine, &error) < 0 ||
	    vly_engine_start(engine, &error) < 0) {
		fprintf(stderr, "rate: %s\n", error.text);
		vly_engine_close(engine);
		return EXIT_FAILURE;
	}
	printf("ready: %s\n", vly_engine_summary(engine));
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		measure(engine, strtod(line, NULL));
	vly_engine_stop(engine);
	vly_engine_ledger(engine, &all);
	print_gain(&nothing, &all, 0);
	vly_engine_close(engine);
	return EXIT_SUCCESS;
}
