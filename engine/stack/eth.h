// SPDX-License-Identifier: BSD-3-Clause
//
// Ethernet II with at most one 802.1Q tag. What is left in `type` when a frame has more is the
// next tag's own type.
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/compiler.h"
#include "stack/bytes.h"

enum vly_eth_layout {
	VLY_MAC_BYTES = 6,
	VLY_ETH_BYTES = 14,
	VLY_ETH_TAG_BYTES = 4,
	VLY_ETH_BYTES_MAX = VLY_ETH_BYTES + VLY_ETH_TAG_BYTES,
	VLY_ETH_VID_MASK = 0xfff,
};

enum vly_ethertype {
	VLY_ETHERTYPE_IPV4 = 0x0800,
	VLY_ETHERTYPE_ARP = 0x0806,
	VLY_ETHERTYPE_VLAN = 0x8100,
	VLY_ETHERTYPE_QINQ = 0x88a8,
	VLY_ETHERTYPE_IPV6 = 0x86dd,
};

struct vly_eth {
	uint8_t dst[VLY_MAC_BYTES];
	uint8_t src[VLY_MAC_BYTES];
	uint16_t type; // of what follows, after the tag
	uint16_t tci;  // the tag's priority and VLAN id; 0 when untagged
	bool is_tagged;
};

// Returns the bytes of header, or -ENODATA when the frame ends before it does.
static inline int vly_eth_decode(struct vly_eth *out, const uint8_t *p, size_t len)
{
	if (VLY_UNLIKELY(len < VLY_ETH_BYTES))
		return -ENODATA;
	memcpy(out->dst, p, VLY_MAC_BYTES);
	memcpy(out->src, p + 6, VLY_MAC_BYTES);
	out->type = vly_be16(p + 12);
	out->tci = 0;
	out->is_tagged = out->type == VLY_ETHERTYPE_VLAN;
	if (!out->is_tagged)
		return VLY_ETH_BYTES;
	if (VLY_UNLIKELY(len < VLY_ETH_BYTES_MAX))
		return -ENODATA;
	out->tci = vly_be16(p + 14);
	out->type = vly_be16(p + 16);
	return VLY_ETH_BYTES_MAX;
}

// Returns the bytes written, or -ENOSPC when `capacity` is too small; then nothing is written.
static inline int vly_eth_encode(const struct vly_eth *in, uint8_t *p, size_t capacity)
{
	if (VLY_UNLIKELY(capacity < VLY_ETH_BYTES))
		return -ENOSPC;
	if (VLY_UNLIKELY(in->is_tagged && capacity < VLY_ETH_BYTES_MAX))
		return -ENOSPC;
	memcpy(p, in->dst, VLY_MAC_BYTES);
	memcpy(p + 6, in->src, VLY_MAC_BYTES);
	if (VLY_UNLIKELY(in->is_tagged)) {
		vly_be16_put(p + 12, VLY_ETHERTYPE_VLAN);
		vly_be16_put(p + 14, in->tci);
		vly_be16_put(p + 16, in->type);
		return VLY_ETH_BYTES_MAX;
	}
	vly_be16_put(p + 12, in->type);
	return VLY_ETH_BYTES;
}
