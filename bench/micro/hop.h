// SPDX-License-Identifier: BSD-3-Clause
//
// How long one item takes to the other core: two threads hand it to and fro through two rings, each
// hop an iteration. Both sides spin without a pause, which would hide the hop.
#pragma once

#include "micro/stream.h"

enum hop_sizes {
	HOP_BATCH = 1024, // hops between two looks at the time; an even number
};

struct hop {
	struct pair pair;
	void *there;
	void *back;
};

// The body of the peer's thread function. `kind` is a constant of the file.
static inline void hop_answer(struct hop *hop, struct stream_ring kind);

// The benchmark: `answer` is the thread function around hop_answer() with the same `kind`.
static inline void hop_run(struct bench_run *run, void *there, void *back, struct stream_ring kind,
			   void *(*answer)(void *));

// --- inline definitions -------------------------------------------------------------------------

static inline void hop_answer(struct hop *hop, const struct stream_ring kind)
{
	void *item;

	pair_pin(&hop->pair, 0);
	while (!atomic_load_explicit(&hop->pair.is_over, memory_order_relaxed)) {
		if (kind.pop(hop->there, &item, 1))
			kind.push(hop->back, &item, 1);
	}
}

static inline void hop_run(struct bench_run *run, void *there, void *back,
			   const struct stream_ring kind, void *(*answer)(void *))
{
	struct hop hop = {.there = there, .back = back};
	void *item = &hop;

	if (!pair_open(&hop.pair, run, answer, &hop))
		return;
	while (bench_goes_on(run, HOP_BATCH)) {
		for (uint32_t i = 0; i < HOP_BATCH; i += 2) {
			kind.push(there, &item, 1);
			while (!kind.pop(back, &item, 1))
				;
		}
	}
	pair_close(&hop.pair);
}
