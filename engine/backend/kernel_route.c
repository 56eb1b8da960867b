// SPDX-License-Identifier: BSD-3-Clause
#include "backend/kernel_route.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backend/kernel_bind.h"
#include "backend/kernel_message.h"
#include "core/compiler.h"

enum {
	SET_BITS = 7,
	WAYS = VLY_KERNEL_ROUTES >> SET_BITS, // places that a flow may have
	WARM = 32,                            // messages until it gets a socket
	HOT = 1024,                           // no warmer
	FILES_PART = 4,                       // of the files that may be open
	SNDBUF_PART = 4,                      // of what the listening socket may have under way
	AGE_NS = 1000000000,
	AGE_SHIFT = 1,        // by which they are colder each time
	MULTICAST_IPV4 = 224, // the first byte, from which on an address is no host's
	MULTICAST_IPV6 = 0xff,
};

// "VLY", in the ranges of source-specific groups that a host may choose from (RFC 4607, section 1).
static const struct vly_addr nowhere_ipv4 = {
	.ip = {[10] = 0xff, 0xff, 232, 'V', 'L', 'Y'},
};
static const struct vly_addr nowhere_ipv6 = {
	.ip = {0xff, 0x3e, [12] = 0x80, 'V', 'L', 'Y'},
};

// --- opening and closing ------------------------------------------------------------------------

void vly_kernel_routes_open(struct vly_kernel_routes *routes,
			    const struct vly_kernel_options *options, uint32_t queues)
{
	struct rlimit limit = {0, 0};
	rlim_t most;

	if (!options->connects || getrlimit(RLIMIT_NOFILE, &limit))
		return;
	most = limit.rlim_cur / FILES_PART / (queues ? queues : 1);
	for (uint32_t i = 0; i < VLY_KERNEL_ROUTES; i++)
		routes->list[i].fd = -1;
	routes->most = most < VLY_KERNEL_ROUTES_MAX ? (uint32_t)most : VLY_KERNEL_ROUTES_MAX;
}

static void close_route(struct vly_kernel_routes *routes, struct vly_kernel_route *route)
{
	if (route->fd >= 0) {
		close(route->fd);
		routes->count--;
	}
	route->fd = -1;
}

void vly_kernel_routes_close(struct vly_kernel_routes *routes)
{
	for (uint32_t i = 0; i < VLY_KERNEL_ROUTES && routes->most; i++)
		close_route(routes, &routes->list[i]);
	routes->most = 0;
}

void vly_kernel_route_refuse(struct vly_kernel_route *route)
{
	route->is_refused = true;
	route->warmth = HOT;
}

void vly_kernel_routes_age(struct vly_kernel_routes *routes, uint64_t now_ns)
{
	if (VLY_LIKELY(!routes->most || now_ns - routes->aged_ns < AGE_NS))
		return;
	routes->aged_ns = now_ns;
	for (uint32_t i = 0; i < VLY_KERNEL_ROUTES; i++) {
		struct vly_kernel_route *route = &routes->list[i];

		if (!route->warmth)
			continue;
		route->warmth >>= AGE_SHIFT;
		if (!route->warmth)
			close_route(routes, route);
	}
}

// --- one route ----------------------------------------------------------------------------------

static bool is_host(const struct vly_addr *addr)
{
	if (vly_addr_is_ipv4(addr))
		return addr->ip[12] && addr->ip[12] < MULTICAST_IPV4;
	return !vly_addr_is_wildcard(addr) && addr->ip[0] != MULTICAST_IPV6;
}

// Whether it leaves with nothing that a route does not give it.
static bool can_have(const struct vly_kernel_socket *sock, const struct vly_dgram *dgram,
		     const struct vly_addr *source)
{
	if (sock->tells_errors || (!vly_kernel_is_reply(dgram) && (dgram->ttl | dgram->tos)))
		return false;
	return is_host(&dgram->peer) && is_host(source) &&
	       vly_addr_is_ipv4(&dgram->peer) == vly_addr_is_ipv4(source) &&
	       !vly_kernel_ip_is_scoped(dgram->peer.ip);
}

// Whether the kernel would send to `peer` from that address. A scratch socket is asked, as the
// route's own tells only its group.
static bool is_source(const struct vly_addr *peer, const struct vly_addr *source)
{
	bool is_ipv6 = !vly_addr_is_ipv4(peer);
	int fd = socket(is_ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct vly_addr addr = {.port = 0};
	struct sockaddr_in6 name;
	socklen_t bytes = sizeof(name);

	if (fd < 0)
		return false;
	if (!vly_kernel_connect(fd, is_ipv6, peer) &&
	    !getsockname(fd, (struct sockaddr *)&name, &bytes))
		vly_kernel_addr_read(&addr, &name);
	close(fd);
	return memcmp(addr.ip, source->ip, sizeof(addr.ip)) == 0;
}

// Routes share one address by SO_REUSEPORT, which only sockets of one user may. A listening socket
// at all addresses is in their way: it permits that, too, for the moment of the bind.
static int bind_nowhere(int fd, const struct vly_kernel_socket *sock, bool is_ipv6)
{
	struct vly_addr addr = is_ipv6 ? nowhere_ipv6 : nowhere_ipv4;
	bool is_in_the_way = sock->is_wildcard && !sock->is_shared;
	struct sockaddr_in6 name;
	socklen_t bytes;
	int off = 0;
	int on = 1;
	int rc;

	addr.port = sock->bound.port;
	bytes = vly_kernel_addr_write(&name, is_ipv6, &addr, 0);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)))
		return -1;
	if (is_in_the_way)
		setsockopt(sock->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	rc = bind(fd, (struct sockaddr *)&name, bytes);
	if (is_in_the_way)
		setsockopt(sock->fd, SOL_SOCKET, SO_REUSEPORT, &off, sizeof(off));
	return rc;
}

// Of what one socket had under way before, each has a part, so that many do not overfill a device's
// queue. What that drops all the same is told (IP_RECVERR, ip(7)), and sent again.
static void set_options(int fd, const struct vly_kernel_socket *sock, bool is_ipv6)
{
	socklen_t bytes = sizeof(int);
	int room = 0;
	int off = 0;
	int on = 1;

	if (!getsockopt(sock->fd, SOL_SOCKET, SO_SNDBUF, &room, &bytes)) {
		room /= 2 * SNDBUF_PART; // the kernel doubles what it is given
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	}
	setsockopt(fd, SOL_IP, IP_MULTICAST_ALL, &off, sizeof(off));
	setsockopt(fd, SOL_IP, IP_RECVERR, &on, sizeof(on));
	if (!is_ipv6)
		return;
	setsockopt(fd, SOL_IPV6, IPV6_MULTICAST_ALL, &off, sizeof(off));
	setsockopt(fd, SOL_IPV6, IPV6_RECVERR, &on, sizeof(on));
}

// -1: none can be had.
static int open_socket(const struct vly_kernel_socket *sock, const struct vly_dgram *dgram)
{
	bool is_ipv6 = !vly_addr_is_ipv4(&dgram->peer);
	int fd = socket(is_ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	set_options(fd, sock, is_ipv6);
	if (!bind_nowhere(fd, sock, is_ipv6) && !vly_kernel_connect(fd, is_ipv6, &dgram->peer))
		return fd;
	close(fd);
	return -1;
}

// --- looking up ---------------------------------------------------------------------------------

static struct vly_kernel_route *set_of(struct vly_kernel_routes *routes, const uint64_t *flow)
{
	uint64_t hash = (flow[0] ^ flow[1] ^ flow[2]) * UINT64_C(0x9e3779b97f4a7c15);
	uint32_t set = (uint32_t)(hash >> (64 - SET_BITS)); // which all bits have a part in

	return &routes->list[set * WAYS];
}

// The flow's place. NULL: it has none, and the coldest of those that it may have is colder now.
static struct vly_kernel_route *find_place(struct vly_kernel_routes *routes, const uint64_t *flow)
{
	struct vly_kernel_route *places = set_of(routes, flow);
	struct vly_kernel_route *coldest = places;

	for (uint32_t i = 0; i < WAYS; i++) {
		if (memcmp(places[i].flow, flow, sizeof(places[i].flow)) == 0 && places[i].warmth)
			return &places[i];
		if (places[i].warmth < coldest->warmth)
			coldest = &places[i];
	}
	if (coldest->warmth && (coldest->batch == routes->batch || --coldest->warmth))
		return NULL;
	close_route(routes, coldest);
	*coldest = (struct vly_kernel_route){.fd = -1};
	memcpy(coldest->flow, flow, sizeof(coldest->flow));
	return coldest;
}

struct vly_kernel_route *vly_kernel_routes_get(struct vly_kernel_routes *routes,
					       const struct vly_kernel_socket *sock,
					       const struct vly_dgram *dgram)
{
	const struct vly_addr *source = sock->is_wildcard ? &dgram->local : &sock->bound;
	struct vly_kernel_route *route;
	uint64_t flow[5];

	if (!routes->most || !can_have(sock, dgram, source))
		return NULL;
	memcpy(flow, dgram, sizeof(flow));
	route = find_place(routes, flow);
	if (!route)
		return NULL;
	if (VLY_UNLIKELY(route->is_refused)) {
		if (route->batch != routes->batch)
			close_route(routes, route);
		return NULL;
	}
	route->batch = routes->batch;
	if (route->warmth < HOT)
		route->warmth++;
	if (VLY_LIKELY(route->fd >= 0))
		return route;
	if (route->warmth < WARM || routes->count >= routes->most ||
	    routes->opened == routes->batch)
		return NULL;
	routes->opened = routes->batch;
	if (is_source(&dgram->peer, source))
		route->fd = open_socket(sock, dgram);
	if (route->fd < 0) {
		vly_kernel_route_refuse(route);
		return NULL;
	}
	routes->count++;
	return route;
}
