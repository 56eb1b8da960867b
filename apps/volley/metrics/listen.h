// SPDX-License-Identifier: BSD-3-Clause
//
// The socket that metrics are asked for at.
#pragma once

#include <stddef.h>

#include <volley/volley.h>

// Opens it, and writes where it listens to `address`. Returns the descriptor, or a negative errno
// with a line that names the fix.
int metrics_listen(const struct vly_endpoint *at, char *address, size_t size,
		   struct vly_error *error);
