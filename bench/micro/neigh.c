// SPDX-License-Identifier: BSD-3-Clause
//
// Looking a neighbour up, with few in the table and with as many as it holds.
#include <stdlib.h>
#include <string.h>

#include "harness/harness.h"
#include "micro/cycles.h"
#include "stack/neigh.h"

enum {
	BATCH = 64,
	JUMP = 0x9e3779b1,
};

static void name_neighbour(uint8_t *ip, uint32_t i)
{
	memset(ip, 0, 16);
	ip[10] = 0xff;
	ip[11] = 0xff;
	ip[12] = 10;
	ip[14] = (uint8_t)(i >> 8);
	ip[15] = (uint8_t)i;
}

static bool fill(struct vly_neigh_table *table, uint32_t count)
{
	const uint8_t mac[VLY_MAC_BYTES] = {2, 0, 0, 0, 0, 1};
	uint8_t ip[16];

	vly_neigh_init(table);
	for (uint32_t i = 0; i < count; i++) {
		name_neighbour(ip, i);
		if (!vly_neigh_add_static(table, ip, mac))
			return false;
	}
	return true;
}

static void run_find(struct bench_run *run)
{
	uint32_t count = (uint32_t)bench_arg(run);
	struct vly_neigh_table *table = malloc(sizeof(*table));
	uint64_t begin;
	uint64_t found = 0;
	uint32_t at = 0;

	if (!table || !fill(table, count)) {
		bench_skip(run, "no room for so many");
		free(table);
		return;
	}
	begin = vly_cycles();
	while (bench_goes_on(run, BATCH)) {
		for (uint32_t i = 0; i < BATCH; i++) {
			uint8_t ip[16];

			name_neighbour(ip, at);
			found += vly_neigh_find(table, ip) != NULL;
			at = (at + (uint32_t)JUMP) % count;
		}
	}
	cycles_note(run, begin, bench_iterations(run));
	if (found != bench_iterations(run))
		bench_skip(run, "one was not found");
	free(table);
}

extern const struct bench_entry bench_neigh[];
const struct bench_entry bench_neigh[] = {
	{.name = "neighbour/find",
	 .function = run_find,
	 .arg_name = "entries",
	 .args = {1, 32, VLY_NEIGH_MAX}},
	{.name = NULL},
};
