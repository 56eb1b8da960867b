// SPDX-License-Identifier: BSD-3-Clause
//
// Whether servers are well: each is asked at intervals, from the first of the ports, and whatever
// it says counts as an answer. The first worker's business.
#pragma once

#include <volley/handler.h>

#include "handler/forward/shared.h"

struct vly_health_server {
	struct vly_addr addr; // whose counts these are
	uint64_t asked_ns;    // 0: not yet
	uint32_t failed;      // in a row
	uint32_t answered;    // in a row
};

struct vly_health {
	struct vly_health_server servers[VLY_MAGLEV_SERVERS_MAX];
	uint64_t up;
	uint32_t fall; // so many failures in a row take a server out
	uint32_t rise; // so many answers in a row bring it back
	const char *payload;
	uint64_t asked; // checks that have been sent, and
	uint64_t lost;  // of those, without an answer
};

void vly_health_init(struct vly_health *health, uint32_t fall, uint32_t rise, const char *payload);

// Judges what the last round has brought, and asks again, by that queue. Returns whether health->up
// has changed.
bool vly_health_check(struct vly_health *health, struct vly_forward *forward,
		      const struct vly_plan *plan, struct vly_burst *burst, uint8_t queue);
