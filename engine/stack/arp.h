// SPDX-License-Identifier: BSD-3-Clause
//
// ARP for IPv4 over Ethernet (RFC 826).
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

enum vly_arp_layout {
	VLY_ARP_BYTES = 28,
};

enum vly_arp_operation {
	VLY_ARP_REQUEST = 1,
	VLY_ARP_REPLY = 2,
};

struct vly_arp {
	uint16_t operation;
	uint8_t sender_mac[6];
	uint8_t target_mac[6];
	uint32_t sender_raw; // IPv4 addresses in memory order
	uint32_t target_raw;
};

// Returns the bytes read, or -EBADMSG when it is short, not IPv4 over Ethernet, or neither a
// request nor a reply.
int vly_arp_decode(struct vly_arp *out, const uint8_t *p, size_t len);

// Returns the bytes written, or -ENOSPC.
int vly_arp_encode(const struct vly_arp *in, uint8_t *p, size_t capacity);
