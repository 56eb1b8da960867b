// SPDX-License-Identifier: BSD-3-Clause
//
// Inside a client: a port with one queue, and what was received and not taken yet.
#pragma once

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include <volley/client.h>

#include "core/idle.h"
#include "core/port.h"

enum vly_client_sizes {
	VLY_CLIENT_BUCKETS = 256, // of requests in flight
	VLY_CLIENT_RANDOM_BYTES = 256,
};

// A request that has ended.
struct vly_client_memory {
	uint64_t hash; // 0: none yet
	bool is_answered;
};

struct vly_client {
	struct vly_port *port;
	struct vly_queue *queue;
	bool shared;
	pthread_mutex_t lock;
	_Atomic uint32_t waiting; // threads that want the lock
	struct vly_idler idler;
	struct vly_client_counts counts;
	struct vly_dgram *held[VLY_BURST_MAX]; // received, and not taken yet
	uint32_t held_first;
	uint32_t held_count;
	bool is_dry;    // the last burst found nothing
	int epoll_fd;   // what vly_client_fd() gives; -1: nobody has asked
	int held_fd;    // readable while something is held, for that descriptor; -1: as above
	bool is_marked; // held_fd is readable
	// requests
	struct vly_match match;
	struct vly_request *flying[VLY_CLIENT_BUCKETS]; // by hash, oldest first
	uint32_t flying_count;
	uint64_t due_ns;   // no request's wait ends before
	uint64_t refusals; // that the port had counted when last looked at
	struct vly_client_memory ended[VLY_REQUESTS_REMEMBERED];
	uint32_t ended_next;
	uint32_t random_left;
	uint8_t random[VLY_CLIENT_RANDOM_BYTES];
};

static inline void vly_client_lock(struct vly_client *client)
{
	if (!client->shared)
		return;
	atomic_fetch_add_explicit(&client->waiting, 1, memory_order_relaxed);
	pthread_mutex_lock(&client->lock);
	atomic_fetch_sub_explicit(&client->waiting, 1, memory_order_relaxed);
}

static inline void vly_client_unlock(struct vly_client *client)
{
	if (client->shared)
		pthread_mutex_unlock(&client->lock);
}

// Receives a burst if nothing is held, without waiting. Returns how much is held. The same thread
// as all below: the one that has the lock.
uint32_t vly_client_fill(struct vly_client *client, uint64_t now_ns);

// Receives until something is held. False: nothing came before the deadline.
bool vly_client_await(struct vly_client *client, uint64_t deadline_ns);

// After a turn that found so much work: spins, yields or sleeps, at most until `until_ns`. Lets
// other threads of a shared client in.
void vly_client_rest(struct vly_client *client, uint32_t work, uint64_t now_ns, uint64_t until_ns);

// Has the descriptor tell what is left, where there is one. To be called at the end of whatever
// receives.
void vly_client_mark(struct vly_client *client);

// As vly_client_send(), with the deadline of a wait for room.
int vly_client_send_until(struct vly_client *client, const struct vly_endpoint *peer,
			  const void *bytes, uint32_t len, uint64_t deadline_ns,
			  struct vly_error *error);

// Who sent a datagram.
struct vly_endpoint vly_client_peer_of(const struct vly_client *client,
				       const struct vly_dgram *dgram);

// 0 and UINT64_MAX as in vly_client_recv().
static inline uint64_t vly_deadline_ns(uint64_t now_ns, uint64_t timeout_ns)
{
	return timeout_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + timeout_ns;
}

// Ends all requests in flight.
void vly_client_cancel_all(struct vly_client *client);
