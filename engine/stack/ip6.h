// SPDX-License-Identifier: BSD-3-Clause
//
// The IPv6 header and the extension headers we read over (RFC 8200).
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/compiler.h"
#include "stack/bytes.h"
#include "stack/checksum.h"

enum vly_ip6_layout {
	VLY_IP6_BYTES = 40,
	VLY_IP6_SRC_OFFSET = 8,
	VLY_IP6_DST_OFFSET = 24,
	VLY_IP6_ADDR_BYTES = 16,
};

enum vly_ip6_limits {
	VLY_IP6_EXTENSIONS_MAX = 4,        // headers, of each packet
	VLY_IP6_EXTENSION_BYTES_MAX = 128, // of all of them together
};

// The fragment header (RFC 8200, section 4.5).
enum vly_ip6_fragment_layout {
	VLY_IP6_FRAGMENT_BYTES = 8,
	VLY_IP6_FRAGMENT_OFFSET = 0xfff8, // of the 16 bits from its third byte on; in bytes
	VLY_IP6_FRAGMENT_MORE = 1,
};

enum vly_ip6_next {
	VLY_IP6_HOP_BY_HOP = 0,
	VLY_IP6_ROUTING = 43,
	VLY_IP6_FRAGMENT = 44,
	VLY_IP6_DESTINATION = 60,
};

struct vly_ip6 {
	uint8_t src[VLY_IP6_ADDR_BYTES];
	uint8_t dst[VLY_IP6_ADDR_BYTES];
	uint32_t flow_label;
	uint16_t payload_len;
	uint8_t traffic_class;
	uint8_t next; // of the fixed header
	uint8_t hop_limit;
};

// Reads the fixed header. Returns its bytes, -ENODATA when the bytes end before it does, or
// -EBADMSG for a bad version or payload length.
static inline int vly_ip6_decode(struct vly_ip6 *out, const uint8_t *p, size_t len)
{
	uint32_t first;

	if (VLY_UNLIKELY(len < VLY_IP6_BYTES))
		return -ENODATA;
	first = vly_be32(p);
	out->traffic_class = (uint8_t)(first >> 20);
	out->flow_label = first & 0xfffff;
	out->payload_len = vly_be16(p + 4);
	out->next = p[6];
	out->hop_limit = p[7];
	memcpy(out->src, p + VLY_IP6_SRC_OFFSET, VLY_IP6_ADDR_BYTES);
	memcpy(out->dst, p + VLY_IP6_DST_OFFSET, VLY_IP6_ADDR_BYTES);
	if (VLY_UNLIKELY(first >> 28 != 6 || out->payload_len > len - VLY_IP6_BYTES))
		return -EBADMSG;
	return VLY_IP6_BYTES;
}

// Returns the bytes written, or -ENOSPC.
static inline int vly_ip6_encode(const struct vly_ip6 *in, uint8_t *p, size_t capacity)
{
	if (VLY_UNLIKELY(capacity < VLY_IP6_BYTES))
		return -ENOSPC;
	vly_be32_put(p, 6u << 28 | (uint32_t)in->traffic_class << 20 | (in->flow_label & 0xfffff));
	vly_be16_put(p + 4, in->payload_len);
	p[6] = in->next;
	p[7] = in->hop_limit;
	memcpy(p + VLY_IP6_SRC_OFFSET, in->src, VLY_IP6_ADDR_BYTES);
	memcpy(p + VLY_IP6_DST_OFFSET, in->dst, VLY_IP6_ADDR_BYTES);
	return VLY_IP6_BYTES;
}

// The pseudo-header of a transport checksum (RFC 8200, section 8.1).
static inline uint64_t vly_ip6_pseudo_sum(const uint8_t *src, const uint8_t *dst, uint8_t protocol,
					  uint32_t len)
{
	uint64_t sum = (uint64_t)htobe16(protocol) + htobe32(len);

	for (int i = 0; i < VLY_IP6_ADDR_BYTES; i += 8)
		sum = vly_sum64(vly_sum64(sum, vly_raw64(src + i)), vly_raw64(dst + i));
	return sum;
}

// Reads over hop-by-hop and destination options from `*next` on. Sets *next to the first header
// that is something else. Returns the bytes skipped (0: none), -EBADMSG when they are malformed
// or go beyond `len`, or -EOPNOTSUPP for an option we must refuse or more than we read.
int vly_ip6_skip_extensions(uint8_t *next, const uint8_t *p, size_t len);
