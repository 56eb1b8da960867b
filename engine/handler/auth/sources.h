// SPDX-License-Identifier: BSD-3-Clause
//
// What is known of sources: how far each has used up its rate, and how many bytes it may still be
// answered with. A table of fixed size, in sets of eight; in a full set the source makes room whose
// rate was free the longest, so floods from ever new addresses cost those that are quiet nothing
// but their credit. A source is an IPv4 address, or the 64 bits before an IPv6 interface's own.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <volley/addr.h>

#include "handler/siphash.h"

enum vly_sources_limits {
	VLY_SOURCES_SET = 8,
};

struct vly_source {
	uint64_t tag;     // the hash of its address; 0: free
	uint64_t paid_ns; // until when its rate is used up
	uint64_t credit;  // bytes
};

struct vly_sources {
	struct vly_source *slots;
	uint64_t set_mask;
	struct vly_siphash_key key;
	uint64_t crowded; // sources that made room while their rate was used up
};

// For at least `count` sources. Returns 0 or a negative errno.
int vly_sources_open(struct vly_sources *sources, uint32_t count);
void vly_sources_close(struct vly_sources *sources);

// The source of an address, a new one if there is none. Never NULL; valid until the next call.
struct vly_source *vly_source_at(struct vly_sources *sources, const uint8_t *ip, uint64_t now_ns);

// The same, or NULL if it is not known.
struct vly_source *vly_source_find(const struct vly_sources *sources, const uint8_t *ip);

// Whether one more may pass, at one an interval with `burst` at once; notes it if so.
bool vly_source_may(struct vly_source *source, uint64_t now_ns, uint64_t interval_ns,
		    uint32_t burst);
