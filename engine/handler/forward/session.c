// SPDX-License-Identifier: BSD-3-Clause
#include "handler/forward/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "handler/forward/hash.h"

int vly_sessions_open(struct vly_sessions *sessions, uint32_t max, uint64_t seed,
		      struct vly_error *error)
{
	uint32_t buckets = 1;

	while (buckets < max)
		buckets *= 2;
	*sessions = (struct vly_sessions){
		.max = max,
		.mask = buckets - 1,
		.oldest = VLY_SESSION_NONE,
		.newest = VLY_SESSION_NONE,
		.seed = seed,
	};
	sessions->list = calloc(max, sizeof(sessions->list[0]));
	sessions->bucket = malloc(buckets * sizeof(sessions->bucket[0]));
	if (!sessions->list || !sessions->bucket)
		return vly_fail(error, -ENOMEM, "no memory for %u sessions; give fewer", max);
	memset(sessions->bucket, 0xff, buckets * sizeof(sessions->bucket[0]));
	for (uint32_t i = 0; i < max; i++)
		sessions->list[i].next = i + 1 < max ? i + 1 : VLY_SESSION_NONE;
	return 0;
}

void vly_sessions_close(struct vly_sessions *sessions)
{
	free(sessions->list);
	free(sessions->bucket);
}

static uint32_t *bucket_of(const struct vly_sessions *sessions, const struct vly_addr *client,
			   const struct vly_addr *local)
{
	uint64_t hash = vly_forward_hash(sessions->seed, client->ip, client->port);

	hash = vly_forward_hash(hash, local->ip, local->port);
	return &sessions->bucket[hash & sessions->mask];
}

// memcmp() of 18 bytes is a call.
static inline bool is_same(const struct vly_addr *a, const struct vly_addr *b)
{
	uint64_t words[4];

	memcpy(words, a->ip, 16);
	memcpy(words + 2, b->ip, 16);
	return ((words[0] ^ words[2]) | (words[1] ^ words[3])) == 0 && a->port == b->port;
}

struct vly_session *vly_sessions_find(const struct vly_sessions *sessions,
				      const struct vly_addr *client, const struct vly_addr *local)
{
	uint32_t at = *bucket_of(sessions, client, local);

	while (at != VLY_SESSION_NONE) {
		struct vly_session *session = &sessions->list[at];

		if (is_same(&session->client, client) && is_same(&session->local, local))
			return session;
		at = session->next;
	}
	return NULL;
}

static void enqueue(struct vly_sessions *sessions, uint32_t index)
{
	sessions->list[index].newer = VLY_SESSION_NONE;
	if (sessions->newest == VLY_SESSION_NONE)
		sessions->oldest = index;
	else
		sessions->list[sessions->newest].newer = index;
	sessions->newest = index;
}

static uint32_t dequeue(struct vly_sessions *sessions)
{
	uint32_t index = sessions->oldest;

	sessions->oldest = sessions->list[index].newer;
	if (sessions->oldest == VLY_SESSION_NONE)
		sessions->newest = VLY_SESSION_NONE;
	return index;
}

struct vly_session *vly_sessions_add(struct vly_sessions *sessions, const struct vly_addr *client,
				     const struct vly_addr *local, uint64_t now_ns)
{
	uint32_t *bucket = bucket_of(sessions, client, local);
	uint32_t index = sessions->free;
	struct vly_session *session;

	if (index == VLY_SESSION_NONE)
		return NULL;
	session = &sessions->list[index];
	sessions->free = session->next;
	*session = (struct vly_session){
		.client = *client,
		.local = *local,
		.next = *bucket,
		.seen_ns = now_ns,
	};
	*bucket = index;
	sessions->count++;
	enqueue(sessions, index);
	return session;
}

struct vly_session *vly_sessions_oldest(const struct vly_sessions *sessions)
{
	return sessions->oldest == VLY_SESSION_NONE ? NULL : &sessions->list[sessions->oldest];
}

void vly_sessions_requeue_oldest(struct vly_sessions *sessions)
{
	enqueue(sessions, dequeue(sessions));
}

void vly_sessions_remove_oldest(struct vly_sessions *sessions)
{
	uint32_t index = dequeue(sessions);
	struct vly_session *session = &sessions->list[index];
	uint32_t *link = bucket_of(sessions, &session->client, &session->local);

	while (*link != index)
		link = &sessions->list[*link].next;
	*link = session->next;
	session->next = sessions->free;
	sessions->free = index;
	sessions->count--;
}
