// SPDX-License-Identifier: BSD-3-Clause
#include "stack/checksum.h"

enum {
	BLOCK_WORDS = 8, // 32-bit words of one turn: the compiler makes vector code of it
	BLOCK_BYTES = BLOCK_WORDS * 4,
};

uint64_t vly_sum_long(uint64_t sum, const uint8_t *p, size_t len)
{
	uint64_t lanes[BLOCK_WORDS] = {0};
	uint32_t words[BLOCK_WORDS];

	for (; len >= BLOCK_BYTES; len -= BLOCK_BYTES, p += BLOCK_BYTES) {
		memcpy(words, p, sizeof(words));
		for (int i = 0; i < BLOCK_WORDS; i++)
			lanes[i] += words[i];
	}
	for (int i = 0; i < BLOCK_WORDS; i++)
		sum += lanes[i];
	return vly_sum(sum, p, len);
}
