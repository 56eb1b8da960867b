// SPDX-License-Identifier: BSD-3-Clause
//
// The ring between two threads. Every item points to a token that the producer has just written,
// so that an item seen too early shows as a token of the lap before; the consumer checks each one,
// wipes it, and the producer finds it wiped when its turn comes again: both directions are held to
// their promise. Burst sizes are random, and each side now and then stops for a while, so that the
// ring runs full and empty. Under ThreadSanitizer the same program checks for data races.
//
// VLY_STRESS_ITEMS sets the number of items (three million), VLY_TEST_SEED the bursts.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "ring/spsc.h"

#include "prng.h"

enum {
	BURST = 64,
	ITEMS = 3000000,
	SMALL_ITEMS_MAX = 5000000,
	WIPED = 0,
};

struct token {
	uint64_t number; // of the item, from 1; WIPED: free
	uint64_t check;  // its complement, so that a half-written token shows
};

struct course {
	struct vly_ring *ring;
	struct token *tokens; // see token_count_for()
	uint32_t token_count;
	uint64_t items;
	struct prng prng; // the side's own
	atomic_bool *is_over;
	uint64_t errors;
	uint64_t first_error; // number of the item
};

static void note_error(struct course *course, uint64_t number)
{
	if (course->errors++ == 0)
		course->first_error = number;
}

// Lets the other side run ahead now and then; gives the core away when there is only one.
static void rest(struct prng *prng)
{
	if (prng_once_in(prng, 4096)) {
		sched_yield();
	} else if (prng_once_in(prng, 64)) {
		for (uint32_t i = prng_below(prng, 2000); i > 0; i--)
			vly_pause();
	}
}

// The bursts of a side: mostly one kind for a while, which prng_below() of a mood chooses.
static uint32_t next_burst(struct prng *prng, uint32_t *burst_max)
{
	if (prng_once_in(prng, 512))
		*burst_max = 1u << prng_below(prng, 7);
	return prng_between(prng, 1, *burst_max);
}

// A push tells the producer that all items but a ring's capacity before it have been popped, and so
// that those of the pop before are wiped. It writes at most a capacity of tokens ahead.
static uint32_t token_count_for(const struct vly_ring *ring)
{
	return 2 * vly_ring_capacity(ring) + BURST;
}

static struct token *token_of(const struct course *course, uint64_t number)
{
	return &course->tokens[number % course->token_count];
}

static void write_token(struct course *course, uint64_t number)
{
	struct token *token = token_of(course, number);

	if (token->number != WIPED)
		note_error(course, number); // the consumer's wiping is not seen
	*token = (struct token){.number = number, .check = ~number};
}

static void check_token(struct course *course, uint64_t number, const void *item)
{
	struct token *token = token_of(course, number);

	if (item != token || token->number != number || token->check != ~number)
		note_error(course, number);
	token->number = WIPED;
}

static void *produce(void *arg)
{
	struct course *course = arg;
	uint64_t written = 0; // tokens
	uint64_t pushed = 0;
	uint32_t burst_max = 1;

	while (pushed < course->items &&
	       !atomic_load_explicit(course->is_over, memory_order_relaxed)) {
		uint32_t count = next_burst(&course->prng, &burst_max);
		void *items[BURST];

		if (count > course->items - pushed)
			count = (uint32_t)(course->items - pushed);
		for (uint32_t i = 0; i < count; i++) {
			items[i] = token_of(course, pushed + 1 + i);
			if (pushed + 1 + i > written && i < vly_ring_capacity(course->ring)) {
				written = pushed + 1 + i;
				write_token(course, written);
			}
		}
		if (count > vly_ring_capacity(course->ring))
			count = vly_ring_capacity(course->ring);
		count = vly_ring_push(course->ring, items, count);
		pushed += count;
		if (count == 0)
			sched_yield();
		rest(&course->prng);
	}
	return NULL;
}

static void *consume(void *arg)
{
	struct course *course = arg;
	uint64_t popped = 0;
	uint32_t burst_max = 1;

	while (popped < course->items && course->errors == 0) {
		const uint32_t asked = next_burst(&course->prng, &burst_max);
		void *items[BURST];
		uint32_t count;

		if (prng_once_in(&course->prng, 8)) {
			void *const *peeked;

			count = vly_ring_peek(course->ring, &peeked, asked);
			for (uint32_t i = 0; i < count; i++)
				check_token(course, popped + 1 + i, peeked[i]);
			vly_ring_consume(course->ring, count);
		} else {
			count = vly_ring_pop(course->ring, items, asked);
			for (uint32_t i = 0; i < count; i++)
				check_token(course, popped + 1 + i, items[i]);
		}
		popped += count;
		if (count == 0)
			sched_yield();
		rest(&course->prng);
	}
	atomic_store_explicit(course->is_over, true, memory_order_relaxed);
	return NULL;
}

static uint64_t asked_items(void)
{
	const char *text = getenv("VLY_STRESS_ITEMS");

	return text ? strtoull(text, NULL, 10) : ITEMS;
}

// Of a small ring: it hands over almost every item with a change of threads where there is one
// core, so that few go through it, and the rest through the large ones.
static uint64_t share_of_small(uint64_t items)
{
	return items / 20 < SMALL_ITEMS_MAX ? items / 20 : SMALL_ITEMS_MAX;
}

static void run_course(uint32_t capacity, uint64_t items, struct prng *seeds)
{
	atomic_bool is_over = false;
	struct course producer = {.items = items, .is_over = &is_over};
	struct course consumer;
	pthread_t thread;

	assert_int_equal(vly_ring_open_at(&producer.ring, capacity, UINT32_MAX - 1000, NULL), 0);
	producer.token_count = token_count_for(producer.ring);
	producer.tokens = calloc(producer.token_count, sizeof(*producer.tokens));
	assert_non_null(producer.tokens);
	consumer = producer;
	producer.prng = prng_from(prng_next(seeds));
	consumer.prng = prng_from(prng_next(seeds));
	assert_int_equal(pthread_create(&thread, NULL, produce, &producer), 0);
	consume(&consumer);
	pthread_join(thread, NULL);
	if (producer.errors + consumer.errors > 0)
		fail_msg("capacity %u: producer %llu errors, first at item %llu; consumer %llu, "
			 "first at %llu; VLY_TEST_SEED=%llu",
			 capacity, (unsigned long long)producer.errors,
			 (unsigned long long)producer.first_error,
			 (unsigned long long)consumer.errors,
			 (unsigned long long)consumer.first_error, (unsigned long long)seeds->seed);
	assert_true(vly_ring_invariants(producer.ring));
	assert_int_equal(vly_ring_count(producer.ring), 0);
	free(producer.tokens);
	vly_ring_close(producer.ring);
}

static void test_every_item_once_and_in_order(void **state)
{
	static const uint32_t small[] = {1, 2, 8};
	static const uint32_t large[] = {64, 1024};
	const uint64_t items = asked_items();
	const uint64_t share = share_of_small(items);
	struct prng seeds = prng_open();

	(void)state;
	for (size_t i = 0; i < 3; i++)
		run_course(small[i], share, &seeds);
	for (size_t i = 0; i < 2; i++)
		run_course(large[i], (items - 3 * share) / 2, &seeds);
}

// A third thread may ask for the count at any time: never more than fits.
static void *watch(void *arg)
{
	struct course *course = arg;

	while (!atomic_load_explicit(course->is_over, memory_order_relaxed)) {
		if (vly_ring_count(course->ring) > vly_ring_capacity(course->ring))
			note_error(course, 0);
		sched_yield();
	}
	return NULL;
}

static void test_count_of_a_third_thread(void **state)
{
	struct prng seeds = prng_open();
	atomic_bool is_over = false;
	struct course courses[3];
	pthread_t threads[2];

	(void)state;
	// Always as short: where three threads share two cores, each item waits for its turn.
	courses[0] = (struct course){.items = share_of_small(ITEMS), .is_over = &is_over};
	assert_int_equal(vly_ring_open(&courses[0].ring, 16, NULL), 0);
	courses[0].token_count = token_count_for(courses[0].ring);
	courses[0].tokens = calloc(courses[0].token_count, sizeof(*courses[0].tokens));
	assert_non_null(courses[0].tokens);
	courses[1] = courses[0];
	courses[2] = courses[0];
	courses[0].prng = prng_from(prng_next(&seeds));
	courses[1].prng = prng_from(prng_next(&seeds));
	assert_int_equal(pthread_create(&threads[0], NULL, produce, &courses[0]), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, watch, &courses[2]), 0);
	consume(&courses[1]);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	assert_int_equal(courses[0].errors + courses[1].errors + courses[2].errors, 0);
	free(courses[0].tokens);
	vly_ring_close(courses[0].ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_item_once_and_in_order),
		cmocka_unit_test(test_count_of_a_third_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
