// SPDX-License-Identifier: BSD-3-Clause
#include "core/idle.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"

enum {
	SPIN_NS = 50000,         // adaptive: a round trip to a near peer fits in
	YIELD_NS = 200000,       // adaptive: then others may have the core; after that, sleep
	PROBE_NS = 5000,         // adaptive: one yield, to see whether somebody wants the core
	BUSY_YIELD_TURNS = 2048, // busy: still lets a second busy thread on the core progress
	CROWDED_YIELD_TURNS = 8, // busy, and there is one
	NAP_LEAST_NS = 50000,
	NAP_MOST_NS = 2000000,       // to wake costs some microseconds: less than a hundredth of it
	NAP_PART = 16,               // of the time without work: what it may be late by
	CALM_YIELDS = 16,            // that found nobody, until the core counts as ours again
	HOG_NS = 1000000,            // of a yield: who takes so long is not waiting for us
	HOGGED_LEAST_NS = 100000000, // then what a yield finds is not looked at again for so long,
	HOGGED_MOST_NS = 1600000000, // twice as long each time: a fraction of a slice is lost
};

static enum vly_idle_step adapt(struct vly_idler *idler, uint64_t now_ns)
{
	uint64_t idle_ns = now_ns - idler->since_ns;

	if (idle_ns >= YIELD_NS || now_ns < idler->hogged_until_ns)
		return VLY_IDLE_STEP_SLEEP;
	if (idler->is_crowded || idle_ns >= SPIN_NS)
		return VLY_IDLE_STEP_YIELD;
	if (idle_ns < PROBE_NS || idler->has_probed)
		return VLY_IDLE_STEP_SPIN;
	idler->has_probed = true;
	return VLY_IDLE_STEP_YIELD;
}

enum vly_idle_step vly_idler_next(struct vly_idler *idler, uint32_t work, uint32_t full,
				  uint64_t now_ns)
{
	if (work) {
		idler->turns = 0;
		idler->since_ns = now_ns;
		idler->has_probed = false;
		if (idler->mode == VLY_IDLE_BLOCK && work < full)
			return VLY_IDLE_STEP_SLEEP;
		return VLY_IDLE_STEP_NONE;
	}
	if (idler->mode == VLY_IDLE_BLOCK)
		return VLY_IDLE_STEP_SLEEP;
	if (!idler->turns++)
		idler->since_ns = now_ns;
	if (idler->mode == VLY_IDLE_ADAPTIVE)
		return adapt(idler, now_ns);
	return idler->turns % (idler->is_crowded ? CROWDED_YIELD_TURNS : BUSY_YIELD_TURNS)
		       ? VLY_IDLE_STEP_SPIN
		       : VLY_IDLE_STEP_YIELD;
}

uint64_t vly_idler_nap_ns(const struct vly_idler *idler, uint64_t now_ns)
{
	uint64_t nap_ns = (now_ns - idler->since_ns) / NAP_PART;

	if (nap_ns < NAP_LEAST_NS)
		return NAP_LEAST_NS;
	return nap_ns < NAP_MOST_NS ? nap_ns : NAP_MOST_NS;
}

// How often the kernel has given this thread's core to another, for whatever reason.
static long count_switches(void)
{
	struct rusage usage = {.ru_nivcsw = 0};

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nvcsw + usage.ru_nivcsw;
}

void vly_idler_note_yield(struct vly_idler *idler, bool has_switched, uint64_t from_ns,
			  uint64_t to_ns)
{
	if (!has_switched) {
		if (++idler->quiet_yields >= CALM_YIELDS)
			idler->is_crowded = false;
		return;
	}
	idler->is_crowded = true;
	idler->quiet_yields = 0;
	if (to_ns - from_ns < HOG_NS) {
		idler->hogged_ns = 0;
		return;
	}
	idler->hogged_ns *= 2;
	if (idler->hogged_ns < HOGGED_LEAST_NS)
		idler->hogged_ns = HOGGED_LEAST_NS;
	if (idler->hogged_ns > HOGGED_MOST_NS)
		idler->hogged_ns = HOGGED_MOST_NS;
	idler->hogged_until_ns = to_ns + idler->hogged_ns;
}

void vly_idler_yield(struct vly_idler *idler)
{
	uint64_t from_ns = vly_clock_ns();
	long before = count_switches();

	sched_yield();
	vly_idler_note_yield(idler, count_switches() != before, from_ns, vly_clock_ns());
}

void vly_waker_announce(struct vly_waker *waker)
{
	atomic_store_explicit(&waker->asleep, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst); // pairs with the one in vly_waker_is_asleep
}

void vly_waker_retract(struct vly_waker *waker)
{
	atomic_store_explicit(&waker->asleep, 0, memory_order_relaxed);
}

void vly_waker_wait(struct vly_waker *waker, uint64_t timeout_ns)
{
	struct timespec timeout = {
		.tv_sec = (time_t)(timeout_ns / 1000000000u),
		.tv_nsec = (long)(timeout_ns % 1000000000u),
	};

	syscall(SYS_futex, &waker->asleep, FUTEX_WAIT_PRIVATE, 1, &timeout, NULL, 0);
}

void vly_waker_wake(struct vly_waker *waker)
{
	atomic_store_explicit(&waker->asleep, 0, memory_order_relaxed);
	syscall(SYS_futex, &waker->asleep, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
