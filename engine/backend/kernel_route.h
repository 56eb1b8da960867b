// SPDX-License-Identifier: BSD-3-Clause
//
// Routes: sockets that only send, one for each peer that is sent to again and again. Such a socket
// is connected, so the kernel keeps the way to its peer, and looks up none for each message: an
// eighth of what a datagram over loopback costs. It is bound to our port and a group that nobody
// has joined, so nothing ever reaches it: what comes is still the listening socket's, ICMP errors
// too. Linux takes no group for a source: such a socket sends from the address that its routing
// tables name. A message that it cannot send leaves by the listening socket instead.
//
// Who has a route is decided as by the algorithm of Misra and Gries for frequent items: each
// message makes its flow warmer, and one of a flow that finds no place makes the coldest of those
// that have its places colder, until that has lost its own. So many peers that come once displace
// nobody.
//
// Opening and closing is the control thread's; all else is the queue's.
#pragma once

#include "backend/kernel_socket.h"

enum vly_kernel_route_limits {
	VLY_KERNEL_ROUTES = 512,     // flows that are watched
	VLY_KERNEL_ROUTES_MAX = 256, // that have a socket
};

struct vly_kernel_route {
	uint64_t flow[5]; // peer, local and link of a datagram
	int fd;           // -1: none
	bool is_refused;  // it cannot be had for now, or could not send
	uint16_t warmth;  // 0: nobody's place
	uint16_t batch;   // the last one that it was looked up for
};

struct vly_kernel_routes {
	uint32_t most;   // sockets; 0: no routes
	uint32_t count;  // of them now
	uint16_t batch;  // number of the last batch: its routes are in use and not given up
	uint16_t opened; // the batch that one was last opened for: one each, which takes some 20 us
	uint64_t aged_ns; // when they were last looked through for what is not used any more
	struct vly_kernel_route list[VLY_KERNEL_ROUTES];
};

// How many there may be is set by RLIMIT_NOFILE, of which all queues together take a quarter at
// most. None without options->connects.
void vly_kernel_routes_open(struct vly_kernel_routes *routes,
			    const struct vly_kernel_options *options, uint32_t queues);
void vly_kernel_routes_close(struct vly_kernel_routes *routes);

// A batch begins: the routes of the one before may be given up now.
static inline void vly_kernel_routes_begin(struct vly_kernel_routes *routes)
{
	routes->batch++;
}

// The route of a datagram that would leave by `sock`, or NULL; it is warmer then, and may have
// just been opened, which takes some ten system calls. Valid until the next batch begins.
struct vly_kernel_route *vly_kernel_routes_get(struct vly_kernel_routes *routes,
					       const struct vly_kernel_socket *sock,
					       const struct vly_dgram *dgram);

// It could not send. It is closed once no batch has it any more, and none is opened for its flow
// for some ten seconds.
void vly_kernel_route_refuse(struct vly_kernel_route *route);

// Closes what was not used for some seconds. To be called now and then, while no batch waits.
void vly_kernel_routes_age(struct vly_kernel_routes *routes, uint64_t now_ns);
