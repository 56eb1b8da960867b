// SPDX-License-Identifier: BSD-3-Clause
//
// The real code of engine/ring/spsc.h, in every interleaving of its accesses to the slots and with
// every value that a load may see (steps.h): small rings, few bursts, indices that wrap. Then once
// for each ordering that it relies on, with that one taken away: the machine must notice. Built
// with a header that has a mistake, and called with --must-be-found, it passes when it finds one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "steps.h"

// ring/spsc.h, or a copy of it with a mistake.
#include RING_HEADER

enum {
	BURSTS_MAX = 5,
	BURST = 4,
	WIPED = 0,
};

struct course {
	uint32_t capacity;
	uint32_t start;
	uint8_t pushes[BURSTS_MAX]; // burst sizes, up to the first 0
	uint8_t pops[BURSTS_MAX];
	struct vly_ring *ring;
	uint32_t pushed;
	uint32_t popped;
};

// Item n and its cell: one for each slot, used again by the item a lap later.
static void *item(uint32_t number)
{
	return (void *)(uintptr_t)(number + 1);
}

static uint32_t cell_of(const struct course *course, uint32_t number)
{
	return number % course->capacity;
}

static void begin(void *arg)
{
	struct course *course = arg;

	course->ring =
		aligned_alloc(VLY_RING_GUARD_BYTES, sizeof(*course->ring) + VLY_RING_GUARD_BYTES);
	*course->ring =
		(struct vly_ring){.capacity = course->capacity, .mask = course->capacity - 1};
	for (uint32_t i = 0; i < course->capacity; i++)
		course->ring->slots[i].item = vly_ring_free_mark(course->ring);
	atomic_init(&course->ring->producer.tail, course->start);
	atomic_init(&course->ring->consumer.head, course->start);
	course->pushed = 0;
	course->popped = 0;
	steps_watch(&course->ring->slots[0].signal, course->capacity);
}

// Fills the cells of the items before they are pushed, once there is room for them.
static void produce(void *arg)
{
	struct course *course = arg;

	for (uint32_t i = 0; i < BURSTS_MAX && course->pushes[i]; i++) {
		void **items;
		uint32_t count = vly_ring_reserve(course->ring, &items, course->pushes[i]);

		for (uint32_t n = 0; n < count; n++) {
			const uint32_t number = course->pushed + n;

			if (steps_cell_read(cell_of(course, number)) != WIPED)
				steps_fail("a cell is not as the consumer left it");
			steps_cell_write(cell_of(course, number), number + 1);
			items[n] = item(number);
		}
		vly_ring_commit(course->ring, count);
		course->pushed += count;
	}
}

static void check_item(struct course *course, uint32_t number, const void *found)
{
	if (found != item(number))
		steps_fail("an item is lost, doubled or out of order");
	if (steps_cell_read(cell_of(course, number)) != number + 1)
		steps_fail("a cell is not as the producer wrote it");
	steps_cell_write(cell_of(course, number), WIPED);
}

static void consume(void *arg)
{
	struct course *course = arg;

	for (uint32_t i = 0; i < BURSTS_MAX && course->pops[i]; i++) {
		void *const *items;
		const uint32_t count = vly_ring_peek(course->ring, &items, course->pops[i]);

		for (uint32_t n = 0; n < count; n++)
			check_item(course, course->popped + n, items[n]);
		vly_ring_consume(course->ring, count);
		course->popped += count;
	}
}

// The same with push and pop, whose items stand for nothing.
static void push_only(void *arg)
{
	struct course *course = arg;

	for (uint32_t i = 0; i < BURSTS_MAX && course->pushes[i]; i++) {
		void *items[BURST];

		for (uint32_t n = 0; n < course->pushes[i]; n++)
			items[n] = item(course->pushed + n);
		course->pushed += vly_ring_push(course->ring, items, course->pushes[i]);
	}
}

static void pop_only(void *arg)
{
	struct course *course = arg;

	for (uint32_t i = 0; i < BURSTS_MAX && course->pops[i]; i++) {
		void *items[BURST];
		const uint32_t count = vly_ring_pop(course->ring, items, course->pops[i]);

		for (uint32_t n = 0; n < count; n++, course->popped++) {
			if (items[n] != item(course->popped))
				steps_fail("an item is lost, doubled or out of order");
		}
	}
}

// Both sides rest: what was pushed and not popped is there, and nothing else.
static void end(void *arg)
{
	struct course *course = arg;
	void *items[BURST];

	if (vly_ring_count(course->ring) != course->pushed - course->popped)
		steps_fail("the count is wrong at rest");
	while (vly_ring_pop(course->ring, items, 1)) {
		if (items[0] != item(course->popped++))
			steps_fail("an item is lost, doubled or out of order");
	}
	if (course->popped != course->pushed)
		steps_fail("an item is lost or doubled");
	free(course->ring);
}

static const struct course courses[] = {
	{.capacity = 1, .start = UINT32_MAX, .pushes = {1, 2, 1, 1}, .pops = {1, 1, 2, 1}},
	{.capacity = 2, .start = UINT32_MAX, .pushes = {1, 2, 1}, .pops = {2, 1, 1}},
	{.capacity = 2, .start = UINT32_MAX - 1, .pushes = {2, 2, 1}, .pops = {2, 2}},
	{.capacity = 2, .start = 0, .pushes = {2, 1, 2}, .pops = {1, 1, 2}},
	{.capacity = 2, .start = UINT32_MAX - 2, .pushes = {1, 1, 1, 1}, .pops = {1, 1, 1, 1}},
	{.capacity = 4, .start = UINT32_MAX - 1, .pushes = {3, 3}, .pops = {2, 3}},
};

enum {
	COURSES = sizeof(courses) / sizeof(courses[0]),
};

// Runs a course with the items' cells (reserve, peek) or without (push, pop).
static uint64_t run(uint32_t index, bool has_cells, enum steps_weak weak, const char **error)
{
	struct course course = courses[index];
	const struct steps_case steps = {
		.sides = {has_cells ? produce : push_only, has_cells ? consume : pop_only},
		.begin = begin,
		.end = end,
		.arg = &course,
		.weak = weak,
	};

	return steps_run(&steps, error);
}

static void test_every_way_is_right(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < COURSES; i++) {
		for (uint32_t has_cells = 0; has_cells < 2; has_cells++) {
			const char *error;
			uint64_t ways = run(i, has_cells, STEPS_SOUND, &error);

			print_message("course %u%s: %llu ways\n", i, has_cells ? " with cells" : "",
				      (unsigned long long)ways);
			if (error)
				fail_msg("course %u, way %llu: %s", i, (unsigned long long)ways,
					 error);
			assert_true(ways > 100);
		}
	}
}

// Taken away, an ordering must be missed in at least one course.
static void check_weak(enum steps_weak weak, bool has_cells)
{
	for (uint32_t i = 0; i < COURSES; i++) {
		const char *error;
		uint64_t ways = run(i, has_cells, weak, &error);

		if (error) {
			print_message("course %u, way %llu: %s\n", i, (unsigned long long)ways,
				      error);
			return;
		}
	}
	fail_msg("ordering %d, %s cells: not missed", (int)weak, has_cells ? "with" : "without");
}

static void test_each_ordering_is_needed(void **state)
{
	(void)state;
	for (uint32_t has_cells = 0; has_cells < 2; has_cells++) {
		check_weak(STEPS_WEAK_R1, has_cells);
		check_weak(STEPS_WEAK_A1, has_cells);
		check_weak(STEPS_WEAK_R2, has_cells);
		check_weak(STEPS_WEAK_A2, has_cells);
	}
}

static int look_for_mistake(void)
{
	for (uint32_t i = 0; i < COURSES; i++) {
		for (uint32_t has_cells = 0; has_cells < 2; has_cells++) {
			const char *error;
			uint64_t ways = run(i, has_cells, STEPS_SOUND, &error);

			if (error) {
				printf("found: course %u%s, way %llu: %s\n", i,
				       has_cells ? " with cells" : "", (unsigned long long)ways,
				       error);
				return 0;
			}
		}
	}
	printf("not found\n");
	return 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_way_is_right),
		cmocka_unit_test(test_each_ordering_is_needed),
	};

	if (argc == 2 && strcmp(argv[1], "--must-be-found") == 0)
		return look_for_mistake();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
