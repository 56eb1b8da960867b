// SPDX-License-Identifier: BSD-3-Clause
//
// How a datagram looks to who only watches.
#pragma once

#include <string.h>

#include <volley/dgram.h>

enum vly_seen_limits {
	VLY_SEEN_TIME_SHIFT = 20,
};

// The same for a datagram when it comes and when it is dropped, and another for any other: made of
// its time and its place in memory. 0: it was not received.
static inline uint64_t vly_seen_id(const struct vly_dgram *dgram)
{
	if (!dgram->rx_ns)
		return 0;
	return dgram->rx_ns << VLY_SEEN_TIME_SHIFT ^ (uintptr_t)dgram / sizeof(*dgram);
}

// The local address, also where it is left open: of the family that the datagram travels by.
static inline struct vly_addr vly_seen_local(const struct vly_dgram *dgram)
{
	struct vly_addr local = dgram->local;

	if (vly_addr_is_wildcard(&local) && vly_addr_is_ipv4(&dgram->peer))
		memcpy(local.ip, dgram->peer.ip, 12);
	return local;
}
