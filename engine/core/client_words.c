// SPDX-License-Identifier: BSD-3-Clause
//
// A client from "key=value" words: what the options of a command line say, for other languages.
#include "core/client_match.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"

enum {
	NUMBER_MAX = 1 << 24,
	MTU_MAX = 65535,
	VLAN_MAX = 4094,
};

// What the words say, with the arrays that the configuration points into.
struct words {
	struct vly_client_config config;
	struct vly_prefix addrs[VLY_ADDRS_MAX];
	struct vly_endpoint listens[VLY_LISTENS_MAX];
	struct vly_group groups[VLY_GROUPS_MAX];
	struct vly_route routes[VLY_ROUTES_MAX];
	struct vly_neighbour neighbours[VLY_NEIGHBOURS_MAX];
	const char *options[VLY_KEYS_MAX];
};

static int fail_many(const char *key, uint32_t max, struct vly_error *error)
{
	return vly_fail(error, -EINVAL, "more than %u times %s=", max, key);
}

static int parse_number(const char *key, const char *text, uint32_t max, uint32_t *number,
			struct vly_error *error)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end || value > max)
		return vly_fail(error, -EINVAL, "%s=%s: not a number from 0 to %u", key, text, max);
	*number = (uint32_t)value;
	return 0;
}

static int add_address(struct words *words, const char *text, struct vly_error *error)
{
	struct vly_port_config *port = &words->config.port;

	if (port->addr_count == VLY_ADDRS_MAX)
		return fail_many("address", VLY_ADDRS_MAX, error);
	return vly_prefix_parse(&words->addrs[port->addr_count++], text, error);
}

static int add_listen(struct words *words, const char *text, struct vly_error *error)
{
	struct vly_port_config *port = &words->config.port;
	int count;

	if (port->listen_count == VLY_LISTENS_MAX)
		return fail_many("listen", VLY_LISTENS_MAX, error);
	// A name may have several addresses: the first, as bind() has one.
	count = vly_endpoint_resolve(&words->listens[port->listen_count], 1, text, true, error);
	if (count <= 0)
		return count;
	port->listen_count++;
	return 0;
}

static int add_group(struct words *words, const char *text, struct vly_error *error)
{
	struct vly_port_config *port = &words->config.port;

	if (port->group_count == VLY_GROUPS_MAX)
		return fail_many("join", VLY_GROUPS_MAX, error);
	return vly_group_parse(&words->groups[port->group_count++], text, error);
}

static int add_option(struct words *words, const char *text, struct vly_error *error)
{
	struct vly_port_config *port = &words->config.port;

	if (port->option_count == VLY_KEYS_MAX)
		return fail_many("option", VLY_KEYS_MAX, error);
	words->options[port->option_count++] = text;
	return 0;
}

static int add_route(struct words *words, const char *text, struct vly_error *error)
{
	struct vly_port_config *port = &words->config.port;

	if (port->route_count == VLY_ROUTES_MAX)
		return fail_many("route", VLY_ROUTES_MAX, error);
	return vly_route_parse(&words->routes[port->route_count++], text, error);
}

static int add_neighbour(struct words *words, const char *text, struct vly_error *error)
{
	struct vly_port_config *port = &words->config.port;

	if (port->neighbour_count == VLY_NEIGHBOURS_MAX)
		return fail_many("neighbour", VLY_NEIGHBOURS_MAX, error);
	return vly_neighbour_parse(&words->neighbours[port->neighbour_count++], text, error);
}

static int set_backend(struct words *words, const char *text, struct vly_error *error)
{
	(void)error;
	words->config.port.backend = text;
	return 0;
}

static int set_device(struct words *words, const char *text, struct vly_error *error)
{
	(void)error;
	words->config.port.device = text;
	return 0;
}

static int set_buffers(struct words *words, const char *text, struct vly_error *error)
{
	return parse_number("buffers", text, NUMBER_MAX, &words->config.port.buffers, error);
}

static int set_mtu(struct words *words, const char *text, struct vly_error *error)
{
	return parse_number("mtu", text, MTU_MAX, &words->config.port.mtu, error);
}

static int set_vlan(struct words *words, const char *text, struct vly_error *error)
{
	uint32_t vlan = 0;
	int rc = parse_number("vlan", text, VLAN_MAX, &vlan, error);

	if (!rc)
		words->config.port.vlan = (uint16_t)vlan;
	return rc;
}

static int set_idle(struct words *words, const char *text, struct vly_error *error)
{
	static const char *const names[] = {
		[VLY_IDLE_ADAPTIVE] = "adaptive",
		[VLY_IDLE_BUSY] = "busy",
		[VLY_IDLE_BLOCK] = "block",
	};

	for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], text) == 0) {
			words->config.idle = (enum vly_idle)i;
			return 0;
		}
	}
	return vly_fail(error, -EINVAL, "idle=%s: none of adaptive, busy, block", text);
}

static int set_shared(struct words *words, const char *text, struct vly_error *error)
{
	words->config.shared = strcmp(text, "on") == 0;
	if (words->config.shared || strcmp(text, "off") == 0)
		return 0;
	return vly_fail(error, -EINVAL, "shared=%s: neither on nor off", text);
}

static int set_match(struct words *words, const char *text, struct vly_error *error)
{
	return vly_match_parse(&words->config.match, text, error);
}

static const struct {
	const char *key;
	int (*take)(struct words *words, const char *text, struct vly_error *error);
} takers[] = {
	{"backend", set_backend}, {"device", set_device},       {"address", add_address},
	{"listen", add_listen},   {"join", add_group},          {"option", add_option},
	{"route", add_route},     {"neighbour", add_neighbour}, {"buffers", set_buffers},
	{"mtu", set_mtu},         {"vlan", set_vlan},           {"idle", set_idle},
	{"shared", set_shared},   {"match", set_match},
};

static int take_word(struct words *words, const char *word, struct vly_error *error)
{
	size_t length = strcspn(word, "=");

	for (uint32_t i = 0; word[length] && i < sizeof(takers) / sizeof(takers[0]); i++) {
		if (strlen(takers[i].key) == length && memcmp(takers[i].key, word, length) == 0)
			return takers[i].take(words, word + length + 1, error);
	}
	return vly_fail(error, -EINVAL,
			"'%s': no such key; known: backend, device, address, listen, join, "
			"option, route, neighbour, buffers, mtu, vlan, idle, shared, match, each "
			"with =VALUE",
			word);
}

int vly_client_open_words(struct vly_client **client, const char *const *words, uint32_t count,
			  struct vly_error *error)
{
	struct words *taken = calloc(1, sizeof(*taken));
	int rc = 0;

	if (!taken)
		return vly_fail(error, -ENOMEM, "out of memory");
	taken->config.port.addrs = taken->addrs;
	taken->config.port.listens = taken->listens;
	taken->config.port.groups = taken->groups;
	taken->config.port.routes = taken->routes;
	taken->config.port.neighbours = taken->neighbours;
	taken->config.port.options = taken->options;
	for (uint32_t i = 0; i < count && !rc; i++)
		rc = take_word(taken, words[i], error);
	if (!rc)
		rc = vly_client_open(client, &taken->config, error);
	free(taken);
	return rc;
}
