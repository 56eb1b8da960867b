// SPDX-License-Identifier: BSD-3-Clause
//
// Outwards: headers in front of a payload, where the payload lies.
#include "stack/checksum.h"
#include "stack/ip4.h"
#include "stack/ip6.h"
#include "stack/link.h"
#include "stack/state.h"
#include "stack/udp.h"

static uint8_t *push(struct vly_dgram *dgram, uint32_t bytes)
{
	uint32_t capacity = dgram->capacity + bytes;

	dgram->data_offset -= (int32_t)bytes;
	dgram->len = (uint16_t)(dgram->len + bytes);
	dgram->capacity = (uint16_t)(capacity < UINT16_MAX ? capacity : UINT16_MAX);
	return vly_dgram_data(dgram);
}

// --- what carries anything
// ------------------------------------------------------------------------

static uint8_t *push_eth(struct vly_dgram *dgram, const struct vly_eth *eth)
{
	uint32_t size = eth->is_tagged ? VLY_ETH_BYTES_MAX : VLY_ETH_BYTES;
	uint8_t *p = push(dgram, size);

	vly_eth_encode(eth, p, size);
	return p;
}

static uint8_t *push_ip4(struct vly_dgram *dgram, const struct vly_way *way, uint8_t protocol)
{
	uint8_t *p = push(dgram, VLY_IP4_BYTES);
	// An atomic datagram needs no id (RFC 6864, section 4.1).
	struct vly_ip4 ip = {
		.src_raw = vly_raw32(way->src + 12),
		.dst_raw = vly_raw32(way->dst + 12),
		.total_len = dgram->len,
		.fragment = VLY_IP4_DONT_FRAGMENT,
		.header_len = VLY_IP4_BYTES,
		.tos = way->tos,
		.ttl = way->ttl,
		.protocol = protocol,
	};

	vly_ip4_encode(&ip, p, VLY_IP4_BYTES);
	return p;
}

static uint8_t *push_ip6(struct vly_dgram *dgram, const struct vly_way *way, uint8_t protocol)
{
	struct vly_ip6 ip = {
		.payload_len = dgram->len,
		.traffic_class = way->tos,
		.next = protocol,
		.hop_limit = way->ttl,
	};
	uint8_t *p = push(dgram, VLY_IP6_BYTES);

	memcpy(ip.src, way->src, VLY_IP_BYTES);
	memcpy(ip.dst, way->dst, VLY_IP_BYTES);
	vly_ip6_encode(&ip, p, VLY_IP6_BYTES);
	return p;
}

void vly_stack_wrap_eth(struct vly_dgram *dgram, const struct vly_eth *eth)
{
	push_eth(dgram, eth);
	dgram->link = eth->is_tagged ? VLY_ETH_BYTES_MAX : VLY_ETH_BYTES;
	if (eth->type == VLY_ETHERTYPE_IPV4)
		dgram->link |= VLY_IP4_BYTES << VLY_FRAME_L3_SHIFT;
	else if (eth->type == VLY_ETHERTYPE_IPV6)
		dgram->link |= VLY_IP6_BYTES << VLY_FRAME_L3_SHIFT | VLY_FRAME_IPV6;
}

void vly_stack_wrap_ip(const struct vly_way *way, struct vly_dgram *dgram, uint8_t protocol)
{
	if (way->is_ipv6)
		push_ip6(dgram, way, protocol);
	else
		vly_ip4_seal(push_ip4(dgram, way, protocol), VLY_IP4_BYTES);
}

struct vly_way vly_stack_way_back(const struct vly_stack *stack, const struct vly_packet *packet)
{
	struct vly_way way = {.eth = *packet->eth, .is_ipv6 = packet->is_ipv6, .ttl = VLY_IP_TTL};

	memcpy(way.eth.dst, packet->eth->src, VLY_MAC_BYTES);
	memcpy(way.eth.src, stack->mac, VLY_MAC_BYTES);
	memcpy(way.src, packet->frame->local.ip, VLY_IP_BYTES);
	memcpy(way.dst, packet->frame->peer.ip, VLY_IP_BYTES);
	return way;
}

enum vly_stack_verdict vly_stack_answer(struct vly_packet *packet, const struct vly_way *way,
					uint8_t protocol, uint32_t len)
{
	struct vly_dgram *frame = packet->frame;
	uint32_t headers = (uint32_t)(packet->l4 - packet->start);

	frame->data_offset += (int32_t)headers;
	frame->capacity = (uint16_t)(frame->capacity - headers);
	frame->len = (uint16_t)len;
	vly_stack_wrap_ip(way, frame, protocol);
	vly_stack_wrap_eth(frame, &way->eth);
	return VLY_STACK_REPLY;
}

// --- UDP
// ------------------------------------------------------------------------------------------

// The checksum of the UDP header and payload at p, or the device's part of the work.
static uint32_t udp_seal(const struct vly_stack *stack, uint8_t *p, uint32_t len, uint64_t pseudo)
{
	uint16_t checksum;

	if (stack->offloads_tx & VLY_FRAME_UDP_CSUM) {
		vly_raw16_put(p + VLY_UDP_CHECKSUM_OFFSET, vly_sum_fold(pseudo));
		return VLY_FRAME_UDP_CSUM;
	}
	checksum = vly_sum_finish(vly_sum(pseudo, p, len));
	// 0 would mean "no checksum" (RFC 768).
	vly_raw16_put(p + VLY_UDP_CHECKSUM_OFFSET, checksum ? checksum : 0xffff);
	return 0;
}

static uint32_t udp_wrap4(const struct vly_stack *stack, struct vly_dgram *dgram,
			  const struct vly_way *way, uint8_t *udp)
{
	uint16_t len = dgram->len;
	uint8_t *ip = push_ip4(dgram, way, VLY_PROTOCOL_UDP);
	uint64_t pseudo =
		vly_ip4_pseudo_sum(vly_raw32(ip + VLY_IP4_SRC_OFFSET),
				   vly_raw32(ip + VLY_IP4_DST_OFFSET), VLY_PROTOCOL_UDP, len);
	uint32_t link = VLY_IP4_BYTES << VLY_FRAME_L3_SHIFT;

	if (stack->offloads_tx & VLY_FRAME_IP_CSUM)
		link |= VLY_FRAME_IP_CSUM;
	else
		vly_ip4_seal(ip, VLY_IP4_BYTES);
	return link | udp_seal(stack, udp, len, pseudo);
}

static uint32_t udp_wrap6(const struct vly_stack *stack, struct vly_dgram *dgram,
			  const struct vly_way *way, uint8_t *udp)
{
	uint16_t len = dgram->len;
	uint8_t *ip = push_ip6(dgram, way, VLY_PROTOCOL_UDP);
	uint64_t pseudo = vly_ip6_pseudo_sum(ip + VLY_IP6_SRC_OFFSET, VLY_PROTOCOL_UDP, len);

	return VLY_IP6_BYTES << VLY_FRAME_L3_SHIFT | VLY_FRAME_IPV6 |
	       udp_seal(stack, udp, len, pseudo);
}

// Puts the frame around the payload. Everything was checked before.
static void udp_wrap(const struct vly_stack *stack, struct vly_dgram *dgram,
		     const struct vly_way *way)
{
	struct vly_udp udp = {
		.src_port = dgram->local.port ? dgram->local.port : stack->local.port,
		.dst_port = dgram->peer.port,
		.len = (uint16_t)(dgram->len + VLY_UDP_BYTES),
	};
	uint8_t *p = push(dgram, VLY_UDP_BYTES);
	uint32_t link;

	vly_udp_encode(&udp, p, VLY_UDP_BYTES);
	link = way->is_ipv6 ? udp_wrap6(stack, dgram, way, p) : udp_wrap4(stack, dgram, way, p);
	push_eth(dgram, &way->eth);
	dgram->link = link | (way->eth.is_tagged ? VLY_ETH_BYTES_MAX : VLY_ETH_BYTES);
}

// Whether the headers find room between the datagram's structure and its payload, and the payload
// in a packet of the link.
static bool fits(const struct vly_stack *stack, const struct vly_dgram *dgram, bool is_ipv6,
		 uint32_t l2_len)
{
	uint32_t headers = VLY_UDP_BYTES + (is_ipv6 ? VLY_IP6_BYTES : VLY_IP4_BYTES);
	int32_t start = dgram->data_offset - (int32_t)(headers + l2_len);

	// Fragmentation belongs here.
	return dgram->len + headers <= stack->mtu && dgram->len <= dgram->capacity &&
	       start >= (int32_t)sizeof(*dgram);
}

static enum vly_stack_output_verdict refuse(enum vly_drop *reason, enum vly_drop why)
{
	*reason = why;
	return VLY_STACK_REFUSED;
}

// --- back to where it came from
// ---------------------------------------------------------------------

static enum vly_stack_output_verdict output_back(struct vly_stack *stack, struct vly_dgram *dgram,
						 const struct vly_link *link, enum vly_drop *reason)
{
	const uint8_t *request = (const uint8_t *)dgram + link->start;
	struct vly_way way = {.is_ipv6 = link->is_ipv6, .ttl = VLY_IP_TTL};

	if (VLY_UNLIKELY(!fits(stack, dgram, link->is_ipv6, link->l2_len)))
		return refuse(reason, VLY_DROP_TX_OVERSIZE);
	memcpy(way.eth.dst, request + VLY_MAC_BYTES, VLY_MAC_BYTES);
	memcpy(way.eth.src, stack->mac, VLY_MAC_BYTES);
	way.eth.is_tagged = link->l2_len == VLY_ETH_BYTES_MAX;
	way.eth.tci = way.eth.is_tagged ? vly_be16(request + VLY_ETH_BYTES) : 0;
	way.eth.type = link->is_ipv6 ? VLY_ETHERTYPE_IPV6 : VLY_ETHERTYPE_IPV4;
	memcpy(way.dst, dgram->peer.ip, VLY_IP_BYTES);
	memcpy(way.src, dgram->local.ip, VLY_IP_BYTES);
	if (VLY_UNLIKELY(link->is_group) && !vly_local_source(&stack->local, way.dst, way.src))
		return refuse(reason, VLY_DROP_TX_NO_ROUTE);
	udp_wrap(stack, dgram, &way);
	return VLY_STACK_TRANSMIT;
}

// --- out to anybody
// ---------------------------------------------------------------------------------

// A datagram is asked for its source: ours for that peer when it leaves it open or names a group.
// Returns 0 or the reason to refuse it.
static int source_choose(const struct vly_stack *stack, const struct vly_dgram *dgram,
			 uint8_t *source)
{
	const uint8_t *ip = dgram->local.ip;
	bool is_ipv6 = !vly_ip_is4(dgram->peer.ip);
	bool is_open = (vly_raw64(ip) | vly_raw64(ip + 8)) == 0;
	enum vly_reach reach = VLY_REACH_GROUP;

	if (!is_open && vly_ip_is4(ip))
		is_open = vly_raw32(ip + 12) == 0;
	if (!is_open) {
		if (vly_ip_is4(ip) == is_ipv6)
			return VLY_DROP_TX_NO_ROUTE;
		reach = is_ipv6 ? vly_local_reach6(&stack->local, ip)
				: vly_local_reach4(&stack->local, vly_raw32(ip + 12));
	}
	if (VLY_UNLIKELY(reach == VLY_REACH_NONE))
		return VLY_DROP_TX_REFUSED;
	if (reach == VLY_REACH_UNICAST)
		memcpy(source, ip, VLY_IP_BYTES);
	else if (!vly_local_source(&stack->local, dgram->peer.ip, source))
		return VLY_DROP_TX_NO_ROUTE;
	return 0;
}

static struct vly_way way_to(const struct vly_stack *stack, const struct vly_dgram *dgram,
			     const uint8_t *source, const uint8_t *mac)
{
	struct vly_way way = {
		.is_ipv6 = !vly_ip_is4(dgram->peer.ip),
		.ttl = dgram->ttl ? dgram->ttl : VLY_IP_TTL,
		.tos = dgram->tos,
	};

	way.eth = vly_stack_eth(stack, mac, way.is_ipv6 ? VLY_ETHERTYPE_IPV6 : VLY_ETHERTYPE_IPV4);
	memcpy(way.dst, dgram->peer.ip, VLY_IP_BYTES);
	memcpy(way.src, source, VLY_IP_BYTES);
	return way;
}

// The MAC of a broadcast or multicast address. Returns false for any other.
static bool group_mac(const struct vly_local *local, const uint8_t *ip, uint8_t *mac)
{
	static const uint8_t group4[3] = {0x01, 0x00, 0x5e};

	if (!vly_ip_is4(ip)) {
		memset(mac, 0x33, 2);
		memcpy(mac + 2, ip + 12, 4);
		return ip[0] == 0xff;
	}
	if (ip[12] >> 4 == 14) {
		memcpy(mac, group4, sizeof(group4));
		memcpy(mac + 3, ip + 13, 3);
		mac[3] &= 0x7f;
		return true;
	}
	memset(mac, 0xff, VLY_MAC_BYTES);
	return vly_local_is_broadcast4(local, vly_raw32(ip + 12));
}

static enum vly_stack_output_verdict wait_for(struct vly_stack *stack, struct vly_neigh *neigh,
					      const uint8_t *next, struct vly_dgram *dgram,
					      uint64_t now_ns, enum vly_drop *reason)
{
	if (!neigh)
		neigh = vly_neigh_ask(&stack->neighbours, next, now_ns);
	if (!neigh || !vly_neigh_hold(&stack->neighbours, neigh, dgram))
		return refuse(reason, VLY_DROP_TX_NO_NEIGHBOUR);
	if (neigh->retry_ns < stack->due_ns)
		stack->due_ns = neigh->retry_ns;
	return VLY_STACK_WAIT;
}

static enum vly_stack_output_verdict output_unicast(struct vly_stack *stack,
						    struct vly_dgram *dgram, const uint8_t *source,
						    uint64_t now_ns, enum vly_drop *reason)
{
	uint8_t next[VLY_IP_BYTES];
	struct vly_neigh *neigh;
	struct vly_way way;

	if (VLY_UNLIKELY(!vly_local_can_reach(&stack->local, dgram->peer.ip) ||
			 !vly_local_next_hop(&stack->local, dgram->peer.ip, next)))
		return refuse(reason, VLY_DROP_TX_NO_ROUTE);
	neigh = vly_neigh_find(&stack->neighbours, next);
	// Behind those that still wait, so that order is kept.
	if (VLY_UNLIKELY(!neigh || !vly_neigh_is_resolved(neigh) || neigh->held_count))
		return wait_for(stack, neigh, next, dgram, now_ns, reason);
	if (VLY_UNLIKELY(vly_neigh_use(&stack->neighbours, neigh, now_ns)))
		stack->due_ns = 0;
	way = way_to(stack, dgram, source, neigh->mac);
	udp_wrap(stack, dgram, &way);
	return VLY_STACK_TRANSMIT;
}

enum vly_stack_output_verdict vly_stack_output(struct vly_stack *stack, struct vly_dgram *dgram,
					       uint64_t now_ns, enum vly_drop *reason)
{
	uint8_t source[VLY_IP_BYTES];
	uint8_t mac[VLY_MAC_BYTES];
	struct vly_link link;
	struct vly_way way;
	uint32_t l2_len = stack->vlan ? VLY_ETH_BYTES_MAX : VLY_ETH_BYTES;
	int refusal;

	if (VLY_UNLIKELY(dgram->peer.port == 0))
		return refuse(reason, VLY_DROP_TX_REFUSED);
	// Without the received Ethernet header, as when the payload was moved over it, a reply is
	// routed as any other datagram.
	if (dgram->fate == VLY_FATE_REPLY && vly_link_unpack(&link, dgram->link) &&
	    dgram->data_offset >= (int32_t)(link.start + link.l2_len))
		return output_back(stack, dgram, &link, reason);
	refusal = source_choose(stack, dgram, source);
	if (VLY_UNLIKELY(refusal))
		return refuse(reason, (enum vly_drop)refusal);
	if (VLY_UNLIKELY(!fits(stack, dgram, !vly_ip_is4(dgram->peer.ip), l2_len)))
		return refuse(reason, VLY_DROP_TX_OVERSIZE);
	if (!VLY_UNLIKELY(group_mac(&stack->local, dgram->peer.ip, mac)))
		return output_unicast(stack, dgram, source, now_ns, reason);
	way = way_to(stack, dgram, source, mac);
	udp_wrap(stack, dgram, &way);
	return VLY_STACK_TRANSMIT;
}

enum vly_stack_output_verdict vly_stack_output_held(struct vly_stack *stack,
						    struct vly_dgram *dgram,
						    const struct vly_neigh *neigh,
						    enum vly_drop *reason)
{
	uint8_t source[VLY_IP_BYTES];
	struct vly_way way;
	int refusal = source_choose(stack, dgram, source);

	if (refusal)
		return refuse(reason, (enum vly_drop)refusal);
	way = way_to(stack, dgram, source, neigh->mac);
	udp_wrap(stack, dgram, &way);
	return VLY_STACK_TRANSMIT;
}
