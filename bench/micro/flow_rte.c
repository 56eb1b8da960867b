// SPDX-License-Identifier: BSD-3-Clause
//
// DPDK's Toeplitz hash with the symmetric key: what a device computes, and our own must agree with.
#include <string.h>

#include <rte_thash.h>

#include "micro/flow.h"
#include "stack/flow.h"

enum {
	KEY_BYTES = 40,
	TUPLE_WORDS = 3, // two IPv4 addresses and two ports
};

static const uint8_t key[KEY_BYTES] = {
	0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a,
	0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a,
	0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a,
};

static uint32_t softrss(const struct vly_addr *peer, const struct vly_addr *local)
{
	uint32_t tuple[TUPLE_WORDS] = {
		vly_be32(peer->ip + 12),
		vly_be32(local->ip + 12),
		(uint32_t)peer->port << 16 | local->port,
	};

	return rte_softrss(tuple, TUPLE_WORDS, key);
}

static void run_softrss(struct bench_run *run)
{
	struct vly_addr peers[FLOW_BURST];
	struct vly_addr local;

	flow_fill(peers, &local);
	for (uint32_t i = 0; i < FLOW_BURST; i++) {
		if (softrss(&peers[i], &local) != vly_flow_toeplitz(&peers[i], &local, true)) {
			bench_skip(run, "our hash is not the device's");
			return;
		}
	}
	flow_run(run, softrss);
}

extern const struct bench_entry bench_flow_rte[];
const struct bench_entry bench_flow_rte[] = {
	{.name = "steer-hash/toeplitz/rte", .function = run_softrss},
	{.name = NULL},
};
