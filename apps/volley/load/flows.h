// SPDX-License-Identifier: BSD-3-Clause
//
// Where the flows of a load come from: source ports, and source addresses where there are more
// flows than ports. Answers must find their way back, so the port listens at all of them.
#pragma once

#include <stdint.h>

#include <volley/volley.h>

#include "port_options.h"

enum flows_limits {
	FLOWS_MAX = 1000000,
};

struct flows {
	struct vly_addr *locals; // one for each flow
	uint32_t count;
};

// Opens the port of `options` for `count` flows to `target`, and says where each comes from; the
// caller closes both. With one flow, the port is of the system's choice. -EINVAL: so many flows
// cannot be had, with what to do; else what vly_port_open() returns.
int flows_open(struct flows *flows, struct vly_port **port, const struct port_options *options,
	       const char *command, const struct vly_addr *target, uint32_t count,
	       struct vly_error *error);
void flows_close(struct flows *flows);
