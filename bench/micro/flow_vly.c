// SPDX-License-Identifier: BSD-3-Clause
//
// The steering hash of the engine, and the one that agrees with a device's.
#include "micro/flow.h"
#include "stack/flow.h"

static uint32_t ours(const struct vly_addr *peer, const struct vly_addr *local)
{
	return vly_flow_hash(peer, local);
}

static uint32_t toeplitz(const struct vly_addr *peer, const struct vly_addr *local)
{
	return vly_flow_toeplitz(peer, local, true);
}

static void run_ours(struct bench_run *run)
{
	flow_run(run, ours);
}

static void run_toeplitz(struct bench_run *run)
{
	flow_run(run, toeplitz);
}

extern const struct bench_entry bench_flow_vly[];
const struct bench_entry bench_flow_vly[] = {
	{.name = "steer-hash/vly", .function = run_ours},
	{.name = "steer-hash/toeplitz/vly", .function = run_toeplitz},
	{.name = NULL},
};
