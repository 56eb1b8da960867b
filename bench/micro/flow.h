// SPDX-License-Identifier: BSD-3-Clause
//
// The loop of all steering hashes: a burst of flows, one of each peer.
#pragma once

#include <stdint.h>

#include <volley/addr.h>

#include "harness/harness.h"
#include "micro/cycles.h"

enum {
	FLOW_BURST = 32,
};

typedef uint32_t flow_hash_of(const struct vly_addr *peer, const struct vly_addr *local);

static inline void flow_fill(struct vly_addr *peers, struct vly_addr *local)
{
	*local = (struct vly_addr){.ip = {[10] = 0xff, 0xff, 10, 0, 0, 1}, .port = 9000};
	for (uint32_t i = 0; i < FLOW_BURST; i++)
		peers[i] = (struct vly_addr){
			.ip = {[10] = 0xff, 0xff, 192, 168, (uint8_t)(7 * i), (uint8_t)i},
			.port = (uint16_t)(1024 + 31 * i),
		};
}

static inline void flow_run(struct bench_run *run, flow_hash_of *hash)
{
	struct vly_addr peers[FLOW_BURST];
	struct vly_addr local;
	uint32_t hashes[FLOW_BURST];
	uint64_t begin;

	flow_fill(peers, &local);
	begin = vly_cycles();
	while (bench_goes_on(run, FLOW_BURST)) {
		bench_use(peers);
		for (uint32_t i = 0; i < FLOW_BURST; i++)
			hashes[i] = hash(&peers[i], &local);
		bench_use(hashes);
	}
	cycles_note(run, begin, bench_iterations(run));
}
