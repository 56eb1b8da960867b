// SPDX-License-Identifier: BSD-3-Clause
//
// What it costs the path to be watched: a burst shown to a tap whose ring has room, is full, or
// whose filter leaves it out. `cycles_each`, and an item, is of one datagram. What the whole engine
// pays, and for the handler capture, is in bench/compare/watched.py.
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "harness/harness.h"
#include "micro/cycles.h"
#include "tap/lane.h"

enum {
	BURST = 32,
	PAYLOAD_MAX = 1472,
	RING_BYTES = 4 << 20,
};

struct dgram {
	struct vly_dgram dgram;
	uint8_t payload[PAYLOAD_MAX];
};

struct bench {
	struct vly_tap_ring *ring;
	uint8_t *bytes;
	struct vly_tap_watch watch;
	struct dgram dgrams[BURST];
	struct vly_dgram *burst[BURST];
};

static struct bench *open_bench(uint16_t payload)
{
	size_t size = (sizeof(struct bench) + 127) / 128 * 128;
	struct bench *bench = aligned_alloc(128, size);

	if (!bench)
		return NULL;
	memset(bench, 0, size);
	bench->ring = aligned_alloc(128, sizeof(*bench->ring));
	bench->bytes = malloc(RING_BYTES);
	if (!bench->ring || !bench->bytes)
		return bench;
	memset(bench->ring, 0, sizeof(*bench->ring));
	memset(bench->bytes, 0, RING_BYTES); // its pages are there, as an engine makes them
	bench->watch.attached = 1;
	bench->watch.lanes[0] = (struct vly_tap_lane){
		.points = VLY_TAP_ALL,
		.snap_bytes = UINT16_MAX,
		.ring = bench->ring,
		.bytes = bench->bytes,
		.size = RING_BYTES,
	};
	for (uint32_t i = 0; i < BURST; i++) {
		bench->dgrams[i].dgram.rx_ns = 1;
		bench->dgrams[i].dgram.data_offset = offsetof(struct dgram, payload);
		bench->dgrams[i].dgram.len = payload;
		bench->burst[i] = &bench->dgrams[i].dgram;
	}
	return bench;
}

static void close_bench(struct bench *bench)
{
	if (!bench)
		return;
	free(bench->ring);
	free(bench->bytes);
	free(bench);
}

// `reads`: what is in the ring is taken out at once, as if a tap did it that costs nothing.
static void show(struct bench_run *run, uint16_t payload, uint16_t port, bool reads)
{
	struct bench *bench = open_bench(payload);
	uint64_t begin;

	if (!bench || !bench->bytes || !bench->ring) {
		bench_skip(run, "no memory");
		close_bench(bench);
		return;
	}
	bench->watch.lanes[0].filter.port = port;
	begin = vly_cycles();
	while (bench_goes_on(run, BURST)) {
		bench_use(bench);
		vly_tap_show(&bench->watch, bench->burst, BURST, VLY_TAP_IN, 1);
		if (reads)
			atomic_store_explicit(&bench->ring->tail, bench->watch.lanes[0].head,
					      memory_order_relaxed);
	}
	cycles_note(run, begin, bench_iterations(run));
	close_bench(bench);
}

static void run_taken(struct bench_run *run)
{
	show(run, (uint16_t)bench_arg(run), 0, true);
}

static void run_missed(struct bench_run *run)
{
	show(run, (uint16_t)bench_arg(run), 0, false);
}

static void run_filtered(struct bench_run *run)
{
	show(run, (uint16_t)bench_arg(run), 9, true);
}

extern const struct bench_entry bench_tap[];
const struct bench_entry bench_tap[] = {
	{.name = "tap/taken", .function = run_taken, .arg_name = "bytes", .args = {64, 1400}},
	{.name = "tap/missed", .function = run_missed, .arg_name = "bytes", .args = {64}},
	{.name = "tap/filtered", .function = run_filtered, .arg_name = "bytes", .args = {64}},
	{.name = NULL},
};
