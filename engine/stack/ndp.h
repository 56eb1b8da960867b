// SPDX-License-Identifier: BSD-3-Clause
//
// Neighbour solicitations and advertisements (RFC 4861), from the ICMPv6 type on.
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vly_ndp_layout {
	VLY_NDP_BYTES = 24,       // without options
	VLY_NDP_OPTION_BYTES = 8, // a link-layer address over Ethernet
	VLY_NDP_BYTES_MAX = VLY_NDP_BYTES + VLY_NDP_OPTION_BYTES, // that we write
	VLY_NDP_HOP_LIMIT = 255,
};

enum vly_ndp_flag {
	VLY_NDP_ROUTER = 0x80,
	VLY_NDP_SOLICITED = 0x40,
	VLY_NDP_OVERRIDE = 0x20,
};

struct vly_ndp {
	uint8_t type;  // a neighbour solicitation or advertisement
	uint8_t flags; // enum vly_ndp_flag; of advertisements only
	uint8_t target[16];
	uint8_t mac[6]; // source's (solicitation) or target's (advertisement)
	bool has_mac;
};

// Reads the whole message; options we do not know are read over. The checksum is not checked.
// Returns len, or -EBADMSG for what section 7.1 of RFC 4861 tells to discard and the message
// alone shows.
int vly_ndp_decode(struct vly_ndp *out, const uint8_t *p, size_t len);

// Writes the message with a checksum of 0. Returns the bytes written, or -ENOSPC.
int vly_ndp_encode(const struct vly_ndp *in, uint8_t *p, size_t capacity);
