// SPDX-License-Identifier: BSD-3-Clause
//
// The ring by itself, on one thread: sizes, short counts, order, and the wrap of the indices.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "ring/spsc.h"

enum {
	BURST = 64,
};

// Where the indices start: at once, two steps before they wrap, and at the sign bit.
static const uint32_t starts[] = {0, UINT32_MAX - 1, UINT32_MAX, INT32_MAX};

static struct vly_ring *open_ring(uint32_t capacity, uint32_t start)
{
	struct vly_ring *ring = NULL;
	struct vly_error error;

	assert_int_equal(vly_ring_open_at(&ring, capacity, start, &error), 0);
	assert_true(vly_ring_invariants(ring));
	return ring;
}

static void *item(uintptr_t number)
{
	return (void *)number;
}

// Pushes the numbers from `first` on, and returns how many were taken.
static uint32_t push_numbers(struct vly_ring *ring, uintptr_t first, uint32_t count)
{
	void *items[BURST];

	for (uint32_t i = 0; i < count; i++)
		items[i] = item(first + i);
	count = vly_ring_push(ring, items, count);
	assert_true(vly_ring_invariants(ring));
	return count;
}

// Pops up to `count`, and returns how many came; they must be the numbers from `first` on.
static uint32_t pop_numbers(struct vly_ring *ring, uintptr_t first, uint32_t count)
{
	void *items[BURST];

	memset(items, 0xee, sizeof(items));
	count = vly_ring_pop(ring, items, count);
	for (uint32_t i = 0; i < count; i++)
		assert_ptr_equal(items[i], item(first + i));
	for (uint32_t i = count; i < BURST; i++)
		assert_int_equal(*(const unsigned char *)&items[i], 0xee);
	assert_true(vly_ring_invariants(ring));
	return count;
}

static void test_open_rounds_up(void **state)
{
	static const uint32_t asked_and_given[][2] = {{1, 1},   {2, 2},    {3, 4},
						      {64, 64}, {65, 128}, {1000, 1024}};

	(void)state;
	for (size_t i = 0; i < sizeof(asked_and_given) / sizeof(asked_and_given[0]); i++) {
		struct vly_ring *ring = open_ring(asked_and_given[i][0], 0);

		assert_int_equal(vly_ring_capacity(ring), asked_and_given[i][1]);
		assert_int_equal(vly_ring_count(ring), 0);
		vly_ring_close(ring);
	}
	vly_ring_close(NULL);
}

static void test_open_refuses(void **state)
{
	struct vly_ring *ring = NULL;
	struct vly_error error;

	(void)state;
	assert_int_equal(vly_ring_open(&ring, 0, &error), -EINVAL);
	assert_non_null(strstr(error.text, "size 0"));
	assert_int_equal(vly_ring_open(&ring, VLY_RING_CAPACITY_MAX + 1u, &error), -EINVAL);
	assert_int_equal(vly_ring_open(&ring, UINT32_MAX, NULL), -EINVAL);
	assert_null(ring);
}

static void test_lines_are_apart(void **state)
{
	struct vly_ring *ring = open_ring(8, 0);
	const uintptr_t shared = (uintptr_t)ring;
	const uintptr_t producer = (uintptr_t)&ring->producer;
	const uintptr_t consumer = (uintptr_t)&ring->consumer;
	const uintptr_t slots = (uintptr_t)&ring->slots[0];

	(void)state;
	assert_int_equal(shared % VLY_RING_GUARD_BYTES, 0);
	assert_true(producer - shared >= VLY_RING_GUARD_BYTES);
	assert_true(consumer - (producer + sizeof(ring->producer)) >= VLY_RING_GUARD_BYTES);
	assert_true(slots - (consumer + sizeof(ring->consumer)) >= VLY_RING_GUARD_BYTES);
	vly_ring_close(ring);
}

static void test_every_slot_can_be_used(void **state)
{
	(void)state;
	for (uint32_t capacity = 1; capacity <= 32; capacity *= 2) {
		for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
			struct vly_ring *ring = open_ring(capacity, starts[i]);

			for (uintptr_t round = 0; round < 5; round++) {
				assert_int_equal(push_numbers(ring, round, BURST), capacity);
				assert_int_equal(push_numbers(ring, 0, 1), 0);
				assert_int_equal(vly_ring_count(ring), capacity);
				assert_int_equal(pop_numbers(ring, round, BURST), capacity);
				assert_int_equal(pop_numbers(ring, 0, 1), 0);
				assert_int_equal(vly_ring_count(ring), 0);
			}
			vly_ring_close(ring);
		}
	}
}

// Every pair of burst sizes, so that bursts of one and more meet each other at every slot.
static void check_bursts(uint32_t start, uint32_t push_count, uint32_t pop_count)
{
	struct vly_ring *ring = open_ring(8, start);
	uintptr_t pushed = 0;
	uintptr_t popped = 0;

	while (popped < 200) {
		const uint32_t in_ring = (uint32_t)(pushed - popped);
		const uint32_t room = 8 - in_ring;
		const uint32_t expected = push_count < room ? push_count : room;

		assert_int_equal(push_numbers(ring, pushed, push_count), expected);
		pushed += expected;
		assert_int_equal(vly_ring_count(ring), pushed - popped);
		popped += pop_numbers(ring, popped, pop_count);
		assert_int_equal(vly_ring_count(ring), pushed - popped);
	}
	vly_ring_close(ring);
}

static void test_bursts_in_order_over_the_wrap(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		for (uint32_t push_count = 1; push_count <= 9; push_count++) {
			for (uint32_t pop_count = 1; pop_count <= 9; pop_count++)
				check_bursts(starts[i], push_count, pop_count);
		}
	}
}

static void test_short_counts(void **state)
{
	struct vly_ring *ring = open_ring(4, UINT32_MAX - 1);

	(void)state;
	assert_int_equal(push_numbers(ring, 0, 0), 0);
	assert_int_equal(pop_numbers(ring, 0, 0), 0);
	assert_int_equal(push_numbers(ring, 0, 3), 3);
	assert_int_equal(push_numbers(ring, 3, 3), 1);
	assert_int_equal(pop_numbers(ring, 0, 1), 1);
	assert_int_equal(push_numbers(ring, 4, 2), 1);
	assert_int_equal(pop_numbers(ring, 1, 3), 3);
	assert_int_equal(pop_numbers(ring, 4, 3), 1);
	assert_int_equal(pop_numbers(ring, 5, 3), 0);
	vly_ring_close(ring);
}

static void test_any_pointer_is_an_item(void **state)
{
	struct vly_ring *ring = open_ring(4, 0);
	void *items[4] = {NULL, ring->slots, (void *)UINTPTR_MAX, (char *)ring + 1};
	void *popped[4] = {items, items, items, items};

	(void)state;
	assert_int_equal(vly_ring_push(ring, items, 4), 4);
	assert_int_equal(vly_ring_pop(ring, popped, 4), 4);
	assert_memory_equal(items, popped, sizeof(items));
	assert_true(vly_ring_invariants(ring));
	vly_ring_close(ring);
}

static void test_reserve_and_commit(void **state)
{
	struct vly_ring *ring = open_ring(4, UINT32_MAX - 1);
	void **room;
	void **again;

	(void)state;
	assert_int_equal(vly_ring_reserve(ring, &room, BURST), 4);
	for (uintptr_t i = 0; i < 4; i++)
		room[i] = item(i);
	assert_int_equal(pop_numbers(ring, 0, 1), 0); // nothing is given yet
	assert_int_equal(vly_ring_reserve(ring, &again, 2), 2);
	assert_ptr_equal(room, again);
	assert_ptr_equal(again[1], item(1));
	vly_ring_commit(ring, 3); // fewer than reserved
	assert_int_equal(vly_ring_reserve(ring, &room, 2), 1);
	vly_ring_commit(ring, 0);
	assert_int_equal(push_numbers(ring, 3, 2), 1);
	assert_int_equal(vly_ring_reserve(ring, &room, 1), 0);
	assert_int_equal(pop_numbers(ring, 0, BURST), 4);
	vly_ring_close(ring);
}

static void test_reserve_has_a_limit(void **state)
{
	struct vly_ring *ring = open_ring(2 * VLY_RING_RESERVE_MAX, 0);
	void **room;

	(void)state;
	assert_int_equal(vly_ring_reserve(ring, &room, UINT32_MAX), VLY_RING_RESERVE_MAX);
	vly_ring_close(ring);
}

static void test_peek_and_consume(void **state)
{
	struct vly_ring *ring = open_ring(4, 1); // the array ends after three
	void *const *seen;

	(void)state;
	assert_int_equal(vly_ring_peek(ring, &seen, BURST), 0);
	assert_int_equal(push_numbers(ring, 0, 4), 4);
	assert_int_equal(vly_ring_peek(ring, &seen, 0), 0);
	assert_int_equal(vly_ring_peek(ring, &seen, 2), 2);
	assert_int_equal(vly_ring_peek(ring, &seen, BURST), 3);
	for (uintptr_t i = 0; i < 3; i++)
		assert_ptr_equal(seen[i], item(i));
	assert_int_equal(push_numbers(ring, 9, 1), 0); // nothing is taken yet
	vly_ring_consume(ring, 2);
	assert_int_equal(push_numbers(ring, 4, BURST), 2);
	assert_int_equal(vly_ring_peek(ring, &seen, BURST), 1);
	assert_ptr_equal(seen[0], item(2));
	vly_ring_consume(ring, 1);
	vly_ring_consume(ring, 0);
	assert_int_equal(vly_ring_peek(ring, &seen, BURST), 3);
	assert_ptr_equal(seen[2], item(5));
	assert_int_equal(pop_numbers(ring, 3, BURST), 3);
	vly_ring_close(ring);
}

static void test_invariants_can_fail(void **state)
{
	struct vly_ring *ring = open_ring(4, 0);

	(void)state;
	push_numbers(ring, 1, 2);
	ring->slots[1].item = vly_ring_free_mark(ring); // as if it were lost
	assert_false(vly_ring_invariants(ring));
	ring->slots[1].item = item(2);
	assert_true(vly_ring_invariants(ring));
	ring->slots[2].item = item(3); // as if it were freed too late
	assert_false(vly_ring_invariants(ring));
	ring->slots[2].item = vly_ring_free_mark(ring);
	atomic_store(&ring->producer.tail, 5);
	assert_false(vly_ring_invariants(ring));
	vly_ring_close(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_rounds_up),
		cmocka_unit_test(test_open_refuses),
		cmocka_unit_test(test_lines_are_apart),
		cmocka_unit_test(test_every_slot_can_be_used),
		cmocka_unit_test(test_bursts_in_order_over_the_wrap),
		cmocka_unit_test(test_short_counts),
		cmocka_unit_test(test_any_pointer_is_an_item),
		cmocka_unit_test(test_reserve_and_commit),
		cmocka_unit_test(test_reserve_has_a_limit),
		cmocka_unit_test(test_peek_and_consume),
		cmocka_unit_test(test_invariants_can_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
