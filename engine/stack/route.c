// SPDX-License-Identifier: BSD-3-Clause
//
// The way out: which of our addresses speaks, and who takes the frame.
#include <errno.h>

#include "core/fail.h"
#include "stack/local.h"

enum {
	IP_TEXT_BYTES = 48,
	MAPPED_BITS = VLY_PREFIX_IPV4_OFFSET,
};

static const struct vly_own4 *own4_around(const struct vly_local *local, uint32_t ip)
{
	for (uint32_t i = 0; i < local->count4; i++)
		if (((local->own4[i].ip ^ ip) & local->own4[i].mask) == 0)
			return &local->own4[i];
	return NULL;
}

static const struct vly_own6 *own6_around(const struct vly_local *local, const uint64_t *ip)
{
	for (uint32_t i = 0; i < local->count6; i++) {
		const struct vly_own6 *own = &local->own6[i];

		if ((((own->ip[0] ^ ip[0]) & own->mask[0]) |
		     ((own->ip[1] ^ ip[1]) & own->mask[1])) == 0)
			return own;
	}
	return NULL;
}

// fe80::/10 is on every link (RFC 4291, section 2.5.6).
static bool is_link_local(const uint8_t *ip)
{
	return ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80;
}

bool vly_local_is_on_link4(const struct vly_local *local, uint32_t ip)
{
	return own4_around(local, ip) != NULL;
}

bool vly_local_is_on_link6(const struct vly_local *local, const uint8_t *ip)
{
	uint64_t raw[2];

	memcpy(raw, ip, sizeof(raw));
	return is_link_local(ip) || own6_around(local, raw);
}

// --- the table of ways --------------------------------------------------------------------------

static const struct vly_hop4 *hop4_to(const struct vly_local *local, uint32_t ip)
{
	for (uint32_t i = 0; i < local->hop4_count; i++)
		if (((local->hop4[i].ip ^ ip) & local->hop4[i].mask) == 0)
			return &local->hop4[i];
	return NULL;
}

static const struct vly_hop6 *hop6_to(const struct vly_local *local, const uint64_t *ip)
{
	for (uint32_t i = 0; i < local->hop6_count; i++) {
		const struct vly_hop6 *hop = &local->hop6[i];

		if ((((hop->ip[0] ^ ip[0]) & hop->mask[0]) |
		     ((hop->ip[1] ^ ip[1]) & hop->mask[1])) == 0)
			return hop;
	}
	return NULL;
}

// Behind those that are as long: ours come first, and of two alike the first one given.
static void hop4_insert(struct vly_local *local, const struct vly_hop4 *hop)
{
	uint32_t at = local->hop4_count++;

	for (; at > 0 && be32toh(local->hop4[at - 1].mask) < be32toh(hop->mask); at--)
		local->hop4[at] = local->hop4[at - 1];
	local->hop4[at] = *hop;
}

static bool is_shorter6(const struct vly_hop6 *a, const struct vly_hop6 *b)
{
	if (a->mask[0] != b->mask[0])
		return be64toh(a->mask[0]) < be64toh(b->mask[0]);
	return be64toh(a->mask[1]) < be64toh(b->mask[1]);
}

static void hop6_insert(struct vly_local *local, const struct vly_hop6 *hop)
{
	uint32_t at = local->hop6_count++;

	for (; at > 0 && is_shorter6(&local->hop6[at - 1], hop); at--)
		local->hop6[at] = local->hop6[at - 1];
	local->hop6[at] = *hop;
}

static void hop4_add(struct vly_local *local, const struct vly_route *route)
{
	const struct vly_own4 *own;
	struct vly_hop4 hop = {
		.ip = vly_raw32(route->prefix.ip + 12),
		.next = vly_raw32(route->next_hop + 12),
	};

	vly_local_mask((uint8_t *)&hop.mask, sizeof(hop.mask),
		       route->prefix.bits - (uint32_t)MAPPED_BITS);
	own = own4_around(local, hop.next ? hop.next : hop.ip);
	hop.source = own ? own->ip : local->own4[0].ip;
	hop4_insert(local, &hop);
}

static void hop6_add(struct vly_local *local, const struct vly_route *route)
{
	const struct vly_own6 *own;
	struct vly_hop6 hop;

	memcpy(hop.ip, route->prefix.ip, sizeof(hop.ip));
	memcpy(hop.next, route->next_hop, sizeof(hop.next));
	vly_local_mask((uint8_t *)hop.mask, sizeof(hop.mask), route->prefix.bits);
	own = own6_around(local, hop.next[0] | hop.next[1] ? hop.next : hop.ip);
	memcpy(hop.source, own ? own->ip : local->own6[0].ip, sizeof(hop.source));
	hop6_insert(local, &hop);
}

static int route_check(const struct vly_local *local, const struct vly_route *route,
		       struct vly_error *error)
{
	char text[IP_TEXT_BYTES];
	bool is_ipv4 = vly_ip_is4(route->next_hop);
	bool is_near;

	vly_ip_format(route->next_hop, text, sizeof(text));
	if (is_ipv4 != vly_ip_is4(route->prefix.ip) || route->prefix.bits > 128 ||
	    (is_ipv4 && route->prefix.bits < MAPPED_BITS))
		return vly_fail(error, -EINVAL,
				"stack: the route by %s is not to a prefix of its family; write it "
				"as 10.1.0.0/16@10.0.0.254",
				text);
	if (is_ipv4)
		is_near = vly_local_is_on_link4(local, vly_raw32(route->next_hop + 12));
	else
		is_near = local->count6 > 0 && vly_local_is_on_link6(local, route->next_hop);
	if (!is_near)
		return vly_fail(error, -EINVAL,
				"stack: the next hop %s is on no prefix of ours; give an address "
				"of ours with the prefix that holds it",
				text);
	if (!vly_local_can_reach(local, route->next_hop))
		return vly_fail(error, -EINVAL,
				"stack: the next hop %s cannot be another host's address; give "
				"that of a router on the link",
				text);
	return 0;
}

// The prefixes of ours.
static void hops_begin(struct vly_local *local)
{
	local->hop4_count = 0;
	local->hop6_count = 0;
	for (uint32_t i = 0; i < local->count4; i++) {
		const struct vly_own4 *own = &local->own4[i];

		hop4_insert(local, &(struct vly_hop4){own->ip, own->mask, 0, own->ip});
	}
	for (uint32_t i = 0; i < local->count6; i++) {
		struct vly_hop6 hop = {.next = {0}};

		memcpy(hop.ip, local->own6[i].ip, sizeof(hop.ip));
		memcpy(hop.mask, local->own6[i].mask, sizeof(hop.mask));
		memcpy(hop.source, local->own6[i].ip, sizeof(hop.source));
		hop6_insert(local, &hop);
	}
}

static void hop_add(struct vly_local *local, const struct vly_route *route)
{
	if (vly_ip_is4(route->prefix.ip))
		hop4_add(local, route);
	else
		hop6_add(local, route);
}

int vly_local_set_routes(struct vly_local *local, const struct vly_route *routes, uint32_t count,
			 struct vly_error *error)
{
	if (count > VLY_ROUTES_MAX)
		return vly_fail(error, -EINVAL, "stack: at most %d routes, got %u; use fewer",
				VLY_ROUTES_MAX, count);
	for (uint32_t i = 0; i < count; i++)
		if (route_check(local, &routes[i], error))
			return -EINVAL;
	hops_begin(local);
	for (uint32_t i = 0; i < count; i++)
		hop_add(local, &routes[i]);
	return 0;
}

// Whether a route can be followed: to a prefix of a family that we have, and if by somebody, then
// by another host. That it be on a prefix of ours is not asked for: the kernel knows links without.
static bool is_passable(const struct vly_local *local, const struct vly_route *route)
{
	bool is_4 = vly_ip_is4(route->prefix.ip);
	bool is_near = (vly_raw64(route->next_hop) | vly_raw64(route->next_hop + 8)) == 0;

	if (is_4 ? !local->count4 || route->prefix.bits < MAPPED_BITS : !local->count6)
		return false;
	if (route->prefix.bits > 128)
		return false;
	return is_near ||
	       (vly_ip_is4(route->next_hop) == is_4 && vly_local_can_reach(local, route->next_hop));
}

void vly_local_follow(struct vly_local *local, const struct vly_route *routes, uint32_t count)
{
	hops_begin(local);
	for (uint32_t i = 0; i < count && i < VLY_ROUTES_MAX; i++) {
		if (is_passable(local, &routes[i]))
			hop_add(local, &routes[i]);
	}
}

// --- looking it up ------------------------------------------------------------------------------

bool vly_local_source(const struct vly_local *local, const uint8_t *ip, uint8_t *source)
{
	const struct vly_hop6 *hop6;
	uint64_t raw[2];

	if (vly_ip_is4(ip)) {
		const struct vly_hop4 *hop4 = hop4_to(local, vly_raw32(ip + 12));

		vly_ip_from4(source, hop4 ? hop4->source : local->own4[0].ip);
		return local->count4 > 0;
	}
	memcpy(raw, ip, sizeof(raw));
	hop6 = hop6_to(local, raw);
	memcpy(source, hop6 ? hop6->source : local->own6[0].ip, VLY_IP_BYTES);
	return local->count6 > 0;
}

static bool next_hop4(const struct vly_local *local, uint32_t ip, uint8_t *next)
{
	const struct vly_hop4 *hop = hop4_to(local, ip);

	if (!hop)
		return false;
	vly_ip_from4(next, hop->next ? hop->next : ip);
	return true;
}

bool vly_local_next_hop(const struct vly_local *local, const uint8_t *ip, uint8_t *next)
{
	const struct vly_hop6 *hop;
	uint64_t raw[2];

	if (vly_ip_is4(ip))
		return next_hop4(local, vly_raw32(ip + 12), next);
	memcpy(raw, ip, sizeof(raw));
	hop = is_link_local(ip) ? NULL : hop6_to(local, raw);
	if (!hop && !is_link_local(ip))
		return false;
	if (hop && (hop->next[0] | hop->next[1]))
		memcpy(raw, hop->next, sizeof(raw));
	memcpy(next, raw, VLY_IP_BYTES);
	return local->count6 > 0;
}

bool vly_local_can_reach(const struct vly_local *local, const uint8_t *ip)
{
	static const uint8_t unspecified[VLY_IP_BYTES];

	if (vly_ip_is4(ip))
		return !vly_local_source4_is_martian(local, vly_raw32(ip + 12));
	return memcmp(ip, unspecified, sizeof(unspecified)) &&
	       !vly_local_source6_is_martian(local, ip);
}
