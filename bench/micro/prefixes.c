// SPDX-License-Identifier: BSD-3-Clause
//
// Looking an address up among prefixes, from few to a million: addresses that lie in one of them,
// in a random order, as those of a flood would come.
#include <stdlib.h>
#include <string.h>

#include "handler/auth/prefixes.h"
#include "harness/harness.h"
#include "micro/cycles.h"

enum {
	BATCH = 64,
	ADDRESSES = 1 << 16,
	FIRST_BITS = 96 + 16,
	BITS_RANGE = 9, // /16 to /24, as routes have them
};

struct addresses {
	uint8_t ips[ADDRESSES][16];
};

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 32);
}

static void put_ip(uint8_t *ip, uint32_t number)
{
	memset(ip, 0, 16);
	ip[10] = 0xff;
	ip[11] = 0xff;
	for (int i = 0; i < 4; i++)
		ip[12 + i] = (uint8_t)(number >> (24 - 8 * i));
}

static struct vly_prefixes *make(uint32_t count, struct addresses *addresses)
{
	struct vly_prefix_value *list = malloc(count * sizeof(list[0]));
	struct vly_prefixes *prefixes = NULL;
	uint64_t state = count;

	if (!list)
		return NULL;
	for (uint32_t i = 0; i < count; i++) {
		put_ip(list[i].prefix.ip, next_random(&state));
		list[i].prefix.bits = (uint8_t)(FIRST_BITS + next_random(&state) % BITS_RANGE);
		list[i].value = (uint8_t)(1 + i % 2);
	}
	for (uint32_t i = 0; i < ADDRESSES; i++)
		memcpy(addresses->ips[i], list[next_random(&state) % count].prefix.ip, 16);
	if (vly_prefixes_open(&prefixes, list, count) < 0)
		prefixes = NULL;
	free(list);
	return prefixes;
}

static void run_find(struct bench_run *run)
{
	struct addresses *addresses = malloc(sizeof(*addresses));
	struct vly_prefixes *prefixes =
		addresses ? make((uint32_t)bench_arg(run), addresses) : NULL;
	uint64_t found = 0;
	uint64_t begin;
	uint32_t at = 0;

	if (!prefixes) {
		bench_skip(run, "no memory for so many");
		free(addresses);
		return;
	}
	begin = vly_cycles();
	while (bench_goes_on(run, BATCH)) {
		for (uint32_t i = 0; i < BATCH; i++)
			found += vly_prefixes_find(prefixes, addresses->ips[at++ % ADDRESSES]) > 0;
	}
	cycles_note(run, begin, bench_iterations(run));
	if (found != bench_iterations(run))
		bench_skip(run, "one was not found");
	vly_prefixes_close(prefixes);
	free(addresses);
}

extern const struct bench_entry bench_prefixes[];
const struct bench_entry bench_prefixes[] = {
	{.name = "prefixes/find",
	 .function = run_find,
	 .arg_name = "prefixes",
	 .args = {10, 1000, 100000, 1000000}},
	{.name = NULL},
};
