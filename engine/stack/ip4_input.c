// SPDX-License-Identifier: BSD-3-Clause
//
// IPv4 inwards: what reaches a transport is whole, verified and for us.
#include "stack/ip4.h"
#include "stack/state.h"

static enum vly_stack_verdict fragment_input(struct vly_stack *stack, struct vly_packet *packet,
					     const struct vly_ip4 *ip)
{
	struct vly_fragment fragment = {
		.id = ip->id,
		.offset = (ip->fragment & VLY_IP4_FRAGMENT_OFFSET) * VLY_FRAGMENT_UNIT,
		.protocol = ip->protocol,
		.has_more = ip->fragment & VLY_IP4_MORE_FRAGMENTS,
	};

	return vly_fragment_input(stack, packet, &fragment);
}

static enum vly_stack_verdict transport(struct vly_stack *stack, struct vly_packet *packet,
					const struct vly_ip4 *ip)
{
	if (VLY_UNLIKELY(ip->protocol != VLY_PROTOCOL_UDP && ip->protocol != VLY_PROTOCOL_ICMP &&
			 ip->protocol != VLY_PROTOCOL_IGMP))
		return vly_packet_drop(packet, VLY_DROP_IP_PROTOCOL);
	// Everything before this holds for each fragment by itself.
	if (VLY_UNLIKELY(ip->fragment & (VLY_IP4_MORE_FRAGMENTS | VLY_IP4_FRAGMENT_OFFSET)))
		return fragment_input(stack, packet, ip);
	packet->pseudo = vly_ip4_pseudo_sum(ip->src_raw, ip->dst_raw, ip->protocol,
					    (uint16_t)packet->l4_len);
	if (VLY_LIKELY(ip->protocol == VLY_PROTOCOL_UDP))
		return vly_udp_input(stack, packet);
	if (ip->protocol == VLY_PROTOCOL_IGMP)
		return vly_igmp_input(stack, packet);
	return vly_icmp_input(stack, packet);
}

enum vly_stack_verdict vly_ip4_whole_input(struct vly_stack *stack, struct vly_packet *packet,
					   const struct vly_ip4 *ip)
{
	return transport(stack, packet, ip);
}

// Most headers have no options, and a length that is known is summed without a loop.
static bool checksum_is_good(const uint8_t *p, size_t header_len)
{
	if (VLY_LIKELY(header_len == VLY_IP4_BYTES))
		return vly_sum_verifies(vly_sum(0, p, VLY_IP4_BYTES));
	return vly_sum_verifies(vly_sum(0, p, header_len));
}

enum vly_stack_verdict vly_ip4_input(struct vly_stack *stack, struct vly_packet *packet)
{
	struct vly_ip4 ip;
	const uint8_t *p = packet->start + packet->l2_len;
	enum vly_reach reach;
	int header = vly_ip4_decode(&ip, p, packet->frame->len - packet->l2_len);

	if (VLY_UNLIKELY(header < 0))
		return vly_packet_drop(packet, header == -ENODATA ? VLY_DROP_FRAME_SHORT
								  : VLY_DROP_IP_HEADER);
	if (!(packet->frame->link & VLY_FRAME_IP_CSUM) &&
	    VLY_UNLIKELY(!checksum_is_good(p, (size_t)header)))
		return vly_packet_drop(packet, VLY_DROP_IP_CHECKSUM);
	if (VLY_UNLIKELY(header > VLY_IP4_BYTES) &&
	    !vly_ip4_options_are_harmless(ip.options, (size_t)header - VLY_IP4_BYTES))
		return vly_packet_drop(packet, VLY_DROP_IP_OPTION);
	if (VLY_UNLIKELY(vly_local_source4_is_martian(&stack->local, ip.src_raw)))
		return vly_packet_drop(packet, VLY_DROP_IP_SOURCE);
	reach = vly_local_reach4(&stack->local, ip.dst_raw);
	if (VLY_UNLIKELY(reach == VLY_REACH_NONE))
		return vly_packet_drop(packet, VLY_DROP_NOT_OUR_IP);
	packet->is_group = reach == VLY_REACH_GROUP;
	packet->l3_len = ip.header_len;
	packet->l4 = packet->start + packet->l2_len + header;
	packet->l4_len = (uint32_t)(ip.total_len - header);
	packet->hop_limit = ip.ttl;
	packet->tos = ip.tos;
	vly_ip_from4(packet->frame->peer.ip, ip.src_raw);
	vly_ip_from4(packet->frame->local.ip, ip.dst_raw);
	return transport(stack, packet, &ip);
}
