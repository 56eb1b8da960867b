// SPDX-License-Identifier: BSD-3-Clause
//
// Telling routers of our groups.
#include "stack/checksum.h"
#include "stack/igmp.h"
#include "stack/ip4.h"
#include "stack/ip6.h"
#include "stack/state.h"

enum {
	MS_NS = 1000000,
	REPEAT_NS = 1000000000,  // unsolicited report interval, RFC 3376 section 8.11
	REPORT_BYTES_MAX = 1200, // of one message: every link takes it, but for the narrowest
	EXTENSION_BYTES = 8,     // the router alert of IPv6
	ROUTER_ALERT_BYTES = 4,  // that of IPv4
	CHECKSUM_OFFSET = 2,
	ROOM_MIN = 400, // what a datagram has to hold: one group with all its sources
};

static uint8_t record_type(const struct vly_member *member)
{
	switch ((enum vly_member_state)member->state) {
	case VLY_MEMBER_JOINING:
		return member->is_any ? VLY_IGMP_TO_EXCLUDE : VLY_IGMP_ALLOW;
	case VLY_MEMBER_LEAVING:
		return member->is_any ? VLY_IGMP_TO_INCLUDE : VLY_IGMP_BLOCK;
	case VLY_MEMBER_QUIET:
	case VLY_MEMBER_ASKED:
		break;
	}
	return member->is_any ? VLY_IGMP_IS_EXCLUDE : VLY_IGMP_IS_INCLUDE;
}

static uint32_t record_bytes(const struct vly_member *member, uint32_t addr_bytes)
{
	uint32_t sources = member->is_any ? 0 : member->source_count;

	return VLY_IGMP_RECORD_BYTES + addr_bytes * (1 + sources);
}

// One record of the newest versions. Returns its bytes.
static uint32_t record_put(uint8_t *p, const struct vly_member *member, uint32_t addr_bytes)
{
	uint32_t sources = member->is_any ? 0 : member->source_count;

	p[0] = record_type(member);
	p[1] = 0;
	vly_be16_put(p + 2, (uint16_t)sources);
	p += VLY_IGMP_RECORD_BYTES;
	memcpy(p, member->ip + 16 - addr_bytes, addr_bytes);
	for (uint32_t i = 0; i < sources; i++)
		memcpy(p + addr_bytes * (1 + i), member->sources[i] + 16 - addr_bytes, addr_bytes);
	return record_bytes(member, addr_bytes);
}

// What was said is said: a joining is repeated, anything else is done.
static void said(struct vly_member *member, uint64_t now_ns)
{
	if (member->state == VLY_MEMBER_JOINING && --member->repeats > 0) {
		member->report_ns = now_ns + REPEAT_NS;
		return;
	}
	member->state = VLY_MEMBER_QUIET;
	member->report_ns = UINT64_MAX;
}

static bool is_due(const struct vly_member *member, bool is_ipv6, uint64_t now_ns)
{
	return member->state != VLY_MEMBER_QUIET && vly_ip_is4(member->ip) != is_ipv6 &&
	       member->report_ns <= now_ns;
}

// All that is due of a family in one message of the newest version, as far as it fits. Returns its
// bytes; 0: nothing is due.
static uint32_t report_put(struct vly_groups *groups, uint8_t *p, uint32_t room, bool is_ipv6,
			   uint64_t now_ns)
{
	uint32_t addr_bytes = is_ipv6 ? 16 : 4;
	uint32_t at = VLY_IGMP_BYTES;
	uint16_t count = 0;

	for (uint32_t i = 0; i < groups->count; i++) {
		struct vly_member *member = &groups->members[i];

		if (!is_due(member, is_ipv6, now_ns) ||
		    at + record_bytes(member, addr_bytes) > room)
			continue;
		at += record_put(p + at, member, addr_bytes);
		said(member, now_ns);
		count++;
	}
	memset(p, 0, VLY_IGMP_BYTES);
	p[0] = is_ipv6 ? VLY_MLD_REPORT2 : VLY_IGMP_REPORT3;
	vly_be16_put(p + 6, count);
	return count ? at : 0;
}

// One group in the words of IGMPv1 or v2, and to whom. Returns the bytes.
static uint32_t old4_put(const struct vly_member *member, uint8_t *p, uint8_t version, uint8_t *dst)
{
	memset(p, 0, VLY_IGMP_BYTES);
	memcpy(p + 4, member->ip + 12, 4);
	memcpy(dst, member->ip, VLY_IP_BYTES);
	p[0] = version == 1 ? VLY_IGMP_REPORT1 : VLY_IGMP_REPORT2;
	if (member->state != VLY_MEMBER_LEAVING)
		return VLY_IGMP_BYTES;
	p[0] = VLY_IGMP_LEAVE2;
	vly_ip_from4(dst, htobe32(0xe0000002));
	return version == 1 ? 0 : VLY_IGMP_BYTES; // IGMPv1 knows no leaving
}

// The same in those of MLDv1.
static uint32_t old6_put(const struct vly_member *member, uint8_t *p, uint8_t *dst)
{
	static const uint8_t all_routers[VLY_IP_BYTES] = {0xff, 0x02, [15] = 0x02};
	bool is_leaving = member->state == VLY_MEMBER_LEAVING;

	memset(p, 0, VLY_MLD_BYTES);
	p[0] = is_leaving ? VLY_MLD_DONE1 : VLY_MLD_REPORT1;
	memcpy(p + 8, member->ip, VLY_IP_BYTES);
	memcpy(dst, is_leaving ? all_routers : member->ip, VLY_IP_BYTES);
	return VLY_MLD_BYTES;
}

// The first group that is due in the words of an older version. Returns the bytes; 0: none is due.
static uint32_t old_put(struct vly_groups *groups, uint8_t *p, bool is_ipv6, uint8_t *dst,
			uint64_t now_ns)
{
	uint8_t version = vly_groups_version(groups, is_ipv6, now_ns);
	uint32_t size = 0;

	for (uint32_t i = 0; !size && i < groups->count; i++) {
		struct vly_member *member = &groups->members[i];

		if (!is_due(member, is_ipv6, now_ns))
			continue;
		size = is_ipv6 ? old6_put(member, p, dst) : old4_put(member, p, version, dst);
		said(member, now_ns);
	}
	return size;
}

// The message behind an IPv4 header with a router alert (RFC 2113).
static void igmp_wrap(const struct vly_stack *stack, struct vly_dgram *spare, const uint8_t *dst,
		      uint32_t size)
{
	static const uint8_t alert[ROUTER_ALERT_BYTES] = {0x94, 0x04, 0, 0};
	uint8_t *p = vly_dgram_data(spare);
	uint8_t source[VLY_IP_BYTES] = {0}; // without an address 0.0.0.0 (RFC 3376, 4.2.13)
	uint8_t mac[VLY_MAC_BYTES];
	struct vly_ip4 ip = {
		.options = alert,
		.dst_raw = vly_raw32(dst + 12),
		.total_len = (uint16_t)(VLY_IP4_BYTES + ROUTER_ALERT_BYTES + size),
		.header_len = VLY_IP4_BYTES + ROUTER_ALERT_BYTES,
		.fragment = VLY_IP4_DONT_FRAGMENT,
		.tos = 0xc0, // RFC 3376, section 4
		.ttl = 1,
		.protocol = VLY_PROTOCOL_IGMP,
	};
	struct vly_eth eth;

	vly_local_source(&stack->local, dst, source);
	ip.src_raw = vly_raw32(source + 12);
	vly_raw16_put(p + ip.header_len + CHECKSUM_OFFSET,
		      vly_sum_finish(vly_sum(0, p + ip.header_len, size)));
	vly_ip4_encode(&ip, p, ip.header_len);
	vly_raw16_put(p + VLY_IP4_CHECKSUM_OFFSET, vly_sum_finish(vly_sum(0, p, ip.header_len)));
	vly_stack_group_mac(&stack->local, dst, mac);
	eth = vly_stack_eth(stack, mac, VLY_ETHERTYPE_IPV4);
	spare->len = ip.total_len;
	vly_stack_wrap_eth(spare, &eth);
}

// Routers believe only link-local addresses (RFC 3810, section 5.1.14): one of ours, or the one
// that our MAC makes (RFC 4291, appendix A).
static void link_local_source(const struct vly_stack *stack, uint8_t *source)
{
	static const uint8_t prefix[VLY_IP_BYTES] = {0xfe, 0x80, [11] = 0xff, [12] = 0xfe};

	for (uint32_t i = 0; i < stack->local.count6; i++) {
		memcpy(source, stack->local.own6[i].ip, VLY_IP_BYTES);
		if (vly_ip_is_link_local6(source))
			return;
	}
	memcpy(source, prefix, VLY_IP_BYTES);
	memcpy(source + 8, stack->mac, 3);
	memcpy(source + 13, stack->mac + 3, 3);
	source[8] ^= 2;
}

// The message behind a hop-by-hop header with a router alert (RFC 2711).
static void mld_wrap(const struct vly_stack *stack, struct vly_dgram *spare, const uint8_t *dst,
		     uint32_t size)
{
	static const uint8_t alert[EXTENSION_BYTES] = {VLY_PROTOCOL_ICMPV6, 0, 5, 2, 0, 0, 1, 0};
	uint8_t *p = vly_dgram_data(spare);
	uint8_t source[VLY_IP_BYTES];
	uint8_t mac[VLY_MAC_BYTES];
	struct vly_way way = {.src = source, .dst = dst, .is_ipv6 = true, .ttl = 1};
	uint64_t sum;

	link_local_source(stack, source);
	vly_stack_group_mac(&stack->local, dst, mac);
	way.eth = vly_stack_eth(stack, mac, VLY_ETHERTYPE_IPV6);
	sum = vly_ip6_pseudo_sum(source, dst, VLY_PROTOCOL_ICMPV6, size);
	vly_raw16_put(p + EXTENSION_BYTES + CHECKSUM_OFFSET,
		      vly_sum_finish(vly_sum(sum, p + EXTENSION_BYTES, size)));
	memcpy(p, alert, sizeof(alert));
	spare->len = (uint16_t)(EXTENSION_BYTES + size);
	vly_stack_wrap(spare, &way, VLY_IP6_HOP_BY_HOP);
}

// What a message may have of a datagram, with its headers.
static uint32_t room_of(const struct vly_stack *stack, const struct vly_dgram *spare)
{
	uint32_t room = stack->mtu - VLY_IP6_BYTES;

	if (room > REPORT_BYTES_MAX)
		room = REPORT_BYTES_MAX;
	return room < spare->capacity ? room : spare->capacity;
}

// Makes one message of a family of an empty datagram. False when nothing is due.
static bool message_make(struct vly_stack *stack, struct vly_dgram *spare, bool is_ipv6,
			 uint64_t now_ns)
{
	struct vly_groups *groups = &stack->local.groups;
	uint8_t version = vly_groups_version(groups, is_ipv6, now_ns);
	uint32_t before = is_ipv6 ? EXTENSION_BYTES : VLY_IP4_BYTES + ROUTER_ALERT_BYTES;
	uint8_t *p = vly_dgram_data(spare) + before;
	uint32_t room = room_of(stack, spare);
	uint8_t dst[VLY_IP_BYTES] = {0xff, 0x02, [15] = 0x16}; // all MLDv2-capable routers
	uint32_t size;

	if (room < ROOM_MIN)
		return false;
	if (!is_ipv6)
		vly_ip_from4(dst, htobe32(0xe0000016)); // those of IGMPv3
	size = version ? old_put(groups, p, is_ipv6, dst, now_ns)
		       : report_put(groups, p, room - before, is_ipv6, now_ns);
	if (!size)
		return false;
	if (is_ipv6)
		mld_wrap(stack, spare, dst, size);
	else
		igmp_wrap(stack, spare, dst, size);
	return true;
}

// The earliest of what remains to be said.
static void note_due(const struct vly_groups *groups, uint64_t now_ns, uint64_t *due_ns)
{
	for (uint32_t i = 0; i < groups->count; i++) {
		const struct vly_member *member = &groups->members[i];
		uint64_t at_ns = member->report_ns;

		if (member->state == VLY_MEMBER_QUIET)
			continue;
		if (at_ns <= now_ns) // no datagram was left for it
			at_ns = now_ns + MS_NS;
		if (at_ns < *due_ns)
			*due_ns = at_ns;
	}
}

uint32_t vly_igmp_poll(struct vly_stack *stack, struct vly_dgram **spare, uint32_t spare_count,
		       uint64_t now_ns, uint64_t *due_ns)
{
	uint32_t used = 0;

	if (vly_stack_is_probing(stack))
		return 0;
	while (used < spare_count) {
		struct vly_dgram *dgram = spare[spare_count - used - 1];

		if (!message_make(stack, dgram, false, now_ns) &&
		    !message_make(stack, dgram, true, now_ns))
			break;
		used++;
	}
	note_due(&stack->local.groups, now_ns, due_ns);
	return used;
}

bool vly_stack_leave(struct vly_stack *stack)
{
	bool has_any = vly_groups_leave(&stack->local.groups);

	if (has_any)
		stack->due_ns = 0;
	return has_any;
}
