// SPDX-License-Identifier: BSD-3-Clause
//
// The loop of all checksum benchmarks: the same bytes, the sum of which each returns.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "harness/harness.h"
#include "micro/cycles.h"

enum {
	CHECKSUM_BYTES_MAX = 9216,
	CHECKSUM_BEFORE = 64, // there may be read before the bytes
	CHECKSUM_BATCH = 16,
};

typedef uint16_t checksum_of(const uint8_t *bytes, size_t len);

// Inlined into each user, so that `sum` is a direct call. `expected` is another's sum of the same.
static inline void checksum_run(struct bench_run *run, checksum_of *sum, checksum_of *expected)
{
	uint8_t memory[CHECKSUM_BEFORE + CHECKSUM_BYTES_MAX];
	uint8_t *bytes = memory + CHECKSUM_BEFORE;
	size_t len = (size_t)bench_arg(run);
	uint64_t begin;

	for (size_t i = 0; i < sizeof(memory); i++)
		memory[i] = (uint8_t)(i * 151 + 7);
	if (sum(bytes, len) != expected(bytes, len)) {
		bench_skip(run, "the sum is wrong");
		return;
	}
	begin = vly_cycles();
	while (bench_goes_on(run, CHECKSUM_BATCH)) {
		for (int i = 0; i < CHECKSUM_BATCH; i++) {
			uint16_t result = sum(bytes, len);

			bench_use(bytes);
			bench_use(&result);
		}
	}
	cycles_note(run, begin, bench_iterations(run));
	bench_bytes(run, bench_iterations(run) * len);
}
