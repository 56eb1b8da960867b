// SPDX-License-Identifier: BSD-3-Clause
//
// The engine's own ring.
#include "ring/spsc.h"

#include "micro/hop.h"

static uint32_t push(void *ring, void *const *items, uint32_t count)
{
	return vly_ring_push(ring, items, count);
}

static uint32_t pop(void *ring, void **items, uint32_t count)
{
	return vly_ring_pop(ring, items, count);
}

static const struct stream_ring kind = {.push = push, .pop = pop};

static void *produce(void *stream)
{
	stream_produce(stream, kind);
	return NULL;
}

static void run_stream(struct bench_run *run)
{
	struct vly_error error;
	struct vly_ring *ring;

	if (vly_ring_open(&ring, STREAM_SLOTS, &error)) {
		bench_skip(run, error.text);
		return;
	}
	stream_run(run, ring, kind, produce);
	vly_ring_close(ring);
}

static void *answer(void *hop)
{
	hop_answer(hop, kind);
	return NULL;
}

static void hop(struct bench_run *run, bool pauses)
{
	struct vly_error error;
	struct vly_ring *there = NULL;
	struct vly_ring *back = NULL;

	if (vly_ring_open(&there, STREAM_SLOTS, &error) ||
	    vly_ring_open(&back, STREAM_SLOTS, &error))
		bench_skip(run, error.text);
	else
		hop_run(run, &(struct hop){.there = there, .back = back, .pauses = pauses}, kind,
			answer);
	vly_ring_close(there);
	vly_ring_close(back);
}

static void run_hop(struct bench_run *run)
{
	hop(run, false);
}

static void run_pausing_hop(struct bench_run *run)
{
	hop(run, true);
}

extern const struct bench_entry bench_ring_vly[];
const struct bench_entry bench_ring_vly[] = {
	{.name = "ring/vly",
	 .function = run_stream,
	 .arg_name = "burst",
	 .args = {STREAM_BURST_ONE, STREAM_BURST_LINE, STREAM_BURST_RX},
	 .is_timed_by_clock = true},
	{.name = "ring/hop/vly", .function = run_hop, .is_timed_by_clock = true},
	{.name = "ring/pausing-hop/vly", .function = run_pausing_hop, .is_timed_by_clock = true},
	{.name = NULL},
};
