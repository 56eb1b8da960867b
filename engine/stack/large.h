// SPDX-License-Identifier: BSD-3-Clause
//
// Large buffers: each holds the largest datagram, for what came in fragments or leaves in them. No
// device ever sees one, as frames are copied into it and out of it. So they are plain memory, of
// which the kernel gives what is touched, and a server that nobody sends fragments pays nothing.
//
//     | vly_dgram | room for Ethernet and IP headers | UDP header | payload ... |
//
// A pool belongs to a stack and its thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <volley/dgram.h>

enum vly_large_layout {
	VLY_LARGE_HEADROOM = 128, // from the structure to the payload
	VLY_LARGE_DATA_OFFSET = VLY_CACHE_LINE_BYTES + VLY_LARGE_HEADROOM,
	VLY_LARGE_L4_OFFSET = VLY_LARGE_DATA_OFFSET - 8, // of the UDP header
	// Lines, an odd number of them: buffers do not all fall on the same sets of a cache.
	VLY_LARGE_STRIDE = 1027 * VLY_CACHE_LINE_BYTES,
};

enum vly_large_limits {
	VLY_LARGE_DEFAULT = 256,
};

_Static_assert(VLY_LARGE_L4_OFFSET + 65535 <= VLY_LARGE_STRIDE, "all that IP can carry");

struct vly_large {
	uint8_t *base;
	uint32_t count;
	uint32_t free_count;
	struct vly_dgram **free; // the one given back last is taken first: it is in the cache
};

// Returns 0 or -ENOMEM.
int vly_large_open(struct vly_large *large, uint32_t count);
void vly_large_close(struct vly_large *large);

// An empty datagram of VLY_DGRAM_BYTES_MAX capacity, or NULL.
struct vly_dgram *vly_large_take(struct vly_large *large);
void vly_large_give(struct vly_large *large, struct vly_dgram *dgram);

// Whether the datagram lies in a large buffer.
static inline bool vly_large_has(const struct vly_large *large, const struct vly_dgram *dgram)
{
	return (uintptr_t)dgram - (uintptr_t)large->base <
	       (uintptr_t)large->count * VLY_LARGE_STRIDE;
}
