// SPDX-License-Identifier: BSD-3-Clause
//
// The file that names the servers behind a forwarder: one a line,
//
//     10.0.0.11:53
//     10.0.0.12:53 weight=2      # twice the share
//     [fd00::13]:53 drain        # keeps the clients that it has, and gets no others
//
// Empty lines, and what follows a #, are left out. Control thread: names are resolved.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <volley/addr.h>
#include <volley/error.h>

#include "handler/forward/maglev.h"

struct vly_forward_server {
	struct vly_addr addr;
	uint32_t weight; // 1 to VLY_MAGLEV_WEIGHT_MAX
	bool drains;
};

struct vly_forward_servers {
	struct vly_forward_server list[VLY_MAGLEV_SERVERS_MAX];
	uint32_t count;
};

// Returns 0, -EINVAL (a line that cannot be read, named by its number; a server twice; none, or too
// many), or what open(2) says.
int vly_forward_servers_read(struct vly_forward_servers *servers, const char *path,
			     struct vly_error *error);

// One line of the file, which is changed; `number` is for the error. Adds to `servers`, unless it
// is empty.
int vly_forward_servers_add(struct vly_forward_servers *servers, char *line, uint32_t number,
			    struct vly_error *error);
