// SPDX-License-Identifier: BSD-3-Clause
//
// Outwards in several frames: what is larger than its path takes, and what lies in a large buffer.
// Each frame is a copy with headers of its own, so nothing is asked of a device.
#include "stack/split.h"

#include "stack/flow.h"
#include "stack/ip4.h"
#include "stack/ip6.h"
#include "stack/state.h"

static uint32_t header_bytes(bool is_ipv6)
{
	return is_ipv6 ? VLY_IP6_BYTES : VLY_IP4_BYTES;
}

// RFC 7739, section 5.3: numbers that grow, from where nobody can tell who has not our seed. Each
// queue takes every so many-th, so that two never name two datagrams to one peer alike.
static uint32_t next_id(struct vly_stack *stack, const uint8_t *dst)
{
	uint64_t hash = vly_flow_mix(vly_raw64(dst) ^ stack->id_seed,
				     vly_raw64(dst + 8) ^ 0xe7037ed1a0b428dbu);
	uint32_t *counter = &stack->id_counters[hash % VLY_SPLIT_COUNTERS];

	return ((uint32_t)(hash >> 32) + ++*counter) * stack->queue_count + stack->queue;
}

void vly_split_begin(struct vly_stack *stack, const struct vly_way *way, uint8_t protocol,
		     const uint8_t *l4, uint32_t l4_len)
{
	struct vly_split *split = &stack->split;
	uint32_t mtu = vly_path_mtu(stack, way->dst);
	uint32_t header = header_bytes(way->is_ipv6);

	// Where jumbo frames are received in chains, the buffers to send from are smaller.
	if (stack->frame_room && mtu > stack->frame_room - VLY_ETH_BYTES_MAX)
		mtu = stack->frame_room - VLY_ETH_BYTES_MAX;
	split->way = *way;
	memcpy(split->src, way->src, VLY_IP_BYTES);
	memcpy(split->dst, way->dst, VLY_IP_BYTES);
	split->way.src = split->src;
	split->way.dst = split->dst;
	split->protocol = protocol;
	split->l4 = l4;
	split->l4_len = l4_len;
	split->count = 1;
	split->chunk = l4_len;
	if (header + l4_len <= mtu)
		return;
	if (way->is_ipv6)
		header += VLY_IP6_FRAGMENT_BYTES;
	split->chunk = (mtu - header) / VLY_FRAGMENT_UNIT * VLY_FRAGMENT_UNIT;
	split->count = (l4_len + split->chunk - 1) / split->chunk;
	split->id = next_id(stack, way->dst);
}

enum vly_stack_output_verdict vly_split_udp(struct vly_stack *stack, struct vly_dgram *dgram,
					    const struct vly_way *way)
{
	struct vly_udp udp = vly_stack_udp(stack, dgram);
	uint8_t *p = vly_dgram_data(dgram) - VLY_UDP_BYTES;
	uint64_t sum = vly_udp_sum(&udp);

	if (way->is_ipv6)
		sum += vly_ip6_pseudo_sum(way->src, way->dst, VLY_PROTOCOL_UDP, udp.len);
	else
		sum += vly_ip4_pseudo_sum(vly_raw32(way->src + 12), vly_raw32(way->dst + 12),
					  VLY_PROTOCOL_UDP, udp.len);
	udp.checksum_raw = vly_sum_finish(vly_sum(sum, vly_dgram_data(dgram), dgram->len));
	if (udp.checksum_raw == 0)
		udp.checksum_raw = 0xffff; // 0 would mean that there is none (RFC 768)
	vly_udp_encode(&udp, p, VLY_UDP_BYTES);
	vly_split_begin(stack, way, VLY_PROTOCOL_UDP, p, udp.len);
	return VLY_STACK_SPLIT;
}

uint32_t vly_stack_split_count(const struct vly_stack *stack)
{
	return stack->split.count;
}

// Without DF: a router that has it even narrower may cut it again.
static void ip4_put(const struct vly_split *split, uint8_t *p, uint32_t offset, uint32_t len)
{
	bool has_more = offset + len < split->l4_len;
	struct vly_ip4 ip = {
		.src_raw = vly_raw32(split->src + 12),
		.dst_raw = vly_raw32(split->dst + 12),
		.total_len = (uint16_t)(VLY_IP4_BYTES + len),
		.id = (uint16_t)split->id,
		.fragment = (uint16_t)(offset / VLY_FRAGMENT_UNIT |
				       (has_more ? VLY_IP4_MORE_FRAGMENTS : 0)),
		.header_len = VLY_IP4_BYTES,
		.tos = split->way.tos,
		.ttl = split->way.ttl,
		.protocol = split->protocol,
	};

	if (split->count == 1)
		ip.fragment = VLY_IP4_DONT_FRAGMENT;
	ip.checksum_raw = vly_ip4_checksum(&ip);
	vly_ip4_encode(&ip, p, VLY_IP4_BYTES);
}

static void ip6_put(const struct vly_split *split, uint8_t *p, uint32_t offset, uint32_t len)
{
	bool has_more = offset + len < split->l4_len;
	uint32_t extra = split->count > 1 ? VLY_IP6_FRAGMENT_BYTES : 0;
	struct vly_ip6 ip = {
		.payload_len = (uint16_t)(extra + len),
		.traffic_class = split->way.tos,
		.next = extra ? VLY_IP6_FRAGMENT : split->protocol,
		.hop_limit = split->way.ttl,
	};

	memcpy(ip.src, split->src, VLY_IP_BYTES);
	memcpy(ip.dst, split->dst, VLY_IP_BYTES);
	vly_ip6_encode(&ip, p, VLY_IP6_BYTES);
	if (extra) {
		p[VLY_IP6_BYTES] = split->protocol;
		p[VLY_IP6_BYTES + 1] = 0;
		vly_be16_put(p + VLY_IP6_BYTES + 2, (uint16_t)(offset | has_more));
		vly_be32_put(p + VLY_IP6_BYTES + 4, split->id);
	}
}

static bool put_frame(const struct vly_split *split, struct vly_dgram *frame, uint32_t offset,
		      uint32_t len)
{
	uint8_t *p = vly_dgram_data(frame);
	int l2 = vly_eth_encode(&split->way.eth, p, frame->capacity);
	uint32_t l3 = header_bytes(split->way.is_ipv6);

	if (split->way.is_ipv6 && split->count > 1)
		l3 += VLY_IP6_FRAGMENT_BYTES;
	if (l2 < 0 || frame->capacity < (uint32_t)l2 + l3 + len)
		return false;
	if (split->way.is_ipv6)
		ip6_put(split, p + l2, offset, len);
	else
		ip4_put(split, p + l2, offset, len);
	memcpy(p + l2 + l3, split->l4 + offset, len);
	frame->len = (uint16_t)((uint32_t)l2 + l3 + len);
	frame->link =
		(uint32_t)l2 | l3 << VLY_FRAME_L3_SHIFT | (split->way.is_ipv6 ? VLY_FRAME_IPV6 : 0);
	return true;
}

bool vly_stack_split(struct vly_stack *stack, struct vly_dgram **frames)
{
	const struct vly_split *split = &stack->split;

	for (uint32_t i = 0; i < split->count; i++) {
		uint32_t offset = i * split->chunk;
		uint32_t left = split->l4_len - offset;

		if (!put_frame(split, frames[i], offset, left < split->chunk ? left : split->chunk))
			return false;
	}
	return true;
}
