// SPDX-License-Identifier: BSD-3-Clause
//
// What is counted on the path: the ledger's addition beside one that several threads may do, and
// the histograms' records; each value another one, from nanoseconds to seconds.
#include <stdatomic.h>
#include <stdlib.h>

#include "harness/harness.h"
#include "histogram.h"
#include "micro/cycles.h"
#include "stats/ledger_block.h"
#include "stats/spread.h"

enum {
	VALUES = 1024,
};

// One record of a kind of histogram.
typedef void record_one(void *histogram, uint64_t value);

// The loop: values that spread over all magnitudes from 8 to 2^30, in a random order. NULL: there
// was no memory for the histogram.
static inline void record(struct bench_run *run, void *histogram, record_one *one)
{
	uint64_t values[VALUES];
	uint64_t random = 1;
	uint64_t begin;

	if (!histogram) {
		bench_skip(run, "no memory");
		return;
	}
	for (uint32_t i = 0; i < VALUES; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		values[i] = random >> (34 + random % 27);
	}
	begin = vly_cycles();
	while (bench_goes_on(run, VALUES)) {
		for (uint32_t i = 0; i < VALUES; i++)
			one(histogram, values[i]);
		bench_use(histogram);
	}
	cycles_note(run, begin, bench_iterations(run));
}

static void run_ledger(struct bench_run *run)
{
	struct vly_ledger_block block = {.received = 0};
	uint64_t begin = vly_cycles();

	while (bench_goes_on(run, VALUES)) {
		for (uint32_t i = 0; i < VALUES; i++)
			vly_count(&block.dropped[i % VLY_DROP_COUNT], 1);
		bench_use(&block);
	}
	cycles_note(run, begin, bench_iterations(run));
}

static void run_locked(struct bench_run *run)
{
	struct vly_ledger_block block = {.received = 0};
	uint64_t begin = vly_cycles();

	while (bench_goes_on(run, VALUES)) {
		for (uint32_t i = 0; i < VALUES; i++)
			atomic_fetch_add_explicit(&block.dropped[i % VLY_DROP_COUNT], 1,
						  memory_order_relaxed);
		bench_use(&block);
	}
	cycles_note(run, begin, bench_iterations(run));
}

static void record_histogram(void *histogram, uint64_t value)
{
	histogram_record(histogram, value);
}

static void run_histogram(struct bench_run *run)
{
	struct histogram *histogram = histogram_open();

	record(run, histogram, record_histogram);
	histogram_close(histogram);
}

static void record_spread(void *spread, uint64_t value)
{
	vly_spread_add(spread, value);
}

static void run_spread(struct bench_run *run)
{
	struct vly_spread *spread = calloc(1, sizeof(*spread));

	record(run, spread, record_spread);
	free(spread);
}

extern const struct bench_entry bench_count[];
const struct bench_entry bench_count[] = {
	{.name = "ledger/vly", .function = run_ledger},
	{.name = "ledger/locked", .function = run_locked},
	{.name = "histogram/volley-load", .function = run_histogram},
	{.name = "histogram/metric", .function = run_spread},
	{.name = NULL},
};
