// SPDX-License-Identifier: BSD-3-Clause
//
// Timers that run, from few to a million, and what is done with them in a burst: those that it is
// about are known, as a handler has found their sessions, and asked for from memory before. Each
// begins a cache line, as it can in a session.
#pragma once

#include <stdint.h>

#include "core/pages.h"
#include "harness/harness.h"
#include "micro/cycles.h"

enum {
	TIMER_SPAN_BITS = 37, // they are due within 2^37 ns, 137 s
	TIMER_BURST = 32,
	TIMER_LINE_BYTES = 64,
	TIMER_JUMP = 0x9e3779b1, // odd: visits all of a power of two
	TIMER_FEW = 16,
	TIMER_SOME = 1024,
	TIMER_MANY = 1 << 20,
};

struct timer_bed {
	char *timers; // of the kind that is measured, zeroed
	size_t size;  // from one to the next
	uint32_t count;
	uint64_t random;
};

// One turn with one timer.
typedef void timer_touch(void *wheel, struct timer_bed *bed, void *timer);

// Memory for as many as the argument says. Returns false after bench_skip().
static inline bool timer_bed_open(struct timer_bed *bed, struct bench_run *run, size_t size)
{
	*bed = (struct timer_bed){.count = (uint32_t)bench_arg(run), .random = 1};
	bed->size = (size + TIMER_LINE_BYTES - 1) / TIMER_LINE_BYTES * TIMER_LINE_BYTES;
	bed->timers = vly_pages_alloc(bed->count * bed->size);
	if (!bed->timers)
		bench_skip(run, "no memory");
	return bed->timers != NULL;
}

static inline void *timer_at(const struct timer_bed *bed, uint64_t i)
{
	return bed->timers + i * bed->size;
}

static inline void timer_bed_close(struct timer_bed *bed)
{
	vly_pages_free(bed->timers, bed->count * bed->size);
}

static inline uint64_t timer_some_ns(struct timer_bed *bed)
{
	bed->random = bed->random * 6364136223846793005u + 1442695040888963407u;
	return bed->random >> (64 - TIMER_SPAN_BITS);
}

// The loop: every `step`-th timer.
static inline void timer_run(struct bench_run *run, void *wheel, struct timer_bed *bed,
			     uint32_t step, timer_touch *touch)
{
	uint64_t begin = vly_cycles();
	uint32_t at = 0;

	while (bench_goes_on(run, TIMER_BURST)) {
		void *timers[TIMER_BURST];

		for (uint32_t i = 0; i < TIMER_BURST; i++) {
			timers[i] = timer_at(bed, at);
			vly_prefetch(timers[i]);
			at = (at + step) % bed->count;
		}
		for (uint32_t i = 0; i < TIMER_BURST; i++)
			touch(wheel, bed, timers[i]);
	}
	cycles_note(run, begin, bench_iterations(run));
}
