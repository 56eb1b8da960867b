// SPDX-License-Identifier: BSD-3-Clause
#include "wire_options.h"

#include <string.h>

#include "arguments.h"
#include "port_options.h"

enum {
	VLAN_MAX = 4094, // IEEE 802.1Q, clause 9.6
};

static const struct argp_option options_table[] = {
	{"gateway", KEY_GATEWAY, "IP", 0,
	 "For dpdk: the next hop to all that is on no prefix of ours; one a family", 1},
	{"route", KEY_ROUTE, "PREFIX@IP", 0,
	 "For dpdk: the next hop to a prefix; the longest wins; repeatable", 1},
	{"neighbour", KEY_NEIGHBOUR, "IP@MAC", 0,
	 "For dpdk: a neighbour that is never asked for its MAC; repeatable", 1},
	{"dad", KEY_DAD, "MS", 0,
	 "For dpdk: milliseconds to ask at the start whether others have our addresses (default "
	 "100; 0: do not)",
	 1},
	{"vlan", KEY_VLAN, "N", 0, "For dpdk: the 802.1Q VLAN to speak, and no other", 1},
	{"exception", KEY_EXCEPTION, "tap:NAME", 0,
	 "For dpdk: what is not ours goes to the kernel by an interface of that name, and what the "
	 "kernel sends there to the wire",
	 1},
	{0},
};

static struct vly_route *next_route(const struct argp_state *state, struct port_options *options,
				    const char *option)
{
	if (options->route_count == VLY_ROUTES_MAX)
		usage_error(state, "%s: more than %d routes", option, VLY_ROUTES_MAX);
	return &options->routes[options->route_count++];
}

static void add_gateway(const struct argp_state *state, struct port_options *options,
			const char *text)
{
	struct vly_route *route = next_route(state, options, "--gateway");
	struct vly_error error = {""};

	if (strchr(text, '@'))
		usage_error(state, "--gateway: '%s' is no address; with a prefix, say --route",
			    text);
	if (vly_route_parse(route, text, &error) < 0)
		usage_error(state, "--gateway: %s", error.text);
	for (const struct vly_route *it = options->routes; it < route; it++) {
		if (it->prefix.bits == route->prefix.bits &&
		    !memcmp(it->prefix.ip, route->prefix.ip, sizeof(it->prefix.ip)))
			usage_error(state,
				    "--gateway: '%s' is a second one for its family; use "
				    "--route for what lies behind it",
				    text);
	}
}

static void add_route(const struct argp_state *state, struct port_options *options,
		      const char *text)
{
	struct vly_error error = {""};

	if (!strchr(text, '@'))
		usage_error(state, "--route: '%s' is no PREFIX@IP, such as 10.1.0.0/16@10.0.0.254",
			    text);
	if (vly_route_parse(next_route(state, options, "--route"), text, &error) < 0)
		usage_error(state, "--route: %s", error.text);
}

static void add_neighbour(const struct argp_state *state, struct port_options *options,
			  const char *text)
{
	struct vly_error error = {""};

	if (options->neighbour_count == VLY_NEIGHBOURS_MAX)
		usage_error(state, "--neighbour: more than %d", VLY_NEIGHBOURS_MAX);
	if (vly_neighbour_parse(&options->neighbours[options->neighbour_count++], text, &error) < 0)
		usage_error(state, "--neighbour: %s", error.text);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct port_options *options = state->input;

	switch (key) {
	case KEY_GATEWAY:
		add_gateway(state, options, arg);
		return 0;
	case KEY_ROUTE:
		add_route(state, options, arg);
		return 0;
	case KEY_NEIGHBOUR:
		add_neighbour(state, options, arg);
		return 0;
	case KEY_DAD:
		options->dad_ms = (uint32_t)parse_number(state, "--dad", arg, 0, VLY_DAD_MAX_MS);
		if (!options->dad_ms)
			options->dad_ms = VLY_DAD_NONE;
		return 0;
	case KEY_VLAN:
		options->vlan = (uint16_t)parse_number(state, "--vlan", arg, 1, VLAN_MAX);
		return 0;
	case KEY_EXCEPTION:
		options->exception = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp wire_argp = {.options = options_table, .parser = parse_option};
