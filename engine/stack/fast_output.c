// SPDX-License-Identifier: BSD-3-Clause
//
// Outwards in one straight function: see fast.h. A reply's headers are known before, but for the
// other side, the lengths and the sums.
#include "stack/checksum.h"
#include "stack/fast.h"
#include "stack/ip4.h"
#include "stack/link.h"
#include "stack/state.h"
#include "stack/udp.h"

enum {
	L3 = VLY_ETH_BYTES,
	L4 = L3 + VLY_IP4_BYTES,
	PAYLOAD = L4 + VLY_UDP_BYTES,
	// What vly_link_pack() makes of an untagged IPv4 frame to us alone, wherever it starts.
	LINK_MASK = ~(VLY_LINK_START_MASK | VLY_LINK_L3_MASK << VLY_LINK_L3_SHIFT),
};

static inline bool is_plain_reply(const struct vly_stack *stack, const struct vly_dgram *dgram)
{
	const uint32_t plain = VLY_ETH_BYTES << VLY_LINK_L2_SHIFT | 1u << 31;
	int32_t start = (int32_t)(dgram->link & VLY_LINK_START_MASK);

	return dgram->fate == VLY_FATE_REPLY && (dgram->link & (uint32_t)LINK_MASK) == plain &&
	       dgram->rx_ns && dgram->peer.port && dgram->local.port &&
	       dgram->data_offset >= start + VLY_ETH_BYTES &&
	       dgram->data_offset >= (int32_t)(sizeof(*dgram) + PAYLOAD) &&
	       dgram->len + (uint32_t)(VLY_IP4_BYTES + VLY_UDP_BYTES) <= stack->mtu_sure &&
	       dgram->len <= dgram->capacity &&
	       !(VLY_UNLIKELY(stack->large.free_count < stack->large.count) &&
		 vly_large_has(&stack->large, dgram));
}

// The checksum of the header: of the words that all replies have, and the three that differ.
static inline uint16_t ip_checksum(const struct vly_reply *reply, uint64_t addrs, uint16_t ip_len)
{
	return (uint16_t)~vly_wide_fold(addrs + reply->ip_sum + ip_len);
}

static inline uint16_t udp_checksum(uint64_t pseudo, uint64_t header, const uint8_t *payload,
				    uint32_t len, bool is_offloaded)
{
	uint16_t checksum;

	if (is_offloaded)
		return vly_sum_fold(pseudo);
	checksum = (uint16_t)~vly_wide_fold(vly_wide_sum(pseudo + header, payload, len));
	return checksum ? checksum : 0xffff; // 0 would mean that there is none (RFC 768)
}

static inline void widen(struct vly_dgram *dgram, uint32_t offloads)
{
	uint32_t capacity = dgram->capacity + (uint32_t)PAYLOAD;

	dgram->data_offset -= PAYLOAD;
	dgram->len = (uint16_t)(dgram->len + PAYLOAD);
	dgram->capacity = (uint16_t)(capacity < UINT16_MAX ? capacity : UINT16_MAX);
	dgram->link = L3 | VLY_IP4_BYTES << VLY_FRAME_L3_SHIFT | offloads;
}

// What the request's Ethernet header gives is read before the reply's is put down, which may lie
// over it.
static inline void make(const struct vly_stack *stack, struct vly_dgram *dgram)
{
	const struct vly_reply *reply = &stack->reply;
	const uint8_t *payload = vly_dgram_data(dgram);
	const uint8_t *request = (const uint8_t *)dgram + (dgram->link & VLY_LINK_START_MASK);
	uint64_t mac = vly_raw64(request + VLY_MAC_BYTES) & stack->mac_mask;
	uint8_t *p = vly_dgram_data(dgram) - PAYLOAD;
	uint32_t offloads = stack->offloads_tx;
	uint32_t len = dgram->len;
	uint32_t src = vly_raw32(dgram->local.ip + 12);
	uint32_t dst = vly_raw32(dgram->peer.ip + 12);
	uint64_t addrs = (uint64_t)src + dst;
	uint16_t ip_len = htobe16((uint16_t)(len + VLY_UDP_BYTES + VLY_IP4_BYTES));
	uint16_t udp_len = htobe16((uint16_t)(len + VLY_UDP_BYTES));
	uint16_t src_port = htobe16(dgram->local.port);
	uint16_t dst_port = htobe16(dgram->peer.port);
	uint64_t pseudo = addrs + htobe16(VLY_PROTOCOL_UDP) + udp_len;

	widen(dgram, offloads & (VLY_FRAME_IP_CSUM | VLY_FRAME_UDP_CSUM));
	vly_raw64_put(p, mac | reply->word[0]);
	vly_raw64_put(p + 8, reply->word[1]);
	vly_raw64_put(p + 16, reply->word[2]);
	vly_raw16_put(p + L3 + 2, ip_len);
	vly_raw16_put(p + L3 + VLY_IP4_CHECKSUM_OFFSET,
		      offloads & VLY_FRAME_IP_CSUM ? 0 : ip_checksum(reply, addrs, ip_len));
	vly_raw32_put(p + L3 + VLY_IP4_SRC_OFFSET, src);
	vly_raw32_put(p + L3 + VLY_IP4_DST_OFFSET, dst);
	vly_raw16_put(p + L4, src_port);
	vly_raw16_put(p + L4 + 2, dst_port);
	vly_raw16_put(p + L4 + 4, udp_len);
	vly_raw16_put(p + L4 + VLY_UDP_CHECKSUM_OFFSET,
		      udp_checksum(pseudo, (uint64_t)src_port + dst_port + udp_len, payload, len,
				   offloads & VLY_FRAME_UDP_CSUM));
}

uint32_t vly_stack_output_fast(const struct vly_stack *stack, struct vly_dgram **dgrams,
			       uint32_t count)
{
	uint32_t taken = 0;

	while (taken < count && VLY_LIKELY(is_plain_reply(stack, dgrams[taken])))
		make(stack, dgrams[taken++]);
	return taken;
}
