// SPDX-License-Identifier: BSD-3-Clause
#include "stack/arp.h"

#include "stack/state.h"

enum {
	HARDWARE_ETHERNET = 1,
};

int vly_arp_decode(struct vly_arp *out, const uint8_t *p, size_t len)
{
	if (len < VLY_ARP_BYTES || vly_be16(p) != HARDWARE_ETHERNET ||
	    vly_be16(p + 2) != VLY_ETHERTYPE_IPV4 || p[4] != VLY_MAC_BYTES || p[5] != 4)
		return -EBADMSG;
	out->operation = vly_be16(p + 6);
	memcpy(out->sender_mac, p + 8, VLY_MAC_BYTES);
	out->sender_raw = vly_raw32(p + 14);
	memcpy(out->target_mac, p + 18, VLY_MAC_BYTES);
	out->target_raw = vly_raw32(p + 24);
	if (out->operation != VLY_ARP_REQUEST && out->operation != VLY_ARP_REPLY)
		return -EBADMSG;
	return VLY_ARP_BYTES;
}

int vly_arp_encode(const struct vly_arp *in, uint8_t *p, size_t capacity)
{
	if (capacity < VLY_ARP_BYTES)
		return -ENOSPC;
	vly_be16_put(p, HARDWARE_ETHERNET);
	vly_be16_put(p + 2, VLY_ETHERTYPE_IPV4);
	p[4] = VLY_MAC_BYTES;
	p[5] = 4;
	vly_be16_put(p + 6, in->operation);
	memcpy(p + 8, in->sender_mac, VLY_MAC_BYTES);
	vly_raw32_put(p + 14, in->sender_raw);
	memcpy(p + 18, in->target_mac, VLY_MAC_BYTES);
	vly_raw32_put(p + 24, in->target_raw);
	return VLY_ARP_BYTES;
}

// --- in -----------------------------------------------------------------------------------------

// A MAC that can be somebody's: not a group's, not all zero, not ours.
static bool is_station(const struct vly_stack *stack, const uint8_t *mac)
{
	static const uint8_t zero[VLY_MAC_BYTES];

	return !(mac[0] & 1) && memcmp(mac, zero, VLY_MAC_BYTES) &&
	       memcmp(mac, stack->mac, VLY_MAC_BYTES);
}

// RFC 826: who is known already is updated by whatever it says; who asks for us is added, but
// nobody by a reply that we did not ask for.
static bool learn(struct vly_stack *stack, const struct vly_arp *arp, bool is_for_us,
		  uint64_t now_ns)
{
	struct vly_neigh_news news = {
		.is_answer = is_for_us,
		.may_replace = true,
		.may_add = is_for_us && arp->operation == VLY_ARP_REQUEST,
	};

	if (!vly_local_is_on_link4(&stack->local, arp->sender_raw))
		return false;
	vly_ip_from4(news.ip, arp->sender_raw);
	memcpy(news.mac, arp->sender_mac, VLY_MAC_BYTES);
	return vly_stack_learn(stack, &news, now_ns);
}

static enum vly_stack_verdict answer(struct vly_stack *stack, struct vly_packet *packet,
				     const struct vly_arp *request)
{
	struct vly_arp reply = {
		.operation = VLY_ARP_REPLY,
		.sender_raw = request->target_raw,
		.target_raw = request->sender_raw,
	};
	struct vly_eth eth = vly_stack_eth(stack, request->sender_mac, VLY_ETHERTYPE_ARP);
	struct vly_dgram *frame = packet->frame;

	memcpy(reply.sender_mac, stack->mac, VLY_MAC_BYTES);
	memcpy(reply.target_mac, request->sender_mac, VLY_MAC_BYTES);
	vly_arp_encode(&reply, packet->l4, packet->l4_len);
	frame->data_offset += (int32_t)packet->l2_len;
	frame->capacity = (uint16_t)(frame->capacity - packet->l2_len);
	frame->len = VLY_ARP_BYTES;
	eth.is_tagged = packet->eth->is_tagged;
	vly_stack_wrap_eth(frame, &eth);
	return VLY_STACK_REPLY;
}

// RFC 5227, section 2.1.1: who speaks with an address of ours, or probes it as we do.
static bool is_claim(const struct vly_stack *stack, const struct vly_arp *arp)
{
	if (arp->sender_raw != 0)
		return vly_local_claims4(&stack->local, arp->sender_raw);
	return vly_stack_is_probing(stack) && vly_local_claims4(&stack->local, arp->target_raw);
}

static enum vly_stack_verdict contest(struct vly_stack *stack, struct vly_packet *packet,
				      const struct vly_arp *arp)
{
	uint8_t ip[VLY_IP_BYTES];

	vly_ip_from4(ip, arp->sender_raw ? arp->sender_raw : arp->target_raw);
	vly_stack_contest(stack, ip, arp->sender_mac, packet->now_ns);
	return vly_packet_drop(packet, VLY_DROP_ADDR_CONFLICT);
}

enum vly_stack_verdict vly_arp_input(struct vly_stack *stack, struct vly_packet *packet)
{
	struct vly_arp arp;
	bool is_probe;
	bool is_for_us;
	bool is_heard;

	if (vly_arp_decode(&arp, packet->l4, packet->l4_len) < 0 ||
	    !is_station(stack, arp.sender_mac))
		return vly_packet_drop(packet, VLY_DROP_ARP);
	is_probe = arp.sender_raw == 0; // RFC 5227: from a host that has no address yet
	if (is_claim(stack, &arp))
		return contest(stack, packet, &arp);
	if (!is_probe && vly_local_source4_is_martian(&stack->local, arp.sender_raw))
		return vly_packet_drop(packet, VLY_DROP_ARP);
	is_for_us = vly_local_reach4(&stack->local, arp.target_raw) == VLY_REACH_UNICAST;
	is_heard = !is_probe && learn(stack, &arp, is_for_us, packet->now_ns);
	if (stack->has_kernel)
		return vly_packet_drop(packet, VLY_DROP_ARP); // it answers, and learns as well
	if (is_heard && !(is_for_us && arp.operation == VLY_ARP_REQUEST))
		return VLY_STACK_ABSORBED;
	if (is_for_us && arp.operation == VLY_ARP_REQUEST)
		return answer(stack, packet, &arp);
	return vly_packet_drop(packet, VLY_DROP_ARP);
}

// --- out ----------------------------------------------------------------------------------------

static bool request(const struct vly_stack *stack, struct vly_dgram *spare, uint32_t sender,
		    uint32_t target, const uint8_t *mac)
{
	static const uint8_t everybody[VLY_MAC_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct vly_arp arp = {
		.operation = VLY_ARP_REQUEST,
		.sender_raw = sender,
		.target_raw = target,
	};
	struct vly_eth eth = vly_stack_eth(stack, mac ? mac : everybody, VLY_ETHERTYPE_ARP);

	memcpy(arp.sender_mac, stack->mac, VLY_MAC_BYTES);
	if (vly_arp_encode(&arp, vly_dgram_data(spare), spare->capacity) < 0)
		return false;
	spare->len = VLY_ARP_BYTES;
	vly_stack_wrap_eth(spare, &eth);
	return true;
}

bool vly_arp_ask(const struct vly_stack *stack, struct vly_dgram *spare,
		 const struct vly_neigh *neigh)
{
	uint8_t source[VLY_IP_BYTES];

	if (!vly_local_source(&stack->local, neigh->ip, source))
		return false;
	return request(stack, spare, vly_raw32(source + 12), vly_raw32(neigh->ip + 12),
		       vly_neigh_is_resolved(neigh) ? neigh->mac : NULL);
}

bool vly_arp_announce(const struct vly_stack *stack, struct vly_dgram *spare, uint32_t ip)
{
	return request(stack, spare, ip, ip, NULL);
}

bool vly_arp_probe(const struct vly_stack *stack, struct vly_dgram *spare, uint32_t ip)
{
	return request(stack, spare, 0, ip, NULL);
}
