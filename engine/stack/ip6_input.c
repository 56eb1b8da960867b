// SPDX-License-Identifier: BSD-3-Clause
//
// IPv6 inwards: what reaches a transport is whole and for us.
#include "stack/icmp.h"
#include "stack/ip4.h"
#include "stack/ip6.h"
#include "stack/state.h"

static enum vly_stack_verdict fragment_input(struct vly_stack *stack, struct vly_packet *packet);

static enum vly_stack_verdict transport(struct vly_stack *stack, struct vly_packet *packet,
					uint8_t next)
{
	if (VLY_UNLIKELY(next == VLY_IP6_ROUTING))
		return vly_packet_drop(packet, VLY_DROP_IP_OPTION);
	// Everything before this holds for each fragment by itself.
	if (VLY_UNLIKELY(next == VLY_IP6_FRAGMENT))
		return fragment_input(stack, packet);
	if (VLY_UNLIKELY(next != VLY_PROTOCOL_UDP && next != VLY_PROTOCOL_ICMPV6))
		return vly_packet_drop(packet, VLY_DROP_IP_PROTOCOL);
	packet->pseudo = vly_ip6_pseudo_sum(packet->frame->peer.ip, packet->frame->local.ip, next,
					    packet->l4_len);
	if (VLY_UNLIKELY(next == VLY_PROTOCOL_ICMPV6))
		return vly_icmpv6_input(stack, packet);
	// Only neighbour solicitations may come from ::.
	if (VLY_UNLIKELY(packet->is_unspecified))
		return vly_packet_drop(packet, VLY_DROP_IP_SOURCE);
	return vly_udp_input(stack, packet);
}

// Reads over extension headers. Returns 0 or as vly_ip6_skip_extensions().
static int skip_extensions(struct vly_packet *packet, uint8_t *next)
{
	int skipped = vly_ip6_skip_extensions(next, packet->l4, packet->l4_len);

	if (skipped < 0)
		return skipped;
	packet->l3_len += (uint32_t)skipped;
	packet->l4 += skipped;
	packet->l4_len -= (uint32_t)skipped;
	return 0;
}

// What follows the fragment header, of one that is whole by itself or has been put together.
enum vly_stack_verdict vly_ip6_whole_input(struct vly_stack *stack, struct vly_packet *packet,
					   uint8_t next)
{
	int error;

	packet->was_fragment = true;
	if (next == VLY_IP6_FRAGMENT)
		return vly_packet_drop(packet, VLY_DROP_FRAGMENT);
	if (next == VLY_IP6_HOP_BY_HOP)
		return vly_packet_drop(packet, VLY_DROP_IP_OPTION);
	error = skip_extensions(packet, &next);
	if (error == -EBADMSG)
		return vly_packet_drop(packet, VLY_DROP_IP_HEADER);
	// Those before and behind the fragment header count together.
	if (error || packet->l3_len > VLY_IP6_BYTES + VLY_IP6_EXTENSION_BYTES_MAX)
		return vly_packet_drop(packet, VLY_DROP_IP_OPTION);
	return transport(stack, packet, next);
}

static enum vly_stack_verdict fragment_input(struct vly_stack *stack, struct vly_packet *packet)
{
	struct vly_fragment fragment;
	uint16_t bits;

	if (packet->was_fragment || packet->l4_len < VLY_IP6_FRAGMENT_BYTES)
		return vly_packet_drop(packet, VLY_DROP_FRAGMENT);
	bits = vly_be16(packet->l4 + 2);
	fragment = (struct vly_fragment){
		.id = vly_be32(packet->l4 + 4),
		.offset = bits & VLY_IP6_FRAGMENT_OFFSET,
		.protocol = packet->l4[0],
		.has_more = bits & VLY_IP6_FRAGMENT_MORE,
	};
	packet->l3_len += VLY_IP6_FRAGMENT_BYTES;
	packet->l4 += VLY_IP6_FRAGMENT_BYTES;
	packet->l4_len -= VLY_IP6_FRAGMENT_BYTES;
	// An atomic fragment has nothing to do with others of its name (RFC 6946).
	if (fragment.offset == 0 && !fragment.has_more)
		return vly_ip6_whole_input(stack, packet, fragment.protocol);
	return vly_fragment_input(stack, packet, &fragment);
}

// An advertisement by another station that has our address, and sends it from there.
static bool is_claim(const struct vly_stack *stack, const struct vly_packet *packet,
		     const struct vly_ip6 *ip)
{
	const uint8_t *message = packet->start + packet->l2_len + VLY_IP6_BYTES;

	return ip->next == VLY_PROTOCOL_ICMPV6 && ip->payload_len > 0 &&
	       message[0] == VLY_ICMPV6_NEIGHBOUR_ADVERTISEMENT &&
	       vly_local_claims6(&stack->local, ip->src);
}

enum vly_stack_verdict vly_ip6_input(struct vly_stack *stack, struct vly_packet *packet)
{
	struct vly_ip6 ip;
	struct vly_dgram *frame = packet->frame;
	uint8_t *p = packet->start + packet->l2_len;
	enum vly_reach reach;
	int header = vly_ip6_decode(&ip, p, frame->len - packet->l2_len);

	if (VLY_UNLIKELY(header < 0))
		return vly_packet_drop(packet, header == -ENODATA ? VLY_DROP_FRAME_SHORT
								  : VLY_DROP_IP_HEADER);
	if (VLY_UNLIKELY(vly_local_source6_is_martian(&stack->local, ip.src)) &&
	    !is_claim(stack, packet, &ip))
		return vly_packet_drop(packet, VLY_DROP_IP_SOURCE);
	reach = vly_local_reach6(&stack->local, ip.dst);
	if (VLY_UNLIKELY(reach == VLY_REACH_NONE))
		return vly_packet_drop(packet, VLY_DROP_NOT_OUR_IP);
	packet->is_ipv6 = true;
	packet->is_group = reach == VLY_REACH_GROUP;
	packet->is_unspecified = (vly_raw64(ip.src) | vly_raw64(ip.src + 8)) == 0;
	packet->l3_len = VLY_IP6_BYTES;
	packet->l4 = p + VLY_IP6_BYTES;
	packet->l4_len = ip.payload_len;
	packet->hop_limit = ip.hop_limit;
	packet->tos = ip.traffic_class;
	if (VLY_UNLIKELY(ip.next == VLY_IP6_HOP_BY_HOP || ip.next == VLY_IP6_DESTINATION)) {
		int error = skip_extensions(packet, &ip.next);

		if (error)
			return vly_packet_drop(packet, error == -EBADMSG ? VLY_DROP_IP_HEADER
									 : VLY_DROP_IP_OPTION);
	}
	memcpy(frame->peer.ip, ip.src, VLY_IP_BYTES);
	memcpy(frame->local.ip, ip.dst, VLY_IP_BYTES);
	return transport(stack, packet, ip.next);
}
