// SPDX-License-Identifier: BSD-3-Clause
//
// Hashes of addresses. Pure; any thread.
#pragma once

#include <stdint.h>
#include <string.h>

#include <volley/addr.h>

// Multiplies to 128 bits and folds: every bit of the product depends on all bits of both.
static inline uint64_t vly_forward_mix(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product =
		(unsigned __int128)(a ^ 0xa0761d6478bd642fu) * (b ^ 0xe7037ed1a0b428dbu);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

// With a seed that nobody knows, nobody can choose addresses that meet in one place; with a known
// one, all machines find the same.
static inline uint64_t vly_forward_hash(uint64_t seed, const uint8_t *ip, uint16_t port)
{
	uint64_t words[2];

	memcpy(words, ip, sizeof(words));
	return vly_forward_mix(vly_forward_mix(words[0] ^ seed, words[1]), (uint64_t)port ^ seed);
}
