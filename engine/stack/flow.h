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

static inline uint64_t vly_flow_side(const struct vly_addr *addr)
{
	uint64_t high = vly_raw64(addr->ip);
	uint64_t low = vly_raw64(addr->ip + 8);

	return vly_flow_mix(high ^ ((uint64_t)addr->port << 20) ^ 0x9e3779b97f4a7c15u,
			    low ^ 0xd6e8feb86659fd93u);
}

// Never 0, which means "not computed" in struct vly_dgram.
static inline uint32_t vly_flow_hash(const struct vly_addr *a, const struct vly_addr *b)
{
	uint64_t sum = vly_flow_side(a) + vly_flow_side(b);
	uint32_t hash =
		(uint32_t)(vly_flow_mix(sum ^ 0xa0761d6478bd642fu, 0xe7037ed1a0b428dbu) >> 16);

	return hash | (hash == 0);
}
