// SPDX-License-Identifier: BSD-3-Clause
//
// The I/O thread's side of taps: it copies what it sees into the rings of those that are attached,
// if any, and never waits.
#pragma once

#include "stats/ledger_block.h"
#include "tap/layout.h"

// One tap's ring for one queue. The I/O thread's while its bit is set, else the control thread's.
struct vly_tap_lane {
	struct vly_filter filter;
	uint32_t points;
	uint32_t snap_bytes;
	uint8_t queue;
	struct vly_tap_ring *ring;
	uint8_t *bytes;
	uint64_t size; // of these, a power of two
	uint64_t head; // what is published is this at a burst's end
	uint64_t tail; // as last seen
	uint64_t taken;
	uint64_t missed;
	uint64_t filtered;
	uint32_t missed_since; // the last record
};

// All taps of one queue.
struct vly_tap_watch {
	struct vly_drop_watch drops; // first: the ledger knows it by that
	uint32_t attached;           // a bit for each lane in use. The I/O thread's
	struct vly_tap_lane lanes[VLY_TAPS_MAX];
};

// What stands in an I/O thread. `wanted` is the control thread's, and what it wants stands in the
// lanes before; `taken` is what the I/O thread has taken over of it.
struct vly_tap_switch {
	_Atomic uint32_t wanted;     // a bit for each lane
	_Atomic uint32_t taken;      // io: w, control: r
	struct vly_tap_watch *watch; // NULL while nobody taps. The I/O thread's
	struct vly_tap_watch *own;   // control: w, before the first is wanted
};

static inline bool vly_tap_is_switched(const struct vly_tap_switch *self)
{
	return atomic_load_explicit(&self->wanted, memory_order_relaxed) !=
	       atomic_load_explicit(&self->taken, memory_order_relaxed);
}

// Takes over what is wanted. The I/O thread, between two bursts.
void vly_tap_switch(struct vly_tap_switch *self, struct vly_ledger_block *ledger);

// Shows a burst that has been received, or is about to be sent. The I/O thread.
void vly_tap_show(struct vly_tap_watch *watch, struct vly_dgram *const *dgrams, uint32_t count,
		  enum vly_tap_point point, uint64_t now_ns);

// What a ledger calls, by watch->drops.
void vly_tap_show_drop(struct vly_drop_watch *watch, const struct vly_dgram *dgram,
		       enum vly_drop reason, bool is_frame);
