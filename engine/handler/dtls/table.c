// SPDX-License-Identifier: BSD-3-Clause
#include "handler/dtls/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stack/bytes.h"

int vly_dtls_table_init(struct vly_dtls_table *table, uint32_t sessions, uint64_t seed)
{
	uint32_t size = 1;

	while (size < sessions)
		size *= 2;
	memset(table, 0, sizeof(*table));
	table->buckets = calloc(size, sizeof(table->buckets[0]));
	if (!table->buckets)
		return -ENOMEM;
	table->mask = size - 1;
	table->seed = seed | 1;
	return 0;
}

void vly_dtls_table_fini(struct vly_dtls_table *table)
{
	free(table->buckets);
	table->buckets = NULL;
}

static struct vly_dtls_session **bucket_of(const struct vly_dtls_table *table,
					   const struct vly_addr *peer)
{
	uint64_t hash = vly_raw64(peer->ip) ^ table->seed;

	// Twice multiplied, and folded between: each bit of the address reaches those of the mask.
	hash = (hash ^ hash >> 32) * (table->seed ^ 0x9e3779b97f4a7c15u);
	hash ^= vly_raw64(peer->ip + 8);
	hash += peer->port * 0xd6e8feb86659fd93u;
	hash = (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9u;
	return &table->buckets[(hash ^ hash >> 32) & table->mask];
}

static bool is_of(const struct vly_dtls_session *session, const struct vly_addr *peer)
{
	return session->peer.port == peer->port &&
	       memcmp(session->peer.ip, peer->ip, sizeof(peer->ip)) == 0;
}

struct vly_dtls_session *vly_dtls_table_find(const struct vly_dtls_table *table,
					     const struct vly_addr *peer)
{
	struct vly_dtls_session *session = *bucket_of(table, peer);

	while (session && !is_of(session, peer))
		session = session->next;
	return session;
}

static struct vly_dtls_list *list_of(struct vly_dtls_table *table,
				     const struct vly_dtls_session *session)
{
	return session->is_open ? &table->open : &table->opening;
}

static void append(struct vly_dtls_list *list, struct vly_dtls_session *session)
{
	session->older = list->newest;
	session->newer = NULL;
	if (list->newest)
		list->newest->newer = session;
	else
		list->oldest = session;
	list->newest = session;
	list->count++;
}

static void take_out(struct vly_dtls_list *list, struct vly_dtls_session *session)
{
	if (session->older)
		session->older->newer = session->newer;
	else
		list->oldest = session->newer;
	if (session->newer)
		session->newer->older = session->older;
	else
		list->newest = session->older;
	list->count--;
}

void vly_dtls_table_add(struct vly_dtls_table *table, struct vly_dtls_session *session)
{
	struct vly_dtls_session **bucket = bucket_of(table, &session->peer);

	session->next = *bucket;
	*bucket = session;
	append(list_of(table, session), session);
}

void vly_dtls_table_remove(struct vly_dtls_table *table, struct vly_dtls_session *session)
{
	struct vly_dtls_session **link = bucket_of(table, &session->peer);

	while (*link != session)
		link = &(*link)->next;
	*link = session->next;
	take_out(list_of(table, session), session);
}

void vly_dtls_table_touch(struct vly_dtls_table *table, struct vly_dtls_session *session)
{
	struct vly_dtls_list *list = list_of(table, session);

	if (list->newest == session)
		return;
	take_out(list, session);
	append(list, session);
}

void vly_dtls_table_promote(struct vly_dtls_table *table, struct vly_dtls_session *session)
{
	take_out(&table->opening, session);
	session->is_open = true;
	append(&table->open, session);
}
