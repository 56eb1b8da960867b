// SPDX-License-Identifier: BSD-3-Clause
//
// DPDK's rte_ring, with one producer and one consumer, on plain memory: it needs no EAL.
#include <stdlib.h>

#include <rte_ring.h>

#include "micro/hop.h"

// A burst of one goes through the calls for single items, which are faster.
static uint32_t push(void *ring, void *const *items, uint32_t count)
{
	if (count == 1)
		return rte_ring_sp_enqueue(ring, items[0]) == 0;
	return rte_ring_sp_enqueue_burst(ring, items, count, NULL);
}

static uint32_t pop(void *ring, void **items, uint32_t count)
{
	if (count == 1)
		return rte_ring_sc_dequeue(ring, items) == 0;
	return rte_ring_sc_dequeue_burst(ring, items, count, NULL);
}

static const struct stream_ring kind = {.push = push, .pop = pop};

static void *produce(void *stream)
{
	stream_produce(stream, kind);
	return NULL;
}

static void *answer(void *hop)
{
	hop_answer(hop, kind);
	return NULL;
}

// Returns NULL when there is no memory. free() it.
static struct rte_ring *open_ring(void)
{
	struct rte_ring *ring = aligned_alloc((size_t)2 * RTE_CACHE_LINE_SIZE,
					      (size_t)rte_ring_get_memsize(STREAM_SLOTS));

	if (ring &&
	    rte_ring_init(ring, "bench", STREAM_SLOTS, RING_F_SP_ENQ | RING_F_SC_DEQ) != 0) {
		free(ring);
		return NULL;
	}
	return ring;
}

static void run_stream(struct bench_run *run)
{
	struct rte_ring *ring = open_ring();

	if (ring)
		stream_run(run, ring, kind, produce);
	else
		bench_skip(run, "no memory");
	free(ring);
}

static void hop(struct bench_run *run, bool pauses)
{
	struct rte_ring *there = open_ring();
	struct rte_ring *back = open_ring();

	if (there && back)
		hop_run(run, &(struct hop){.there = there, .back = back, .pauses = pauses}, kind,
			answer);
	else
		bench_skip(run, "no memory");
	free(there);
	free(back);
}

static void run_hop(struct bench_run *run)
{
	hop(run, false);
}

static void run_pausing_hop(struct bench_run *run)
{
	hop(run, true);
}

extern const struct bench_entry bench_ring_rte[];
const struct bench_entry bench_ring_rte[] = {
	{.name = "ring/rte",
	 .function = run_stream,
	 .arg_name = "burst",
	 .args = {STREAM_BURST_ONE, STREAM_BURST_LINE, STREAM_BURST_RX},
	 .is_timed_by_clock = true},
	{.name = "ring/hop/rte", .function = run_hop, .is_timed_by_clock = true},
	{.name = "ring/pausing-hop/rte", .function = run_pausing_hop, .is_timed_by_clock = true},
	{.name = NULL},
};
