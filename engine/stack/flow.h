// SPDX-License-Identifier: BSD-3-Clause
//
// The hash of a flow: the same for both directions, so that a reply and its request meet at the
// same worker. It spreads load, it does not keep secrets.
//
// vly_flow_hash() is ours. vly_flow_toeplitz() is what a device computes that spreads flows with
// the key that we give it (backend/dpdk_setup.c): where some datagrams of a flow come with the
// device's hash and some without, as those that came in fragments, both must be one.
#pragma once

#include <stdbool.h>
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

// Toeplitz, as Microsoft's "RSS hashing functions" has it, XORs for each bit of the input that is
// set the 32 bits of the key that begin there. With a key of one 16-bit word repeated, 0x6d5a, a
// bit's place counts modulo 16, so all the input's words may be XORed first; both halves of the
// result are the same.
static inline uint16_t vly_flow_toeplitz_word(uint16_t word)
{
	// For each of the word's four digits, the lowest first.
	static const uint16_t digit[4][16] = {
		{0x0000, 0x36ad, 0x9b56, 0xadfb, 0x4dab, 0x7b06, 0xd6fd, 0xe050, 0xa6d5, 0x9078,
		 0x3d83, 0x0b2e, 0xeb7e, 0xddd3, 0x7028, 0x4685},
		{0x0000, 0xd36a, 0x69b5, 0xbadf, 0xb4da, 0x67b0, 0xdd6f, 0x0e05, 0x5a6d, 0x8907,
		 0x33d8, 0xe0b2, 0xeeb7, 0x3ddd, 0x8702, 0x5468},
		{0x0000, 0xad36, 0x569b, 0xfbad, 0xab4d, 0x067b, 0xfdd6, 0x50e0, 0xd5a6, 0x7890,
		 0x833d, 0x2e0b, 0x7eeb, 0xd3dd, 0x2870, 0x8546},
		{0x0000, 0x6ad3, 0xb569, 0xdfba, 0xdab4, 0xb067, 0x6fdd, 0x050e, 0x6d5a, 0x0789,
		 0xd833, 0xb2e0, 0xb7ee, 0xdd3d, 0x0287, 0x6854},
	};

	return digit[0][word & 15] ^ digit[1][word >> 4 & 15] ^ digit[2][word >> 8 & 15] ^
	       digit[3][word >> 12];
}

// Over both addresses, and with_ports also over both ports. Never 0, as above. An IPv4 address
// counts like its mapped form, whose additions cancel out.
static inline uint32_t vly_flow_toeplitz(const struct vly_addr *a, const struct vly_addr *b,
					 bool with_ports)
{
	uint64_t words =
		vly_raw64(a->ip) ^ vly_raw64(a->ip + 8) ^ vly_raw64(b->ip) ^ vly_raw64(b->ip + 8);
	uint32_t hash;
	uint16_t word;

	words ^= words >> 32;
	words ^= words >> 16;
	word = be16toh((uint16_t)words);
	if (with_ports)
		word = (uint16_t)(word ^ a->port ^ b->port);
	word = vly_flow_toeplitz_word(word);
	hash = (uint32_t)word << 16 | word;
	return hash | (hash == 0);
}
