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

#include "core/compiler.h"
#include "handler/forward/hash.h"

enum vly_session_limits {
	VLY_SESSION_NONE = UINT32_MAX,
};

// One cache line.
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

// Finding one takes three steps, so that those of a burst can be taken together: the bucket, which
// is asked for from memory; its first session, which is; and the look at it.
static inline uint32_t vly_sessions_seek(const struct vly_sessions *sessions,
					 const struct vly_addr *client,
					 const struct vly_addr *local);
static inline void vly_sessions_prefetch(const struct vly_sessions *sessions, uint32_t bucket);

// The session, or NULL.
static inline struct vly_session *vly_sessions_find(const struct vly_sessions *sessions,
						    uint32_t bucket, const struct vly_addr *client,
						    const struct vly_addr *local);

// A new one, which is not there yet; NULL when all are in use. The caller fills in the rest.
struct vly_session *vly_sessions_add(struct vly_sessions *sessions, uint32_t bucket,
				     const struct vly_addr *client, const struct vly_addr *local,
				     uint64_t now_ns);

// The one whose turn it is, or NULL; and what becomes of it.
struct vly_session *vly_sessions_oldest(const struct vly_sessions *sessions);
void vly_sessions_requeue_oldest(struct vly_sessions *sessions);
void vly_sessions_remove_oldest(struct vly_sessions *sessions);

// --- inline definitions -------------------------------------------------------------------------

// Our own addresses are few, and nobody else's choice: their bits are mixed in, but do not have to
// be spread by themselves.
static inline uint32_t vly_sessions_seek(const struct vly_sessions *sessions,
					 const struct vly_addr *client,
					 const struct vly_addr *local)
{
	uint64_t words[2];
	uint64_t hash;

	memcpy(words, local->ip, sizeof(words));
	hash = sessions->seed + words[0] + words[1] + local->port * UINT64_C(0x9e3779b97f4a7c15);
	hash = vly_forward_hash(hash, client->ip, client->port);
	vly_prefetch(&sessions->bucket[hash & sessions->mask]);
	return (uint32_t)hash & sessions->mask;
}

static inline void vly_sessions_prefetch(const struct vly_sessions *sessions, uint32_t bucket)
{
	uint32_t first = sessions->bucket[bucket];

	// Without a branch: that of none is never looked at.
	vly_prefetch((const void *)((uintptr_t)sessions->list +
				    (uintptr_t)first * sizeof(sessions->list[0])));
}

// memcmp() of 18 bytes is a call.
static inline bool vly_session_addr_is(const struct vly_addr *a, const struct vly_addr *b)
{
	uint64_t words[4];

	memcpy(words, a->ip, 16);
	memcpy(words + 2, b->ip, 16);
	return ((words[0] ^ words[2]) | (words[1] ^ words[3])) == 0 && a->port == b->port;
}

static inline struct vly_session *vly_sessions_find(const struct vly_sessions *sessions,
						    uint32_t bucket, const struct vly_addr *client,
						    const struct vly_addr *local)
{
	uint32_t at = sessions->bucket[bucket];

	while (at != VLY_SESSION_NONE) {
		struct vly_session *session = &sessions->list[at];

		if (vly_session_addr_is(&session->client, client) &&
		    vly_session_addr_is(&session->local, local))
			return session;
		at = session->next;
	}
	return NULL;
}
