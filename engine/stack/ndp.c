// SPDX-License-Identifier: BSD-3-Clause
#include "stack/ndp.h"

#include "stack/checksum.h"
#include "stack/icmp.h"
#include "stack/ip4.h"
#include "stack/ip6.h"
#include "stack/state.h"

enum {
	OPTION_SOURCE_MAC = 1,
	OPTION_TARGET_MAC = 2,
};

static uint8_t mac_option(uint8_t type)
{
	return type == VLY_ICMPV6_NEIGHBOUR_SOLICITATION ? OPTION_SOURCE_MAC : OPTION_TARGET_MAC;
}

static int options_decode(struct vly_ndp *out, const uint8_t *p, size_t len)
{
	size_t at = 0;

	while (at < len) {
		size_t size = len - at < 2 ? 0 : (size_t)p[at + 1] * VLY_NDP_OPTION_BYTES;

		if (size == 0 || size > len - at)
			return -EBADMSG;
		if (p[at] == mac_option(out->type) && size == VLY_NDP_OPTION_BYTES) {
			memcpy(out->mac, p + at + 2, VLY_MAC_BYTES);
			out->has_mac = true;
		}
		at += size;
	}
	return 0;
}

int vly_ndp_decode(struct vly_ndp *out, const uint8_t *p, size_t len)
{
	if (len < VLY_NDP_BYTES || p[1] != 0 || p[8] == 0xff)
		return -EBADMSG;
	memset(out, 0, sizeof(*out));
	out->type = p[0];
	if (out->type == VLY_ICMPV6_NEIGHBOUR_ADVERTISEMENT)
		out->flags = p[4] & (VLY_NDP_ROUTER | VLY_NDP_SOLICITED | VLY_NDP_OVERRIDE);
	else if (out->type != VLY_ICMPV6_NEIGHBOUR_SOLICITATION)
		return -EBADMSG;
	memcpy(out->target, p + 8, sizeof(out->target));
	if (options_decode(out, p + VLY_NDP_BYTES, len - VLY_NDP_BYTES) < 0)
		return -EBADMSG;
	return (int)len;
}

int vly_ndp_encode(const struct vly_ndp *in, uint8_t *p, size_t capacity)
{
	size_t size = in->has_mac ? VLY_NDP_BYTES_MAX : VLY_NDP_BYTES;

	if (capacity < size)
		return -ENOSPC;
	memset(p, 0, VLY_NDP_BYTES);
	p[0] = in->type;
	p[4] = in->flags;
	memcpy(p + 8, in->target, sizeof(in->target));
	if (in->has_mac) {
		p[VLY_NDP_BYTES] = mac_option(in->type);
		p[VLY_NDP_BYTES + 1] = 1;
		memcpy(p + VLY_NDP_BYTES + 2, in->mac, VLY_MAC_BYTES);
	}
	return (int)size;
}

// Writes the message to p for that way, with its checksum.
static int message_put(const struct vly_ndp *ndp, const struct vly_way *way, uint8_t *p,
		       size_t capacity)
{
	int size = vly_ndp_encode(ndp, p, capacity);
	uint64_t sum;

	if (size < 0)
		return size;
	sum = vly_ip6_pseudo_sum(way->src, way->dst, VLY_PROTOCOL_ICMPV6, (uint32_t)size);
	vly_raw16_put(p + VLY_ICMP_CHECKSUM_OFFSET, vly_sum_finish(vly_sum(sum, p, (size_t)size)));
	return size;
}

// --- in -----------------------------------------------------------------------------------------

static bool learn(struct vly_stack *stack, struct vly_packet *packet, struct vly_neigh_news *news,
		  const uint8_t *ip, const uint8_t *mac)
{
	if (mac[0] & 1 || !vly_local_is_on_link6(&stack->local, ip))
		return false;
	memcpy(news->ip, ip, sizeof(news->ip));
	memcpy(news->mac, mac, VLY_MAC_BYTES);
	return vly_stack_learn(stack, news, packet->now_ns);
}

static void send_to_all_nodes(struct vly_way *way)
{
	static const uint8_t all_nodes[VLY_IP_BYTES] = {0xff, 0x02, [15] = 0x01};
	static const uint8_t all_nodes_mac[VLY_MAC_BYTES] = {0x33, 0x33, [5] = 0x01};

	way->dst = all_nodes;
	memcpy(way->eth.dst, all_nodes_mac, VLY_MAC_BYTES);
}

static struct vly_ndp advertisement_of(const struct vly_stack *stack, const uint8_t *ip)
{
	struct vly_ndp ndp = {
		.type = VLY_ICMPV6_NEIGHBOUR_ADVERTISEMENT,
		.flags = VLY_NDP_OVERRIDE,
		.has_mac = true,
	};

	memcpy(ndp.target, ip, sizeof(ndp.target));
	memcpy(ndp.mac, stack->mac, VLY_MAC_BYTES);
	return ndp;
}

// RFC 4861, section 7.2.4. Who asks from :: checks for a duplicate, and is told with everybody.
static enum vly_stack_verdict solicited(struct vly_stack *stack, struct vly_packet *packet,
					const struct vly_ndp *request)
{
	struct vly_neigh_news news = {.may_replace = true, .may_add = true};
	struct vly_ndp reply = advertisement_of(stack, request->target);
	struct vly_way way = vly_stack_way_back(stack, packet);
	uint32_t room = packet->frame->capacity - packet->l2_len - packet->l3_len;
	int size;

	if (vly_local_reach6(&stack->local, request->target) != VLY_REACH_UNICAST)
		return vly_packet_drop(packet, VLY_DROP_NDP);
	if (packet->is_unspecified) {
		if (request->has_mac || !packet->is_group)
			return vly_packet_drop(packet, VLY_DROP_NDP);
		send_to_all_nodes(&way);
	} else {
		reply.flags |= VLY_NDP_SOLICITED;
		if (request->has_mac)
			learn(stack, packet, &news, packet->frame->peer.ip, request->mac);
		if (request->has_mac && !(request->mac[0] & 1))
			memcpy(way.eth.dst, request->mac, VLY_MAC_BYTES);
	}
	if (stack->has_kernel)
		return vly_packet_drop(packet, VLY_DROP_NDP); // it answers
	way.src = request->target;
	way.ttl = VLY_NDP_HOP_LIMIT;
	size = message_put(&reply, &way, packet->l4, room);
	if (size < 0)
		return vly_packet_drop(packet, VLY_DROP_NDP);
	return vly_stack_answer(packet, &way, VLY_PROTOCOL_ICMPV6, (uint32_t)size);
}

// RFC 4861, section 7.2.5. Nobody is added who was not asked for.
static enum vly_stack_verdict advertised(struct vly_stack *stack, struct vly_packet *packet,
					 const struct vly_ndp *ndp)
{
	struct vly_neigh_news news = {
		.is_answer = ndp->flags & VLY_NDP_SOLICITED,
		.may_replace = ndp->flags & VLY_NDP_OVERRIDE,
	};
	const uint8_t *mac = ndp->has_mac ? ndp->mac : packet->eth->src;

	if (packet->is_unspecified || vly_local_claims6(&stack->local, packet->frame->peer.ip) ||
	    (packet->is_group && news.is_answer) ||
	    vly_local_reach6(&stack->local, ndp->target) != VLY_REACH_NONE)
		return vly_packet_drop(packet, VLY_DROP_NDP);
	if (!learn(stack, packet, &news, ndp->target, mac) || stack->has_kernel)
		return vly_packet_drop(packet, VLY_DROP_NDP);
	return VLY_STACK_ABSORBED;
}

// RFC 4862, sections 5.4.3 and 5.4.4: who advertises an address of ours, or probes it as we do.
static bool is_claim(const struct vly_stack *stack, const struct vly_packet *packet,
		     const struct vly_ndp *ndp)
{
	if (!memcmp(packet->eth->src, stack->mac, VLY_MAC_BYTES) ||
	    !vly_local_claims6(&stack->local, ndp->target))
		return false;
	if (ndp->type == VLY_ICMPV6_NEIGHBOUR_ADVERTISEMENT)
		return !packet->is_unspecified;
	return vly_stack_is_probing(stack) && packet->is_unspecified;
}

enum vly_stack_verdict vly_ndp_input(struct vly_stack *stack, struct vly_packet *packet)
{
	struct vly_ndp ndp;

	// A hop limit of 255 says that no router has passed it on.
	if (packet->hop_limit != VLY_NDP_HOP_LIMIT ||
	    vly_ndp_decode(&ndp, packet->l4, packet->l4_len) < 0)
		return vly_packet_drop(packet, VLY_DROP_NDP);
	if (is_claim(stack, packet, &ndp)) {
		vly_stack_contest(stack, ndp.target, ndp.has_mac ? ndp.mac : packet->eth->src,
				  packet->now_ns);
		return vly_packet_drop(packet, VLY_DROP_ADDR_CONFLICT);
	}
	if (ndp.type == VLY_ICMPV6_NEIGHBOUR_SOLICITATION)
		return solicited(stack, packet, &ndp);
	return advertised(stack, packet, &ndp);
}

// --- out ----------------------------------------------------------------------------------------

static bool message_make(struct vly_dgram *spare, const struct vly_ndp *ndp,
			 const struct vly_way *way)
{
	int size = message_put(ndp, way, vly_dgram_data(spare), spare->capacity);

	if (size < 0)
		return false;
	spare->len = (uint16_t)size;
	vly_stack_wrap(spare, way, VLY_PROTOCOL_ICMPV6);
	return true;
}

// The solicited-node group of an address (RFC 4291, section 2.7.1), and its MAC.
static void group_of(const uint8_t *ip, uint8_t *group, uint8_t *mac)
{
	static const uint8_t prefix[VLY_IP_BYTES] = {0xff, 0x02, [11] = 0x01, [12] = 0xff};

	memcpy(group, prefix, VLY_IP_BYTES);
	memcpy(group + 13, ip + 13, 3);
	memset(mac, 0x33, 2);
	memcpy(mac + 2, group + 12, 4);
}

// To the neighbour itself when we only want to know that it is still there.
bool vly_ndp_ask(const struct vly_stack *stack, struct vly_dgram *spare,
		 const struct vly_neigh *neigh)
{
	struct vly_ndp ndp = {.type = VLY_ICMPV6_NEIGHBOUR_SOLICITATION, .has_mac = true};
	bool is_known = vly_neigh_is_resolved(neigh);
	uint8_t source[VLY_IP_BYTES];
	uint8_t group[VLY_IP_BYTES];
	uint8_t mac[VLY_MAC_BYTES];
	struct vly_way way = {.src = source, .is_ipv6 = true, .ttl = VLY_NDP_HOP_LIMIT};

	if (!vly_local_source(&stack->local, neigh->ip, source))
		return false;
	group_of(neigh->ip, group, mac);
	way.dst = is_known ? neigh->ip : group;
	way.eth = vly_stack_eth(stack, is_known ? neigh->mac : mac, VLY_ETHERTYPE_IPV6);
	memcpy(ndp.target, neigh->ip, sizeof(ndp.target));
	memcpy(ndp.mac, stack->mac, VLY_MAC_BYTES);
	return message_make(spare, &ndp, &way);
}

bool vly_ndp_announce(const struct vly_stack *stack, struct vly_dgram *spare, const uint8_t *ip)
{
	struct vly_ndp ndp = advertisement_of(stack, ip);
	struct vly_way way = {.is_ipv6 = true, .ttl = VLY_NDP_HOP_LIMIT};

	way.eth = vly_stack_eth(stack, stack->mac, VLY_ETHERTYPE_IPV6);
	send_to_all_nodes(&way);
	way.src = ip;
	return message_make(spare, &ndp, &way);
}

bool vly_ndp_probe(const struct vly_stack *stack, struct vly_dgram *spare, const uint8_t *ip)
{
	static const uint8_t unspecified[VLY_IP_BYTES];
	struct vly_ndp ndp = {.type = VLY_ICMPV6_NEIGHBOUR_SOLICITATION};
	uint8_t group[VLY_IP_BYTES];
	uint8_t mac[VLY_MAC_BYTES];
	struct vly_way way = {
		.src = unspecified,
		.dst = group,
		.is_ipv6 = true,
		.ttl = VLY_NDP_HOP_LIMIT,
	};

	group_of(ip, group, mac);
	way.eth = vly_stack_eth(stack, mac, VLY_ETHERTYPE_IPV6);
	memcpy(ndp.target, ip, sizeof(ndp.target));
	return message_make(spare, &ndp, &way);
}
