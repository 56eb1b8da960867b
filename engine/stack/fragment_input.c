// SPDX-License-Identifier: BSD-3-Clause
//
// Fragments inwards, for both families: from a frame to a place in a large buffer, and from a
// datagram that is whole on as if it had come so.
#include "stack/ip4.h"
#include "stack/ip6.h"
#include "stack/state.h"
#include "stack/udp.h"

// Headers in front of the contents as if it had come in one frame: who answers or complains reads
// them there.
static void put_headers(struct vly_packet *packet, uint8_t next)
{
	const struct vly_dgram *whole = packet->frame;
	struct vly_ip4 ip4 = {
		.src_raw = vly_raw32(whole->peer.ip + 12),
		.dst_raw = vly_raw32(whole->local.ip + 12),
		.total_len = (uint16_t)(VLY_IP4_BYTES + packet->l4_len),
		.header_len = VLY_IP4_BYTES,
		.tos = packet->tos,
		.ttl = packet->hop_limit,
		.protocol = next,
	};
	struct vly_ip6 ip6 = {
		.payload_len = (uint16_t)packet->l4_len,
		.traffic_class = packet->tos,
		.next = next,
		.hop_limit = packet->hop_limit,
	};

	vly_eth_encode(packet->eth, packet->start, packet->l2_len);
	if (packet->is_ipv6) {
		memcpy(ip6.src, whole->peer.ip, VLY_IP_BYTES);
		memcpy(ip6.dst, whole->local.ip, VLY_IP_BYTES);
		vly_ip6_encode(&ip6, packet->start + packet->l2_len, VLY_IP6_BYTES);
	} else {
		ip4.checksum_raw = vly_ip4_checksum(&ip4);
		vly_ip4_encode(&ip4, packet->start + packet->l2_len, VLY_IP4_BYTES);
	}
}

static enum vly_stack_verdict transport(struct vly_stack *stack, struct vly_packet *packet,
					uint8_t next)
{
	struct vly_ip4 ip4 = {
		.src_raw = vly_raw32(packet->frame->peer.ip + 12),
		.dst_raw = vly_raw32(packet->frame->local.ip + 12),
		.protocol = next,
	};

	if (packet->is_ipv6)
		return vly_ip6_whole_input(stack, packet, next);
	return vly_ip4_whole_input(stack, packet, &ip4);
}

// What is not ours is the kernel's, which gets it in fragments again: as many as the interface
// wants, not as many as they were. Of the wire's they have all but the identification.
static void split_again(struct vly_stack *stack, const struct vly_packet *last,
			const struct vly_reassembly *entry)
{
	struct vly_way way = {
		.eth = entry->eth,
		.src = entry->src,
		.dst = entry->dst,
		.is_ipv6 = last->is_ipv6,
		.ttl = entry->ttl,
		.tos = entry->tos,
	};

	vly_split_begin(stack, &way, entry->next, (uint8_t *)entry->whole + VLY_LARGE_L4_OFFSET,
			entry->total);
}

// Leaves the datagram and what becomes of it in stack->whole. `last` is the fragment that made it
// whole.
static void make_whole(struct vly_stack *stack, const struct vly_packet *last,
		       struct vly_reassembly *entry)
{
	struct vly_dgram *whole = entry->whole;
	struct vly_packet packet = {
		.frame = whole,
		.eth = &entry->eth,
		.l4 = (uint8_t *)whole + VLY_LARGE_L4_OFFSET,
		.l2_len = entry->eth.is_tagged ? VLY_ETH_BYTES_MAX : VLY_ETH_BYTES,
		.l3_len = last->is_ipv6 ? VLY_IP6_BYTES : VLY_IP4_BYTES,
		.l4_len = entry->total,
		.now_ns = last->now_ns,
		.is_group = entry->is_group,
		.is_ipv6 = last->is_ipv6,
		.is_unspecified = last->is_unspecified,
		.was_fragment = true,
		.is_whole = true,
		.hop_limit = entry->ttl,
		.tos = entry->tos,
		.reason = &stack->whole.reason,
	};
	uint32_t headers = packet.l2_len + packet.l3_len;

	packet.start = packet.l4 - headers;
	memcpy(whole->peer.ip, entry->src, VLY_IP_BYTES);
	memcpy(whole->local.ip, entry->dst, VLY_IP_BYTES);
	whole->rx_ns = last->frame->rx_ns;
	whole->flow_hash = 0; // a fragment's is of its addresses alone
	whole->data_offset = (int32_t)(VLY_LARGE_L4_OFFSET - headers);
	// Of a frame larger than any: it wraps, and is right again when the headers are taken off.
	whole->capacity = (uint16_t)(VLY_DGRAM_BYTES_MAX + headers + VLY_UDP_BYTES);
	put_headers(&packet, entry->next);
	stack->whole.dgram = whole;
	stack->whole.fragments = entry->fragments;
	stack->whole.verdict = transport(stack, &packet, entry->next);
	if (stack->whole.verdict == VLY_STACK_DROP && stack->has_kernel)
		split_again(stack, last, entry);
	vly_reassembly_end(stack->reassembly, &stack->large, entry, VLY_DROP_COUNT);
}

// Makes a poll due for the time-out, or at once for what was lost.
static void note_due(struct vly_stack *stack, uint64_t now_ns)
{
	if (stack->reassembly->has_lost)
		stack->due_ns = 0;
	else if (stack->due_ns > now_ns + VLY_REASSEMBLY_IP4_NS)
		stack->due_ns = now_ns + VLY_REASSEMBLY_IP4_NS;
}

enum vly_stack_verdict vly_fragment_input(struct vly_stack *stack, struct vly_packet *packet,
					  struct vly_fragment *fragment)
{
	struct vly_reassembly *entry;
	enum vly_drop reason;

	// What is not UDP is the kernel's, where there is one, and it puts it together itself. Of
	// UDP only the first fragment has the port, and any may come first.
	if (stack->has_kernel && fragment->protocol != VLY_PROTOCOL_UDP &&
	    fragment->protocol != VLY_IP6_DESTINATION)
		return vly_packet_drop(packet, VLY_DROP_IP_PROTOCOL);
	fragment->len = packet->l4_len;
	entry = vly_reassembly_add(stack->reassembly, &stack->large, packet, fragment, &reason);
	note_due(stack, packet->now_ns);
	if (entry) {
		make_whole(stack, packet, entry);
		return VLY_STACK_WHOLE;
	}
	return reason == VLY_DROP_COUNT ? VLY_STACK_HELD : vly_packet_drop(packet, reason);
}
