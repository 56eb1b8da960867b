// SPDX-License-Identifier: BSD-3-Clause
//
// The Internet checksum (RFC 1071). A sum is kept in 64 bits in memory order and folded once, at
// the end: 2^32 additions of 32-bit words cannot overflow it, and a datagram has far fewer.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/compiler.h"
#include "stack/bytes.h"

enum vly_checksum_limits {
	VLY_SUM_INLINE_BYTES = 64, // from here on the loop is worth a call
	VLY_SUM_BLOCK_BYTES = 128, // of a turn of that loop
};

// Adds len bytes at p to sum; an odd last byte is padded with a zero. For long pieces.
uint64_t vly_sum_long(uint64_t sum, const uint8_t *p, size_t len);

// Adds the two halves of a memory-order word.
static inline uint64_t vly_sum64(uint64_t sum, uint64_t raw)
{
	return sum + (raw & 0xffffffffu) + (raw >> 32);
}

// Adds len bytes at p to sum. What follows a piece of odd length cannot be added: only the last
// piece may be odd.
static inline uint64_t vly_sum(uint64_t sum, const uint8_t *p, size_t len)
{
	if (len >= VLY_SUM_INLINE_BYTES)
		return vly_sum_long(sum, p, len);
	for (; len >= 8; len -= 8, p += 8)
		sum = vly_sum64(sum, vly_raw64(p));
	if (len & 4) {
		sum += vly_raw32(p);
		p += 4;
	}
	if (len & 2) {
		sum += vly_raw16(p);
		p += 2;
	}
	if (len & 1)
		sum += htobe16((uint16_t)(*p << 8));
	return sum;
}

// The one's complement sum in 16 bits, memory order, not inverted.
static inline uint16_t vly_sum_fold(uint64_t sum)
{
	uint32_t low = (uint32_t)sum;
	uint32_t high = (uint32_t)(sum >> 32);

	low += high;
	low += low < high; // the carry comes round
	low = (low & 0xffffu) + (low >> 16);
	return (uint16_t)(low + (low >> 16));
}

// What goes into a checksum field, memory order.
static inline uint16_t vly_sum_finish(uint64_t sum)
{
	return (uint16_t)~vly_sum_fold(sum);
}

// Whether a sum that includes the checksum field verifies. A sum of no set bit at all does not:
// no header is all zero.
static inline int vly_sum_verifies(uint64_t sum)
{
	return vly_sum_fold(sum) == 0xffffu;
}

// --- wide sums ----------------------------------------------------------------------------------
//
// The same in words of 64 bits whose carries come round at once: an instruction for eight bytes.
// What is added to such a sum is added with vly_add_carry().

// Adds so many blocks at p to sum. For long pieces.
uint64_t vly_wide_sum_blocks(uint64_t sum, const uint8_t *p, size_t blocks);

// Adds len bytes at p to sum, as vly_sum(). For `len` that is no multiple of 8, up to 7 bytes
// before p are read, and must be there.
static inline uint64_t vly_wide_sum(uint64_t sum, const uint8_t *p, size_t len)
{
	const uint8_t *end;

	if (VLY_UNLIKELY(len >= VLY_SUM_BLOCK_BYTES)) { // else a call costs more than it saves
		sum = vly_wide_sum_blocks(sum, p, len / VLY_SUM_BLOCK_BYTES);
		p += len / VLY_SUM_BLOCK_BYTES * VLY_SUM_BLOCK_BYTES;
		len %= VLY_SUM_BLOCK_BYTES;
	}
	end = p + (len & ~(size_t)31);
	for (; p != end; p += 32)
		sum = vly_add_carry4(sum, vly_raw64(p), vly_raw64(p + 8), vly_raw64(p + 16),
				     vly_raw64(p + 24));
	if (len & 16) {
		sum = vly_add_carry(vly_add_carry(sum, vly_raw64(p)), vly_raw64(p + 8));
		p += 16;
	}
	if (len & 8) {
		sum = vly_add_carry(sum, vly_raw64(p));
		p += 8;
	}
	if (len & 7) { // the last eight bytes, without those that are in the sum already
		uint64_t last = le64toh(vly_raw64(p + (len & 7) - 8)) >> (64 - 8 * (len & 7));

		sum = vly_add_carry(sum, htole64(last));
	}
	return sum;
}

// As vly_sum_fold(): a word and itself with its halves exchanged make a sum whose upper half has
// the sum of the halves, and its carry.
static inline uint16_t vly_wide_fold(uint64_t sum)
{
	uint32_t half = (uint32_t)((sum + (sum >> 32 | sum << 32)) >> 32);

	return (uint16_t)((half + (half >> 16 | half << 16)) >> 16);
}

static inline int vly_wide_verifies(uint64_t sum)
{
	return vly_wide_fold(sum) == 0xffffu;
}
