// SPDX-License-Identifier: BSD-3-Clause
//
// The timers of one worker's handlers: a hierarchical wheel (Varghese and Lauck, SOSP 1987). Each
// level has 64 slots, each slot of a level spans the whole level below it. A timer is put where its
// distance in ticks says, and put again, nearer, when the hand of its level comes to its slot; that
// is at most once a level, whatever else runs. The timers themselves are the handlers' memory.
#pragma once

#include <stdint.h>

#include <volley/handler.h>

enum vly_wheel_limits {
	VLY_TICK_NS = 1000000,
	VLY_WHEEL_BITS = 6,
	VLY_WHEEL_SLOTS = 1 << VLY_WHEEL_BITS,
	VLY_WHEEL_LEVELS = 8, // 64^8 ticks are more than 64 bits of nanoseconds
	VLY_WHEEL_LANES = 4,
	VLY_WHEEL_LISTS = VLY_WHEEL_LEVELS * VLY_WHEEL_SLOTS * VLY_WHEEL_LANES,
};

// A list of timers, the first to come first.
struct vly_timer_list {
	struct vly_timer *first;
	struct vly_timer **end; // the last one's `next`, or `first`
};

struct vly_wheel {
	uint64_t now_tick;  // where the hands are
	uint64_t next_tick; // nothing has to be moved or fired before it; UINT64_MAX: at all
	uint64_t used[VLY_WHEEL_LEVELS]; // a bit for each slot that may have timers
	// Above the first level the timers of a slot are dealt out to several lists, which are gone
	// through side by side: each of many timers is far away in memory, and says where the next
	// one is only when it has come.
	struct vly_timer_list lists[VLY_WHEEL_LISTS]; // by level, slot and lane
	uint32_t lane;                                // of the timer that is put next
	struct vly_timer_list due;                    // that are to be fired
	struct vly_timer_list soon; // that were put when they were due: the next turn's
};

// All for the worker's thread.
void vly_wheel_open(struct vly_wheel *wheel);

// Puts a timer so that it becomes due at due_ns, not before; what is due already, at the next turn
// of the hands. It must have been taken out. Time never goes back: now_ns is no less than in any
// call before.
void vly_wheel_put(struct vly_wheel *wheel, struct vly_timer *timer, uint64_t due_ns,
		   uint64_t now_ns);

// Moves a timer that runs. To a later time costs nothing now: it is put again when the hand comes.
void vly_wheel_move(struct vly_wheel *wheel, struct vly_timer *timer, uint64_t due_ns,
		    uint64_t now_ns);

// Takes a timer out, if it runs.
void vly_wheel_take(struct vly_wheel *wheel, struct vly_timer *timer);

// Turns the hands to now_ns; what has become due is then in wheel->due, in order of its tick,
// behind what was due when it was put.
void vly_wheel_turn(struct vly_wheel *wheel, uint64_t now_ns);

// The next timer that is due, taken out; NULL: none.
struct vly_timer *vly_wheel_pop(struct vly_wheel *wheel);

// When vly_wheel_turn() has something to do again, or pop() has something to give (0: now);
// UINT64_MAX: never.
uint64_t vly_wheel_next_ns(const struct vly_wheel *wheel);
