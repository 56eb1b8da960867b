// SPDX-License-Identifier: BSD-3-Clause
//
// The same load for every ring: one thread pushes bursts as fast as it can, the other pops them,
// each pinned to a core of its own; what is counted is items at the consumer. Both sides wait with
// one pause instruction when the ring is full or empty. The loops are compiled for each ring and
// burst, with the ring's functions inline and the burst a constant: the best case of each.
#pragma once

#include "core/compiler.h"

#include "micro/pair.h"

enum stream_sizes {
	STREAM_SLOTS = 1024,
	STREAM_BATCH = 1 << 15,   // items between two looks at the time
	STREAM_WARM_UP = 1 << 18, // items before the time starts
	STREAM_BURST_MAX = 32,
};

// The bursts of every ring's row, for the tables.
enum stream_bursts {
	STREAM_BURST_ONE = 1,
	STREAM_BURST_LINE = 8,
	STREAM_BURST_RX = 32,
};

// A ring: push and pop move up to `count` items and return how many. wake, which may be NULL, ends
// any waiting in them.
struct stream_ring {
	uint32_t (*push)(void *ring, void *const *items, uint32_t count);
	uint32_t (*pop)(void *ring, void **items, uint32_t count);
	void (*wake)(void *ring);
};

struct stream {
	struct pair pair;
	void *ring;
	uint32_t burst;
};

// The body of the peer's thread function. `kind` is a constant of the file.
static inline void stream_produce(struct stream *stream, struct stream_ring kind);

// The benchmark: `produce` is the thread function around stream_produce() with the same `kind`.
static inline void stream_run(struct bench_run *run, void *ring, struct stream_ring kind,
			      void *(*produce)(void *));

// --- inline definitions -------------------------------------------------------------------------

// The loops are copied into their callers whatever the compiler's opinion of their size.
#define STREAM_INLINE static inline __attribute__((always_inline))

STREAM_INLINE void stream_push_all(struct stream *stream, const struct stream_ring kind,
				   const uint32_t burst)
{
	void *items[STREAM_BURST_MAX];

	for (uintptr_t i = 0; i < STREAM_BURST_MAX; i++)
		items[i] = (void *)(i + 1);
	while (!atomic_load_explicit(&stream->pair.is_over, memory_order_relaxed)) {
		bench_use(items);
		if (kind.push(stream->ring, items, burst) == 0)
			vly_pause();
	}
}

STREAM_INLINE void stream_pop_some(struct stream *stream, const struct stream_ring kind,
				   const uint32_t burst, uint32_t count)
{
	void *items[STREAM_BURST_MAX];
	uint32_t popped = 0;

	while (popped < count) {
		const uint32_t n = kind.pop(stream->ring, items, burst);

		if (n == 0)
			vly_pause();
		bench_use(items);
		popped += n;
	}
}

STREAM_INLINE void stream_pop_all(struct bench_run *run, struct stream *stream,
				  const struct stream_ring kind, const uint32_t burst)
{
	stream_pop_some(stream, kind, burst, STREAM_WARM_UP);
	while (bench_goes_on(run, STREAM_BATCH))
		stream_pop_some(stream, kind, burst, STREAM_BATCH);
}

static inline void stream_produce(struct stream *stream, const struct stream_ring kind)
{
	pair_pin(&stream->pair, 0);
	switch (stream->burst) {
	case STREAM_BURST_ONE:
		stream_push_all(stream, kind, STREAM_BURST_ONE);
		break;
	case STREAM_BURST_LINE:
		stream_push_all(stream, kind, STREAM_BURST_LINE);
		break;
	default:
		stream_push_all(stream, kind, STREAM_BURST_RX);
		break;
	}
}

static inline void stream_run(struct bench_run *run, void *ring, const struct stream_ring kind,
			      void *(*produce)(void *))
{
	struct stream stream = {.ring = ring, .burst = (uint32_t)bench_arg(run)};

	if (!pair_open(&stream.pair, run, produce, &stream))
		return;
	switch (stream.burst) {
	case STREAM_BURST_ONE:
		stream_pop_all(run, &stream, kind, STREAM_BURST_ONE);
		break;
	case STREAM_BURST_LINE:
		stream_pop_all(run, &stream, kind, STREAM_BURST_LINE);
		break;
	default:
		stream_pop_all(run, &stream, kind, STREAM_BURST_RX);
		break;
	}
	bench_items(run, bench_iterations(run));
	atomic_store(&stream.pair.is_over, true);
	if (kind.wake)
		kind.wake(ring);
	pair_close(&stream.pair);
}
