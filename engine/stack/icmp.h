// SPDX-License-Identifier: BSD-3-Clause
//
// The header that ICMP (RFC 792) and ICMPv6 (RFC 4443) messages have in common.
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

enum vly_icmp_layout {
	VLY_ICMP_BYTES = 8,
	VLY_ICMP_CHECKSUM_OFFSET = 2,
};

enum vly_icmp_type {
	VLY_ICMP_ECHO_REPLY = 0,
	VLY_ICMP_UNREACHABLE = 3,
	VLY_ICMP_ECHO_REQUEST = 8,
	VLY_ICMP_TIME_EXCEEDED = 11,
	VLY_ICMPV6_UNREACHABLE = 1,
	VLY_ICMPV6_TOO_BIG = 2,
	VLY_ICMPV6_TIME_EXCEEDED = 3,
	VLY_ICMPV6_ECHO_REQUEST = 128,
	VLY_ICMPV6_ECHO_REPLY = 129,
	VLY_ICMPV6_NEIGHBOUR_SOLICITATION = 135,
	VLY_ICMPV6_NEIGHBOUR_ADVERTISEMENT = 136,
};

enum vly_icmp_code {
	VLY_ICMP_PORT_UNREACHABLE = 3,
	VLY_ICMP_FRAGMENTATION_NEEDED = 4,
	VLY_ICMP_REASSEMBLY = 1, // of time exceeded, in both families
	VLY_ICMPV6_PORT_UNREACHABLE = 4,
};

struct vly_icmp {
	uint8_t type;
	uint8_t code;
	uint16_t checksum_raw; // memory order
	uint32_t rest;         // what the type makes of it
};

// Returns the bytes read, or -EBADMSG when it is short.
int vly_icmp_decode(struct vly_icmp *out, const uint8_t *p, size_t len);

// Returns the bytes written, or -ENOSPC. The checksum is written as given.
int vly_icmp_encode(const struct vly_icmp *in, uint8_t *p, size_t capacity);
