// SPDX-License-Identifier: BSD-3-Clause
//
// What a loop does with a turn that found nothing, and how it is woken when it sleeps.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <volley/engine.h>

enum vly_idle_step {
	VLY_IDLE_STEP_NONE,  // there was work: go on at once
	VLY_IDLE_STEP_SPIN,  // pause the core for a moment
	VLY_IDLE_STEP_YIELD, // let another thread run
	VLY_IDLE_STEP_SLEEP, // sleep until woken
};

struct vly_idler {
	enum vly_idle mode;
	uint32_t turns;           // without work
	uint64_t since_ns;        // when the first of them was, or the last with work
	bool has_probed;          // has looked whether somebody wants the core, since then
	bool is_crowded;          // somebody else wants this core: give it away early
	uint32_t quiet_yields;    // one after the other that found nobody
	uint64_t hogged_until_ns; // until then, who else wants this core is taken not to share it
	uint64_t hogged_ns;       // for how long it was taken so the last time
};

// What to do after a turn that did `work` of at most `full`. Blocking mode sleeps unless the turn
// was full: its sleep is the receiving system call itself.
enum vly_idle_step vly_idler_next(struct vly_idler *idler, uint32_t work, uint32_t full,
				  uint64_t now_ns);

// Whether a turn without work is followed by another at once, with nobody waiting for the core.
static inline bool vly_idler_spins(const struct vly_idler *idler)
{
	return idler->mode == VLY_IDLE_BUSY && !idler->is_crowded;
}

// How long to sleep between two polls of what can only be polled: the longer nothing has come, the
// longer, so that an idle loop costs less than a hundredth of a core.
uint64_t vly_idler_nap_ns(const struct vly_idler *idler, uint64_t now_ns);

// Lets another thread run, and notes whether one did: of this process or any other. So two threads
// that wait for each other on one core exchange it at once, not a time slice later. Somebody who
// keeps the core for his whole time slice makes adaptive mode sleep instead for a while: the
// scheduler lets who wakes up go first, and who only yields wait for the slice's end.
void vly_idler_yield(struct vly_idler *idler);

// What a yield has found: whether another thread ran, and from when to when.
void vly_idler_note_yield(struct vly_idler *idler, bool has_switched, uint64_t from_ns,
			  uint64_t to_ns);

// Sleeping on a word. The sleeper announces, looks once more for work, then waits; whoever makes
// work looks at the word after a full fence. So either sees the other, and no wake is lost.
struct vly_waker {
	_Atomic uint32_t asleep;
};

// Sleeper: before the last look for work.
void vly_waker_announce(struct vly_waker *waker);
// Sleeper: after waiting, or when the last look found something.
void vly_waker_retract(struct vly_waker *waker);
// Sleeper: between the two, at most timeout_ns.
void vly_waker_wait(struct vly_waker *waker, uint64_t timeout_ns);

// Waker: whether the sleeper has announced itself; call after the work has been published.
static inline bool vly_waker_is_asleep(struct vly_waker *waker)
{
	atomic_thread_fence(memory_order_seq_cst); // pairs with the one in vly_waker_announce
	return atomic_load_explicit(&waker->asleep, memory_order_relaxed) != 0;
}

// Waker: ends a vly_waker_wait(). A system call: only when asleep.
void vly_waker_wake(struct vly_waker *waker);
