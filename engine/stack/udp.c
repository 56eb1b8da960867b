// SPDX-License-Identifier: BSD-3-Clause
#include "stack/udp.h"

#include "stack/checksum.h"
#include "stack/flow.h"
#include "stack/state.h"

// Over IPv4 the checksum may be absent (RFC 768); over IPv6 it may not (RFC 8200, section 8.1).
static bool checksum_is_good(const struct vly_stack *stack, const struct vly_packet *packet,
			     const struct vly_udp *udp)
{
	// The pseudo-header has the UDP length, which may be less than what IP carries.
	uint64_t pseudo =
		packet->pseudo + htobe16(udp->len) + (uint16_t)~htobe16((uint16_t)packet->l4_len);

	if (VLY_UNLIKELY(udp->checksum_raw == 0))
		return !packet->is_ipv6;
	if (packet->frame->link & VLY_FRAME_UDP_CSUM)
		return true;
	if (vly_sum_verifies(vly_sum(pseudo, packet->l4, udp->len)))
		return true;
	return stack->takes_partial && vly_sum_fold(pseudo) == udp->checksum_raw;
}

// As the device would, if it does for others.
static uint32_t hash_of(const struct vly_stack *stack, const struct vly_packet *packet)
{
	const struct vly_addr *peer = &packet->frame->peer;
	const struct vly_addr *local = &packet->frame->local;
	enum vly_link_hash hash = stack->hash[packet->is_ipv6];

	return hash == VLY_LINK_HASH_NONE
		       ? vly_flow_hash(peer, local)
		       : vly_flow_toeplitz(peer, local, hash == VLY_LINK_HASH_FLOW);
}

static void deliver(const struct vly_stack *stack, struct vly_packet *packet, uint32_t len)
{
	struct vly_dgram *frame = packet->frame;
	struct vly_link link = {
		.start = (uint32_t)frame->data_offset,
		.l2_len = packet->l2_len,
		.l3_len = packet->l3_len,
		.is_group = packet->is_group,
		.is_ipv6 = packet->is_ipv6,
	};
	uint32_t headers = packet->l2_len + packet->l3_len + VLY_UDP_BYTES;

	frame->link = vly_link_pack(&link);
	frame->data_offset += (int32_t)headers;
	frame->capacity = (uint16_t)(frame->capacity - headers);
	frame->len = (uint16_t)len;
	frame->ttl = packet->hop_limit;
	frame->tos = packet->tos;
	if (frame->flow_hash == 0)
		frame->flow_hash = hash_of(stack, packet);
}

enum vly_stack_verdict vly_udp_input(struct vly_stack *stack, struct vly_packet *packet)
{
	struct vly_udp udp;

	if (VLY_UNLIKELY(packet->is_group) &&
	    !vly_groups_hears(&stack->local.groups, packet->frame->local.ip,
			      packet->frame->peer.ip))
		return vly_packet_drop(packet, VLY_DROP_NOT_OUR_IP);
	if (VLY_UNLIKELY(vly_udp_decode(&udp, packet->l4, packet->l4_len) < 0))
		return vly_packet_drop(packet, VLY_DROP_UDP_LENGTH);
	if (VLY_UNLIKELY(!checksum_is_good(stack, packet, &udp)))
		return vly_packet_drop(packet, VLY_DROP_UDP_CHECKSUM);
	packet->frame->peer.port = udp.src_port;
	packet->frame->local.port = udp.dst_port;
	if (VLY_UNLIKELY(!vly_local_serves(&stack->local, &packet->frame->local))) {
		vly_stack_complain(stack, packet);
		return vly_packet_drop(packet, VLY_DROP_NO_LISTENER);
	}
	deliver(stack, packet, udp.len - VLY_UDP_BYTES);
	return VLY_STACK_DELIVER;
}
