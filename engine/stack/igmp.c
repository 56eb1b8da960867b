// SPDX-License-Identifier: BSD-3-Clause
//
// The routers' questions, of which groups anybody here is a member.
#include "stack/igmp.h"

#include "stack/checksum.h"
#include "stack/icmp.h"
#include "stack/state.h"

enum {
	MS_NS = 1000000,
	TENTH_NS = 100000000,
	IGMP1_DELAY_TENTHS = 100, // RFC 2236, section 4
};

// RFC 3376, section 4.1.1: a code of 128 or more is a small floating point number.
static uint64_t igmp_delay_ns(uint8_t code, uint8_t version)
{
	uint64_t tenths = code;

	if (version == 1)
		tenths = IGMP1_DELAY_TENTHS;
	else if (version == 0 && code >= 0x80)
		tenths = (uint64_t)((code & 0xf) | 0x10) << ((code >> 4 & 7) + 3);
	return tenths * TENTH_NS;
}

// RFC 3810, section 5.1.3.
static uint64_t mld_delay_ns(uint16_t code, uint8_t version)
{
	uint64_t ms = code;

	if (version == 0 && code >= 0x8000)
		ms = (uint64_t)((code & 0xfff) | 0x1000) << ((code >> 12 & 7) + 3);
	return ms * MS_NS;
}

// The kernel beside us may be a member of groups of its own. Where it tells the routers of ours,
// too, there is nothing to do.
static enum vly_stack_verdict asked(struct vly_stack *stack, struct vly_packet *packet,
				    const struct vly_group_query *query)
{
	if (!stack->asks_outside && vly_groups_asked(&stack->local.groups, query, packet->now_ns))
		stack->due_ns = 0;
	return stack->has_kernel ? vly_packet_drop(packet, VLY_DROP_IGMP) : VLY_STACK_ABSORBED;
}

// RFC 3376, section 7.1: the length tells the versions apart, and any other is none.
enum vly_stack_verdict vly_igmp_input(struct vly_stack *stack, struct vly_packet *packet)
{
	const uint8_t *p = packet->l4;
	struct vly_group_query query = {.is_ipv6 = false};

	if (packet->l4_len < VLY_IGMP_BYTES || p[0] != VLY_IGMP_QUERY || !packet->is_group ||
	    !vly_sum_verifies(vly_sum(0, p, packet->l4_len)))
		return vly_packet_drop(packet, VLY_DROP_IGMP);
	if (packet->l4_len == VLY_IGMP_BYTES) {
		query.version = p[1] ? 2 : 1;
	} else {
		if (packet->l4_len < VLY_IGMP_QUERY3_BYTES)
			return vly_packet_drop(packet, VLY_DROP_IGMP);
		query.source_count = vly_be16(p + 10);
		query.sources = p + VLY_IGMP_QUERY3_BYTES;
		if (query.source_count > (packet->l4_len - VLY_IGMP_QUERY3_BYTES) / 4)
			return vly_packet_drop(packet, VLY_DROP_IGMP);
	}
	query.max_delay_ns = igmp_delay_ns(p[1], query.version);
	vly_ip_from4(query.group, vly_raw32(p + 4));
	return asked(stack, packet, &query);
}

// RFC 3810, sections 6.2 and 8.1: from a router of this very link; the length as above.
enum vly_stack_verdict vly_mld_input(struct vly_stack *stack, struct vly_packet *packet)
{
	const uint8_t *p = packet->l4;
	struct vly_group_query query = {.is_ipv6 = true};

	if (packet->l4_len < VLY_MLD_BYTES || packet->hop_limit != 1 ||
	    !vly_ip_is_link_local6(packet->frame->peer.ip))
		return vly_packet_drop(packet, VLY_DROP_IGMP);
	if (packet->l4_len == VLY_MLD_BYTES) {
		query.version = 1;
	} else {
		if (packet->l4_len < VLY_MLD_QUERY2_BYTES)
			return vly_packet_drop(packet, VLY_DROP_IGMP);
		query.source_count = vly_be16(p + 26);
		query.sources = p + VLY_MLD_QUERY2_BYTES;
		if (query.source_count > (packet->l4_len - VLY_MLD_QUERY2_BYTES) / VLY_IP_BYTES)
			return vly_packet_drop(packet, VLY_DROP_IGMP);
	}
	query.max_delay_ns = mld_delay_ns(vly_be16(p + 4), query.version);
	memcpy(query.group, p + 8, sizeof(query.group));
	return asked(stack, packet, &query);
}
