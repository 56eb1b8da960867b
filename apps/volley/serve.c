// SPDX-License-Identifier: BSD-3-Clause
//
// volley serve: an engine with handlers, until a signal or the end of its time.
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <volley/volley.h>

#include "arguments.h"
#include "commands.h"
#include "monotonic.h"
#include "output.h"
#include "port_options.h"
#include "serve_run.h"

enum serve_key {
	KEY_RING = KEY_PRIVATE,
	KEY_STEER,
	KEY_OVERLOAD,
	KEY_BUDGET,
	KEY_NEXT,
	KEY_NO_TAP,
	KEY_METRICS,
};

enum serve_limits {
	SERVE_RING_MAX = 1 << 24,
	SERVE_YEARS_MAX = 10, // of -t
	SECONDS_PER_YEAR = 366 * 24 * 3600,
	SERVE_BUDGET_MAX_US = 1000000000,
	NS_PER_US = 1000,
	METRICS_NAMES_MAX = 16, // addresses that one name may have
};

struct served_port {
	struct port_options options;
	struct vly_endpoint listens[VLY_LISTENS_MAX];
	uint32_t listen_count;
	uint32_t queues;
};

struct serve_options {
	struct port_options port; // these four: of the port that is being described
	struct vly_endpoint listens[VLY_LISTENS_MAX];
	uint32_t listen_count;
	uint32_t queues;
	struct served_port ports[VLY_PORTS_MAX]; // that have been described
	uint32_t port_count;
	const char *handlers[VLY_CHAIN_MAX];
	uint32_t handler_count;
	uint32_t workers;
	uint32_t ring_size;
	enum vly_steer steer;
	enum vly_overload overload;
	uint64_t budget_ns;
	uint64_t time_ns; // 0: until a signal
	bool is_private;  // not to be tapped
	struct vly_endpoint metrics;
	bool has_metrics;
};

static const struct argp_option options_table[] = {
	{NULL, 0, NULL, 0, "The service:", 2},
	{"handler", 'H', "HANDLER[,KEY=VALUE...]", 0,
	 "A built-in handler or a shared object (with a slash in its name); repeated, they form a "
	 "chain",
	 2},
	{"listen", 'l', "[ADDR]:PORT[-LAST]", 0, "Where to receive; repeatable, at least one", 2},
	{"queues", 'q', "N", 0, "Queues of the port, with a thread each (default 1)", 2},
	{"workers", 'w', "N", 0,
	 "Threads for the handlers; 0, the default: handlers run on the "
	 "queue's thread",
	 2},
	{"ring", KEY_RING, "N", 0, "Datagrams between a queue and a worker (default 4096)", 2},
	{"steer", KEY_STEER, "HOW", 0,
	 "Which worker gets a datagram: flow (the default; keeps order), round-robin or "
	 "least-loaded (these do not)",
	 2},
	{"overload", KEY_OVERLOAD, "POLICY", 0,
	 "What a full ring does: drop-newest (the default), drop-oldest or block (receiving waits)",
	 2},
	{"budget-us", KEY_BUDGET, "N", 0,
	 "Microseconds a handler may take for a burst before it is named; also shows its times", 2},
	{"next", KEY_NEXT, NULL, 0,
	 "What follows of -l, -q and the port's options is of one more port", 2},
	{"no-tap", KEY_NO_TAP, NULL, 0, "Let nobody see what passes with volley tap", 2},
	{"metrics", KEY_METRICS, "[ADDR]:PORT", 0,
	 "Answer GET /metrics there, over HTTP, for Prometheus", 2},
	{"time", 't', "SECONDS", 0, "Stop after this time; else on SIGINT or SIGTERM", 2},
	{0},
};

static const char *const steer_names[] = {
	[VLY_STEER_FLOW] = "flow",
	[VLY_STEER_ROUND_ROBIN] = "round-robin",
	[VLY_STEER_LEAST_LOADED] = "least-loaded",
	NULL,
};

static const char *const overload_names[] = {
	[VLY_OVERLOAD_DROP_NEWEST] = "drop-newest",
	[VLY_OVERLOAD_DROP_OLDEST] = "drop-oldest",
	[VLY_OVERLOAD_BLOCK] = "block",
	NULL,
};

static const struct argp_child children[] = {
	{&port_argp, 0, NULL, 0},
	{0},
};

static void add_listen(const struct argp_state *state, struct serve_options *options,
		       const char *text)
{
	struct vly_error error = {""};
	int found;

	if (options->listen_count == VLY_LISTENS_MAX)
		usage_error(state, "--listen: more than %d addresses", VLY_LISTENS_MAX);
	found = vly_endpoint_resolve(&options->listens[options->listen_count],
				     VLY_LISTENS_MAX - options->listen_count, text, true, &error);
	if (found <= 0)
		usage_error(state, "--listen: %s", error.text);
	options->listen_count += (uint32_t)found;
}

static void add_handler(const struct argp_state *state, struct serve_options *options,
			const char *text)
{
	if (options->handler_count == VLY_CHAIN_MAX)
		usage_error(state, "--handler: more than %d", VLY_CHAIN_MAX);
	options->handlers[options->handler_count++] = text;
}

// Of a name with several addresses it is the first.
static void set_metrics(const struct argp_state *state, struct serve_options *options,
			const char *text)
{
	struct vly_endpoint found[METRICS_NAMES_MAX];
	struct vly_error error = {""};
	int count = vly_endpoint_resolve(found, METRICS_NAMES_MAX, text, true, &error);

	if (options->has_metrics)
		usage_error(state, "--metrics: one address is enough, '%s' is a second", text);
	if (count == -E2BIG || (count > 1 && found[1].addr.port != found[0].addr.port))
		usage_error(state, "--metrics: '%s' is more than one port", text);
	if (count <= 0)
		usage_error(state, "--metrics: %s", error.text);
	options->metrics = found[0];
	options->has_metrics = true;
}

static uint32_t parse_choice(const struct argp_state *state, const char *option, const char *text,
			     const char *const *names)
{
	char known[128] = "";
	size_t used = 0;

	for (uint32_t i = 0; names[i]; i++) {
		if (strcmp(names[i], text) == 0)
			return i;
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "",
					 names[i]);
	}
	usage_error(state, "%s: '%s' is none of %s", option, text, known);
}

// The port's description is complete; another may begin.
static void end_port(const struct argp_state *state, struct serve_options *options)
{
	struct served_port *port = &options->ports[options->port_count];

	if (options->listen_count == 0)
		usage_error(state, "nowhere to receive; give %s-l [ADDR]:PORT, such as -l :9000",
			    options->port_count ? "each port " : "");
	if (options->port_count == VLY_PORTS_MAX)
		usage_error(state, "--next: more than %d ports", VLY_PORTS_MAX);
	port_options_check(state, &options->port);
	if (options->port.addr_count && port_is_of_kernel(&options->port))
		usage_error(state, "--address: the kernel has the addresses where dpdk does not "
				   "serve; to serve one alone, say -l ADDRESS:PORT");
	port->options = options->port;
	memcpy(port->listens, options->listens, sizeof(port->listens));
	port->listen_count = options->listen_count;
	port->queues = options->queues;
	options->port_count++;
	port_options_next(&options->port);
	options->listen_count = 0;
	options->queues = 0;
}

static void end_options(const struct argp_state *state, struct serve_options *options)
{
	if (options->handler_count == 0)
		usage_error(state, "no handler; give one with -H, such as -H echo");
	end_port(state, options);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct serve_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		one_line_messages(state);
		state->child_inputs[0] = &options->port;
		return 0;
	case 'H':
		add_handler(state, options, arg);
		return 0;
	case 'l':
		add_listen(state, options, arg);
		return 0;
	case 'q':
		options->queues = (uint32_t)parse_number(state, "--queues", arg, 1, VLY_QUEUES_MAX);
		return 0;
	case 'w':
		options->workers =
			(uint32_t)parse_number(state, "--workers", arg, 0, VLY_WORKERS_MAX);
		return 0;
	case KEY_RING:
		options->ring_size =
			(uint32_t)parse_number(state, "--ring", arg, 1, SERVE_RING_MAX);
		return 0;
	case KEY_STEER:
		options->steer = (enum vly_steer)parse_choice(state, "--steer", arg, steer_names);
		return 0;
	case KEY_OVERLOAD:
		options->overload =
			(enum vly_overload)parse_choice(state, "--overload", arg, overload_names);
		return 0;
	case KEY_BUDGET:
		options->budget_ns =
			NS_PER_US * parse_number(state, "--budget-us", arg, 1, SERVE_BUDGET_MAX_US);
		return 0;
	case KEY_METRICS:
		set_metrics(state, options, arg);
		return 0;
	case KEY_NEXT:
		end_port(state, options);
		return 0;
	case KEY_NO_TAP:
		options->is_private = true;
		return 0;
	case 't':
		options->time_ns = parse_duration_ns(state, "--time", arg, 1000000,
						     (uint64_t)SERVE_YEARS_MAX * SECONDS_PER_YEAR *
							     NS_PER_SECOND);
		return 0;
	case ARGP_KEY_ARG:
		usage_error(state, "takes no argument, not '%s'; a handler is given with -H", arg);
	case ARGP_KEY_END:
		end_options(state, options);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

// Puts the built-in handlers below the options of --help.
static char *list_handlers(int key, const char *text, void *input)
{
	const struct vly_handler_ops *handler;
	char *list = NULL;
	size_t size = 0;
	FILE *stream;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)(uintptr_t)text;
	stream = open_memstream(&list, &size);
	if (!stream)
		return NULL;
	fputs("Built-in handlers:\n", stream);
	for (uint32_t i = 0; (handler = vly_handler_builtin(i)) != NULL; i++)
		fprintf(stream, "  %-12s %s\n", handler->name, handler->summary);
	fclose(stream);
	return list;
}

int command_serve(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options_table,
		.parser = parse_option,
		.args_doc = "-l [ADDR]:PORT -H HANDLER",
		.doc = "Run handlers on a UDP port, until SIGINT or SIGTERM; SIGHUP loads the "
		       "handlers anew. Prints \"ready: ...\" "
		       "when it receives, and in the end, or on SIGUSR1, what became of every "
		       "datagram.\v",
		.children = children,
		.help_filter = list_handlers,
	};
	struct vly_port_config ports[VLY_PORTS_MAX];
	struct serve_options options = {0};
	struct vly_engine_config config;

	if (!parse_arguments(&argp, argc, argv, 0, &options))
		return STATUS_USAGE;
	for (uint32_t i = 0; i < options.port_count; i++) {
		ports[i] = port_config(&options.ports[i].options, argv[0]);
		ports[i].log = log_to_stderr(argv[0], options.port.verbose);
		ports[i].listens = options.ports[i].listens;
		ports[i].listen_count = options.ports[i].listen_count;
		ports[i].queues = options.ports[i].queues;
	}
	config = (struct vly_engine_config){
		.ports = ports,
		.port_count = options.port_count,
		.handlers = options.handlers,
		.handler_count = options.handler_count,
		.workers = options.workers,
		.ring_size = options.ring_size,
		.idle = options.port.idle,
		.steer = options.steer,
		.overload = options.overload,
		.cores = options.port.cores,
		.core_count = options.port.core_count,
		.budget_ns = options.budget_ns,
		.log = ports[0].log,
		.alerts = log_to_stderr(argv[0], true),
	};
	return serve_run(&(struct serve_run){
		.command = argv[0],
		.config = &config,
		.time_ns = options.time_ns,
		.json = options.port.json,
		.is_private = options.is_private,
		.metrics = options.has_metrics ? &options.metrics : NULL,
	});
}
