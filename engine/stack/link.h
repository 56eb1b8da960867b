// SPDX-License-Identifier: BSD-3-Clause
//
// What dgram->link holds of a delivered datagram: where the headers lie that it came in, so that a
// reply finds the way back whatever the handler did to the payload's place.
//
//     bits  0-15  from the datagram's structure to the frame's first byte
//     bits 16-20  bytes of Ethernet header, with a tag
//     bits 21-28  bytes of IP header, with options or extension headers
//     bit  29     it came to a group: a reply needs another source
//     bit  30     IPv6
//     bit  31     always set, so that 0 means "came in no frame"
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum vly_link_bits {
	VLY_LINK_L2_SHIFT = 16,
	VLY_LINK_L3_SHIFT = 21,
	VLY_LINK_START_MASK = 0xffff,
	VLY_LINK_L2_MASK = 0x1f,
	VLY_LINK_L3_MASK = 0xff,
};

struct vly_link {
	uint32_t start; // bytes from the datagram's structure to the frame
	uint32_t l2_len;
	uint32_t l3_len;
	bool is_group;
	bool is_ipv6;
};

static inline uint32_t vly_link_pack(const struct vly_link *link)
{
	return link->start | link->l2_len << VLY_LINK_L2_SHIFT | link->l3_len << VLY_LINK_L3_SHIFT |
	       (uint32_t)link->is_group << 29 | (uint32_t)link->is_ipv6 << 30 | 1u << 31;
}

// Returns false when the datagram came in no frame.
static inline bool vly_link_unpack(struct vly_link *out, uint32_t packed)
{
	out->start = packed & VLY_LINK_START_MASK;
	out->l2_len = packed >> VLY_LINK_L2_SHIFT & VLY_LINK_L2_MASK;
	out->l3_len = packed >> VLY_LINK_L3_SHIFT & VLY_LINK_L3_MASK;
	out->is_group = packed >> 29 & 1;
	out->is_ipv6 = packed >> 30 & 1;
	return packed >> 31;
}
