// SPDX-License-Identifier: BSD-3-Clause
//
// Looking IPv4 addresses up among prefixes, from few to a million: addresses that lie in one of
// them, in a random order, as those of a flood would come, a burst at a time, as the handler does.
#pragma once

#include <stdint.h>
#include <stdlib.h>

#include "harness/harness.h"
#include "micro/cycles.h"

enum {
	PREFIX_BURST = 32,
	PREFIX_ADDRESSES = 1 << 18, // the lines of a table that these lie in fill more than 16 MB
	PREFIX_SHORTEST = 16,
	PREFIX_LENGTHS = 9, // /16 to /24, as routes have them
};

struct prefix_list {
	uint32_t *ips; // host order; bits behind the length are any
	uint8_t *lengths;
	uint32_t count;
};

// How a kind of table looks a burst up: of `addresses`, which it has made of prefix_address(),
// those from `first` on. Returns how many were found.
typedef uint32_t prefix_find(const void *table, const void *addresses, uint32_t first);

// As many as the benchmark's argument says. Returns false after bench_skip(). Close it in either
// case.
static inline bool prefix_list_open(struct prefix_list *list, struct bench_run *run);
static inline void prefix_list_close(struct prefix_list *list);

// The i-th of PREFIX_ADDRESSES that are looked up.
static inline uint32_t prefix_address(const struct prefix_list *list, uint32_t i);

static inline void prefix_run(struct bench_run *run, const void *table, const void *addresses,
			      prefix_find *find);

// --- inline definitions -------------------------------------------------------------------------

// The i-th of a series of random numbers (the finaliser of SplitMix64).
static inline uint64_t prefix_random(uint64_t i)
{
	i = (i + 1) * 0x9e3779b97f4a7c15u;
	i = (i ^ i >> 30) * 0xbf58476d1ce4e5b9u;
	i = (i ^ i >> 27) * 0x94d049bb133111ebu;
	return i ^ i >> 31;
}

static inline bool prefix_list_open(struct prefix_list *list, struct bench_run *run)
{
	list->count = (uint32_t)bench_arg(run);
	list->ips = malloc(list->count * sizeof(list->ips[0]));
	list->lengths = malloc(list->count);
	if (!list->ips || !list->lengths) {
		bench_skip(run, "no memory for so many");
		return false;
	}
	for (uint32_t i = 0; i < list->count; i++) {
		uint64_t random = prefix_random(i);

		list->ips[i] = (uint32_t)random;
		list->lengths[i] = (uint8_t)(PREFIX_SHORTEST + (random >> 32) % PREFIX_LENGTHS);
	}
	return true;
}

static inline void prefix_list_close(struct prefix_list *list)
{
	free(list->ips);
	free(list->lengths);
}

static inline uint32_t prefix_address(const struct prefix_list *list, uint32_t i)
{
	uint64_t random = prefix_random(UINT32_MAX + (uint64_t)i);
	uint32_t which = (uint32_t)(random >> 32) % list->count;

	// Anywhere in the prefix.
	return list->ips[which] ^ (uint32_t)random >> list->lengths[which];
}

static inline void prefix_run(struct bench_run *run, const void *table, const void *addresses,
			      prefix_find *find)
{
	uint64_t begin;
	uint64_t found = 0;
	uint32_t first = 0;

	// Each once before: what it costs to bring the table from memory is no look-up's.
	for (uint32_t i = 0; i < PREFIX_ADDRESSES; i += PREFIX_BURST)
		find(table, addresses, i);
	begin = vly_cycles();
	while (bench_goes_on(run, PREFIX_BURST)) {
		found += find(table, addresses, first);
		first = (first + PREFIX_BURST) % PREFIX_ADDRESSES;
	}
	cycles_note(run, begin, bench_iterations(run));
	if (found != bench_iterations(run))
		bench_skip(run, "one was not found");
}
