// SPDX-License-Identifier: BSD-3-Clause
//
// The hash of a flow: the same for both directions, so that a reply and its request meet at the
// same worker. Not keyed: it spreads load, it does not keep secrets.
#pragma once

#include <stdint.h>

#include <volley/addr.h>

#include "stack/bytes.h"

// Multiplies to 128 bits and folds: every bit of the product depends on all bits of both.
static inline uint64_t vly_flow_mix(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

// One side of a flow: its address as two words in memory order. The high one is zero for IPv4, and
// then nothing is lost: address and port fill the low one.
static inline uint64_t vly_flow_side(uint64_t high, uint64_t low, uint16_t port)
{
	return high * 0x9e3779b97f4a7c15u ^ low ^ port;
}

// The sum and the difference in bits tell the pair of sides, but not which is which. Never 0, which
// means "not computed" in struct vly_dgram.
static inline uint32_t vly_flow_join(uint64_t a, uint64_t b)
{
	uint64_t mixed = vly_flow_mix((a + b) ^ 0xa0761d6478bd642fu, (a ^ b) ^ 0xe7037ed1a0b428dbu);
	uint32_t hash = (uint32_t)(mixed * 0x9fb21c651e98df25u >> 32);

	return hash ? hash : 1;
}

static inline uint32_t vly_flow_hash(const struct vly_addr *a, const struct vly_addr *b)
{
	return vly_flow_join(vly_flow_side(vly_raw64(a->ip), vly_raw64(a->ip + 8), a->port),
			     vly_flow_side(vly_raw64(b->ip), vly_raw64(b->ip + 8), b->port));
}
