// SPDX-License-Identifier: BSD-3-Clause
//
// The least that the machine can do in a hop to the other core and back; ring/hop/... of the rings
// stands beside it. Either one cache line that both sides write in turn (line): who has read it
// there has it at hand to write the answer into. Or two, of which each side writes one alone
// (lines): what anything is made of that goes one way, as a ring does; the line has to be fetched
// for writing, too, as the other side has looked at it.
#include "micro/hop.h"

enum {
	LINE_BYTES = 128,
};

struct line {
	_Atomic uint64_t turn __attribute__((aligned(LINE_BYTES)));
	uint8_t guard[LINE_BYTES];
};

struct lines {
	struct hop hop; // there and back: lines, the same one or two
	struct line both[2];
};

// Waits for the number, writes the next one. Returns false when it is over.
static bool answer(const struct hop *hop, const struct line *from, struct line *to, uint64_t number)
{
	while (atomic_load_explicit(&from->turn, memory_order_acquire) != number) {
		if (atomic_load_explicit(&hop->pair.is_over, memory_order_relaxed))
			return false;
		hop_rest(hop);
	}
	atomic_store_explicit(&to->turn, number + 1, memory_order_release);
	return true;
}

static void *peer(void *arg)
{
	const struct hop *hop = arg;
	uint64_t number = 1;

	pair_pin(&hop->pair, 0);
	while (answer(hop, hop->there, hop->back, number))
		number += 2;
	return NULL;
}

static void run(struct bench_run *run, uint32_t count, bool pauses)
{
	struct lines lines = {.both = {{.turn = 0}, {.turn = 0}}};
	struct hop *hop = &lines.hop;
	uint64_t number = 0;

	hop->there = &lines.both[0];
	hop->back = &lines.both[count - 1];
	hop->pauses = pauses;
	if (!pair_open(&hop->pair, run, peer, hop))
		return;
	while (bench_goes_on(run, HOP_BATCH)) {
		for (uint32_t i = 0; i < HOP_BATCH; i += 2, number += 2)
			answer(hop, hop->back, hop->there, number);
	}
	pair_close(&hop->pair);
}

static void run_line(struct bench_run *of)
{
	run(of, 1, false);
}

static void run_lines(struct bench_run *of)
{
	run(of, 2, false);
}

static void run_pausing_line(struct bench_run *of)
{
	run(of, 1, true);
}

static void run_pausing_lines(struct bench_run *of)
{
	run(of, 2, true);
}

extern const struct bench_entry bench_ring_hop[];
const struct bench_entry bench_ring_hop[] = {
	{.name = "ring/hop/line", .function = run_line, .is_timed_by_clock = true},
	{.name = "ring/hop/lines", .function = run_lines, .is_timed_by_clock = true},
	{.name = "ring/pausing-hop/line", .function = run_pausing_line, .is_timed_by_clock = true},
	{.name = "ring/pausing-hop/lines",
	 .function = run_pausing_lines,
	 .is_timed_by_clock = true},
	{.name = NULL},
};
