// SPDX-License-Identifier: BSD-3-Clause
#include "metrics/listen.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BACKLOG = 64,
	IPV4_AT = 12, // in the bytes of a mapped address
};

static socklen_t to_socket(struct sockaddr_storage *to, const struct vly_endpoint *from,
			   sa_family_t family)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
	struct sockaddr_in *in = (struct sockaddr_in *)to;

	memset(to, 0, sizeof(*to));
	to->ss_family = family;
	if (family == AF_INET) {
		in->sin_port = htons(from->addr.port);
		memcpy(&in->sin_addr, &from->addr.ip[IPV4_AT], sizeof(in->sin_addr));
		return sizeof(*in);
	}
	in6->sin6_port = htons(from->addr.port);
	memcpy(&in6->sin6_addr, from->addr.ip, sizeof(in6->sin6_addr));
	in6->sin6_scope_id = from->ifindex;
	return sizeof(*in6);
}

// Opens one of that family, or returns a negative errno.
static int open_bound(const struct vly_endpoint *at, sa_family_t family)
{
	struct sockaddr_storage address;
	socklen_t length = to_socket(&address, at, family);
	const int on = 1, off = 0;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int status;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (struct sockaddr *)&address, length) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	status = -errno;
	close(fd);
	return status;
}

static const char *fix_of(int status)
{
	switch (status) {
	case -EADDRINUSE:
		return "the port is taken; give another, or see: ss -ltnp";
	case -EADDRNOTAVAIL:
		return "this machine has no such address; see: ip addr";
	case -EACCES:
		return "ports below 1024 are for root and CAP_NET_BIND_SERVICE; give a higher one";
	default:
		return strerror(-status);
	}
}

// The port, where the system has chosen it: it lies at the same place in both families.
static void read_port(int fd, struct vly_addr *addr)
{
	struct sockaddr_in6 address = {.sin6_port = 0};
	socklen_t length = sizeof(address);

	static_assert(offsetof(struct sockaddr_in6, sin6_port) ==
			      offsetof(struct sockaddr_in, sin_port),
		      "one of them is read for both");
	if (getsockname(fd, (struct sockaddr *)&address, &length) == 0)
		addr->port = ntohs(address.sin6_port);
}

int metrics_listen(const struct vly_endpoint *at, char *address, size_t size,
		   struct vly_error *error)
{
	struct vly_addr addr = at->addr;
	int fd = open_bound(at, vly_addr_is_ipv4(&addr) ? AF_INET : AF_INET6);

	// A kernel without IPv6.
	if (fd == -EAFNOSUPPORT && vly_addr_is_wildcard(&addr))
		fd = open_bound(at, AF_INET);
	if (fd >= 0)
		read_port(fd, &addr);
	vly_addr_format(&addr, address, size);
	if (fd < 0)
		snprintf(error->text, sizeof(error->text), "--metrics %s: %s", address, fix_of(fd));
	return fd;
}
