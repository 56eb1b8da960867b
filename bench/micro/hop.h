// SPDX-License-Identifier: BSD-3-Clause
//
// How long one item takes to the other core: two threads hand it to and fro through two rings, each
// hop an iteration. Twice: as ring/hop/... both sides look again at once when they find nothing; as
// ring/pausing-hop/... they pause first, as the engine's loops do. That is the faster way: who
// looks without end takes the line away from the other side while it writes.
#pragma once

#include "micro/stream.h"

enum hop_sizes {
	HOP_BATCH = 1024, // hops between two looks at the time; an even number
};

struct hop {
	struct pair pair;
	bool pauses;
	void *there;
	void *back;
};

// The body of the peer's thread function. `kind` is a constant of the file.
static inline void hop_answer(struct hop *hop, struct stream_ring kind);

// The benchmark: `answer` is the thread function around hop_answer() with the same `kind`. Sets
// hop->pair; the caller sets the rest.
static inline void hop_run(struct bench_run *run, struct hop *hop, struct stream_ring kind,
			   void *(*answer)(void *));

// --- inline definitions -------------------------------------------------------------------------

static inline void hop_rest(const struct hop *hop)
{
	if (hop->pauses)
		vly_pause();
}

static inline void hop_answer(struct hop *hop, const struct stream_ring kind)
{
	void *item;

	pair_pin(&hop->pair, 0);
	while (!atomic_load_explicit(&hop->pair.is_over, memory_order_relaxed)) {
		if (kind.pop(hop->there, &item, 1))
			kind.push(hop->back, &item, 1);
		else
			hop_rest(hop);
	}
}

static inline void hop_run(struct bench_run *run, struct hop *hop, const struct stream_ring kind,
			   void *(*answer)(void *))
{
	void *item = hop;

	if (!pair_open(&hop->pair, run, answer, hop))
		return;
	while (bench_goes_on(run, HOP_BATCH)) {
		for (uint32_t i = 0; i < HOP_BATCH; i += 2) {
			kind.push(hop->there, &item, 1);
			while (!kind.pop(hop->back, &item, 1))
				hop_rest(hop);
		}
	}
	pair_close(&hop->pair);
}
