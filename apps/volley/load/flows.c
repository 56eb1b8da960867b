// SPDX-License-Identifier: BSD-3-Clause
#include "load/flows.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
	PORT_FIRST = 10000, // of those that flows may come from
	PORT_END = 65536,
	TRIES = 32, // where other programs hold a port of the range
};

// How many flows there can be.
struct reach {
	struct vly_addr addrs[VLY_ADDRS_MAX]; // of ours, of the target's family; or one of zeros
	uint32_t addr_count;
	uint32_t ports_max;
	bool has_listens; // the simulated wire answers whatever the port
	bool has_span;    // one listen has as many ports as it likes
};

static bool is_backend(const struct port_options *options, const char *name)
{
	return options->backend && strcmp(options->backend, name) == 0;
}

static void find_addrs(struct reach *reach, const struct port_options *options,
		       const struct vly_addr *target)
{
	for (uint32_t i = 0; i < options->addr_count; i++) {
		struct vly_addr addr = {.port = 0};

		memcpy(addr.ip, options->addrs[i].ip, sizeof(addr.ip));
		if (vly_addr_is_ipv4(&addr) == vly_addr_is_ipv4(target))
			reach->addrs[reach->addr_count++] = addr;
	}
	if (reach->addr_count == 0)
		reach->addr_count = 1;
}

static void find_reach(struct reach *reach, const struct port_options *options,
		       const struct vly_addr *target)
{
	static const char shared[] = "af_xdp:"; // with the kernel, which gives single ports

	*reach = (struct reach){.ports_max = VLY_LISTENS_MAX};
	find_addrs(reach, options, target);
	reach->has_listens = !is_backend(options, "sim");
	reach->has_span = options->device && strncmp(options->device, shared, strlen(shared)) != 0;
	if (!reach->has_listens || reach->has_span)
		reach->ports_max = PORT_END - PORT_FIRST;
}

static int check_reach(const struct reach *reach, uint32_t count, struct vly_error *error)
{
	uint64_t most = (uint64_t)reach->addr_count * reach->ports_max;

	if (count <= most)
		return 0;
	snprintf(
		error->text, sizeof(error->text),
		"--flows: %u source ports of %u address%s make %lu flows; give more addresses with "
		"-a, up to %d",
		reach->ports_max, reach->addr_count, reach->addr_count == 1 ? "" : "es",
		(unsigned long)most, VLY_ADDRS_MAX);
	return -EINVAL;
}

static void set_locals(struct flows *flows, const struct reach *reach, uint32_t first,
		       uint32_t ports)
{
	for (uint32_t i = 0; i < flows->count; i++) {
		flows->locals[i] = reach->addrs[i / ports];
		flows->locals[i].port = (uint16_t)(first + i % ports);
	}
}

// Opens the port with a listen at each source port.
static int open_ports(struct flows *flows, struct vly_port **port,
		      const struct vly_port_config *given, const struct reach *reach,
		      struct vly_error *error)
{
	struct vly_port_config config = *given;
	struct vly_endpoint listens[VLY_LISTENS_MAX] = {0};
	uint32_t ports = flows->count < reach->ports_max ? flows->count : reach->ports_max;
	int rc = -EADDRINUSE;

	config.listens = listens;
	config.listen_count = reach->has_span ? 1 : ports;
	config.listen_span = reach->has_span ? ports : 0;
	for (uint32_t i = 0; i < TRIES && rc == -EADDRINUSE; i++) {
		uint32_t random = i;
		uint32_t first;

		if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
			random = i * 977;
		first = PORT_FIRST + random % (PORT_END - PORT_FIRST - ports + 1);
		for (uint32_t k = 0; k < config.listen_count; k++)
			listens[k].addr.port = (uint16_t)(first + k);
		set_locals(flows, reach, first, ports);
		rc = vly_port_open(port, &config, error);
	}
	return rc;
}

int flows_open(struct flows *flows, struct vly_port **port, const struct port_options *options,
	       const char *command, const struct vly_addr *target, uint32_t count,
	       struct vly_error *error)
{
	struct port_options own = *options;
	struct vly_port_config config = port_config(&own, command);
	struct reach reach;
	int rc;

	find_reach(&reach, options, target);
	rc = check_reach(&reach, count, error);
	if (rc < 0)
		return rc;
	config.queues = 1;
	flows->count = count;
	flows->locals = calloc(count, sizeof(flows->locals[0]));
	if (!flows->locals) {
		snprintf(error->text, sizeof(error->text), "no memory");
		return -ENOMEM;
	}
	if (count > 1 && reach.has_listens && port_is_of_kernel(options) &&
	    config.option_count < VLY_KEYS_MAX)
		own.options[config.option_count++] = "icmp-errors=on"; // as a client has them
	if (count > 1 && reach.has_listens)
		return open_ports(flows, port, &config, &reach, error);
	if (count > 1)
		set_locals(flows, &reach, PORT_FIRST, reach.ports_max);
	return vly_port_open(port, &config, error);
}

void flows_close(struct flows *flows)
{
	free(flows->locals);
}
