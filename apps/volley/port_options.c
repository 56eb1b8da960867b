// SPDX-License-Identifier: BSD-3-Clause
#include "port_options.h"

#include <string.h>

#include "arguments.h"
#include "output.h"
#include "wire_options.h"

static const struct argp_option options_table[] = {
	{NULL, 0, NULL, 0, "The port:", 1},
	{"backend", 'b', "BACKEND", 0,
	 "socket, uring, dpdk (the default with -d), sim or auto, the best that works here "
	 "(the default without); see volley backends",
	 1},
	{"device", 'd', "DEVICE", 0,
	 "For dpdk: vhost-user:PATH, virtio-user:PATH, af_xdp:IF, "
	 "af_packet:IF, memif:PATH, pcap:FILE, pci:ADDRESS or "
	 "vdev:DPDK-ARGUMENTS",
	 1},
	{"address", 'a', "ADDR/PREFIX", 0,
	 "For dpdk: an address of ours on the wire; of a client over sockets, the one to send "
	 "from; "
	 "repeatable",
	 1},
	{"join", KEY_JOIN, "GROUP[,source=ADDR][,if=IF]", 0,
	 "A multicast group to receive, from one sender only, on one interface only; repeatable",
	 1},
	{"option", 'o', "KEY=VALUE", 0,
	 "An option of the backend, as volley backends -v lists "
	 "them; repeatable",
	 1},
	{"idle", KEY_IDLE, "HOW", 0,
	 "With nothing to do: adaptive (spin, then yield, then sleep; "
	 "the default), busy (spin) or block (sleep)",
	 1},
	{"cores", KEY_CORES, "LIST", 0, "Pin threads to these cores, such as 0,1 or 2-5", 1},
	{"buffers", KEY_BUFFERS, "N", 0, "Datagrams of a queue's pool", 1},
	{"mtu", KEY_MTU, "N", 0, "For dpdk: bytes of the largest packet (default 1500)", 1},
	{NULL, 0, NULL, 0, "Output:", 3},
	{"json", KEY_JSON, NULL, 0, "Print the result as one JSON object", 3},
	{"verbose", 'v', NULL, 0, "Show what the library says on standard error", 3},
	{0},
};

static enum vly_idle parse_idle(const struct argp_state *state, const char *text)
{
	static const char *const names[] = {
		[VLY_IDLE_ADAPTIVE] = "adaptive",
		[VLY_IDLE_BUSY] = "busy",
		[VLY_IDLE_BLOCK] = "block",
	};

	for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], text) == 0)
			return (enum vly_idle)i;
	}
	usage_error(state, "--idle: '%s' is none of adaptive, busy, block", text);
}

static void add_address(const struct argp_state *state, struct port_options *options,
			const char *text)
{
	struct vly_error error = {""};

	if (options->addr_count == VLY_ADDRS_MAX)
		usage_error(state, "--address: more than %d", VLY_ADDRS_MAX);
	if (vly_prefix_parse(&options->addrs[options->addr_count], text, &error) < 0)
		usage_error(state, "--address: %s", error.text);
	options->addr_count++;
}

static void add_group(const struct argp_state *state, struct port_options *options,
		      const char *text)
{
	struct vly_error error = {""};

	if (options->group_count == VLY_GROUPS_MAX)
		usage_error(state, "--join: more than %d groups", VLY_GROUPS_MAX);
	if (vly_group_parse(&options->groups[options->group_count], text, &error) < 0)
		usage_error(state, "--join: %s", error.text);
	options->group_count++;
}

static void add_option(const struct argp_state *state, struct port_options *options,
		       const char *text)
{
	if (options->option_count == VLY_KEYS_MAX)
		usage_error(state, "--option: more than %d", VLY_KEYS_MAX);
	options->options[options->option_count++] = text;
}

// The first option that was given and means something to dpdk alone, or NULL.
static const char *wire_option(const struct port_options *options)
{
	if (options->exception)
		return "--exception";
	if (options->vlan)
		return "--vlan";
	if (options->neighbour_count)
		return "--neighbour";
	if (options->route_count)
		return "--gateway and --route";
	if (options->mtu)
		return "--mtu";
	return options->dad_ms ? "--dad" : NULL;
}

// Who names a device means dpdk: with `auto`, which has to be said then, it would be passed over
// when it does not work.
static const char *backend_of(const struct port_options *options)
{
	if (options->backend)
		return options->backend;
	return options->device ? "dpdk" : "auto";
}

bool port_is_of_kernel(const struct port_options *options)
{
	const char *backend = backend_of(options);

	return !options->device && strcmp(backend, "dpdk") != 0 && strcmp(backend, "sim") != 0;
}

void port_options_check(const struct argp_state *state, const struct port_options *options)
{
	const char *backend = backend_of(options);
	const char *wire = wire_option(options);
	bool is_auto = strcmp(backend, "auto") == 0;

	if (strcmp(backend, "dpdk") == 0)
		return;
	if (options->device && !is_auto)
		usage_error(state, "--device: only dpdk takes one, not %s", backend);
	if (wire && !is_auto)
		usage_error(state,
			    "%s: only for dpdk, not %s, where the kernel's own settings hold", wire,
			    backend);
	if (wire && !options->device)
		usage_error(state, "%s: only for dpdk, which needs a device; give one with -d",
			    wire);
}

void port_options_next(struct port_options *options)
{
	struct port_options next = {
		.idle = options->idle,
		.core_count = options->core_count,
		.json = options->json,
		.verbose = options->verbose,
	};

	memcpy(next.cores, options->cores, sizeof(next.cores));
	*options = next;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct port_options *options = state->input;

	switch (key) {
	case 'b':
		options->backend = arg;
		return 0;
	case 'd':
		options->device = arg;
		return 0;
	case 'a':
		add_address(state, options, arg);
		return 0;
	case 'o':
		add_option(state, options, arg);
		return 0;
	case KEY_JOIN:
		add_group(state, options, arg);
		return 0;
	case KEY_IDLE:
		options->idle = parse_idle(state, arg);
		return 0;
	case KEY_CORES:
		options->core_count = parse_list(state, "--cores", arg, options->cores,
						 PORT_CORES_MAX, PORT_CORE_LAST);
		return 0;
	case KEY_BUFFERS:
		options->buffers =
			(uint32_t)parse_number(state, "--buffers", arg, 1, PORT_BUFFERS_MAX);
		return 0;
	case KEY_MTU:
		options->mtu =
			(uint32_t)parse_number(state, "--mtu", arg, PORT_MTU_MIN, PORT_MTU_MAX);
		return 0;
	case KEY_JSON:
		options->json = true;
		return 0;
	case 'v':
		options->verbose = true;
		return 0;
	case ARGP_KEY_INIT:
		state->child_inputs[0] = options;
		return 0;
	case ARGP_KEY_END:
		port_options_check(state, options);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&wire_argp, 0, NULL, 0}, {0}};

const struct argp port_argp = {
	.options = options_table,
	.parser = parse_option,
	.children = children,
};

struct vly_port_config port_config(const struct port_options *options, const char *command)
{
	return (struct vly_port_config){
		.backend = backend_of(options),
		.device = options->device,
		.addrs = options->addrs,
		.addr_count = options->addr_count,
		.groups = options->groups,
		.group_count = options->group_count,
		.options = options->options,
		.option_count = options->option_count,
		.buffers = options->buffers,
		.mtu = options->mtu,
		.routes = options->routes,
		.route_count = options->route_count,
		.neighbours = options->neighbours,
		.neighbour_count = options->neighbour_count,
		.vlan = options->vlan,
		.exception = options->exception,
		.dad_ms = options->dad_ms,
		.log = log_to_stderr(command, options->verbose),
	};
}
