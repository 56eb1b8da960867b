// SPDX-License-Identifier: BSD-3-Clause
#include "stack/checksum.h"

static uint64_t add32(uint64_t sum, const uint8_t *p)
{
	return vly_add_carry4(sum, vly_raw64(p), vly_raw64(p + 8), vly_raw64(p + 16),
			      vly_raw64(p + 24));
}

// Four sums side by side: in one alone each addition waits for the carry of the one before.
uint64_t vly_wide_sum_blocks(uint64_t sum, const uint8_t *p, size_t blocks)
{
	uint64_t second = 0;
	uint64_t third = 0;
	uint64_t fourth = 0;

	for (; blocks > 0; blocks--, p += VLY_SUM_BLOCK_BYTES) {
		sum = add32(sum, p);
		second = add32(second, p + 32);
		third = add32(third, p + 64);
		fourth = add32(fourth, p + 96);
	}
	return vly_add_carry(vly_add_carry(sum, second), vly_add_carry(third, fourth));
}

uint64_t vly_sum_long(uint64_t sum, const uint8_t *p, size_t len)
{
	uint64_t wide = 0;

	if (len >= VLY_SUM_BLOCK_BYTES) {
		wide = vly_wide_sum_blocks(0, p, len / VLY_SUM_BLOCK_BYTES);
		p += len / VLY_SUM_BLOCK_BYTES * VLY_SUM_BLOCK_BYTES;
		len %= VLY_SUM_BLOCK_BYTES;
	}
	for (; len >= 32; len -= 32, p += 32)
		wide = add32(wide, p);
	return vly_sum(vly_sum64(sum, wide), p, len);
}
