// SPDX-License-Identifier: BSD-3-Clause
//
// Looking a neighbour up by its address, with few in the table and with as many as it holds.
#pragma once

#include <stdint.h>
#include <string.h>

#include "harness/harness.h"
#include "micro/cycles.h"
#include "stack/neigh.h"

enum {
	NEIGH_BATCH = 64,
	NEIGH_JUMP = 0x9e3779b1, // visits all of a power of two
};

// Whether a kind of table has the address.
typedef bool neigh_has(void *table, const uint8_t *ip);

static inline void neigh_name(uint8_t *ip, uint32_t i)
{
	memset(ip, 0, 16);
	ip[10] = 0xff;
	ip[11] = 0xff;
	ip[12] = 10;
	ip[14] = (uint8_t)(i >> 8);
	ip[15] = (uint8_t)i;
}

// The loop, over the neighbours that neigh_name() names, as many as the argument says.
static inline void neigh_run(struct bench_run *run, void *table, neigh_has *has)
{
	uint32_t count = (uint32_t)bench_arg(run);
	uint64_t begin = vly_cycles();
	uint64_t found = 0;
	uint32_t at = 0;

	while (bench_goes_on(run, NEIGH_BATCH)) {
		for (uint32_t i = 0; i < NEIGH_BATCH; i++) {
			uint8_t ip[16];

			neigh_name(ip, at);
			found += has(table, ip);
			at = (at + (uint32_t)NEIGH_JUMP) % count;
		}
	}
	cycles_note(run, begin, bench_iterations(run));
	if (found != bench_iterations(run))
		bench_skip(run, "one was not found");
}
