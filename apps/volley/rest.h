// SPDX-License-Identifier: BSD-3-Clause
//
// What a client does that has polled its queue in vain: it spins on, or lets others have the core.
// The server may be one of them.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <volley/volley.h>

struct rest {
	struct vly_queue *queue;
	enum vly_idle idle;
	bool poll_only; // the backend cannot wait, as was found
};

// Found nothing for idle_ns, and has nothing to do for left_ns. The queue's thread.
void rest_a_while(struct rest *rest, uint64_t idle_ns, uint64_t left_ns);
