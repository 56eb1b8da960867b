// SPDX-License-Identifier: BSD-3-Clause
//
// DPDK's rte_hash as a table of neighbours, with the hash that it takes by itself.
#include <rte_hash.h>
#include <rte_memory.h>

#include "micro/eal.h"
#include "micro/neigh.h"

static bool has(void *table, const uint8_t *ip)
{
	void *mac;

	return rte_hash_lookup_data(table, ip, &mac) >= 0;
}

static bool fill(struct rte_hash *table, uint32_t count)
{
	static char mac[VLY_MAC_BYTES]; // whose it is does not matter
	uint8_t ip[16];

	for (uint32_t i = 0; i < count; i++) {
		neigh_name(ip, i);
		if (rte_hash_add_key_data(table, ip, mac))
			return false;
	}
	return true;
}

static void run_find(struct bench_run *run)
{
	const struct rte_hash_parameters parameters = {
		.name = "bench",
		.entries = 2 * VLY_NEIGH_MAX, // so that as many as ours holds find room
		.key_len = 16,
		.socket_id = SOCKET_ID_ANY,
	};
	struct rte_hash *table;

	if (!eal_open(run))
		return;
	table = rte_hash_create(&parameters);
	if (table && fill(table, (uint32_t)bench_arg(run)))
		neigh_run(run, table, has);
	else
		bench_skip(run, "no room for so many");
	rte_hash_free(table);
}

extern const struct bench_entry bench_neigh_rte[];
const struct bench_entry bench_neigh_rte[] = {
	{.name = "neighbour/rte",
	 .function = run_find,
	 .arg_name = "entries",
	 .args = {1, 32, VLY_NEIGH_MAX}},
	{.name = NULL},
};
