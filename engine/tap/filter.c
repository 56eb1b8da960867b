// SPDX-License-Identifier: BSD-3-Clause
#include "tap/filter.h"

#include <string.h>

#include "stack/bytes.h"
#include "stack/eth.h"

enum {
	IP4_BYTES = 20,
	IP4_OFFSET_MASK = 0x1fff,
	IP6_BYTES = 40,
	IP6_EXTENSIONS_MAX = 8,
	PORTS_BYTES = 4,
	HOP_BY_HOP = 0, // of IPv6: the extension headers that may stand before UDP
	ROUTING = 43,
	FRAGMENT = 44,
	DESTINATION = 60,
	UDP = 17,
};

static bool is_within(const struct vly_prefix *prefix, const uint8_t *ip)
{
	uint32_t bytes = prefix->bits / 8, bits = prefix->bits % 8;

	return memcmp(prefix->ip, ip, bytes) == 0 &&
	       (!bits || ((prefix->ip[bytes] ^ ip[bytes]) & 0xff00 >> bits & 0xff) == 0);
}

bool vly_filter_takes(const struct vly_filter *filter, const struct vly_addr *one,
		      const struct vly_addr *other)
{
	if (filter->port && one->port != filter->port && other->port != filter->port)
		return false;
	return !filter->prefix.bits || is_within(&filter->prefix, one->ip) ||
	       is_within(&filter->prefix, other->ip);
}

// --- frames -------------------------------------------------------------------------------------

static void read_ports(struct vly_filter_packet *packet, const uint8_t *at, uint32_t left)
{
	if (left < PORTS_BYTES)
		return;
	packet->from.port = vly_be16(at);
	packet->to.port = vly_be16(at + 2);
}

static bool read_ip4(struct vly_filter_packet *packet, const uint8_t *ip, uint32_t left)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	uint32_t header;

	if (left < IP4_BYTES || ip[0] >> 4 != 4)
		return false;
	memcpy(packet->from.ip, mapped, sizeof(mapped));
	memcpy(packet->to.ip, mapped, sizeof(mapped));
	memcpy(packet->from.ip + sizeof(mapped), ip + 12, 4);
	memcpy(packet->to.ip + sizeof(mapped), ip + 16, 4);
	header = 4 * (ip[0] & 15u);
	if (ip[9] == UDP && !(vly_be16(ip + 6) & IP4_OFFSET_MASK) && header >= IP4_BYTES &&
	    header <= left)
		read_ports(packet, ip + header, left - header);
	return true;
}

static bool is_extension(uint8_t type)
{
	return type == HOP_BY_HOP || type == ROUTING || type == FRAGMENT || type == DESTINATION;
}

static bool read_ip6(struct vly_filter_packet *packet, const uint8_t *ip, uint32_t left)
{
	uint32_t at = IP6_BYTES;
	uint8_t next;

	if (left < IP6_BYTES || ip[0] >> 4 != 6)
		return false;
	memcpy(packet->from.ip, ip + 8, 16);
	memcpy(packet->to.ip, ip + 24, 16);
	next = ip[6];
	for (uint32_t i = 0; i < IP6_EXTENSIONS_MAX && is_extension(next); i++) {
		bool is_fragment = next == FRAGMENT;

		if (left - at < 8 || (is_fragment && vly_be16(ip + at + 2) >> 3))
			return true;
		next = ip[at];
		at += is_fragment ? 8 : 8 * (1u + ip[at + 1]);
		if (at > left)
			return true;
	}
	if (next == UDP)
		read_ports(packet, ip + at, left - at);
	return true;
}

bool vly_filter_find_packet(struct vly_filter_packet *packet, const uint8_t *frame, uint32_t len)
{
	struct vly_eth eth;
	int header = vly_eth_decode(&eth, frame, len);

	memset(packet, 0, sizeof(*packet));
	if (header < 0)
		return false;
	packet->offset = (uint32_t)header;
	if (eth.type == VLY_ETHERTYPE_IPV4)
		return read_ip4(packet, frame + header, len - packet->offset);
	if (eth.type == VLY_ETHERTYPE_IPV6)
		return read_ip6(packet, frame + header, len - packet->offset);
	return false;
}
