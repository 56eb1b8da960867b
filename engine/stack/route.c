// SPDX-License-Identifier: BSD-3-Clause
//
// The way out: which of our addresses speaks, and who takes the frame.
#include "stack/local.h"

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
	return ip == local->gateway4 || own4_around(local, ip);
}

bool vly_local_is_on_link6(const struct vly_local *local, const uint8_t *ip)
{
	uint64_t raw[2];

	memcpy(raw, ip, sizeof(raw));
	return is_link_local(ip) ||
	       (raw[0] == local->gateway6[0] && raw[1] == local->gateway6[1]) ||
	       own6_around(local, raw);
}

static bool source4(const struct vly_local *local, uint32_t ip, uint8_t *source)
{
	const struct vly_own4 *own = own4_around(local, ip);

	if (local->count4 == 0)
		return false;
	if (!own && local->gateway4)
		own = own4_around(local, local->gateway4);
	vly_ip_from4(source, own ? own->ip : local->own4[0].ip);
	return true;
}

bool vly_local_source(const struct vly_local *local, const uint8_t *ip, uint8_t *source)
{
	const struct vly_own6 *own;
	uint64_t raw[2];

	if (vly_ip_is4(ip))
		return source4(local, vly_raw32(ip + 12), source);
	if (local->count6 == 0)
		return false;
	memcpy(raw, ip, sizeof(raw));
	own = own6_around(local, raw);
	if (!own)
		own = own6_around(local, local->gateway6);
	memcpy(source, own ? own->ip : local->own6[0].ip, VLY_IP_BYTES);
	return true;
}

bool vly_local_next_hop(const struct vly_local *local, const uint8_t *ip, uint8_t *next)
{
	if (vly_ip_is4(ip)) {
		bool is_near = vly_local_is_on_link4(local, vly_raw32(ip + 12));

		vly_ip_from4(next, is_near ? vly_raw32(ip + 12) : local->gateway4);
		return local->count4 > 0 && (is_near || local->gateway4);
	}
	if (local->count6 == 0)
		return false;
	if (vly_local_is_on_link6(local, ip)) {
		memcpy(next, ip, VLY_IP_BYTES);
		return true;
	}
	memcpy(next, local->gateway6, VLY_IP_BYTES);
	return (local->gateway6[0] | local->gateway6[1]) != 0;
}

bool vly_local_can_reach(const struct vly_local *local, const uint8_t *ip)
{
	static const uint8_t unspecified[VLY_IP_BYTES];

	if (vly_ip_is4(ip))
		return !vly_local_source4_is_martian(local, vly_raw32(ip + 12));
	return memcmp(ip, unspecified, sizeof(unspecified)) &&
	       !vly_local_source6_is_martian(local, ip);
}
