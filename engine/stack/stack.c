// SPDX-License-Identifier: BSD-3-Clause
#include "stack/stack.h"

#include <errno.h>
#include <stdlib.h>

#include "core/fail.h"
#include "stack/ip4.h"
#include "stack/state.h"

enum {
	VID_MAX = 4094,
	IP_TEXT_BYTES = 48,
	MTU_MIN = 576, // what every IPv4 host takes (RFC 791); IPv6 wants 1280
};

static int config_check(const struct vly_stack_config *config, struct vly_error *error)
{
	if (config->vlan > VID_MAX)
		return vly_fail(error, -EINVAL, "stack: no VLAN %u; use 1 to %d, or 0 for untagged",
				config->vlan, VID_MAX);
	if (config->link.mtu < MTU_MIN || config->link.mtu > UINT16_MAX)
		return vly_fail(error, -EINVAL, "stack: MTU %u is not possible; use %d to %d",
				config->link.mtu, MTU_MIN, UINT16_MAX);
	if (config->link.mac[0] & 1)
		return vly_fail(error, -EINVAL,
				"stack: our MAC is a group's (first byte %02x is odd); give the "
				"device a unicast MAC",
				config->link.mac[0]);
	return 0;
}

static int neighbours_add(struct vly_stack *stack, const struct vly_stack_config *config,
			  struct vly_error *error)
{
	if (config->neighbour_count > VLY_NEIGHBOURS_MAX)
		return vly_fail(error, -EINVAL, "stack: at most %d neighbours, got %u; use fewer",
				VLY_NEIGHBOURS_MAX, config->neighbour_count);
	for (uint32_t i = 0; i < config->neighbour_count; i++) {
		const struct vly_neighbour *neighbour = &config->neighbours[i];
		const uint8_t *ip = neighbour->ip;
		bool is_near = vly_ip_is4(ip)
				       ? vly_local_is_on_link4(&stack->local, vly_raw32(ip + 12))
				       : stack->local.count6 > 0 &&
						 vly_local_is_on_link6(&stack->local, ip);
		char text[IP_TEXT_BYTES];

		vly_ip_format(ip, text, sizeof(text));
		if (!is_near || !vly_local_can_reach(&stack->local, ip))
			return vly_fail(error, -EINVAL,
					"stack: %s is no neighbour: it is on no prefix of ours, or "
					"not another host's; give its next hop instead",
					text);
		if (neighbour->mac[0] & 1)
			return vly_fail(error, -EINVAL,
					"stack: the MAC of neighbour %s is a group's; give a "
					"station's",
					text);
		vly_neigh_add_static(&stack->neighbours, ip, neighbour->mac);
	}
	return 0;
}

// What datagrams larger than a frame need. Memory that is not touched costs nothing.
static int fragments_open(struct vly_stack *stack, const struct vly_stack_config *config,
			  struct vly_error *error)
{
	int result = vly_large_open(&stack->large,
				    config->large_count ? config->large_count : VLY_LARGE_DEFAULT);

	stack->mtu_sure = config->link.mtu;
	stack->frame_room = config->link.frame_room;
	stack->id_seed = config->id_seed;
	stack->queue = config->queue;
	stack->queue_count = config->queue_count ? config->queue_count : 1;
	stack->reassembly = calloc(1, sizeof(*stack->reassembly));
	stack->paths = calloc(1, sizeof(*stack->paths));
	if (!result && stack->reassembly && stack->paths)
		return 0;
	return vly_fail(error, -ENOMEM, "stack: no memory for large buffers; free some");
}

// Untagged, from a station to us, IPv4 without options, no fragment, UDP.
static void shape_init(struct vly_stack *self)
{
	uint8_t mask[8 * VLY_SHAPE_WORDS] = {0};
	uint8_t word[8 * VLY_SHAPE_WORDS] = {0};

	memset(mask, 0xff, VLY_MAC_BYTES);
	memcpy(word, self->mac, VLY_MAC_BYTES);
	mask[VLY_MAC_BYTES] = 1; // a group sends nothing
	memset(mask + 12, 0xff, 3);
	vly_be16_put(word + 12, VLY_ETHERTYPE_IPV4);
	word[14] = 0x45;
	vly_be16_put(mask + 20, VLY_IP4_MORE_FRAGMENTS | VLY_IP4_FRAGMENT_OFFSET);
	mask[23] = 0xff;
	word[23] = VLY_PROTOCOL_UDP;
	memcpy(self->shape.mask, mask, sizeof(mask));
	memcpy(self->shape.word, word, sizeof(word));
}

// As output.c makes it.
static void reply_init(struct vly_stack *self)
{
	uint8_t word[8 * VLY_SHAPE_WORDS] = {0};

	memcpy(word + VLY_MAC_BYTES, self->mac, VLY_MAC_BYTES);
	vly_be16_put(word + 12, VLY_ETHERTYPE_IPV4);
	word[14] = 0x45;
	vly_be16_put(word + 20, VLY_IP4_DONT_FRAGMENT);
	word[22] = VLY_IP_TTL;
	word[23] = VLY_PROTOCOL_UDP;
	memcpy(self->reply.word, word, sizeof(word));
	self->reply.ip_sum = vly_sum(0, word + VLY_ETH_BYTES, sizeof(word) - VLY_ETH_BYTES);
}

int vly_stack_open(struct vly_stack **stack, const struct vly_stack_config *config,
		   struct vly_error *error)
{
	static const uint8_t ones[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	size_t size = (sizeof(struct vly_stack) + VLY_CACHE_LINE_BYTES - 1) / VLY_CACHE_LINE_BYTES *
		      VLY_CACHE_LINE_BYTES;
	struct vly_stack *self;
	uint8_t word[8] = {0};
	int result = config_check(config, error);

	if (result)
		return result;
	self = aligned_alloc(VLY_CACHE_LINE_BYTES, size);
	if (!self)
		return vly_fail(error, -ENOMEM, "stack: no memory for %zu bytes; free some", size);
	memset(self, 0, size);
	result = vly_local_init(&self->local, config, error);
	if (result)
		goto err_free;
	memcpy(word, config->link.mac, VLY_MAC_BYTES);
	self->mac_word = vly_raw64(word);
	self->mac_mask = vly_raw64(ones);
	self->offloads_tx = config->link.offloads_tx;
	self->mtu = config->link.mtu;
	self->has_kernel = config->has_kernel;
	self->vlan = config->vlan;
	memcpy(self->hash, config->link.hash, sizeof(self->hash));
	self->is_tagging = config->vlan && !config->link.tags;
	self->takes_partial = config->link.partial_checksums;
	memcpy(self->mac, config->link.mac, VLY_MAC_BYTES);
	shape_init(self);
	reply_init(self);
	self->asks_outside = config->asks_outside;
	self->is_quiet = config->is_quiet;
	if (config->is_quiet || config->asks_outside)
		self->announced = self->local.count4 + self->local.count6;
	vly_neigh_init(&self->neighbours);
	result = neighbours_add(self, config, error);
	if (result)
		goto err_free;
	result = fragments_open(self, config, error);
	if (result)
		goto err_free;
	vly_dad_start(self, config->asks_outside ? 0 : config->probe_ns);
	*stack = self;
	return 0;

err_free:
	vly_stack_close(self);
	return result;
}

void vly_stack_close(struct vly_stack *stack)
{
	if (!stack)
		return;
	vly_large_close(&stack->large);
	free(stack->reassembly);
	free(stack->paths);
	free(stack);
}

struct vly_stack_whole vly_stack_take_whole(struct vly_stack *stack)
{
	return stack->whole;
}

struct vly_dgram *vly_stack_large_take(struct vly_stack *stack)
{
	return vly_large_take(&stack->large);
}

void vly_stack_large_give(struct vly_stack *stack, struct vly_dgram *dgram)
{
	vly_large_give(&stack->large, dgram);
}

bool vly_stack_large_is_out(const struct vly_stack *stack)
{
	return stack->large.free_count < stack->large.count;
}

bool vly_stack_large_has(const struct vly_stack *stack, const struct vly_dgram *dgram)
{
	return vly_large_has(&stack->large, dgram);
}

struct vly_addr vly_stack_local(const struct vly_stack *stack, const struct vly_addr *peer)
{
	struct vly_addr addr = {.port = stack->local.port};

	if (peer)
		vly_local_source(&stack->local, peer->ip, addr.ip);
	else if (stack->local.count4)
		vly_ip_from4(addr.ip, stack->local.own4[0].ip);
	else
		memcpy(addr.ip, stack->local.own6[0].ip, VLY_IP_BYTES);
	return addr;
}

// Broadcast, and the groups of IPv4 (RFC 1112) and IPv6 (RFC 2464). Whether we are a member is
// for IP to say.
static bool is_group_mac(const uint8_t *mac)
{
	static const uint8_t broadcast[VLY_MAC_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t group4[3] = {0x01, 0x00, 0x5e};

	return !memcmp(mac, broadcast, sizeof(broadcast)) || !memcmp(mac, group4, sizeof(group4)) ||
	       (mac[0] == 0x33 && mac[1] == 0x33);
}

static enum vly_stack_verdict network(struct vly_stack *stack, struct vly_packet *packet)
{
	switch (packet->eth->type) {
	case VLY_ETHERTYPE_IPV4:
		return vly_ip4_input(stack, packet);
	case VLY_ETHERTYPE_IPV6:
		return vly_ip6_input(stack, packet);
	case VLY_ETHERTYPE_ARP:
		packet->l4 = packet->start + packet->l2_len;
		packet->l4_len = packet->frame->len - packet->l2_len;
		return vly_arp_input(stack, packet);
	case VLY_ETHERTYPE_VLAN:
	case VLY_ETHERTYPE_QINQ:
		return vly_packet_drop(packet, VLY_DROP_VLAN);
	default:
		return vly_packet_drop(packet, VLY_DROP_ETHERTYPE);
	}
}

// The tag that the device has taken off. False when there is another one beneath it.
static bool take_tag(const struct vly_stack *stack, const struct vly_dgram *frame,
		     struct vly_eth *eth)
{
	if (eth->is_tagged)
		return false;
	eth->tci = (uint16_t)frame->link;
	eth->is_tagged = stack->is_tagging; // so that what we answer has it again
	return true;
}

enum vly_stack_verdict vly_stack_input(struct vly_stack *stack, struct vly_dgram *frame,
				       uint64_t now_ns, enum vly_drop *reason)
{
	struct vly_eth eth;
	uint8_t *p = vly_dgram_data(frame);
	struct vly_packet packet = {
		.frame = frame,
		.eth = &eth,
		.start = p,
		.now_ns = now_ns,
		.reason = reason,
	};
	int header = vly_eth_decode(&eth, p, frame->len);

	if (VLY_UNLIKELY(header < 0))
		return vly_packet_drop(&packet, VLY_DROP_FRAME_SHORT);
	if ((vly_raw64(p) & stack->mac_mask) != stack->mac_word && VLY_UNLIKELY(!is_group_mac(p)))
		return vly_packet_drop(&packet, VLY_DROP_NOT_OUR_MAC);
	if (VLY_UNLIKELY(frame->link & VLY_FRAME_TAG) && !take_tag(stack, frame, &eth))
		return vly_packet_drop(&packet, VLY_DROP_VLAN);
	// A tag of id 0 only carries a priority.
	if (VLY_UNLIKELY((eth.tci & VLY_ETH_VID_MASK) != stack->vlan))
		return vly_packet_drop(&packet, VLY_DROP_VLAN);
	if (VLY_UNLIKELY(eth.src[0] & 1))
		return vly_packet_drop(&packet, VLY_DROP_IP_SOURCE);
	packet.l2_len = (uint32_t)header;
	return network(stack, &packet);
}
