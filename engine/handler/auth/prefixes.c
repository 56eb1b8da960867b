// SPDX-License-Identifier: BSD-3-Clause
#include "handler/auth/prefixes.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/compiler.h"
#include "core/pages.h"

enum {
	ROOT_BITS = 18,
	STEP_BITS = 6,
	STEP_SLOTS = 1 << STEP_BITS,
	IPV4_BITS = 96, // before an IPv4 address's own
	ADDR_BITS = 128,
	FIRST_NODES = 64,
	GROUP = 32, // addresses that take a step together
};

// An address, its first bit the highest. IPv4 addresses are moved up, so that theirs comes first.
typedef unsigned __int128 bits_t;

// 64 slots: those with a bit in `inner` go on in a node, one behind the other from first_node; the
// others end, with a value whose low and high bits stand in `low` and `high`. Two nodes are a cache
// line.
struct vly_prefix_node {
	uint64_t inner;
	uint64_t low;
	uint64_t high;
	uint32_t first_node;
	uint32_t unused;
};

_Static_assert(sizeof(struct vly_prefix_node) == 32, "a node lies in one cache line");

// A slot of the root: a value, or a node.
enum root_mark {
	ROOT_NODE = 1u << 30,
};

struct vly_prefixes {
	uint32_t root[2][1 << ROOT_BITS]; // of IPv4, of IPv6
	struct vly_prefix_node *nodes;
	uint32_t node_count;
	uint32_t node_room;
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

// --- looking up ---------------------------------------------------------------------------------

// The addresses of a group that have not come to their end.
struct walk {
	uint32_t count;
	uint8_t index[GROUP]; // which of the group
	bits_t bits[GROUP];   // those that are left
	const struct vly_prefix_node *node[GROUP];
};

static uint32_t first_slot(bits_t bits)
{
	return (uint32_t)(bits >> (ADDR_BITS - STEP_BITS));
}

// There is always one more to write to than there are: what does not go on is written over.
static void walk_add(struct walk *walk, uint32_t index, bits_t bits,
		     const struct vly_prefix_node *node, bool goes_on)
{
	walk->index[walk->count] = (uint8_t)index;
	walk->bits[walk->count] = bits;
	walk->node[walk->count] = node;
	walk->count += goes_on;
	vly_prefetch(node);
}

// No branch: of random addresses some end here, and the core cannot guess which.
static void enter(const struct vly_prefixes *prefixes, struct walk *walk, const uint8_t *const *ips,
		  uint32_t count, uint8_t *values)
{
	const uint32_t *root[GROUP];
	bits_t bits[GROUP];

	for (uint32_t i = 0; i < count; i++) {
		bits_t whole = bits_of(ips[i]);
		bool is_4 = is_ipv4(whole);

		bits[i] = is_4 ? whole << IPV4_BITS : whole;
		root[i] = &prefixes->root[!is_4][bits[i] >> (ADDR_BITS - ROOT_BITS)];
		vly_prefetch(root[i]);
	}
	walk->count = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t slot = *root[i];

		values[i] = (uint8_t)slot;
		walk_add(walk, i, bits[i] << ROOT_BITS,
			 &prefixes->nodes[slot & ~(uint32_t)ROOT_NODE], slot / ROOT_NODE);
	}
}

// All that are left go one step on.
static void step(const struct vly_prefixes *prefixes, struct walk *walk, uint8_t *values)
{
	uint32_t count = walk->count;

	walk->count = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct vly_prefix_node *node = walk->node[i];
		uint32_t slot = first_slot(walk->bits[i]);
		uint64_t before = node->inner & ((UINT64_C(1) << slot) - 1);

		values[walk->index[i]] =
			(uint8_t)((node->low >> slot & 1) | (node->high >> slot & 1) << 1);
		if (node->inner >> slot & 1)
			walk_add(walk, walk->index[i], walk->bits[i] << STEP_BITS,
				 &prefixes->nodes[node->first_node +
						  (uint32_t)__builtin_popcountll(before)],
				 true);
	}
}

void vly_prefixes_find(const struct vly_prefixes *prefixes, const uint8_t *const *ips,
		       uint32_t count, uint8_t *values)
{
	struct walk walk;

	for (uint32_t first = 0; first < count; first += GROUP) {
		uint32_t group = count - first < GROUP ? count - first : GROUP;

		enter(prefixes, &walk, ips + first, group, values + first);
		while (walk.count > 0)
			step(prefixes, &walk, values + first);
	}
}

// --- building -----------------------------------------------------------------------------------

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

// Makes room for `count` more nodes, which are zeroed, and returns the first of them in *first.
static bool add_nodes(struct vly_prefixes *prefixes, uint32_t count, uint32_t *first)
{
	uint32_t needed = prefixes->node_count + count;
	uint32_t room = prefixes->node_room ? prefixes->node_room : FIRST_NODES;
	struct vly_prefix_node *larger;

	*first = prefixes->node_count;
	prefixes->node_count = needed;
	if (needed <= prefixes->node_room)
		return true;
	while (room < needed)
		room *= 2;
	larger = vly_pages_alloc(room * sizeof(larger[0]));
	if (!larger)
		return false;
	if (prefixes->nodes)
		memcpy(larger, prefixes->nodes, *first * sizeof(larger[0]));
	vly_pages_free(prefixes->nodes, prefixes->node_room * sizeof(larger[0]));
	prefixes->nodes = larger;
	prefixes->node_room = room;
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

static void put_values(struct vly_prefix_node *node, const struct slots *slots)
{
	for (uint32_t slot = 0; slot < STEP_SLOTS; slot++) {
		node->low |= (uint64_t)(slots->values[slot] & 1) << slot;
		node->high |= (uint64_t)(slots->values[slot] >> 1) << slot;
	}
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
	if (!add_nodes(prefixes, (uint32_t)__builtin_popcountll(inner), &next))
		return false;
	prefixes->nodes[node].inner = inner;
	prefixes->nodes[node].first_node = next;
	put_values(&prefixes->nodes[node], &slots);
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
		uint32_t node;

		if (items[i].len <= ROOT_BITS) {
			for (uint32_t n = UINT32_C(1) << (ROOT_BITS - items[i].len); n > 0; n--)
				root[slot++] = items[i].value;
			i++;
			continue;
		}
		while (i < count && items[i].bits >> (ADDR_BITS - ROOT_BITS) == slot)
			i++;
		if (!add_nodes(prefixes, 1, &node) ||
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
	struct vly_prefixes *made = vly_pages_alloc(sizeof(*made));
	struct item *items = malloc(((size_t)count + 1) * sizeof(items[0]));
	uint32_t none; // the first node is nobody's: what is a value points to it or behind it
	bool is_built = made && items && add_nodes(made, 1, &none);

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
	vly_pages_free(prefixes->nodes, prefixes->node_room * sizeof(prefixes->nodes[0]));
	vly_pages_free(prefixes, sizeof(*prefixes));
}
