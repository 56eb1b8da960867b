// SPDX-License-Identifier: BSD-3-Clause
#include "stack/local.h"

#include <errno.h>

#include "core/fail.h"
#include "stack/stack.h"

enum {
	MAPPED_BITS = 96,
	IP4_BROADCAST_BITS_MAX = 30, // longer prefixes have no broadcast address (RFC 3021)
};

static uint8_t first_byte(uint32_t raw)
{
	return *(const uint8_t *)&raw;
}

void vly_local_mask(uint8_t *mask, uint32_t size, uint32_t bits)
{
	for (uint32_t i = 0; i < size; i++) {
		uint32_t here = bits > 8 * i ? bits - 8 * i : 0;

		mask[i] = (uint8_t)(0xff00u >> (here < 8 ? here : 8));
	}
}

static void own4_add(struct vly_local *local, const struct vly_prefix *prefix)
{
	struct vly_own4 *own = &local->own4[local->count4++];
	uint32_t bits = prefix->bits - MAPPED_BITS;

	own->ip = vly_raw32(prefix->ip + 12);
	vly_local_mask((uint8_t *)&own->mask, sizeof(own->mask), bits);
	local->filter4 |= vly_local_bit4(own->ip);
	own->broadcast = 0;
	if (bits > 0 && bits <= IP4_BROADCAST_BITS_MAX) {
		own->broadcast = own->ip | ~own->mask;
		local->filter4 |= vly_local_bit4(own->broadcast);
	}
}

static void own6_add(struct vly_local *local, const struct vly_prefix *prefix)
{
	struct vly_own6 *own = &local->own6[local->count6++];

	memcpy(own->ip, prefix->ip, sizeof(own->ip));
	vly_local_mask((uint8_t *)own->mask, sizeof(own->mask), prefix->bits);
	local->filter6 |= vly_local_bit6(own->ip[1]);
}

static int own_add(struct vly_local *local, const struct vly_prefix *prefix,
		   struct vly_error *error)
{
	static const uint8_t zero[16];

	if (vly_ip_is4(prefix->ip)) {
		uint8_t first = prefix->ip[12];

		if (first == 0 || first == VLY_IP4_LOOPBACK || first >= VLY_IP4_MULTICAST)
			return vly_fail(error, -EINVAL,
					"stack: %u.%u.%u.%u cannot be a host's address on a wire; "
					"give a unicast address",
					first, prefix->ip[13], prefix->ip[14], prefix->ip[15]);
		if (prefix->bits < MAPPED_BITS || prefix->bits > 128)
			return vly_fail(error, -EINVAL,
					"stack: an IPv4 prefix has 0 to 32 bits; write it /24");
		own4_add(local, prefix);
		return 0;
	}
	if (prefix->ip[0] == 0xff || !memcmp(prefix->ip, zero, 12) || prefix->bits > 128)
		return vly_fail(error, -EINVAL,
				"stack: an IPv6 address of ours is a multicast, loopback or "
				"unspecified one; give a unicast address, as fd00::1/64");
	own6_add(local, prefix);
	return 0;
}

static void listen_add(struct vly_local *local, const struct vly_addr *addr)
{
	struct vly_listen *listen = &local->listens[local->listen_count];
	uint16_t *bucket = &local->bucket[addr->port % VLY_LISTEN_BUCKETS];

	memcpy(listen->ip, addr->ip, sizeof(listen->ip));
	listen->port = addr->port;
	listen->kind = VLY_LISTEN_EXACT;
	if (vly_ip_is4(addr->ip) && vly_raw32(addr->ip + 12) == 0)
		listen->kind = VLY_LISTEN_ANY_IPV4;
	else if (listen->ip[0] == 0 && listen->ip[1] == 0)
		listen->kind = VLY_LISTEN_ANY;
	listen->next = *bucket;
	*bucket = (uint16_t)local->listen_count++;
}

static bool ip_is_group(const uint8_t *ip)
{
	return vly_ip_is4(ip) ? ip[12] >= VLY_IP4_MULTICAST : ip[0] == 0xff;
}

static int listens_init(struct vly_local *local, const struct vly_stack_config *config,
			struct vly_error *error)
{
	memset(local->bucket, 0xff, sizeof(local->bucket)); // VLY_LISTEN_NONE in each
	if (config->listen_count == 0) {
		struct vly_addr any = {.port = config->client_port};

		local->port = config->client_port;
		listen_add(local, &any);
		return 0;
	}
	local->port = config->listens[0].addr.port;
	local->listen_span = config->listen_span;
	for (uint32_t i = 0; i < config->listen_count; i++) {
		const struct vly_addr *addr = &config->listens[i].addr;
		const struct vly_listen *added = &local->listens[local->listen_count];
		bool is_ours;

		listen_add(local, addr);
		is_ours = vly_ip_is4(addr->ip) ? vly_local_reach4(local, vly_raw32(addr->ip + 12))
					       : vly_local_reach6(local, addr->ip);
		if (added->kind == VLY_LISTEN_EXACT && !is_ours && !ip_is_group(addr->ip))
			return vly_fail(error, -EINVAL,
					"stack: listening at an address that is not among ours "
					"(port %u); add it to the port's addresses",
					addr->port);
	}
	return 0;
}

static int groups_init(struct vly_local *local, const struct vly_stack_config *config,
		       struct vly_error *error)
{
	bool is_quiet = config->is_quiet || config->asks_outside;

	for (uint32_t i = 0; i < config->group_count; i++)
		if (!vly_groups_add(&local->groups, &config->groups[i], is_quiet))
			return vly_fail(error, -EINVAL,
					"stack: more than %d groups, or %d sources of one; join "
					"fewer, or a group without sources",
					VLY_GROUPS_MAX, VLY_MEMBER_SOURCES_MAX);
	local->groups.random = config->id_seed;
	return 0;
}

int vly_local_init(struct vly_local *local, const struct vly_stack_config *config,
		   struct vly_error *error)
{
	if (config->addr_count == 0 || config->addr_count > VLY_ADDRS_MAX)
		return vly_fail(error, -EINVAL,
				"stack: needs 1 to %d addresses of its own, got %u; give one as "
				"10.0.0.1/24",
				VLY_ADDRS_MAX, config->addr_count);
	if (config->listen_count > VLY_LISTENS_MAX)
		return vly_fail(error, -EINVAL, "stack: at most %d listens, got %u; use fewer",
				VLY_LISTENS_MAX, config->listen_count);
	memset(local, 0, sizeof(*local));
	for (uint32_t i = 0; i < config->addr_count; i++) {
		int result = own_add(local, &config->addrs[i], error);

		if (result)
			return result;
	}
	if (vly_local_set_routes(local, config->routes, config->route_count, error))
		return -EINVAL;
	if (groups_init(local, config, error))
		return -EINVAL;
	return listens_init(local, config, error);
}

void vly_local_set_addrs(struct vly_local *local, const struct vly_prefix *addrs, uint32_t count)
{
	local->count4 = 0;
	local->count6 = 0;
	local->filter4 = 0;
	local->filter6 = 0;
	for (uint32_t i = 0; i < count && i < VLY_ADDRS_MAX; i++)
		own_add(local, &addrs[i], NULL);
}

static bool owns4(const struct vly_local *local, uint32_t ip)
{
	for (uint32_t i = 0; i < local->count4; i++)
		if (local->own4[i].ip == ip)
			return true;
	return false;
}

bool vly_local_claims4(const struct vly_local *local, uint32_t ip)
{
	for (uint32_t i = 0; i < local->count4 + local->tentative4; i++)
		if (local->own4[i].ip == ip)
			return true;
	return false;
}

bool vly_local_claims6(const struct vly_local *local, const uint8_t *ip)
{
	for (uint32_t i = 0; i < local->count6 + local->tentative6; i++)
		if (memcmp(local->own6[i].ip, ip, sizeof(local->own6[i].ip)) == 0)
			return true;
	return false;
}

bool vly_local_is_broadcast4(const struct vly_local *local, uint32_t ip)
{
	for (uint32_t i = 0; i < local->count4; i++)
		if (local->own4[i].broadcast == ip)
			return true;
	return ip == 0xffffffffu;
}

// A group is joined by listening at it; 224.0.0.1 (all hosts) and ff02::1 (all nodes) always are.
static bool is_joined(const struct vly_local *local, const uint8_t *ip)
{
	if (vly_groups_find(&local->groups, ip))
		return true;
	for (uint32_t i = 0; i < local->listen_count; i++)
		if (local->listens[i].kind == VLY_LISTEN_EXACT &&
		    memcmp(local->listens[i].ip, ip, sizeof(local->listens[i].ip)) == 0)
			return true;
	return false;
}

enum vly_reach vly_local_reach4_search(const struct vly_local *local, uint32_t ip)
{
	uint8_t mapped[16];

	if (local->filter4 & vly_local_bit4(ip) && owns4(local, ip))
		return VLY_REACH_UNICAST;
	if (ip == 0)
		return VLY_REACH_NONE;
	if (vly_local_is_broadcast4(local, ip) || ip == htobe32(0xe0000001))
		return VLY_REACH_GROUP;
	if (first_byte(ip) < VLY_IP4_MULTICAST)
		return VLY_REACH_NONE;
	vly_ip_from4(mapped, ip);
	return is_joined(local, mapped) ? VLY_REACH_GROUP : VLY_REACH_NONE;
}

static bool owns6(const struct vly_local *local, const uint8_t *ip)
{
	for (uint32_t i = 0; i < local->count6; i++)
		if (memcmp(local->own6[i].ip, ip, sizeof(local->own6[i].ip)) == 0)
			return true;
	return false;
}

// ff02::1:ffXX:XXXX with the last three bytes of an address of ours (RFC 4291, section 2.7.1).
static bool is_solicited_node(const struct vly_local *local, const uint8_t *ip)
{
	static const uint8_t prefix[13] = {0xff, 0x02, [11] = 0x01, [12] = 0xff};

	if (memcmp(ip, prefix, sizeof(prefix)))
		return false;
	for (uint32_t i = 0; i < local->count6 + local->tentative6; i++)
		if (!memcmp((const uint8_t *)local->own6[i].ip + 13, ip + 13, 3))
			return true;
	return false;
}

enum vly_reach vly_local_reach6(const struct vly_local *local, const uint8_t *ip)
{
	static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 0x01};

	if (local->filter6 & vly_local_bit6(vly_raw64(ip + 8)) && owns6(local, ip))
		return VLY_REACH_UNICAST;
	if (ip[0] != 0xff)
		return VLY_REACH_NONE;
	if (!memcmp(ip, all_nodes, sizeof(all_nodes)) || is_solicited_node(local, ip))
		return VLY_REACH_GROUP;
	return is_joined(local, ip) ? VLY_REACH_GROUP : VLY_REACH_NONE;
}

bool vly_local_has4(const struct vly_local *local, uint32_t ip)
{
	return owns4(local, ip) || vly_local_is_broadcast4(local, ip);
}

bool vly_local_source6_is_martian(const struct vly_local *local, const uint8_t *ip)
{
	if (ip[0] == 0xff)
		return true;
	// ::1, IPv4-compatible and IPv4-mapped addresses have no place on a wire; the last would
	// pass for an IPv4 peer.
	if (vly_raw64(ip) == 0 && (vly_be32(ip + 8) == 0 || vly_be32(ip + 8) == 0xffff))
		return vly_raw64(ip + 8) != 0;
	return local->filter6 & vly_local_bit6(vly_raw64(ip + 8)) && owns6(local, ip);
}
