// SPDX-License-Identifier: BSD-3-Clause
#include "rest.h"

#include <errno.h>
#include <sched.h>

enum {
	SPIN_NS = 50 * 1000,        // adaptive: so long before the first wait
	YIELD_NS = 1000 * 1000,     // busy: so long before the other poller gets its turn
	WAIT_NS = 50 * 1000 * 1000, // one wait, to see an interruption
};

void rest_a_while(struct rest *rest, uint64_t idle_ns, uint64_t left_ns)
{
	bool is_busy = rest->idle == VLY_IDLE_BUSY;

	if (idle_ns < (is_busy ? YIELD_NS : SPIN_NS) && rest->idle != VLY_IDLE_BLOCK)
		return;
	if (!rest->poll_only && !is_busy) {
		int status = vly_queue_wait(rest->queue, left_ns < WAIT_NS ? left_ns : WAIT_NS);

		rest->poll_only = status == -ENOTSUP;
		if (status == 0)
			return;
	}
	sched_yield();
}
