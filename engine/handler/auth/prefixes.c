// SPDX-License-Identifier: BSD-3-Clause
#include "handler/auth/prefixes.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	ROOT_BITS = 16,
	STEP_BITS = 6,
	STEP_SLOTS = 1 << STEP_BITS,
	IPV4_BITS = 96, // before an IPv4 address's own
	ADDR_BITS = 128,
	FIRST_NODES = 64,
};

// An address, its first bit the highest. IPv4 addresses are moved up, so that theirs comes first.
typedef unsigned __int128 bits_t;

// 64 slots: those with a bit in `inner` go on in a node, one behind the other from first_node; the
// others end. Where neighbours end with the same value they share it: `starts` has a bit for the
// first of each such run.
struct vly_prefix_node {
	uint64_t inner;
	uint64_t starts;
	uint32_t first_node;
	uint32_t first_value;
};

// A slot of the root: a value, or a node.
enum root_mark {
	ROOT_NODE = 1u << 30,
};

struct vly_prefixes {
	uint32_t root[2][1 << ROOT_BITS]; // of IPv4, of IPv6
	struct vly_prefix_node *nodes;
	uint8_t *values;
	uint32_t node_count;
	uint32_t node_room;
	uint32_t value_count;
	uint32_t value_room;
};

// A prefix as the builder has it.
struct item {
	bits_t bits;
	uint8_t len;
	uint8_t value;
};

static bits_t bits_of(const uint8_t *ip)
{
	uint64_t high;
	uint64_t low;

	memcpy(&high, ip, sizeof(high));
	memcpy(&low, ip + 8, sizeof(low));
	return (bits_t)be64toh(high) << 64 | be64toh(low);
}

static bool is_ipv4(bits_t bits)
{
	return bits >> (ADDR_BITS - IPV4_BITS) == 0xffff;
}

// The six bits from `offset` on; behind the end of an address they are 0.
static uint32_t slot_at(bits_t bits, uint32_t offset)
{
	uint32_t end = offset + STEP_BITS;
	bits_t shifted = end <= ADDR_BITS ? bits >> (ADDR_BITS - end) : bits << (end - ADDR_BITS);

	return (uint32_t)shifted & (STEP_SLOTS - 1);
}

// --- looking up
// -----------------------------------------------------------------------------------

uint8_t vly_prefixes_find(const struct vly_prefixes *prefixes, const uint8_t *ip)
{
	bits_t bits = bits_of(ip);
	bool is_4 = is_ipv4(bits);
	uint32_t offset = ROOT_BITS;
	const struct vly_prefix_node *node;
	uint32_t root; // then the value's place
	uint32_t slot;

	if (is_4)
		bits <<= IPV4_BITS;
	root = prefixes->root[!is_4][bits >> (ADDR_BITS - ROOT_BITS)];
	if (!(root & ROOT_NODE))
		return (uint8_t)root;
	node = &prefixes->nodes[root & ~(uint32_t)ROOT_NODE];
	slot = slot_at(bits, offset);
	while (node->inner >> slot & 1) {
		uint64_t before = node->inner & ((UINT64_C(1) << slot) - 1);

		node = &prefixes->nodes[node->first_node + (uint32_t)__builtin_popcountll(before)];
		offset += STEP_BITS;
		slot = slot_at(bits, offset);
	}
	root = node->first_value - 1 +
	       (uint32_t)__builtin_popcountll(node->starts & ((UINT64_C(2) << slot) - 1));
	return prefixes->values[root];
}

// --- building
// -------------------------------------------------------------------------------------

static int order(const void *left, const void *right)
{
	const struct item *a = left;
	const struct item *b = right;

	if (a->bits != b->bits)
		return a->bits < b->bits ? -1 : 1;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return (a->value > b->value) - (a->value < b->value);
}

static bool grow(void **array, uint32_t *room, uint32_t needed, size_t size)
{
	uint32_t wanted = *room ? *room : FIRST_NODES;
	void *larger;

	if (needed <= *room)
		return true;
	while (wanted < needed)
		wanted *= 2;
	larger = realloc(*array, wanted * size);
	if (!larger)
		return false;
	*array = larger;
	*room = wanted;
	return true;
}

// What lies behind a node, or behind the root: what each slot ends with, and which items go on.
struct slots {
	uint8_t values[STEP_SLOTS];
	uint32_t first[STEP_SLOTS]; // item that is longer than the slot
	uint32_t count[STEP_SLOTS];
};

// Items come shorter before longer where one lies in the other, so the longest is painted last.
static void paint(struct slots *slots, const struct item *items, uint32_t count, uint32_t offset)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t slot = slot_at(items[i].bits, offset);
		uint32_t end = offset + STEP_BITS;

		if (items[i].len <= end) {
			memset(slots->values + slot, items[i].value,
			       (size_t)1 << (end - items[i].len));
			continue;
		}
		if (slots->count[slot]++ == 0)
			slots->first[slot] = i;
	}
}

static bool put_values(struct vly_prefixes *prefixes, uint32_t node, const struct slots *slots,
		       uint64_t inner)
{
	uint64_t starts = 0;
	int last = -1;

	if (!grow((void **)&prefixes->values, &prefixes->value_room,
		  prefixes->value_count + STEP_SLOTS, 1))
		return false;
	prefixes->nodes[node].first_value = prefixes->value_count;
	for (uint32_t slot = 0; slot < STEP_SLOTS; slot++) {
		if (inner >> slot & 1 || slots->values[slot] == last)
			continue;
		last = slots->values[slot];
		starts |= UINT64_C(1) << slot;
		prefixes->values[prefixes->value_count++] = (uint8_t)last;
	}
	prefixes->nodes[node].starts = starts;
	return true;
}

// Fills a node: items lie in it, and are longer than `offset` bits. As deep as an address is long.
static bool build_node(struct vly_prefixes *prefixes, uint32_t node, const struct item *items,
		       uint32_t count, uint32_t offset, uint8_t inherited)
{
	struct slots slots = {.count = {0}};
	uint64_t inner = 0;
	uint32_t next;

	memset(slots.values, inherited, sizeof(slots.values));
	paint(&slots, items, count, offset);
	for (uint32_t slot = 0; slot < STEP_SLOTS; slot++)
		inner |= (uint64_t)(slots.count[slot] > 0) << slot;
	next = prefixes->node_count;
	prefixes->node_count += (uint32_t)__builtin_popcountll(inner);
	if (!grow((void **)&prefixes->nodes, &prefixes->node_room, prefixes->node_count,
		  sizeof(prefixes->nodes[0])))
		return false;
	prefixes->nodes[node].inner = inner;
	prefixes->nodes[node].first_node = next;
	if (!put_values(prefixes, node, &slots, inner))
		return false;
	for (uint32_t slot = 0; slot < STEP_SLOTS; slot++) {
		if (slots.count[slot] > 0 &&
		    !build_node(prefixes, next++, items + slots.first[slot], slots.count[slot],
				offset + STEP_BITS, slots.values[slot]))
			return false;
	}
	return true;
}

static bool build_root(struct vly_prefixes *prefixes, uint32_t *root, const struct item *items,
		       uint32_t count)
{
	for (uint32_t i = 0; i < count;) {
		uint32_t slot = (uint32_t)(items[i].bits >> (ADDR_BITS - ROOT_BITS));
		uint32_t first = i;
		uint32_t node = prefixes->node_count;

		if (items[i].len <= ROOT_BITS) {
			for (uint32_t n = UINT32_C(1) << (ROOT_BITS - items[i].len); n > 0; n--)
				root[slot++] = items[i].value;
			i++;
			continue;
		}
		while (i < count && items[i].bits >> (ADDR_BITS - ROOT_BITS) == slot)
			i++;
		prefixes->node_count++;
		if (!grow((void **)&prefixes->nodes, &prefixes->node_room, prefixes->node_count,
			  sizeof(prefixes->nodes[0])) ||
		    !build_node(prefixes, node, items + first, i - first, ROOT_BITS,
				(uint8_t)root[slot]))
			return false;
		root[slot] = (uint32_t)ROOT_NODE | node;
	}
	return true;
}

// Of one family; bits behind the prefix's length do not count.
static uint32_t take_family(struct item *items, const struct vly_prefix_value *list, uint32_t count,
			    bool ipv4)
{
	uint32_t taken = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint8_t len = list[i].prefix.bits;
		bits_t bits = bits_of(list[i].prefix.ip);

		// A prefix that is shorter than the mapped part is IPv6's, whatever its bits say.
		if ((is_ipv4(bits) && len >= IPV4_BITS) != ipv4)
			continue;
		if (ipv4) {
			bits <<= IPV4_BITS;
			len -= IPV4_BITS;
		}
		bits = len == 0 ? 0 : bits >> (ADDR_BITS - len) << (ADDR_BITS - len);
		items[taken++] = (struct item){bits, len, list[i].value};
	}
	qsort(items, taken, sizeof(items[0]), order);
	return taken;
}

int vly_prefixes_open(struct vly_prefixes **prefixes, const struct vly_prefix_value *list,
		      uint32_t count)
{
	struct vly_prefixes *made = calloc(1, sizeof(*made));
	struct item *items = malloc(((size_t)count + 1) * sizeof(items[0]));
	bool is_built = made && items;

	for (int family = 0; is_built && family < 2; family++)
		is_built = build_root(made, made->root[family], items,
				      take_family(items, list, count, family == 0));
	free(items);
	if (!is_built) {
		vly_prefixes_close(made);
		return -ENOMEM;
	}
	*prefixes = made;
	return 0;
}

void vly_prefixes_close(struct vly_prefixes *prefixes)
{
	if (!prefixes)
		return;
	free(prefixes->nodes);
	free(prefixes->values);
	free(prefixes);
}
