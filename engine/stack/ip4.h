// SPDX-License-Identifier: BSD-3-Clause
//
// The IPv4 header (RFC 791). Addresses are memory-order words, as they are only compared and moved.
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/compiler.h"
#include "stack/bytes.h"
#include "stack/checksum.h"

enum vly_ip4_layout {
	VLY_IP4_BYTES = 20,
	VLY_IP4_BYTES_MAX = 60,
	VLY_IP4_CHECKSUM_OFFSET = 10,
	VLY_IP4_SRC_OFFSET = 12,
	VLY_IP4_DST_OFFSET = 16,
};

enum vly_ip4_fragment_bits {
	VLY_IP4_DONT_FRAGMENT = 0x4000,
	VLY_IP4_MORE_FRAGMENTS = 0x2000,
	VLY_IP4_FRAGMENT_OFFSET = 0x1fff,
};

enum vly_ip_protocol {
	VLY_PROTOCOL_ICMP = 1,
	VLY_PROTOCOL_IGMP = 2,
	VLY_PROTOCOL_UDP = 17,
	VLY_PROTOCOL_ICMPV6 = 58,
};

enum vly_ip_defaults {
	VLY_IP_TTL = 64, // RFC 1700, and what most hosts use
};

struct vly_ip4 {
	const uint8_t *options; // header_len - 20 bytes
	uint32_t src_raw;
	uint32_t dst_raw;
	uint16_t total_len;
	uint16_t id;
	uint16_t fragment;     // flags and offset, enum vly_ip4_fragment_bits
	uint16_t checksum_raw; // memory order
	uint8_t header_len;
	uint8_t tos;
	uint8_t ttl;
	uint8_t protocol;
};

// Reads the header; options are pointed to, neither they nor the checksum are checked. Returns
// header_len, -ENODATA when the bytes end before the header, or -EBADMSG for a bad version,
// header length or total length.
static inline int vly_ip4_decode(struct vly_ip4 *out, const uint8_t *p, size_t len)
{
	if (VLY_UNLIKELY(len < VLY_IP4_BYTES))
		return -ENODATA;
	out->header_len = (uint8_t)((p[0] & 0xf) * 4);
	out->tos = p[1];
	out->total_len = vly_be16(p + 2);
	out->id = vly_be16(p + 4);
	out->fragment = vly_be16(p + 6);
	out->ttl = p[8];
	out->protocol = p[9];
	out->checksum_raw = vly_raw16(p + VLY_IP4_CHECKSUM_OFFSET);
	out->src_raw = vly_raw32(p + VLY_IP4_SRC_OFFSET);
	out->dst_raw = vly_raw32(p + VLY_IP4_DST_OFFSET);
	out->options = p + VLY_IP4_BYTES;
	if (VLY_UNLIKELY(p[0] >> 4 != 4 || out->header_len < VLY_IP4_BYTES ||
			 out->total_len < out->header_len))
		return -EBADMSG;
	if (VLY_UNLIKELY(out->header_len > len))
		return -ENODATA;
	if (VLY_UNLIKELY(out->total_len > len))
		return -EBADMSG;
	return out->header_len;
}

// Writes the header, the checksum as given. Returns the bytes written, -ENOSPC, or -EINVAL for a
// header length that cannot be.
static inline int vly_ip4_encode(const struct vly_ip4 *in, uint8_t *p, size_t capacity)
{
	if (VLY_UNLIKELY(in->header_len < VLY_IP4_BYTES || in->header_len > VLY_IP4_BYTES_MAX ||
			 in->header_len % 4))
		return -EINVAL;
	if (VLY_UNLIKELY(capacity < in->header_len))
		return -ENOSPC;
	p[0] = (uint8_t)(0x40 | in->header_len / 4);
	p[1] = in->tos;
	vly_be16_put(p + 2, in->total_len);
	vly_be16_put(p + 4, in->id);
	vly_be16_put(p + 6, in->fragment);
	p[8] = in->ttl;
	p[9] = in->protocol;
	vly_raw16_put(p + VLY_IP4_CHECKSUM_OFFSET, in->checksum_raw);
	vly_raw32_put(p + VLY_IP4_SRC_OFFSET, in->src_raw);
	vly_raw32_put(p + VLY_IP4_DST_OFFSET, in->dst_raw);
	if (VLY_UNLIKELY(in->header_len > VLY_IP4_BYTES))
		memcpy(p + VLY_IP4_BYTES, in->options, in->header_len - VLY_IP4_BYTES);
	return in->header_len;
}

// The checksum of a header without options, from its values: the bytes just written are not ready
// to be read again in words.
static inline uint16_t vly_ip4_checksum(const struct vly_ip4 *ip)
{
	uint64_t sum = (uint64_t)ip->src_raw + ip->dst_raw;

	sum += htobe16((uint16_t)(0x4500 | ip->tos));
	sum += htobe16(ip->total_len);
	sum += htobe16(ip->id);
	sum += htobe16(ip->fragment);
	sum += htobe16((uint16_t)(ip->ttl << 8 | ip->protocol));
	return vly_sum_finish(sum);
}

// The pseudo-header of a transport checksum; len is of transport header and payload.
static inline uint64_t vly_ip4_pseudo_sum(uint32_t src_raw, uint32_t dst_raw, uint8_t protocol,
					  uint16_t len)
{
	return (uint64_t)src_raw + dst_raw + htobe16(protocol) + htobe16(len);
}

// Whether every option is well-formed and none is a source route (RFC 7126, section 4.3).
bool vly_ip4_options_are_harmless(const uint8_t *options, size_t len);
