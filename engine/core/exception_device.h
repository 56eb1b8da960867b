// SPDX-License-Identifier: BSD-3-Clause
//
// A TAP device of the kernel's: an interface that is there as long as its descriptor is open, so it
// goes with the process, however that ends.
#pragma once

#include <volley/error.h>

#include "backend/backend.h"

// Makes the interface `name` (1 to 15 bytes; in use: -EBUSY) with the link's MAC and MTU and these
// addresses, up. Returns a descriptor that gives and takes whole frames and never waits, or
// -EBUSY, -EINVAL, -EACCES, -ENODEV. Control thread.
int vly_exception_device_open(const char *name, const struct vly_link_info *link,
			      const struct vly_prefix *addrs, uint32_t addr_count,
			      struct vly_error *error);
