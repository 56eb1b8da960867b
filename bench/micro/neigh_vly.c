// SPDX-License-Identifier: BSD-3-Clause
//
// The stack's table of neighbours.
#include <stdlib.h>

#include "micro/neigh.h"

static bool fill(struct vly_neigh_table *table, uint32_t count)
{
	const uint8_t mac[VLY_MAC_BYTES] = {2, 0, 0, 0, 0, 1};
	uint8_t ip[16];

	vly_neigh_init(table);
	for (uint32_t i = 0; i < count; i++) {
		neigh_name(ip, i);
		if (!vly_neigh_add_static(table, ip, mac))
			return false;
	}
	return true;
}

static bool has(void *table, const uint8_t *ip)
{
	return vly_neigh_find(table, ip) != NULL;
}

static void run_find(struct bench_run *run)
{
	struct vly_neigh_table *table = malloc(sizeof(*table));

	if (table && fill(table, (uint32_t)bench_arg(run)))
		neigh_run(run, table, has);
	else
		bench_skip(run, "no room for so many");
	free(table);
}

extern const struct bench_entry bench_neigh_vly[];
const struct bench_entry bench_neigh_vly[] = {
	{.name = "neighbour/vly",
	 .function = run_find,
	 .arg_name = "entries",
	 .args = {1, 32, VLY_NEIGH_MAX}},
	{.name = NULL},
};
