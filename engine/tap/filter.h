// SPDX-License-Identifier: BSD-3-Clause
//
// What of the traffic is wanted: by a prefix and a port, of which either end will do. For the
// handler capture and for taps.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <volley/addr.h>
#include <volley/dgram.h>

struct vly_filter {
	struct vly_prefix prefix; // bits 0: any
	uint16_t port;            // 0: any
};

// Whether the filter takes a datagram between these two.
bool vly_filter_takes(const struct vly_filter *filter, const struct vly_addr *one,
		      const struct vly_addr *other);

// A frame, as far as a filter and LINKTYPE_RAW are concerned.
struct vly_filter_packet {
	uint32_t offset;      // of the IP header in the frame
	struct vly_addr from; // ports 0 where it is no UDP, or a fragment after the first
	struct vly_addr to;
};

// Finds the IP packet in an Ethernet frame, which may hold anything. False: there is none.
bool vly_filter_find_packet(struct vly_filter_packet *packet, const uint8_t *frame, uint32_t len);
