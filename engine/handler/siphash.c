// SPDX-License-Identifier: BSD-3-Clause
#include "handler/siphash.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

struct state {
	uint64_t v[4];
};

int vly_siphash_key_make(struct vly_siphash_key *key)
{
	ssize_t got = getrandom(key, sizeof(*key), 0);

	return got == (ssize_t)sizeof(*key) ? 0 : got < 0 ? -errno : -EIO;
}

static uint64_t rotate(uint64_t word, int bits)
{
	return word << bits | word >> (64 - bits);
}

static void mix(struct state *state, int rounds)
{
	uint64_t *v = state->v;

	while (rounds-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

static void take(struct state *state, uint64_t word)
{
	state->v[3] ^= word;
	mix(state, 2);
	state->v[0] ^= word;
}

uint64_t vly_siphash(const struct vly_siphash_key *key, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint64_t last = (uint64_t)len << 56;
	struct state state = {{
		key->words[0] ^ 0x736f6d6570736575, // "somepseudorandomlygeneratedbytes"
		key->words[1] ^ 0x646f72616e646f6d,
		key->words[0] ^ 0x6c7967656e657261,
		key->words[1] ^ 0x7465646279746573,
	}};

	for (size_t i = 0; i < len / 8; i++, at += 8) {
		uint64_t word;

		memcpy(&word, at, sizeof(word));
		take(&state, le64toh(word));
	}
	for (size_t i = 0; i < len % 8; i++)
		last |= (uint64_t)at[i] << (8 * i);
	take(&state, last);
	state.v[2] ^= 0xff;
	mix(&state, 4);
	return state.v[0] ^ state.v[1] ^ state.v[2] ^ state.v[3];
}
