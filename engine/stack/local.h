// SPDX-License-Identifier: BSD-3-Clause
//
// Who we are: our addresses with their prefixes, the ports we serve, and the way out to others.
// Set up once and then only read,
// but for the routes. IPv4 addresses are memory-order words; IPv6 addresses two of
// them, 64 bits each.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <volley/addr.h>
#include <volley/error.h>
#include <volley/port.h>

#include "core/compiler.h"
#include "stack/bytes.h"
#include "stack/group.h"

struct vly_stack_config;

enum vly_local_limits {
	VLY_IP_BYTES = 16,
	VLY_LISTEN_BUCKETS = 1024,
	VLY_LISTEN_NONE = 0xffff,
};

// First bytes of IPv4 addresses.
enum vly_ip4_first {
	VLY_IP4_LOOPBACK = 127,
	VLY_IP4_MULTICAST = 224, // above it also class E and broadcast
};

// What an address is to us, as a destination.
enum vly_reach {
	VLY_REACH_NONE,
	VLY_REACH_UNICAST, // ours
	VLY_REACH_GROUP,   // broadcast, or a multicast group we are a member of
};

enum vly_listen_kind {
	VLY_LISTEN_ANY,
	VLY_LISTEN_ANY_IPV4,
	VLY_LISTEN_EXACT,
};

struct vly_own4 {
	uint32_t ip;
	uint32_t mask;
	uint32_t broadcast; // 0 when the prefix is too long to have one
};

struct vly_own6 {
	uint64_t ip[2];
	uint64_t mask[2];
};

// A prefix and the way there, one for each prefix of ours and each route, the longest first.
struct vly_hop4 {
	uint32_t ip;
	uint32_t mask;
	uint32_t next; // 0: each address there is a neighbour itself
	uint32_t source;
};

struct vly_hop6 {
	uint64_t ip[2];
	uint64_t mask[2];
	uint64_t next[2];
	uint64_t source[2];
};

struct vly_listen {
	uint64_t ip[2];
	uint16_t port;
	uint16_t next; // of the same bucket, or VLY_LISTEN_NONE
	uint8_t kind;  // enum vly_listen_kind
};

struct vly_local {
	uint64_t filter4; // a bit for each IPv4 address and broadcast address of ours, by hash
	uint64_t filter6; // the same of IPv6 addresses
	uint32_t count4;
	uint32_t count6;
	uint32_t tentative4; // of own4, while they are probed and count4 is 0
	uint32_t tentative6;
	uint32_t listen_count;
	uint32_t listen_span; // ports of the first listen, from its own on
	uint16_t port;        // that our own datagrams leave from
	uint16_t bucket[VLY_LISTEN_BUCKETS];
	struct vly_own4 own4[VLY_ADDRS_MAX];
	struct vly_own6 own6[VLY_ADDRS_MAX];
	struct vly_listen listens[VLY_LISTENS_MAX];
	uint32_t hop4_count;
	uint32_t hop6_count;
	struct vly_hop4 hop4[VLY_ADDRS_MAX + VLY_ROUTES_MAX];
	struct vly_hop6 hop6[VLY_ADDRS_MAX + VLY_ROUTES_MAX];
	struct vly_groups groups; // that we are a member of
};

// Returns 0, or -EINVAL with the fix in `error`.
int vly_local_init(struct vly_local *local, const struct vly_stack_config *config,
		   struct vly_error *error);

// The mask of a prefix of `bits`, `size` bytes of it.
void vly_local_mask(uint8_t *mask, uint32_t size, uint32_t bits);

// Sets up the ways out: the prefixes of ours and these routes, in place of those before. Returns 0,
// or -EINVAL with the fix in `error`; then nothing has changed.
int vly_local_set_routes(struct vly_local *local, const struct vly_route *routes, uint32_t count,
			 struct vly_error *error);

// As the kernel has them: other addresses of ours, none allowed, and the routes, a next hop of
// zeros meaning that everybody there is a neighbour. What we cannot use of it is left out.
void vly_local_set_addrs(struct vly_local *local, const struct vly_prefix *addrs, uint32_t count);
void vly_local_follow(struct vly_local *local, const struct vly_route *routes, uint32_t count);

// What the destination `ip` is to us.
static inline enum vly_reach vly_local_reach4(const struct vly_local *local, uint32_t ip);
enum vly_reach vly_local_reach6(const struct vly_local *local, const uint8_t *ip);

// The same for whatever is not our first address.
enum vly_reach vly_local_reach4_search(const struct vly_local *local, uint32_t ip);

// Whether the address is ours, or is to be while it is being probed.
bool vly_local_claims4(const struct vly_local *local, uint32_t ip);
bool vly_local_claims6(const struct vly_local *local, const uint8_t *ip);

// Whether a source address is one that no honest host of the wire has. :: counts as honest here:
// neighbour solicitations may have it.
static inline bool vly_local_source4_is_martian(const struct vly_local *local, uint32_t ip);
bool vly_local_source6_is_martian(const struct vly_local *local, const uint8_t *ip);

// Whether an IPv4 address is ours, or a broadcast address of our prefixes.
bool vly_local_has4(const struct vly_local *local, uint32_t ip);

// Whether it is the limited broadcast address or one of our prefixes'.
bool vly_local_is_broadcast4(const struct vly_local *local, uint32_t ip);

// Whether `ip` (16 bytes, IPv4 mapped) can be another host's unicast address.
bool vly_local_can_reach(const struct vly_local *local, const uint8_t *ip);

// Whether the address is on one of our links, with a neighbour of its own.
bool vly_local_is_on_link4(const struct vly_local *local, uint32_t ip);
bool vly_local_is_on_link6(const struct vly_local *local, const uint8_t *ip);

// Whether somebody listens at `addr`, an address that datagrams come to.
static inline bool vly_local_serves(const struct vly_local *local, const struct vly_addr *addr);

// Our address to speak to `ip` (16 bytes, IPv4 mapped) from: of its prefix, or else of the next
// hop's, or else the first of that family. Returns false when we have none of the family.
bool vly_local_source(const struct vly_local *local, const uint8_t *ip, uint8_t *source);

// The next hop to a unicast address: itself, or a router. Returns false when there is no way.
bool vly_local_next_hop(const struct vly_local *local, const uint8_t *ip, uint8_t *next);

// --- inline -------------------------------------------------------------------------------------

// The lower half of the mapped form, ::ffff:a.b.c.d, in memory order; the upper one is zero.
static inline uint64_t vly_ip_mapped(uint32_t raw)
{
	return htole64((uint64_t)le32toh(raw) << 32 | 0xffff0000u);
}

// Two words, as they are read again: a load of what several smaller stores have just written would
// have to wait for them.
static inline void vly_ip_from4(uint8_t *ip, uint32_t raw)
{
	vly_raw64_put(ip, 0);
	vly_raw64_put(ip + 8, vly_ip_mapped(raw));
}

static inline bool vly_ip_is4(const uint8_t *ip)
{
	return vly_raw64(ip) == 0 && vly_be32(ip + 8) == 0xffff;
}

static inline bool vly_ip_is_link_local6(const uint8_t *ip)
{
	return ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80;
}

static inline bool vly_ip_is_equal(const uint8_t *a, const uint8_t *b)
{
	return ((vly_raw64(a) ^ vly_raw64(b)) | (vly_raw64(a + 8) ^ vly_raw64(b + 8))) == 0;
}

static inline uint64_t vly_local_bit4(uint32_t ip)
{
	return (uint64_t)1 << (ip * 0x9e3779b1u >> 26);
}

static inline uint64_t vly_local_bit6(uint64_t low)
{
	return (uint64_t)1 << (low * 0x9e3779b97f4a7c15u >> 58);
}

static inline enum vly_reach vly_local_reach4(const struct vly_local *local, uint32_t ip)
{
	if (VLY_LIKELY(ip == local->own4[0].ip && local->count4))
		return VLY_REACH_UNICAST;
	return vly_local_reach4_search(local, ip);
}

static inline bool vly_local_source4_is_martian(const struct vly_local *local, uint32_t ip)
{
	uint32_t first = be32toh(ip) >> 24;

	if (VLY_UNLIKELY(first == 0 || first == VLY_IP4_LOOPBACK || first >= VLY_IP4_MULTICAST))
		return true;
	return VLY_UNLIKELY(local->filter4 & vly_local_bit4(ip)) && vly_local_has4(local, ip);
}

static inline bool vly_listen_matches(const struct vly_listen *listen, const uint8_t *ip)
{
	if (listen->kind == VLY_LISTEN_ANY)
		return true;
	if (listen->kind == VLY_LISTEN_ANY_IPV4)
		return vly_ip_is4(ip);
	return ((listen->ip[0] ^ vly_raw64(ip)) | (listen->ip[1] ^ vly_raw64(ip + 8))) == 0;
}

static inline bool vly_local_serves(const struct vly_local *local, const struct vly_addr *addr)
{
	const struct vly_listen *first = &local->listens[0];
	uint16_t at = local->bucket[addr->port % VLY_LISTEN_BUCKETS];

	if ((uint16_t)(addr->port - first->port) < local->listen_span &&
	    vly_listen_matches(first, addr->ip))
		return true;
	while (at != VLY_LISTEN_NONE) {
		const struct vly_listen *listen = &local->listens[at];

		if (listen->port == addr->port && vly_listen_matches(listen, addr->ip))
			return true;
		at = listen->next;
	}
	return false;
}
