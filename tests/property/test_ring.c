// SPDX-License-Identifier: BSD-3-Clause
//
// The ring against a model that is too simple to be wrong: an array of all items ever pushed, with
// two positions. Random operations of random bursts, on rings of random sizes whose indices start
// near their wrap. VLY_TEST_SEED repeats a run.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ring/spsc.h"

#include "prng.h"

enum {
	RUNS = 400,
	STEPS = 2000,
	BURST = 96,
	ITEMS = STEPS * BURST,
};

struct pair {
	struct vly_ring *ring;
	uint32_t capacity;
	void **pushed; // the model: everything pushed, in order
	uint32_t tail; // how many were pushed
	uint32_t head; // how many were popped
	struct prng prng;
};

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t room(const struct pair *pair)
{
	return pair->capacity - (pair->tail - pair->head);
}

// Any pointer but the ring; the same ones come often, NULL among them.
static void *random_item(struct pair *pair)
{
	if (prng_once_in(&pair->prng, 4))
		return (void *)(uintptr_t)prng_below(&pair->prng, 3);
	return (void *)(uintptr_t)(prng_next(&pair->prng) | 1);
}

static uint32_t random_count(struct pair *pair)
{
	return prng_once_in(&pair->prng, 3) ? prng_below(&pair->prng, 3)
					    : prng_below(&pair->prng, BURST + 1);
}

// Fills the model's next `count` items, which the ring may take.
static void **next_items(struct pair *pair, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		pair->pushed[pair->tail + i] = random_item(pair);
	return &pair->pushed[pair->tail];
}

static bool step_push(struct pair *pair)
{
	const uint32_t count = random_count(pair);
	const uint32_t expected = least(count, room(pair));
	void **items = next_items(pair, count);

	if (vly_ring_push(pair->ring, items, count) != expected)
		return false;
	pair->tail += expected;
	return true;
}

static bool step_reserve(struct pair *pair)
{
	const uint32_t count = random_count(pair);
	const uint32_t expected = least(least(count, room(pair)), VLY_RING_RESERVE_MAX);
	const uint32_t given = prng_below(&pair->prng, expected + 1);
	void **items = next_items(pair, expected);
	void **reserved;

	if (vly_ring_reserve(pair->ring, &reserved, count) != expected)
		return false;
	for (uint32_t i = 0; i < expected; i++)
		reserved[i] = items[i];
	vly_ring_commit(pair->ring, given);
	pair->tail += given;
	return true;
}

static bool are_next(const struct pair *pair, void *const *items, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (items[i] != pair->pushed[pair->head + i])
			return false;
	}
	return true;
}

static bool step_pop(struct pair *pair)
{
	const uint32_t count = random_count(pair);
	const uint32_t expected = least(count, pair->tail - pair->head);
	void *items[BURST];

	if (vly_ring_pop(pair->ring, items, count) != expected || !are_next(pair, items, expected))
		return false;
	pair->head += expected;
	return true;
}

static bool step_peek(struct pair *pair)
{
	const uint32_t count = random_count(pair);
	const uint32_t expected = least(count, pair->tail - pair->head);
	void *const *items;
	const uint32_t peeked = vly_ring_peek(pair->ring, &items, count);
	const uint32_t taken = prng_below(&pair->prng, peeked + 1);

	// Shorter only where the array ends, and then the next peek starts at its beginning.
	if (peeked > expected || (expected > 0 && peeked == 0) || !are_next(pair, items, peeked))
		return false;
	vly_ring_consume(pair->ring, taken);
	pair->head += taken;
	return true;
}

static bool run(struct pair *pair)
{
	// A mood lasts for some steps, so that the ring is often full and often empty.
	uint32_t mood = 4;

	for (uint32_t step = 0; step < STEPS; step++) {
		bool is_as_modelled;

		if (prng_once_in(&pair->prng, 50))
			mood = prng_below(&pair->prng, 9);
		if (prng_below(&pair->prng, 8) < mood)
			is_as_modelled =
				prng_once_in(&pair->prng, 3) ? step_reserve(pair) : step_push(pair);
		else
			is_as_modelled =
				prng_once_in(&pair->prng, 3) ? step_peek(pair) : step_pop(pair);
		if (!is_as_modelled || vly_ring_count(pair->ring) != pair->tail - pair->head ||
		    !vly_ring_invariants(pair->ring))
			return false;
	}
	return true;
}

static void test_ring_is_a_queue(void **state)
{
	struct prng seeds = prng_open();
	void **pushed = calloc(ITEMS + BURST, sizeof(*pushed));

	(void)state;
	assert_non_null(pushed);
	for (uint32_t i = 0; i < RUNS; i++) {
		struct pair pair = {.pushed = pushed, .prng = prng_from(prng_next(&seeds))};
		const uint32_t asked = prng_between(&pair.prng, 1, 150);
		const uint32_t start = prng_once_in(&pair.prng, 2)
					       ? UINT32_MAX - prng_below(&pair.prng, 1000)
					       : (uint32_t)prng_next(&pair.prng);

		assert_int_equal(vly_ring_open_at(&pair.ring, asked, start, NULL), 0);
		pair.capacity = vly_ring_capacity(pair.ring);
		if (!run(&pair))
			fail_msg("run %u, capacity %u, start %u: not as the model; "
				 "VLY_TEST_SEED=%llu",
				 i, pair.capacity, start, (unsigned long long)seeds.seed);
		vly_ring_close(pair.ring);
	}
	free(pushed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ring_is_a_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
