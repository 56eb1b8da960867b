// SPDX-License-Identifier: BSD-3-Clause
//
// Inside a tap: attach.c makes one, read.c reads its rings.
#pragma once

#include "tap/interfaces.h"
#include "tap/layout.h"

struct vly_tap {
	int fd; // to the engine; its end is the engine's
	uint8_t *memory;
	uint64_t bytes;
	struct vly_tap_page page; // a copy: what it says does not change any more
	struct vly_tap_ring *rings;
	const uint8_t *data;
	uint64_t tails[VLY_QUEUES_MAX];
	uint64_t read;
	bool has_begun; // the file
	bool has_ended; // the engine
	struct vly_interfaces interfaces;
};

// Makes a tap's view of memory that is laid out as layout.h says. Returns 0, or -EBADMSG when it
// is not. The memory stays the caller's.
int vly_tap_view(struct vly_tap *tap, uint8_t *memory, uint64_t bytes);
