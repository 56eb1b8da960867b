// SPDX-License-Identifier: BSD-3-Clause
//
// Concurrency Kit's ring, the spsc kind. It moves one item a call: a burst is as many calls.
#include <stdlib.h>

#include <ck_ring.h>

#include "micro/stream.h"

enum {
	LINE_BYTES = 128,
};

struct ck {
	struct ck_ring ring;
	ck_ring_buffer_t *slots;
};

static uint32_t push(void *ring, void *const *items, uint32_t count)
{
	struct ck *ck = ring;
	uint32_t n = 0;

	while (n < count && ck_ring_enqueue_spsc(&ck->ring, ck->slots, items[n]))
		n++;
	return n;
}

static uint32_t pop(void *ring, void **items, uint32_t count)
{
	struct ck *ck = ring;
	uint32_t n = 0;

	while (n < count && ck_ring_dequeue_spsc(&ck->ring, ck->slots, &items[n]))
		n++;
	return n;
}

static const struct stream_ring kind = {.push = push, .pop = pop};

static void *produce(void *stream)
{
	stream_produce(stream, kind);
	return NULL;
}

static void run_stream(struct bench_run *run)
{
	struct ck *ck = aligned_alloc(LINE_BYTES, (sizeof(*ck) / LINE_BYTES + 1) * LINE_BYTES);
	ck_ring_buffer_t *slots = aligned_alloc(LINE_BYTES, STREAM_SLOTS * sizeof(*slots));

	if (!ck || !slots) {
		bench_skip(run, "no memory");
	} else {
		ck->slots = slots;
		ck_ring_init(&ck->ring, STREAM_SLOTS);
		stream_run(run, ck, kind, produce);
	}
	free(slots);
	free(ck);
}

extern const struct bench_entry bench_ring_ck[];
const struct bench_entry bench_ring_ck[] = {
	{.name = "ring/ck",
	 .function = run_stream,
	 .arg_name = "burst",
	 .args = {STREAM_BURST_ONE, STREAM_BURST_LINE, STREAM_BURST_RX},
	 .is_timed_by_clock = true},
	{.name = NULL},
};
