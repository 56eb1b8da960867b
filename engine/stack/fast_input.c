// SPDX-License-Identifier: BSD-3-Clause
//
// Inwards in one straight function: see fast.h. Of a frame that is not for here only the addresses
// are changed, which mean nothing before it is delivered.
#include "stack/checksum.h"
#include "stack/fast.h"
#include "stack/flow.h"
#include "stack/ip4.h"
#include "stack/link.h"
#include "stack/state.h"
#include "stack/udp.h"

enum {
	// Of the frame: Ethernet, IPv4 without options, UDP.
	L3 = VLY_ETH_BYTES,
	L4 = L3 + VLY_IP4_BYTES,
	PAYLOAD = L4 + VLY_UDP_BYTES,
};

// Whether the first 24 bytes are those of a datagram for us, where that can be told from bits.
static inline bool has_shape(const struct vly_shape *shape, const uint8_t *p)
{
	uint64_t wrong = 0;

	for (uint32_t i = 0; i < VLY_SHAPE_WORDS; i++)
		wrong |= (vly_raw64(p + 8 * i) ^ shape->word[i]) & shape->mask[i];
	return wrong == 0;
}

// The lengths of IP and UDP, in the frame's `len`.
static inline bool has_lengths(const uint8_t *p, uint32_t len, uint32_t udp_len)
{
	return udp_len >= VLY_UDP_BYTES && vly_be16(p + L3 + 2) == udp_len + VLY_IP4_BYTES &&
	       len >= L4 + udp_len;
}

static inline bool has_ip_checksum(const uint8_t *p)
{
	uint64_t sum = vly_add_carry(vly_raw64(p + L3), vly_raw64(p + L3 + 8));

	return vly_wide_verifies(vly_add_carry(sum, vly_raw32(p + L3 + 16)));
}

static inline bool has_udp_checksum(const uint8_t *p, uint32_t udp_len)
{
	uint64_t addrs = vly_raw64(p + L3 + VLY_IP4_SRC_OFFSET);
	uint64_t pseudo = (uint64_t)htobe16(VLY_PROTOCOL_UDP) + vly_raw16(p + L4 + 4);
	uint64_t sum = vly_add_carry(vly_add_carry(addrs, pseudo), vly_raw64(p + L4));

	return vly_wide_verifies(vly_wide_sum(sum, p + PAYLOAD, udp_len - VLY_UDP_BYTES));
}

static inline bool has_checksums(const uint8_t *p, uint32_t udp_len, uint32_t link)
{
	if (!(link & VLY_FRAME_IP_CSUM) && VLY_UNLIKELY(!has_ip_checksum(p)))
		return false;
	return link & VLY_FRAME_UDP_CSUM || vly_raw16(p + L4 + VLY_UDP_CHECKSUM_OFFSET) == 0 ||
	       has_udp_checksum(p, udp_len);
}

// Most serve one port at all their addresses.
static inline bool is_served(const struct vly_local *local, const struct vly_addr *addr)
{
	const struct vly_listen *first = &local->listens[0];

	return VLY_LIKELY(first->port == addr->port && first->kind != VLY_LISTEN_EXACT) ||
	       vly_local_serves(local, addr);
}

// What else a delivered datagram says.
static inline void deliver(struct vly_dgram *frame, const uint8_t *p, uint32_t udp_len,
			   uint8_t queue)
{
	struct vly_link link = {
		.start = (uint32_t)frame->data_offset,
		.l2_len = L3,
		.l3_len = VLY_IP4_BYTES,
	};

	frame->link = vly_link_pack(&link);
	frame->data_offset += PAYLOAD;
	frame->len = (uint16_t)(udp_len - VLY_UDP_BYTES);
	frame->capacity = (uint16_t)(frame->capacity - PAYLOAD);
	frame->queue = queue;
	frame->fate = VLY_FATE_UNDECIDED;
	frame->ttl = p[L3 + 8];
	frame->tos = p[L3 + 1];
}

static inline bool take(const struct vly_stack *stack, struct vly_dgram *frame, uint8_t queue)
{
	const uint8_t *p = vly_dgram_data(frame);
	uint32_t src;
	uint32_t dst;
	uint32_t udp_len;

	if (VLY_UNLIKELY(frame->len < PAYLOAD || frame->link & VLY_FRAME_TAG ||
			 !has_shape(&stack->shape, p)))
		return false;
	udp_len = vly_be16(p + L4 + 4);
	if (VLY_UNLIKELY(!has_lengths(p, frame->len, udp_len) ||
			 !has_checksums(p, udp_len, frame->link)))
		return false;
	src = vly_raw32(p + L3 + VLY_IP4_SRC_OFFSET);
	dst = vly_raw32(p + L3 + VLY_IP4_DST_OFFSET);
	vly_ip_from4(frame->peer.ip, src);
	frame->peer.port = vly_be16(p + L4);
	vly_ip_from4(frame->local.ip, dst);
	frame->local.port = vly_be16(p + L4 + 2);
	if (VLY_UNLIKELY(dst != stack->local.own4[0].ip ||
			 vly_local_source4_is_martian(&stack->local, src) ||
			 !is_served(&stack->local, &frame->local)))
		return false;
	deliver(frame, p, udp_len, queue);
	if (frame->flow_hash == 0 && VLY_UNLIKELY(stack->hash[0] != VLY_LINK_HASH_NONE))
		frame->flow_hash = vly_flow_toeplitz(&frame->peer, &frame->local,
						     stack->hash[0] == VLY_LINK_HASH_FLOW);
	if (frame->flow_hash == 0)
		frame->flow_hash =
			vly_flow_join(vly_flow_side(0, vly_ip_mapped(src), frame->peer.port),
				      vly_flow_side(0, vly_ip_mapped(dst), frame->local.port));
	return true;
}

uint32_t vly_stack_input_fast(const struct vly_stack *stack, struct vly_dgram **frames,
			      uint32_t count, uint8_t queue)
{
	uint32_t taken = 0;

	if (VLY_UNLIKELY(stack->vlan || !stack->local.count4))
		return 0;
	while (taken < count && VLY_LIKELY(take(stack, frames[taken], queue)))
		taken++;
	return taken;
}
