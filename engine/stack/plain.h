// SPDX-License-Identifier: BSD-3-Clause
//
// The plain frame: untagged, IPv4 without options, UDP; its headers are known before, but for the
// addresses, the ports, the lengths and the sums. Inside engine/stack only.
#pragma once

#include "stack/checksum.h"
#include "stack/ip4.h"
#include "stack/state.h"
#include "stack/udp.h"

enum vly_plain {
	VLY_PLAIN_L4 = VLY_ETH_BYTES + VLY_IP4_BYTES,
	VLY_PLAIN_BYTES = VLY_PLAIN_L4 + VLY_UDP_BYTES, // of headers
};

// Whether its headers find room where it lies, and the frame is no longer than anybody takes.
static inline bool vly_plain_fits(const struct vly_stack *stack, const struct vly_dgram *dgram);

// Makes a frame of the datagram, to the station whose MAC the first six bytes of `mac` are, in
// memory order; the others are zero.
static inline void vly_plain_make(const struct vly_stack *stack, struct vly_dgram *dgram,
				  uint64_t mac);

// --- inline -------------------------------------------------------------------------------------

static inline bool vly_plain_fits(const struct vly_stack *stack, const struct vly_dgram *dgram)
{
	return dgram->data_offset >= (int32_t)(sizeof(*dgram) + VLY_PLAIN_BYTES) &&
	       dgram->len + (uint32_t)(VLY_IP4_BYTES + VLY_UDP_BYTES) <= stack->mtu_sure &&
	       dgram->len <= dgram->capacity &&
	       !(VLY_UNLIKELY(stack->large.free_count < stack->large.count) &&
		 vly_large_has(&stack->large, dgram));
}

// The checksum of the header: of the words that all replies have, and the three that differ.
static inline uint16_t vly_plain_ip_checksum(const struct vly_reply *reply, uint64_t addrs,
					     uint16_t ip_len)
{
	return (uint16_t)~vly_wide_fold(addrs + reply->ip_sum + ip_len);
}

static inline uint16_t vly_plain_udp_checksum(uint64_t pseudo, uint64_t header,
					      const uint8_t *payload, uint32_t len,
					      bool is_offloaded)
{
	uint16_t checksum;

	if (is_offloaded)
		return vly_sum_fold(pseudo);
	checksum = (uint16_t)~vly_wide_fold(vly_wide_sum(pseudo + header, payload, len));
	return checksum ? checksum : 0xffff; // 0 would mean that there is none (RFC 768)
}

static inline void vly_plain_widen(struct vly_dgram *dgram, uint32_t offloads)
{
	uint32_t capacity = dgram->capacity + (uint32_t)VLY_PLAIN_BYTES;

	dgram->data_offset -= VLY_PLAIN_BYTES;
	dgram->len = (uint16_t)(dgram->len + VLY_PLAIN_BYTES);
	dgram->capacity = (uint16_t)(capacity < UINT16_MAX ? capacity : UINT16_MAX);
	dgram->link = VLY_ETH_BYTES | VLY_IP4_BYTES << VLY_FRAME_L3_SHIFT | offloads;
}

static inline void vly_plain_make(const struct vly_stack *stack, struct vly_dgram *dgram,
				  uint64_t mac)
{
	const struct vly_reply *reply = &stack->reply;
	const uint8_t *payload = vly_dgram_data(dgram);
	uint8_t *p = vly_dgram_data(dgram) - VLY_PLAIN_BYTES;
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

	vly_plain_widen(dgram, offloads & (VLY_FRAME_IP_CSUM | VLY_FRAME_UDP_CSUM));
	vly_raw64_put(p, mac | reply->word[0]);
	vly_raw64_put(p + 8, reply->word[1]);
	vly_raw64_put(p + 16, reply->word[2]);
	vly_raw16_put(p + VLY_ETH_BYTES + 2, ip_len);
	vly_raw16_put(p + VLY_ETH_BYTES + VLY_IP4_CHECKSUM_OFFSET,
		      offloads & VLY_FRAME_IP_CSUM ? 0
						   : vly_plain_ip_checksum(reply, addrs, ip_len));
	vly_raw32_put(p + VLY_ETH_BYTES + VLY_IP4_SRC_OFFSET, src);
	vly_raw32_put(p + VLY_ETH_BYTES + VLY_IP4_DST_OFFSET, dst);
	vly_raw16_put(p + VLY_PLAIN_L4, src_port);
	vly_raw16_put(p + VLY_PLAIN_L4 + 2, dst_port);
	vly_raw16_put(p + VLY_PLAIN_L4 + 4, udp_len);
	vly_raw16_put(p + VLY_PLAIN_L4 + VLY_UDP_CHECKSUM_OFFSET,
		      vly_plain_udp_checksum(pseudo, (uint64_t)src_port + dst_port + udp_len,
					     payload, len, offloads & VLY_FRAME_UDP_CSUM));
}
