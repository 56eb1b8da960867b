// SPDX-License-Identifier: BSD-3-Clause
//
// UDP (RFC 768).
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "core/compiler.h"
#include "stack/bytes.h"

enum vly_udp_layout {
	VLY_UDP_BYTES = 8,
	VLY_UDP_CHECKSUM_OFFSET = 6,
};

struct vly_udp {
	uint16_t src_port;
	uint16_t dst_port;
	uint16_t len;          // of header and payload
	uint16_t checksum_raw; // memory order; 0: none
};

// `len` is what IP carries. Returns the bytes of header, or -EBADMSG when the UDP length does not
// fit into it.
static inline int vly_udp_decode(struct vly_udp *out, const uint8_t *p, size_t len)
{
	if (VLY_UNLIKELY(len < VLY_UDP_BYTES))
		return -EBADMSG;
	out->src_port = vly_be16(p);
	out->dst_port = vly_be16(p + 2);
	out->len = vly_be16(p + 4);
	out->checksum_raw = vly_raw16(p + VLY_UDP_CHECKSUM_OFFSET);
	if (VLY_UNLIKELY(out->len < VLY_UDP_BYTES || out->len > len))
		return -EBADMSG;
	return VLY_UDP_BYTES;
}

// Returns the bytes written, or -ENOSPC. The checksum is written as given.
static inline int vly_udp_encode(const struct vly_udp *in, uint8_t *p, size_t capacity)
{
	if (VLY_UNLIKELY(capacity < VLY_UDP_BYTES))
		return -ENOSPC;
	vly_be16_put(p, in->src_port);
	vly_be16_put(p + 2, in->dst_port);
	vly_be16_put(p + 4, in->len);
	vly_raw16_put(p + VLY_UDP_CHECKSUM_OFFSET, in->checksum_raw);
	return VLY_UDP_BYTES;
}

// The sum of the header less its checksum, from its values.
static inline uint64_t vly_udp_sum(const struct vly_udp *udp)
{
	return (uint64_t)htobe16(udp->src_port) + htobe16(udp->dst_port) + htobe16(udp->len);
}
