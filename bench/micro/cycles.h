// SPDX-License-Identifier: BSD-3-Clause
//
// What a benchmark of short functions shows beside the library's own columns.
#pragma once

#include <stdint.h>

#include "core/compiler.h"
#include "harness/harness.h"

// After the loop: how much of what was done, and what each cost in cycles of the time stamp
// counter, which is `begin` before the loop. It counts at its nominal rate, whatever the core's own
// is.
static inline void cycles_note(struct bench_run *run, uint64_t begin, uint64_t items)
{
	uint64_t cycles = vly_cycles() - begin;

	bench_items(run, items);
	if (cycles)
		bench_counter(run, "cycles_each", (double)cycles / (double)items, BENCH_VALUE);
}
