// SPDX-License-Identifier: BSD-3-Clause
//
// A virtio-user device whose server may die and come back. Private to the dpdk backend.
#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
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
	int first_fd;    // connected to the server by open; the thread's from then on
	int held_fd;     // of the driver's socket, -1: not yet
	int stop_fd;     // ends the thread
	int patience_ms; // for each answer
	bool is_running;
	_Atomic bool has_failed; // a server: it hung up, stopped to answer, or answered wrongly
};

// Connects to the server and starts the thread, for a device that wants it. 0, or what connect(2)
// says, -ETIMEDOUT, -EPROTO, -EACCES, -EMFILE, -EAGAIN. Close it in any case, after the device.
int vly_dpdk_relay_open(struct vly_dpdk_relay *relay, const struct vly_dpdk_plan *plan,
			struct vly_error *error);
// Once the driver is through with its start: 0, or -EPROTO if the server did not take its part.
int vly_dpdk_relay_verify(const struct vly_dpdk_relay *relay, struct vly_error *error);
void vly_dpdk_relay_close(struct vly_dpdk_relay *relay);

// The driver of virtio-user, where we own the socket, waits for its first peer in accept(2), for
// ever. Between the two a thread of ours ends that after options.wait_ns.
struct vly_dpdk_patience {
	const struct vly_dpdk_plan *plan;
	pthread_t thread;
	sem_t done;
	bool is_waiting; // there is such a thread
	bool is_over;
};
void vly_dpdk_patience_begin(struct vly_dpdk_patience *patience, const struct vly_dpdk_plan *plan);
// Whether the patience was over before a peer came.
bool vly_dpdk_patience_end(struct vly_dpdk_patience *patience);
