// SPDX-License-Identifier: BSD-3-Clause
#include "core/idle.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	SPIN_NS = 50000,         // adaptive: a round trip to a near peer fits in
	YIELD_NS = 200000,       // adaptive: then others may have the core; after that, sleep
	BUSY_YIELD_TURNS = 2048, // busy: still lets a second busy thread on the core progress
};

enum vly_idle_step vly_idler_next(struct vly_idler *idler, uint32_t work, uint32_t full,
				  uint64_t now_ns)
{
	if (work) {
		idler->turns = 0;
		if (idler->mode == VLY_IDLE_BLOCK && work < full)
			return VLY_IDLE_STEP_SLEEP;
		return VLY_IDLE_STEP_NONE;
	}
	if (idler->mode == VLY_IDLE_BLOCK)
		return VLY_IDLE_STEP_SLEEP;
	if (!idler->turns++)
		idler->since_ns = now_ns;
	if (idler->mode == VLY_IDLE_BUSY)
		return idler->turns % BUSY_YIELD_TURNS ? VLY_IDLE_STEP_SPIN : VLY_IDLE_STEP_YIELD;
	if (now_ns - idler->since_ns < SPIN_NS)
		return VLY_IDLE_STEP_SPIN;
	if (now_ns - idler->since_ns < YIELD_NS)
		return VLY_IDLE_STEP_YIELD;
	return VLY_IDLE_STEP_SLEEP;
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
