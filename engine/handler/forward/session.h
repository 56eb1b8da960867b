// SPDX-License-Identifier: BSD-3-Clause
//
// One worker's sessions: a client, as it speaks to one of our addresses, the server that it has
// been given, and the port of ours by which we speak for it. Memory is fixed when it is opened.
// Times are arguments; no datagram, no lock: one thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <volley/addr.h>
#include <volley/error.h>

enum vly_session_limits {
	VLY_SESSION_NONE = UINT32_MAX,
};

struct vly_session {
	struct vly_addr client;
	struct vly_addr local; // of ours, that the client speaks to
	uint8_t queue;         // that the client came by
	uint16_t port;         // index of the port that we speak to the server from
	uint8_t server;
	uint32_t next; // of its bucket; or of the free ones
	uint32_t newer;
	uint64_t seen_ns; // when the client last spoke
};

// Queued by when they are to be looked at, which is not when the client last spoke: a datagram
// moves nothing, and whoever turns out to be alive when its turn has come goes to the end.
struct vly_sessions {
	struct vly_session *list;
	uint32_t *bucket;
	uint32_t max;
	uint32_t count;
	uint32_t mask; // of buckets
	uint32_t free;
	uint32_t oldest;
	uint32_t newest;
	uint64_t seed;
};

// Room for `max` sessions, 100 bytes each. Returns 0 or -ENOMEM. Close it in either case.
int vly_sessions_open(struct vly_sessions *sessions, uint32_t max, uint64_t seed,
		      struct vly_error *error);
void vly_sessions_close(struct vly_sessions *sessions);

// The session, or NULL.
struct vly_session *vly_sessions_find(const struct vly_sessions *sessions,
				      const struct vly_addr *client, const struct vly_addr *local);

// A new one, which is not there yet; NULL when all are in use. The caller fills in the rest.
struct vly_session *vly_sessions_add(struct vly_sessions *sessions, const struct vly_addr *client,
				     const struct vly_addr *local, uint64_t now_ns);

// The one whose turn it is, or NULL; and what becomes of it.
struct vly_session *vly_sessions_oldest(const struct vly_sessions *sessions);
void vly_sessions_requeue_oldest(struct vly_sessions *sessions);
void vly_sessions_remove_oldest(struct vly_sessions *sessions);
