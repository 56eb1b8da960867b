// SPDX-License-Identifier: BSD-3-Clause
#include "stack/neigh.h"

#include "stack/flow.h"
#include "stack/local.h"

static uint16_t *bucket_of(struct vly_neigh_table *table, const uint8_t *ip)
{
	uint64_t hash = vly_flow_mix(vly_raw64(ip) ^ 0x9e3779b97f4a7c15u,
				     vly_raw64(ip + 8) ^ 0xd6e8feb86659fd93u);

	return &table->buckets[hash % VLY_NEIGH_BUCKETS];
}

void vly_neigh_init(struct vly_neigh_table *table)
{
	memset(table, 0, sizeof(*table));
	memset(table->buckets, 0xff, sizeof(table->buckets));
	for (uint16_t i = 0; i < VLY_NEIGH_MAX; i++)
		table->entries[i].next = (uint16_t)(i + 1);
	table->entries[VLY_NEIGH_MAX - 1].next = VLY_NEIGH_NONE;
	for (uint16_t i = 0; i < VLY_NEIGH_HELD_MAX; i++)
		table->slots[i].next = (uint16_t)(i + 1);
	table->slots[VLY_NEIGH_HELD_MAX - 1].next = VLY_NEIGH_NONE;
}

struct vly_neigh *vly_neigh_find(struct vly_neigh_table *table, const uint8_t *ip)
{
	uint16_t at = *bucket_of(table, ip);

	while (at != VLY_NEIGH_NONE) {
		struct vly_neigh *neigh = &table->entries[at];

		if (vly_ip_is_equal(neigh->ip, ip))
			return neigh;
		at = neigh->next;
	}
	return NULL;
}

static uint16_t index_of(const struct vly_neigh_table *table, const struct vly_neigh *neigh)
{
	return (uint16_t)(neigh - table->entries);
}

static void forget(struct vly_neigh_table *table, struct vly_neigh *neigh)
{
	uint16_t *link = bucket_of(table, neigh->ip);

	while (*link != index_of(table, neigh))
		link = &table->entries[*link].next;
	*link = neigh->next;
	neigh->state = VLY_NEIGH_FREE;
	neigh->next = table->free_first;
	table->free_first = index_of(table, neigh);
}

// What is being asked for stays: table->asking and the datagrams that wait refer to it.
static void evict(struct vly_neigh_table *table, uint64_t now_ns, bool also_in_use)
{
	struct vly_neigh *oldest = NULL;

	for (int i = 0; i < VLY_NEIGH_EVICT_STEPS; i++) {
		struct vly_neigh *neigh = &table->entries[table->hand];

		table->hand = (uint16_t)((table->hand + 1) % VLY_NEIGH_MAX);
		if (neigh->state == VLY_NEIGH_FREE || neigh->is_asked || neigh->is_static)
			continue;
		if (!also_in_use && now_ns < neigh->in_use_until_ns)
			continue;
		if (!oldest || neigh->in_use_until_ns < oldest->in_use_until_ns)
			oldest = neigh;
	}
	if (!oldest)
		return;
	// So that those of one age go one after the other.
	table->hand = (uint16_t)((index_of(table, oldest) + 1) % VLY_NEIGH_MAX);
	forget(table, oldest);
}

static struct vly_neigh *add(struct vly_neigh_table *table, const uint8_t *ip, uint64_t now_ns,
			     bool also_in_use)
{
	struct vly_neigh *neigh;
	uint16_t *bucket;

	if (table->free_first == VLY_NEIGH_NONE)
		evict(table, now_ns, also_in_use);
	if (table->free_first == VLY_NEIGH_NONE)
		return NULL;
	neigh = &table->entries[table->free_first];
	table->free_first = neigh->next;
	memset(neigh, 0, sizeof(*neigh));
	memcpy(neigh->ip, ip, sizeof(neigh->ip));
	neigh->held_first = VLY_NEIGH_NONE;
	neigh->held_last = VLY_NEIGH_NONE;
	bucket = bucket_of(table, ip);
	neigh->next = *bucket;
	*bucket = index_of(table, neigh);
	return neigh;
}

static void start_asking(struct vly_neigh_table *table, struct vly_neigh *neigh, uint8_t state,
			 uint64_t now_ns)
{
	neigh->state = state;
	neigh->is_asked = true;
	neigh->retry_ns = now_ns;
	neigh->give_up_ns = now_ns + VLY_NEIGH_GIVE_UP_NS;
	table->asking[table->asking_count++] = index_of(table, neigh);
}

struct vly_neigh *vly_neigh_ask(struct vly_neigh_table *table, const uint8_t *ip, uint64_t now_ns)
{
	struct vly_neigh *neigh;

	if (table->asking_count == VLY_NEIGH_ASKING_MAX)
		return NULL;
	neigh = vly_neigh_find(table, ip);
	if (!neigh)
		neigh = add(table, ip, now_ns, true);
	if (!neigh)
		return NULL;
	neigh->in_use_until_ns = now_ns + VLY_NEIGH_IN_USE_NS;
	start_asking(table, neigh, VLY_NEIGH_INCOMPLETE, now_ns);
	return neigh;
}

bool vly_neigh_use(struct vly_neigh_table *table, struct vly_neigh *neigh, uint64_t now_ns)
{
	neigh->in_use_until_ns = now_ns + VLY_NEIGH_IN_USE_NS;
	if (VLY_LIKELY(now_ns < neigh->fresh_until_ns) || neigh->is_asked || neigh->is_static ||
	    table->asking_count == VLY_NEIGH_ASKING_MAX)
		return false;
	start_asking(table, neigh, VLY_NEIGH_PROBED, now_ns);
	return true;
}

bool vly_neigh_add_static(struct vly_neigh_table *table, const uint8_t *ip, const uint8_t *mac)
{
	struct vly_neigh *neigh = vly_neigh_find(table, ip);

	if (!neigh)
		neigh = add(table, ip, 0, false);
	if (!neigh)
		return false;
	neigh->state = VLY_NEIGH_RESOLVED;
	neigh->is_static = true;
	memcpy(neigh->mac, mac, VLY_MAC_BYTES);
	return true;
}

void vly_neigh_expect(struct vly_neigh_table *table, const uint8_t *ip, uint64_t now_ns)
{
	struct vly_neigh *neigh = vly_neigh_find(table, ip);

	if (!neigh) {
		neigh = add(table, ip, now_ns, false);
		if (!neigh)
			return;
		neigh->state = VLY_NEIGH_EXPECTED;
	}
	if (neigh->in_use_until_ns < now_ns + VLY_NEIGH_GIVE_UP_NS)
		neigh->in_use_until_ns = now_ns + VLY_NEIGH_GIVE_UP_NS;
}

void vly_neigh_end(struct vly_neigh_table *table, const uint8_t *ip)
{
	struct vly_neigh *neigh = vly_neigh_find(table, ip);

	if (!neigh || neigh->is_static)
		return;
	if (neigh->is_asked && neigh->state != VLY_NEIGH_RESOLVED)
		neigh->give_up_ns = 0;
	else if (!neigh->is_asked)
		forget(table, neigh);
}

// Whether one more that was only heard of may be added: a bucket of tokens.
static bool heard_is_within_rate(struct vly_neigh_table *table, uint64_t now_ns)
{
	uint64_t depth_ns = (uint64_t)VLY_NEIGH_HEARD_BURST * VLY_NEIGH_HEARD_EVERY_NS;

	if (table->heard_credit_ns < now_ns)
		table->heard_credit_ns = now_ns;
	if (table->heard_credit_ns - now_ns > depth_ns - VLY_NEIGH_HEARD_EVERY_NS)
		return false;
	table->heard_credit_ns += VLY_NEIGH_HEARD_EVERY_NS;
	return true;
}

static struct vly_neigh *add_heard(struct vly_neigh_table *table, const struct vly_neigh_news *news,
				   uint64_t now_ns)
{
	struct vly_neigh *neigh = NULL;

	if (news->may_add && (news->is_told || heard_is_within_rate(table, now_ns)))
		neigh = add(table, news->ip, now_ns, false);
	if (neigh)
		neigh->state = VLY_NEIGH_EXPECTED;
	return neigh;
}

// What was incomplete or probed stays in table->asking; poll.c settles it when it comes by.
int vly_neigh_learn(struct vly_neigh_table *table, const struct vly_neigh_news *news,
		    uint64_t now_ns)
{
	struct vly_neigh *neigh = vly_neigh_find(table, news->ip);
	uint64_t fresh_until_ns = now_ns + VLY_NEIGH_FRESH_NS;
	bool is_new_mac;
	int learned = 0;

	if (!neigh)
		neigh = add_heard(table, news, now_ns);
	if (!neigh || neigh->is_static)
		return -ENOENT;
	is_new_mac =
		!vly_neigh_is_resolved(neigh) || memcmp(neigh->mac, news->mac, VLY_MAC_BYTES) != 0;
	if (vly_neigh_is_resolved(neigh) && is_new_mac && !news->may_replace)
		return -ENOENT;
	if (is_new_mac ||
	    (news->is_answer && fresh_until_ns > neigh->fresh_until_ns + VLY_NEIGH_NEWS_NS))
		learned |= VLY_NEIGH_CHANGED;
	memcpy(neigh->mac, news->mac, VLY_MAC_BYTES);
	if (neigh->in_use_until_ns < now_ns)
		neigh->in_use_until_ns = now_ns;
	if (news->is_answer)
		neigh->fresh_until_ns = fresh_until_ns;
	else if (is_new_mac)
		neigh->fresh_until_ns = 0;
	if (neigh->state != VLY_NEIGH_PROBED || news->is_answer) {
		if (neigh->is_asked)
			learned |= VLY_NEIGH_WAITING;
		neigh->state = VLY_NEIGH_RESOLVED;
	}
	return learned;
}

bool vly_neigh_hold(struct vly_neigh_table *table, struct vly_neigh *neigh, struct vly_dgram *dgram)
{
	uint16_t at = table->slot_free_first;

	if (at == VLY_NEIGH_NONE || neigh->held_count == VLY_NEIGH_HELD_EACH_MAX)
		return false;
	table->slot_free_first = table->slots[at].next;
	table->slots[at].dgram = dgram;
	table->slots[at].next = VLY_NEIGH_NONE;
	if (neigh->held_last == VLY_NEIGH_NONE)
		neigh->held_first = at;
	else
		table->slots[neigh->held_last].next = at;
	neigh->held_last = at;
	neigh->held_count++;
	return true;
}

struct vly_dgram *vly_neigh_unhold(struct vly_neigh_table *table, struct vly_neigh *neigh)
{
	uint16_t at = neigh->held_first;

	if (at == VLY_NEIGH_NONE)
		return NULL;
	neigh->held_first = table->slots[at].next;
	if (neigh->held_first == VLY_NEIGH_NONE)
		neigh->held_last = VLY_NEIGH_NONE;
	neigh->held_count--;
	table->slots[at].next = table->slot_free_first;
	table->slot_free_first = at;
	return table->slots[at].dgram;
}

void vly_neigh_settle(struct vly_neigh_table *table, uint16_t at, bool is_lost)
{
	struct vly_neigh *neigh = &table->entries[table->asking[at]];

	neigh->is_asked = false;
	table->asking[at] = table->asking[--table->asking_count];
	if (is_lost)
		forget(table, neigh);
}
