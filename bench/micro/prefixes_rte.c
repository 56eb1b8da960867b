// SPDX-License-Identifier: BSD-3-Clause
//
// DPDK's rte_fib (DIR-24-8, a byte for each /24), with whatever look-up it takes for the best here.
// It takes IPv4 addresses as words, and knows no others.
#include <rte_fib.h>
#include <rte_memory.h>

#include "micro/eal.h"
#include "micro/prefixes.h"

static uint32_t find(const void *table, const void *addresses, uint32_t first)
{
	const uint32_t *address = addresses;
	uint64_t values[PREFIX_BURST];
	uint32_t found = 0;

	// Neither argument is written to; the prototype says so of none.
	rte_fib_lookup_bulk((struct rte_fib *)(uintptr_t)table,
			    (uint32_t *)(uintptr_t)address + first, values, PREFIX_BURST);
	for (uint32_t i = 0; i < PREFIX_BURST; i++)
		found += values[i] > 0;
	return found;
}

static struct rte_fib *make(const struct prefix_list *list)
{
	struct rte_fib_conf conf = {
		.type = RTE_FIB_DIR24_8,
		.max_routes = 2 * (int)list->count,
		.dir24_8 = {.nh_sz = RTE_FIB_DIR24_8_1B, .num_tbl8 = 1},
	};
	struct rte_fib *fib = rte_fib_create("bench", SOCKET_ID_ANY, &conf);

	for (uint32_t i = 0; fib && i < list->count; i++) {
		if (rte_fib_add(fib, list->ips[i], list->lengths[i], 1 + i % 2)) {
			rte_fib_free(fib);
			fib = NULL;
		}
	}
	return fib;
}

static void run_find(struct bench_run *run)
{
	uint32_t *addresses = malloc(PREFIX_ADDRESSES * sizeof(addresses[0]));
	struct rte_fib *fib = NULL;
	struct prefix_list list;

	if (!prefix_list_open(&list, run) || !addresses || !eal_open(run))
		goto close;
	for (uint32_t i = 0; i < PREFIX_ADDRESSES; i++)
		addresses[i] = prefix_address(&list, i);
	fib = make(&list);
	if (fib)
		prefix_run(run, fib, addresses, find);
	else
		bench_skip(run, "no memory for so many");
close:
	if (fib)
		rte_fib_free(fib);
	prefix_list_close(&list);
	free(addresses);
}

extern const struct bench_entry bench_prefixes_rte[];
const struct bench_entry bench_prefixes_rte[] = {
	{.name = "prefixes/rte",
	 .function = run_find,
	 .arg_name = "prefixes",
	 .args = {10, 1000, 100000, 1000000}},
	{.name = NULL},
};
