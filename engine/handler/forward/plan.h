// SPDX-License-Identifier: BSD-3-Clause
//
// A plan: which servers there are, under numbers that they keep, and which of them a new client
// gets. It does not change once it is made; another takes its place. Pure.
#pragma once

#include <stdint.h>

#include "handler/forward/servers.h"

enum vly_plan_limits {
	VLY_PLAN_FINDS = 256, // a power of two, four times as many as there are servers
};

enum vly_plan_state {
	VLY_PLAN_ABSENT,
	VLY_PLAN_DRAINS, // keeps its clients, gets none
	VLY_PLAN_SERVES,
};

struct vly_plan {
	struct vly_addr addr[VLY_MAGLEV_SERVERS_MAX];
	uint8_t state[VLY_MAGLEV_SERVERS_MAX]; // enum vly_plan_state
	uint32_t weight[VLY_MAGLEV_SERVERS_MAX];
	uint64_t up;     // bit i: server i was well when the places were dealt out
	uint64_t usable; // bit i: server i may keep its clients
	uint8_t find[VLY_PLAN_FINDS];
	uint8_t places[VLY_MAGLEV_PLACES];
};

// Fills `plan` with the servers of the file, under the numbers that `before` (NULL: none) has for
// them, and deals out the places among those that serve and whose bit of `up` is set; if none is,
// among all that serve: a check that is wrong about all of them must not end the service.
void vly_plan_make(struct vly_plan *plan, const struct vly_plan *before,
		   const struct vly_forward_servers *servers, uint64_t up);

// The same servers, with others of them up.
void vly_plan_deal(struct vly_plan *plan, uint64_t up);

// The number of the server at this address, or VLY_MAGLEV_NONE.
uint8_t vly_plan_find(const struct vly_plan *plan, const struct vly_addr *addr);

// Bit i: server i is there.
uint64_t vly_plan_present(const struct vly_plan *plan);
