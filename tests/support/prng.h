// SPDX-License-Identifier: BSD-3-Clause
//
// The one source of chance in the tests: xorshift64* (Marsaglia 2003, Vigna 2016), the same on
// every machine. The environment variable VLY_TEST_SEED (decimal or 0x...) reproduces a run; a test
// prints its seed when it fails. One generator belongs to one thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

struct prng {
	uint64_t state; // never 0
	uint64_t seed;  // what it was started with, to print
};

// Starts from a seed; near seeds give unrelated sequences. Generators of several threads are
// started from prng_next() of one.
static inline struct prng prng_from(uint64_t seed);

// Starts from VLY_TEST_SEED, or from the clock when it is not set.
static inline struct prng prng_open(void);

// 64 random bits.
static inline uint64_t prng_next(struct prng *prng);

// A number of 0 .. bound - 1; bound is at least 1.
static inline uint32_t prng_below(struct prng *prng, uint32_t bound);

// A number of least .. most, both included.
static inline uint32_t prng_between(struct prng *prng, uint32_t least, uint32_t most);

// True once in `one_in` times.
static inline bool prng_once_in(struct prng *prng, uint32_t one_in);

// Fills memory with random bytes.
static inline void prng_fill(struct prng *prng, void *bytes, size_t size_bytes);

// --- inline definitions -------------------------------------------------------------------------

static inline struct prng prng_from(uint64_t seed)
{
	// One step of splitmix64, so that seeds 1, 2, 3 start far apart.
	uint64_t z = seed + 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	z ^= z >> 31;
	return (struct prng){.state = z ? z : 1, .seed = seed};
}

static inline struct prng prng_open(void)
{
	const char *text = getenv("VLY_TEST_SEED");
	struct timespec now;

	if (text)
		return prng_from(strtoull(text, NULL, 0));
	clock_gettime(CLOCK_MONOTONIC, &now);
	return prng_from((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
}

static inline uint64_t prng_next(struct prng *prng)
{
	uint64_t x = prng->state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	prng->state = x;
	return x * 0x2545f4914f6cdd1du;
}

static inline uint32_t prng_below(struct prng *prng, uint32_t bound)
{
	return (uint32_t)(((prng_next(prng) >> 32) * bound) >> 32);
}

static inline uint32_t prng_between(struct prng *prng, uint32_t least, uint32_t most)
{
	return least + (uint32_t)(((prng_next(prng) >> 32) * ((uint64_t)most - least + 1)) >> 32);
}

static inline bool prng_once_in(struct prng *prng, uint32_t one_in)
{
	return prng_below(prng, one_in) == 0;
}

static inline void prng_fill(struct prng *prng, void *bytes, size_t size_bytes)
{
	uint8_t *p = bytes;

	for (size_t i = 0; i < size_bytes; i++)
		p[i] = (uint8_t)(prng_next(prng) >> 56);
}
