// SPDX-License-Identifier: BSD-3-Clause
//
// What a port stands on, in one line.
#include <stdio.h>
#include <string.h>

#include "core/port.h"

static size_t add_prefixes(char *text, size_t size, const struct vly_port_config *config)
{
	size_t used = 0;

	for (uint32_t i = 0; i < config->addr_count && used < size; i++) {
		char ip[VLY_ADDR_TEXT_BYTES];

		vly_ip_format(config->addrs[i].ip, ip, sizeof(ip));
		used += (size_t)snprintf(text + used, size - used, ", address %s", ip);
	}
	return used;
}

// How many listens from the first one on are of one address, with one port after the other.
static uint32_t range_length(const struct vly_endpoint *listens, uint32_t count)
{
	uint32_t n = 1;

	while (n < count && listens[n].addr.port == listens[0].addr.port + n &&
	       memcmp(listens[n].addr.ip, listens[0].addr.ip, sizeof(listens[0].addr.ip)) == 0)
		n++;
	return n;
}

static void add_listens(char *text, size_t size, const struct vly_port_config *config)
{
	size_t used = 0;
	uint32_t n;

	for (uint32_t i = 0; i < config->listen_count && used < size; i += n) {
		const struct vly_addr *addr = &config->listens[i].addr;
		char first[VLY_ADDR_TEXT_BYTES];

		n = range_length(&config->listens[i], config->listen_count - i);
		vly_addr_format(addr, first, sizeof(first));
		used += (size_t)snprintf(text + used, size - used, ", %s", first);
		if (n > 1 && used < size)
			used += (size_t)snprintf(text + used, size - used, "-%u",
						 addr->port + n - 1);
	}
}

void vly_port_describe(struct vly_port *port, const struct vly_port_config *config)
{
	const char *detail = port->backend->detail ? port->backend->detail(port->inner) : "";
	size_t size = sizeof(port->summary);
	size_t used = (size_t)snprintf(port->summary, size, "%s%s%.200s, %u queue%s",
				       port->backend->name, detail[0] ? " " : "", detail,
				       port->queue_count, port->queue_count == 1 ? "" : "s");

	if (used < size)
		used += add_prefixes(port->summary + used, size - used, config);
	if (used < size)
		add_listens(port->summary + used, size - used, config);
}
