// SPDX-License-Identifier: BSD-3-Clause
#include "handler/forward/maglev.h"

#include <string.h>

#include "handler/forward/hash.h"

// The order in which one server would like to have the places: from `next` on in steps of `skip`,
// which comes by each of them, as their number is a prime.
struct wish {
	uint32_t next;
	uint32_t skip;
};

static struct wish wish_of(const struct vly_maglev_server *server)
{
	return (struct wish){
		.next = (uint32_t)(vly_forward_mix(server->name, 1) % VLY_MAGLEV_PLACES),
		.skip = (uint32_t)(vly_forward_mix(server->name, 2) % (VLY_MAGLEV_PLACES - 1)) + 1,
	};
}

static void take_next(uint8_t *places, struct wish *wish, uint8_t index)
{
	while (places[wish->next] != VLY_MAGLEV_NONE)
		wish->next = (wish->next + wish->skip) % VLY_MAGLEV_PLACES;
	places[wish->next] = index;
}

void vly_maglev_fill(uint8_t *places, const struct vly_maglev_server *servers, uint32_t count)
{
	struct wish wishes[VLY_MAGLEV_SERVERS_MAX];
	uint32_t taken = 0;
	uint32_t weights = 0;

	memset(places, VLY_MAGLEV_NONE, VLY_MAGLEV_PLACES);
	for (uint32_t i = 0; i < count; i++) {
		wishes[i] = wish_of(&servers[i]);
		weights += servers[i].weight;
	}
	// In turn, each as often as its weight says, until all places are taken.
	while (weights) {
		for (uint32_t i = 0; i < count; i++) {
			for (uint32_t n = 0; n < servers[i].weight; n++) {
				take_next(places, &wishes[i], servers[i].index);
				if (++taken == VLY_MAGLEV_PLACES)
					return;
			}
		}
	}
}
