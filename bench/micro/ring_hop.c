// SPDX-License-Identifier: BSD-3-Clause
//
// How long one item takes to the other core: two threads hand it to and fro, each hop an iteration.
// `line` is the least that the machine can do: one cache line that both write in turn. Both sides
// spin without a pause, which would hide the hop.
#include <stddef.h>

#include "ring/spsc.h"

#include "micro/pair.h"

enum {
	HOPS = 1024, // between two looks at the time; an even number
	LINE_BYTES = 128,
	SLOTS = 64,
};

struct line {
	struct pair pair;
	_Atomic uint64_t turn __attribute__((aligned(LINE_BYTES)));
	uint8_t guard[LINE_BYTES];
};

// Waits for the number, writes the next one. Returns false when it is over.
static bool answer(struct line *line, uint64_t number)
{
	while (atomic_load_explicit(&line->turn, memory_order_acquire) != number) {
		if (atomic_load_explicit(&line->pair.is_over, memory_order_relaxed))
			return false;
	}
	atomic_store_explicit(&line->turn, number + 1, memory_order_release);
	return true;
}

static void *line_peer(void *arg)
{
	struct line *line = arg;
	uint64_t number = 1;

	pair_pin(&line->pair, 0);
	while (answer(line, number))
		number += 2;
	return NULL;
}

static void run_line(struct bench_run *run)
{
	struct line line = {.turn = 0};
	uint64_t number = 0;

	if (!pair_open(&line.pair, run, line_peer, &line))
		return;
	while (bench_goes_on(run, HOPS)) {
		for (uint32_t i = 0; i < HOPS; i += 2, number += 2)
			answer(&line, number);
	}
	pair_close(&line.pair);
}

struct rings {
	struct pair pair;
	struct vly_ring *there;
	struct vly_ring *back;
};

static void *ring_peer(void *arg)
{
	struct rings *rings = arg;
	void *item;

	pair_pin(&rings->pair, 0);
	while (!atomic_load_explicit(&rings->pair.is_over, memory_order_relaxed)) {
		if (vly_ring_pop(rings->there, &item, 1))
			vly_ring_push(rings->back, &item, 1);
	}
	return NULL;
}

static void hop(struct bench_run *run, struct rings *rings)
{
	void *item = NULL;

	if (!pair_open(&rings->pair, run, ring_peer, rings))
		return;
	while (bench_goes_on(run, HOPS)) {
		for (uint32_t i = 0; i < HOPS; i += 2) {
			vly_ring_push(rings->there, &item, 1);
			while (!vly_ring_pop(rings->back, &item, 1))
				;
		}
	}
	pair_close(&rings->pair);
}

static void run_ring(struct bench_run *run)
{
	struct vly_error error;
	struct rings rings = {.there = NULL};

	if (vly_ring_open(&rings.there, SLOTS, &error) || vly_ring_open(&rings.back, SLOTS, &error))
		bench_skip(run, error.text);
	else
		hop(run, &rings);
	vly_ring_close(rings.there);
	vly_ring_close(rings.back);
}

extern const struct bench_entry bench_ring_hop[];
const struct bench_entry bench_ring_hop[] = {
	{.name = "ring/hop/line", .function = run_line, .is_timed_by_clock = true},
	{.name = "ring/hop/vly", .function = run_ring, .is_timed_by_clock = true},
	{.name = NULL},
};
