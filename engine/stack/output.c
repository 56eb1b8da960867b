// SPDX-License-Identifier: BSD-3-Clause
//
// Outwards: headers in front of a payload, where the payload lies.
#include "stack/checksum.h"
#include "stack/ip4.h"
#include "stack/ip6.h"
#include "stack/link.h"
#include "stack/state.h"
#include "stack/udp.h"

static uint32_t eth_bytes(const struct vly_eth *eth)
{
	return eth->is_tagged ? VLY_ETH_BYTES_MAX : VLY_ETH_BYTES;
}

// Makes the `headers` bytes in front of what dgram holds a part of it.
static void widen(struct vly_dgram *dgram, uint32_t headers)
{
	uint32_t capacity = dgram->capacity + headers;

	dgram->data_offset -= (int32_t)headers;
	dgram->len = (uint16_t)(dgram->len + headers);
	dgram->capacity = (uint16_t)(capacity < UINT16_MAX ? capacity : UINT16_MAX);
}

// --- what carries anything ----------------------------------------------------------------------

// An IPv4 header for l4_len bytes behind it.
static void ip4_put(uint8_t *p, const struct vly_way *way, uint8_t protocol, uint32_t l4_len,
		    bool is_sealed)
{
	// An atomic datagram needs no id (RFC 6864, section 4.1).
	struct vly_ip4 ip = {
		.src_raw = vly_raw32(way->src + 12),
		.dst_raw = vly_raw32(way->dst + 12),
		.total_len = (uint16_t)(VLY_IP4_BYTES + l4_len),
		.fragment = VLY_IP4_DONT_FRAGMENT,
		.header_len = VLY_IP4_BYTES,
		.tos = way->tos,
		.ttl = way->ttl,
		.protocol = protocol,
	};

	if (is_sealed)
		ip.checksum_raw = vly_ip4_checksum(&ip);
	vly_ip4_encode(&ip, p, VLY_IP4_BYTES);
}

static void ip6_put(uint8_t *p, const struct vly_way *way, uint8_t protocol, uint32_t l4_len)
{
	struct vly_ip6 ip = {
		.payload_len = (uint16_t)l4_len,
		.traffic_class = way->tos,
		.next = protocol,
		.hop_limit = way->ttl,
	};

	memcpy(ip.src, way->src, VLY_IP_BYTES);
	memcpy(ip.dst, way->dst, VLY_IP_BYTES);
	vly_ip6_encode(&ip, p, VLY_IP6_BYTES);
}

void vly_stack_wrap_eth(struct vly_dgram *dgram, const struct vly_eth *eth)
{
	uint32_t l2 = eth_bytes(eth);

	widen(dgram, l2);
	vly_eth_encode(eth, vly_dgram_data(dgram), l2);
	dgram->link = l2;
}

void vly_stack_wrap(struct vly_dgram *dgram, const struct vly_way *way, uint8_t protocol)
{
	uint8_t *p = vly_dgram_data(dgram);
	uint32_t l3 = way->is_ipv6 ? VLY_IP6_BYTES : VLY_IP4_BYTES;

	if (way->is_ipv6)
		ip6_put(p - l3, way, protocol, dgram->len);
	else
		ip4_put(p - l3, way, protocol, dgram->len, true);
	widen(dgram, l3);
	vly_stack_wrap_eth(dgram, &way->eth);
	dgram->link |= l3 << VLY_FRAME_L3_SHIFT | (way->is_ipv6 ? VLY_FRAME_IPV6 : 0);
}

struct vly_way vly_stack_way_back(const struct vly_stack *stack, const struct vly_packet *packet)
{
	struct vly_way way = {.eth = *packet->eth, .is_ipv6 = packet->is_ipv6, .ttl = VLY_IP_TTL};

	memcpy(way.eth.dst, packet->eth->src, VLY_MAC_BYTES);
	memcpy(way.eth.src, stack->mac, VLY_MAC_BYTES);
	way.src = packet->frame->local.ip;
	way.dst = packet->frame->peer.ip;
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
	vly_stack_wrap(frame, way, protocol);
	return VLY_STACK_REPLY;
}

// --- UDP ----------------------------------------------------------------------------------------

// What goes into the checksum field: the checksum, or the device's part of the work.
static uint16_t udp_checksum(const struct vly_dgram *dgram, const struct vly_udp *udp,
			     uint64_t pseudo, bool is_offloaded)
{
	uint16_t checksum;

	if (is_offloaded)
		return vly_sum_fold(pseudo);
	checksum = vly_sum_finish(
		vly_sum(pseudo + vly_udp_sum(udp), vly_dgram_data(dgram), dgram->len));
	return checksum ? checksum : 0xffff; // 0 would mean that there is none (RFC 768)
}

// The Ethernet header in front of p, and what is left to do then.
static void udp_finish(struct vly_dgram *dgram, const struct vly_way *way, uint8_t *p,
		       uint32_t headers, uint32_t link)
{
	uint32_t l2 = eth_bytes(&way->eth);

	vly_eth_encode(&way->eth, p - l2, l2);
	widen(dgram, l2 + headers);
	dgram->link = l2 | link;
}

static void udp_wrap4(const struct vly_stack *stack, struct vly_dgram *dgram,
		      const struct vly_way *way)
{
	struct vly_udp udp = vly_stack_udp(stack, dgram);
	uint32_t offloads = stack->offloads_tx & (VLY_FRAME_IP_CSUM | VLY_FRAME_UDP_CSUM);
	uint8_t *p = vly_dgram_data(dgram) - VLY_UDP_BYTES;
	uint64_t pseudo = vly_ip4_pseudo_sum(vly_raw32(way->src + 12), vly_raw32(way->dst + 12),
					     VLY_PROTOCOL_UDP, udp.len);

	udp.checksum_raw = udp_checksum(dgram, &udp, pseudo, offloads & VLY_FRAME_UDP_CSUM);
	vly_udp_encode(&udp, p, VLY_UDP_BYTES);
	p -= VLY_IP4_BYTES;
	ip4_put(p, way, VLY_PROTOCOL_UDP, udp.len, !(offloads & VLY_FRAME_IP_CSUM));
	udp_finish(dgram, way, p, VLY_IP4_BYTES + VLY_UDP_BYTES,
		   VLY_IP4_BYTES << VLY_FRAME_L3_SHIFT | offloads);
}

static void udp_wrap6(const struct vly_stack *stack, struct vly_dgram *dgram,
		      const struct vly_way *way)
{
	struct vly_udp udp = vly_stack_udp(stack, dgram);
	uint32_t offloads = stack->offloads_tx & VLY_FRAME_UDP_CSUM;
	uint8_t *p = vly_dgram_data(dgram) - VLY_UDP_BYTES;
	uint64_t pseudo = vly_ip6_pseudo_sum(way->src, way->dst, VLY_PROTOCOL_UDP, udp.len);

	udp.checksum_raw = udp_checksum(dgram, &udp, pseudo, offloads);
	vly_udp_encode(&udp, p, VLY_UDP_BYTES);
	p -= VLY_IP6_BYTES;
	ip6_put(p, way, VLY_PROTOCOL_UDP, udp.len);
	udp_finish(dgram, way, p, VLY_IP6_BYTES + VLY_UDP_BYTES,
		   VLY_IP6_BYTES << VLY_FRAME_L3_SHIFT | VLY_FRAME_IPV6 | offloads);
}

// Whether it cannot leave as one frame, where it lies.
static bool must_split(const struct vly_stack *stack, const struct vly_dgram *dgram,
		       const struct vly_way *way)
{
	uint32_t headers = VLY_UDP_BYTES + (way->is_ipv6 ? VLY_IP6_BYTES : VLY_IP4_BYTES);
	uint32_t len = dgram->len + headers;

	if (VLY_UNLIKELY(len > stack->mtu_sure) && len > vly_path_mtu(stack, way->dst))
		return true;
	return VLY_UNLIKELY(stack->large.free_count < stack->large.count) &&
	       vly_large_has(&stack->large, dgram);
}

// Puts the frame around the payload. Everything was checked before.
static enum vly_stack_output_verdict udp_wrap(struct vly_stack *stack, struct vly_dgram *dgram,
					      const struct vly_way *way)
{
	if (VLY_UNLIKELY(must_split(stack, dgram, way)))
		return vly_split_udp(stack, dgram, way);
	if (way->is_ipv6)
		udp_wrap6(stack, dgram, way);
	else
		udp_wrap4(stack, dgram, way);
	return VLY_STACK_TRANSMIT;
}

// Whether the headers find room between the datagram's structure and its payload.
static bool fits(const struct vly_dgram *dgram, bool is_ipv6, uint32_t l2_len)
{
	uint32_t headers = VLY_UDP_BYTES + (is_ipv6 ? VLY_IP6_BYTES : VLY_IP4_BYTES);
	int32_t start = dgram->data_offset - (int32_t)(headers + l2_len);

	return dgram->len <= VLY_DGRAM_BYTES_MAX && dgram->len <= dgram->capacity &&
	       start >= (int32_t)sizeof(*dgram);
}

static enum vly_stack_output_verdict refuse(enum vly_drop *reason, enum vly_drop why)
{
	*reason = why;
	return VLY_STACK_REFUSED;
}

// --- back to where it came from -----------------------------------------------------------------

static enum vly_stack_output_verdict output_back(struct vly_stack *stack, struct vly_dgram *dgram,
						 const struct vly_link *link, enum vly_drop *reason)
{
	const uint8_t *request = (const uint8_t *)dgram + link->start;
	uint8_t source[VLY_IP_BYTES];
	struct vly_way way = {
		.src = dgram->local.ip,
		.dst = dgram->peer.ip,
		.is_ipv6 = link->is_ipv6,
		.ttl = VLY_IP_TTL,
	};

	if (VLY_UNLIKELY(!fits(dgram, link->is_ipv6,
			       stack->is_tagging ? VLY_ETH_BYTES_MAX : link->l2_len)))
		return refuse(reason, VLY_DROP_TX_OVERSIZE);
	memcpy(way.eth.dst, request + VLY_MAC_BYTES, VLY_MAC_BYTES);
	memcpy(way.eth.src, stack->mac, VLY_MAC_BYTES);
	if (VLY_UNLIKELY(link->l2_len == VLY_ETH_BYTES_MAX || stack->is_tagging)) {
		way.eth.is_tagged = true;
		way.eth.tci = link->l2_len == VLY_ETH_BYTES_MAX ? vly_be16(request + VLY_ETH_BYTES)
								: stack->vlan;
	}
	way.eth.type = link->is_ipv6 ? VLY_ETHERTYPE_IPV6 : VLY_ETHERTYPE_IPV4;
	if (VLY_UNLIKELY(link->is_group)) {
		if (!vly_local_source(&stack->local, way.dst, source))
			return refuse(reason, VLY_DROP_TX_NO_ROUTE);
		way.src = source;
	}
	return udp_wrap(stack, dgram, &way);
}

// --- out to anybody -----------------------------------------------------------------------------

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

// Field by field, where it stays: what is written in small pieces and then copied as a whole waits
// for the processor to put the pieces together, 50 cycles for this structure.
static void way_to(struct vly_way *way, const struct vly_stack *stack,
		   const struct vly_dgram *dgram, const uint8_t *source, const uint8_t *mac)
{
	bool is_reply = dgram->fate == VLY_FATE_REPLY;

	way->src = source;
	way->dst = dgram->peer.ip;
	way->is_ipv6 = !vly_ip_is4(dgram->peer.ip);
	// What a reply has there is what was received.
	way->ttl = is_reply || !dgram->ttl ? (uint8_t)VLY_IP_TTL : dgram->ttl;
	way->tos = is_reply ? 0 : dgram->tos;
	memcpy(way->eth.dst, mac, VLY_MAC_BYTES);
	memcpy(way->eth.src, stack->mac, VLY_MAC_BYTES);
	way->eth.type = way->is_ipv6 ? VLY_ETHERTYPE_IPV6 : VLY_ETHERTYPE_IPV4;
	way->eth.tci = stack->vlan;
	way->eth.is_tagged = stack->is_tagging;
}

bool vly_stack_group_mac(const struct vly_local *local, const uint8_t *ip, uint8_t *mac)
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
	if (!neigh || neigh->state == VLY_NEIGH_EXPECTED)
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
	way_to(&way, stack, dgram, source, neigh->mac);
	return udp_wrap(stack, dgram, &way);
}

enum vly_stack_output_verdict vly_stack_output(struct vly_stack *stack, struct vly_dgram *dgram,
					       uint64_t now_ns, enum vly_drop *reason)
{
	uint8_t source[VLY_IP_BYTES];
	uint8_t mac[VLY_MAC_BYTES];
	struct vly_link link;
	struct vly_way way;
	uint32_t l2_len = stack->is_tagging ? VLY_ETH_BYTES_MAX : VLY_ETH_BYTES;
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
	if (VLY_UNLIKELY(!fits(dgram, !vly_ip_is4(dgram->peer.ip), l2_len)))
		return refuse(reason, VLY_DROP_TX_OVERSIZE);
	if (!VLY_UNLIKELY(vly_stack_group_mac(&stack->local, dgram->peer.ip, mac)))
		return output_unicast(stack, dgram, source, now_ns, reason);
	way_to(&way, stack, dgram, source, mac);
	return udp_wrap(stack, dgram, &way);
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
	way_to(&way, stack, dgram, source, neigh->mac);
	return udp_wrap(stack, dgram, &way);
}
