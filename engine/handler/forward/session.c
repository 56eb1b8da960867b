// SPDX-License-Identifier: BSD-3-Clause
#include "handler/forward/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <volley/dgram.h>

#include "core/fail.h"
#include "core/pages.h"

_Static_assert(sizeof(struct vly_session) == VLY_CACHE_LINE_BYTES, "a session is one line");

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
	sessions->list = vly_pages_alloc(max * sizeof(sessions->list[0]));
	sessions->bucket = vly_pages_alloc(buckets * sizeof(sessions->bucket[0]));
	if (!sessions->list || !sessions->bucket)
		return vly_fail(error, -ENOMEM, "no memory for %u sessions; give fewer", max);
	memset(sessions->bucket, 0xff, buckets * sizeof(sessions->bucket[0]));
	for (uint32_t i = 0; i < max; i++)
		sessions->list[i].next = i + 1 < max ? i + 1 : VLY_SESSION_NONE;
	return 0;
}

void vly_sessions_close(struct vly_sessions *sessions)
{
	vly_pages_free(sessions->list, sessions->max * sizeof(sessions->list[0]));
	vly_pages_free(sessions->bucket,
		       ((size_t)sessions->mask + 1) * sizeof(sessions->bucket[0]));
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

struct vly_session *vly_sessions_add(struct vly_sessions *sessions, uint32_t bucket,
				     const struct vly_addr *client, const struct vly_addr *local,
				     uint64_t now_ns)
{
	uint32_t index = sessions->free;
	struct vly_session *session;

	if (index == VLY_SESSION_NONE)
		return NULL;
	session = &sessions->list[index];
	sessions->free = session->next;
	*session = (struct vly_session){
		.client = *client,
		.local = *local,
		.next = sessions->bucket[bucket],
		.seen_ns = now_ns,
	};
	sessions->bucket[bucket] = index;
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
	uint32_t *link =
		&sessions->bucket[vly_sessions_seek(sessions, &session->client, &session->local)];

	while (*link != index)
		link = &sessions->list[*link].next;
	*link = session->next;
	session->next = sessions->free;
	sessions->free = index;
	sessions->count--;
}
