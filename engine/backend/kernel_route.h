// SPDX-License-Identifier: BSD-3-Clause
//
// Routes: sockets that only send, one for each peer that is answered again and again. Such a
// socket is connected, so the kernel keeps the route to its peer, and looks up none for each
// message: an eighth of what a datagram over loopback costs. It is bound to our port and a group
// that it has not joined, so nothing ever reaches it: what comes is still the listening socket's,
// ICMP errors among it (udp(7), ip(7); Linux takes the address to send from by the route there, as
// the group is none). A message that it cannot send leaves by the listening socket instead.
//
// Who has a route is decided as by the algorithm of Misra and Gries for frequent items: each
// message makes its flow warmer, and one of a flow that has no place makes another of its
// neighbours colder, until that has lost its place. So many peers that come once displace nobody.
#pragma once

#include "backend/kernel_socket.h"

enum vly_kernel_route_limits {
	VLY_KERNEL_ROUTES = 512,    // flows that are watched
	VLY_KERNEL_ROUTES_MAX = 256 // that have a socket
};

struct vly_kernel_route {
	uint64_t flow[5]; // peer, local and link of a datagram
	int fd;           // -1: none yet; -2: none can be had
	uint16_t warmth;  // 0: nobody's place
	uint16_t batch;   // the last one that it was looked up for
};

struct vly_kernel_routes {
	const struct vly_kernel_options *options; // what the sockets are set up with
	uint32_t most;                            // sockets; 0: no routes
	uint32_t count;                           // of them now
	uint16_t batch;   // whose messages may hold a route: none of those is given up
	uint64_t aged_ns; // when they were last looked through for what is not used any more
	struct vly_kernel_route list[VLY_KERNEL_ROUTES];
};

// How many there may be is set by RLIMIT_NOFILE, of which all queues together take a quarter at
// most. `options` stays the caller's and valid.
void vly_kernel_routes_open(struct vly_kernel_routes *routes,
			    const struct vly_kernel_options *options, uint32_t queues);
void vly_kernel_routes_close(struct vly_kernel_routes *routes);

// A batch begins: the routes of the one before may be given up now.
static inline void vly_kernel_routes_begin(struct vly_kernel_routes *routes)
{
	routes->batch++;
}

// The route of a datagram that would leave by `sock`, or NULL; it is warmer then, and may have
// just been opened. Valid until the next batch begins.
struct vly_kernel_route *vly_kernel_routes_find(struct vly_kernel_routes *routes,
						const struct vly_kernel_socket *sock,
						const struct vly_dgram *dgram);

// It could not send: closes it, and opens none for its flow for long.
void vly_kernel_route_refuse(struct vly_kernel_routes *routes, struct vly_kernel_route *route);

// Closes what was not used for some seconds. To be called now and then, while no batch waits.
void vly_kernel_routes_age(struct vly_kernel_routes *routes, uint64_t now_ns);
