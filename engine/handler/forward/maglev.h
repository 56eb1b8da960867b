// SPDX-License-Identifier: BSD-3-Clause
//
// Consistent hashing as Maglev does it (Eisenbud et al., "Maglev: A Fast and Reliable Software
// Network Load Balancer", NSDI 2016, section 3.4): a table in which each server has its share of
// the places, and most places keep their server when another one comes or goes. Two machines with
// the same servers have the same table. Pure; any thread.
#pragma once

#include <stdint.h>

enum vly_maglev_limits {
	VLY_MAGLEV_PLACES = 65537, // a prime, a thousand times as many as there are servers
	VLY_MAGLEV_NONE = 0xff,
	VLY_MAGLEV_SERVERS_MAX = 64,
	VLY_MAGLEV_WEIGHT_MAX = 100,
};

struct vly_maglev_server {
	uint64_t name;   // a hash of whatever tells it from others
	uint32_t weight; // its share, beside those of the others; 0: none
	uint8_t index;   // what its places hold
};

// Fills the table; with VLY_MAGLEV_NONE if no server has a weight.
void vly_maglev_fill(uint8_t *places, const struct vly_maglev_server *servers, uint32_t count);

static inline uint8_t vly_maglev_find(const uint8_t *places, uint64_t hash)
{
	return places[hash % VLY_MAGLEV_PLACES];
}
