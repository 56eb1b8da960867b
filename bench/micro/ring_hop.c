// SPDX-License-Identifier: BSD-3-Clause
//
// The least that the machine can do in a hop to the other core and back: one cache line that both
// sides write in turn. ring/hop/... of the rings stands beside it.
#include "micro/hop.h"

enum {
	LINE_BYTES = 128,
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
	while (bench_goes_on(run, HOP_BATCH)) {
		for (uint32_t i = 0; i < HOP_BATCH; i += 2, number += 2)
			answer(&line, number);
	}
	pair_close(&line.pair);
}

extern const struct bench_entry bench_ring_hop[];
const struct bench_entry bench_ring_hop[] = {
	{.name = "ring/hop/line", .function = run_line, .is_timed_by_clock = true},
	{.name = NULL},
};
