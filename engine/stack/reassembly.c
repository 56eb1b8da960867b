// SPDX-License-Identifier: BSD-3-Clause
#include "stack/reassembly.h"

#include "stack/flow.h"
#include "stack/ip4.h"
#include "stack/large.h"
#include "stack/state.h"

enum {
	ECN_MASK = 3, // the last two bits of the traffic class (RFC 3168)
	ECN_CONGESTED = 3,
};

static uint8_t *l4_of(const struct vly_reassembly *entry)
{
	return (uint8_t *)entry->whole + VLY_LARGE_L4_OFFSET;
}

// Fragments that were kept for the datagram are lost with it.
static void lose(struct vly_reassembly_table *table, struct vly_large *large,
		 struct vly_reassembly *entry, enum vly_drop reason)
{
	table->lost[reason] += entry->fragments;
	table->has_lost |= entry->fragments > 0;
	entry->fragments = 0;
	if (entry->whole)
		vly_large_give(large, entry->whole);
	entry->whole = NULL;
}

// --- the table ----------------------------------------------------------------------------------

static uint8_t protocol_of(const struct vly_packet *packet, const struct vly_fragment *fragment)
{
	return packet->is_ipv6 ? 0 : fragment->protocol;
}

static uint32_t tag_of(const struct vly_packet *packet, const struct vly_fragment *fragment)
{
	const uint8_t *src = packet->frame->peer.ip;
	const uint8_t *dst = packet->frame->local.ip;
	uint64_t name = (uint64_t)fragment->id << 8 | protocol_of(packet, fragment);
	uint64_t sum = vly_flow_mix(vly_raw64(src) ^ 0x9e3779b97f4a7c15u, vly_raw64(src + 8)) +
		       vly_flow_mix(vly_raw64(dst) ^ 0xd6e8feb86659fd93u, vly_raw64(dst + 8) ^ 1);

	return (uint32_t)vly_flow_mix(sum ^ 0xa0761d6478bd642fu, name ^ 0xe7037ed1a0b428dbu) | 1;
}

static struct vly_reassembly *find(struct vly_reassembly_table *table,
				   const struct vly_packet *packet,
				   const struct vly_fragment *fragment, uint32_t tag)
{
	for (uint32_t i = 0; i < VLY_REASSEMBLY_MAX; i++) {
		struct vly_reassembly *entry = &table->entries[i];

		if (table->tags[i] == tag && entry->id == fragment->id &&
		    entry->protocol == protocol_of(packet, fragment) &&
		    vly_ip_is_equal(entry->src, packet->frame->peer.ip) &&
		    vly_ip_is_equal(entry->dst, packet->frame->local.ip))
			return entry;
	}
	return NULL;
}

// The one that has to make room for another of that source, or NULL; and a free place.
static struct vly_reassembly *choose_victim(struct vly_reassembly_table *table, const uint8_t *src,
					    uint32_t *place)
{
	struct vly_reassembly *oldest = NULL;
	struct vly_reassembly *of_source = NULL;
	uint32_t count = 0;

	*place = VLY_REASSEMBLY_MAX;
	for (uint32_t i = 0; i < VLY_REASSEMBLY_MAX; i++) {
		struct vly_reassembly *entry = &table->entries[i];

		if (entry->state == VLY_REASSEMBLY_FREE) {
			*place = i;
			continue;
		}
		if (!oldest || (int32_t)(entry->serial - oldest->serial) < 0)
			oldest = entry;
		if (!vly_ip_is_equal(entry->src, src))
			continue;
		count++;
		if (!of_source || (int32_t)(entry->serial - of_source->serial) < 0)
			of_source = entry;
	}
	if (count >= VLY_REASSEMBLY_EACH_MAX)
		return of_source;
	return *place == VLY_REASSEMBLY_MAX ? oldest : NULL;
}

static struct vly_reassembly *begin(struct vly_reassembly_table *table, struct vly_large *large,
				    const struct vly_packet *packet,
				    const struct vly_fragment *fragment, uint32_t tag)
{
	struct vly_reassembly *entry;
	uint32_t place;
	struct vly_reassembly *victim = choose_victim(table, packet->frame->peer.ip, &place);

	if (victim) {
		place = (uint32_t)(victim - table->entries);
		vly_reassembly_end(table, large, victim, VLY_DROP_FRAGMENT_LIMIT);
	}
	entry = &table->entries[place];
	entry->whole = vly_large_take(large);
	if (!entry->whole)
		return NULL;
	memcpy(entry->src, packet->frame->peer.ip, VLY_IP_BYTES);
	memcpy(entry->dst, packet->frame->local.ip, VLY_IP_BYTES);
	entry->id = fragment->id;
	entry->protocol = protocol_of(packet, fragment);
	entry->state = VLY_REASSEMBLY_OPEN;
	entry->serial = table->serial++;
	entry->deadline_ns =
		packet->now_ns + (packet->is_ipv6 ? VLY_REASSEMBLY_IP6_NS : VLY_REASSEMBLY_IP4_NS);
	table->tags[place] = tag;
	table->count++;
	return entry;
}

void vly_reassembly_end(struct vly_reassembly_table *table, struct vly_large *large,
			struct vly_reassembly *entry, enum vly_drop reason)
{
	if (reason != VLY_DROP_COUNT)
		lose(table, large, entry, reason);
	table->tags[entry - table->entries] = 0;
	table->count--;
	memset(entry, 0, sizeof(*entry));
}

struct vly_reassembly *vly_reassembly_expired(struct vly_reassembly_table *table, uint64_t now_ns,
					      uint64_t *due_ns)
{
	for (uint32_t i = 0; table->count && i < VLY_REASSEMBLY_MAX; i++) {
		struct vly_reassembly *entry = &table->entries[i];

		if (entry->state == VLY_REASSEMBLY_FREE)
			continue;
		if (now_ns >= entry->deadline_ns)
			return entry;
		if (entry->deadline_ns < *due_ns)
			*due_ns = entry->deadline_ns;
	}
	return NULL;
}

// --- one datagram -------------------------------------------------------------------------------

// How many of the units are here already, and marks them all.
static uint32_t mark_units(struct vly_reassembly *entry, uint32_t first, uint32_t end)
{
	uint32_t found = 0;

	while (first < end) {
		uint32_t bit = first % 64;
		uint32_t some = end - first < 64 - bit ? end - first : 64 - bit;
		uint64_t mask = (some == 64 ? UINT64_MAX : (UINT64_C(1) << some) - 1) << bit;

		found += (uint32_t)__builtin_popcountll(entry->units[first / 64] & mask);
		entry->units[first / 64] |= mask;
		first += some;
	}
	return found;
}

// Whether its end agrees with what is known of the datagram's.
static bool agrees(const struct vly_reassembly *entry, const struct vly_fragment *fragment)
{
	uint32_t end = fragment->offset + fragment->len;

	if (fragment->has_more)
		return !entry->total || end <= entry->total;
	return entry->total ? end == entry->total : entry->reach <= end;
}

// Ends it, but remembers that: what still comes of it is dropped as well (RFC 5722, section 4).
static enum vly_drop reject(struct vly_reassembly_table *table, struct vly_large *large,
			    struct vly_reassembly *entry)
{
	lose(table, large, entry, VLY_DROP_FRAGMENT_OVERLAP);
	entry->has_first = false;
	entry->state = VLY_REASSEMBLY_REJECTED;
	return VLY_DROP_FRAGMENT_OVERLAP;
}

static void remember_first(struct vly_reassembly *entry, const struct vly_packet *packet,
			   const struct vly_fragment *fragment)
{
	uint32_t len = packet->l3_len + packet->l4_len;

	entry->has_first = true;
	entry->is_group = packet->is_group;
	entry->next = fragment->protocol;
	entry->eth = *packet->eth;
	entry->ttl = packet->hop_limit;
	entry->tos = packet->tos;
	entry->head_len = (uint8_t)(len < sizeof(entry->head) ? len : sizeof(entry->head));
	memcpy(entry->head, packet->start + packet->l2_len, entry->head_len);
}

// Takes the bytes. Returns VLY_DROP_COUNT or why not.
static enum vly_drop take(struct vly_reassembly_table *table, struct vly_large *large,
			  struct vly_reassembly *entry, const struct vly_packet *packet,
			  const struct vly_fragment *fragment)
{
	uint32_t end = fragment->offset + fragment->len;
	uint32_t first_unit = fragment->offset / VLY_FRAGMENT_UNIT;
	uint32_t end_unit = (end + VLY_FRAGMENT_UNIT - 1) / VLY_FRAGMENT_UNIT;
	uint8_t *at = l4_of(entry) + fragment->offset;
	uint32_t found;

	if (!agrees(entry, fragment))
		return reject(table, large, entry);
	found = mark_units(entry, first_unit, end_unit);
	if (found == end_unit - first_unit && end <= entry->reach &&
	    !memcmp(at, packet->l4, fragment->len))
		return VLY_DROP_FRAGMENT_DUPLICATE;
	if (found > 0)
		return reject(table, large, entry);
	memcpy(at, packet->l4, fragment->len);
	entry->fragments++;
	entry->bytes += fragment->len;
	if (end > entry->reach)
		entry->reach = end;
	if (!fragment->has_more)
		entry->total = end;
	entry->is_congested |= (packet->tos & ECN_MASK) == ECN_CONGESTED;
	if (fragment->offset == 0)
		remember_first(entry, packet, fragment);
	return VLY_DROP_COUNT;
}

// What cannot be a fragment of anything: empty, of a length that is no multiple of 8 though not
// the last, or beyond what an IP packet can hold.
static bool is_malformed(const struct vly_packet *packet, const struct vly_fragment *fragment)
{
	uint32_t headers = packet->is_ipv6 ? 0 : packet->l3_len; // IPv6 does not count its own

	return fragment->len == 0 || (fragment->has_more && fragment->len % VLY_FRAGMENT_UNIT) ||
	       headers + fragment->offset + fragment->len > UINT16_MAX;
}

struct vly_reassembly *vly_reassembly_add(struct vly_reassembly_table *table,
					  struct vly_large *large, const struct vly_packet *packet,
					  const struct vly_fragment *fragment,
					  enum vly_drop *reason)
{
	uint32_t tag = tag_of(packet, fragment);
	struct vly_reassembly *entry;

	*reason = VLY_DROP_FRAGMENT;
	if (is_malformed(packet, fragment))
		return NULL;
	entry = find(table, packet, fragment, tag);
	if (!entry)
		entry = begin(table, large, packet, fragment, tag);
	*reason = VLY_DROP_RX_NO_BUFFER;
	if (!entry)
		return NULL;
	*reason = VLY_DROP_FRAGMENT_OVERLAP;
	if (entry->state == VLY_REASSEMBLY_REJECTED)
		return NULL;
	*reason = take(table, large, entry, packet, fragment);
	if (*reason != VLY_DROP_COUNT || entry->bytes != entry->total || !entry->total)
		return NULL;
	if (entry->is_congested && entry->tos & ECN_MASK)
		entry->tos |= ECN_CONGESTED;
	return entry;
}
