// SPDX-License-Identifier: BSD-3-Clause
//
// What the kernel knows of an interface that it shares with us: its addresses, the routes over it,
// its neighbours. Private to the dpdk backend.
//
//     dpdk_netlink.c  asking and listening (rtnetlink(7))
//     dpdk_kernel.c   the thread that does it, and what the queues see
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/backend.h"

// --- messages: one thread at a time ------------------------------------------------------------

struct mnl_socket;

struct vly_dpdk_netlink {
	struct mnl_socket *events; // what changes
	struct mnl_socket *asks;   // questions and their answers
	uint32_t ifindex;
};

// Addresses and routes, as of one moment.
struct vly_dpdk_ways {
	uint32_t addr_count;
	uint32_t route_count;
	uint32_t routes_left_out; // there was no room for them
	struct vly_prefix addrs[VLY_ADDRS_MAX];
	struct vly_route routes[VLY_ROUTES_MAX]; // a next hop of zeros: everybody there is near
};

// Who takes in neighbours that a message tells of.
typedef void vly_dpdk_heard(void *arg, const struct vly_link_neighbour *neighbour);

enum vly_dpdk_event {
	VLY_DPDK_EVENT_WAYS = 1 << 0, // addresses or routes are others now
	VLY_DPDK_EVENT_LOST = 1 << 1, // more came than was kept: everything may be another
};

// Returns 0 or a negative errno. Close it in any case.
int vly_dpdk_netlink_open(struct vly_dpdk_netlink *netlink, uint32_t ifindex);
void vly_dpdk_netlink_close(struct vly_dpdk_netlink *netlink);

// The descriptor to poll(2) for events.
int vly_dpdk_netlink_fd(const struct vly_dpdk_netlink *netlink);

// Reads the addresses that can be used, and the routes of the main table.
int vly_dpdk_netlink_ways(const struct vly_dpdk_netlink *netlink, struct vly_dpdk_ways *ways);

// Tells of all neighbours whose MAC is known.
int vly_dpdk_netlink_neighbours(const struct vly_dpdk_netlink *netlink, vly_dpdk_heard *heard,
				void *arg);

// Takes the events that have come. Returns VLY_DPDK_EVENT_*.
uint32_t vly_dpdk_netlink_events(const struct vly_dpdk_netlink *netlink, vly_dpdk_heard *heard,
				 void *arg);

// Makes the kernel look for a neighbour, or look again after one it has; tells of it if it is known
// at once.
int vly_dpdk_netlink_seek(const struct vly_dpdk_netlink *netlink, const uint8_t *ip,
			  vly_dpdk_heard *heard, void *arg);

// --- the tables --------------------------------------------------------------------------------

struct vly_dpdk_kernel;

struct vly_dpdk_kernel_config {
	uint32_t ifindex;
	const struct vly_prefix *only; // the addresses that count; they outlive the tables
	uint32_t only_count;           // 0: all
	// Told when the addresses are others, by the thread that watches.
	void (*changed)(void *arg, const struct vly_prefix *addrs, uint32_t count);
	void *arg;
};

// Reads everything once. *kernel is NULL after an error. Returns 0, or a negative errno with the
// fix. The control thread.
int vly_dpdk_kernel_open(struct vly_dpdk_kernel **kernel,
			 const struct vly_dpdk_kernel_config *config, struct vly_error *error);

// Goes on watching, on a thread of its own, until close.
int vly_dpdk_kernel_start(struct vly_dpdk_kernel *kernel, struct vly_error *error);
void vly_dpdk_kernel_close(struct vly_dpdk_kernel *kernel);

// As they were read last. Before start: the control thread.
const struct vly_dpdk_ways *vly_dpdk_kernel_ways(const struct vly_dpdk_kernel *kernel);

// Rises with each change.
const _Atomic uint32_t *vly_dpdk_kernel_version(const struct vly_dpdk_kernel *kernel);

// What a queue has not seen yet; see backend.h. The queue's thread; neither waits.
bool vly_dpdk_kernel_news(struct vly_dpdk_kernel *kernel, uint32_t queue,
			  struct vly_link_news *news);
void vly_dpdk_kernel_seek(struct vly_dpdk_kernel *kernel, uint32_t queue, const uint8_t *ip);
