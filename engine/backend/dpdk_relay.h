// SPDX-License-Identifier: BSD-3-Clause
//
// A virtio-user device whose server may die and come back. Private to the dpdk backend.
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include <volley/error.h>

struct vly_dpdk_plan;

// Stands between virtio-user and a server that may die and come back; see dpdk_relay.c.
struct vly_dpdk_relay {
	char path[64];      // the socket that the driver has to serve; "": there is no relay
	char folder[48];    // it is alone in
	char front[64];     // by which we reach it
	const char *target; // of the plan's device
	pthread_t thread;
	int first_fd; // connected to the server by open; the thread's from then on
	int held_fd;  // of the driver's socket, -1: not yet
	int stop_fd;  // ends the thread
	bool is_running;
};

// Connects to the server and starts the thread, for a device that wants it. 0, or what connect(2)
// says, -ETIMEDOUT, -EPROTO, -EACCES, -EMFILE, -EAGAIN. Close it in any case, after the device.
int vly_dpdk_relay_open(struct vly_dpdk_relay *relay, const struct vly_dpdk_plan *plan,
			struct vly_error *error);
void vly_dpdk_relay_close(struct vly_dpdk_relay *relay);
