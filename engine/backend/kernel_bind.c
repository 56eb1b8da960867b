// SPDX-License-Identifier: BSD-3-Clause
#include "backend/kernel_bind.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "backend/kernel_socket.h"
#include "core/fail.h"

uint32_t vly_kernel_bind_count(const struct vly_port_config *config)
{
	if (config->listen_count)
		return config->listen_count;
	return config->addr_count ? config->addr_count : 1;
}

struct vly_endpoint vly_kernel_bind_at(const struct vly_port_config *config, uint32_t index)
{
	struct vly_endpoint endpoint = {.ifindex = 0};

	if (config->listen_count)
		return config->listens[index];
	if (config->addr_count)
		memcpy(endpoint.addr.ip, config->addrs[index].ip, sizeof(endpoint.addr.ip));
	return endpoint;
}

static bool covers(const struct vly_addr *all, const struct vly_addr *one)
{
	return vly_addr_is_wildcard(all) && (!vly_addr_is_ipv4(all) || vly_addr_is_ipv4(one));
}

// Queues share a port by a way that lets one for all addresses stand beside one for some.
static bool overlap(const struct vly_endpoint *a, const struct vly_endpoint *b, bool is_shared)
{
	if (!a->addr.port || a->addr.port != b->addr.port || a->ifindex != b->ifindex)
		return false;
	if (memcmp(a->addr.ip, b->addr.ip, sizeof(a->addr.ip)) == 0)
		return true;
	return !is_shared && (covers(&a->addr, &b->addr) || covers(&b->addr, &a->addr));
}

int vly_kernel_bind_check(const char *name, const struct vly_port_config *config,
			  struct vly_error *error)
{
	char before[VLY_ADDR_TEXT_BYTES];
	char text[VLY_ADDR_TEXT_BYTES];

	for (uint32_t i = 0; i < config->listen_count; i++) {
		for (uint32_t k = 0; k < i; k++) {
			if (!overlap(&config->listens[k], &config->listens[i], config->queues > 1))
				continue;
			vly_addr_format(&config->listens[k].addr, before, sizeof(before));
			vly_addr_format(&config->listens[i].addr, text, sizeof(text));
			return vly_fail(error, -EADDRINUSE,
					"%s: %s overlaps %s, which is given before it; leave one "
					"out",
					name, text, before);
		}
	}
	return 0;
}

int vly_kernel_connect(int fd, bool is_ipv6, const struct vly_addr *addr)
{
	struct sockaddr_in6 name;
	socklen_t bytes = vly_kernel_addr_write(&name, is_ipv6, addr, 0);

	return connect(fd, (struct sockaddr *)&name, bytes);
}

int vly_kernel_bind_fail(const char *name, int code, const struct vly_addr *addr,
			 struct vly_error *error)
{
	char text[VLY_ADDR_TEXT_BYTES];
	char ip[VLY_ADDR_TEXT_BYTES];

	vly_addr_format(addr, text, sizeof(text));
	vly_ip_format(addr->ip, ip, sizeof(ip));
	switch (code) {
	case -EADDRINUSE:
		return vly_fail(error, code, "%s: %s is in use; see: ss -ulpn sport = :%u", name,
				text, addr->port);
	case -EACCES:
		return vly_fail(error, code,
				"%s: %s is a privileged port; take a higher one, or run: "
				"sysctl net.ipv4.ip_unprivileged_port_start=%u, or: "
				"setcap cap_net_bind_service=+ep volley",
				name, text, addr->port);
	case -EADDRNOTAVAIL:
		if (!addr->port)
			return vly_fail(error, code,
					"%s: %s is not an address of this machine, to send from; "
					"see: ip address",
					name, ip);
		return vly_fail(error, code,
				"%s: %s is not an address of this machine; see: ip address, or "
				"listen on :%u for all of them",
				name, text, addr->port);
	case -EINVAL: // as Linux says of a link-local address that could be on any interface
		return vly_fail(error, code,
				"%s: cannot listen on %s; a link-local address needs its "
				"interface, as in [fe80::1%%eth0]:%u",
				name, text, addr->port);
	default:
		return vly_fail(error, code, "%s: cannot listen on %s (%s); check the address",
				name, text, strerror(-code));
	}
}
