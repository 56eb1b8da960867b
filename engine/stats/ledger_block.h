// SPDX-License-Identifier: BSD-3-Clause
//
// The ledger of one queue as its owner writes it: a single writer (the queue's thread), any
// number of readers. Each layer counts only the ends that happen in it:
//
//     backend     received (and what the kernel or NIC reports lost), sent, what it had to drop
//     port/stack  answered, to and from the kernel, drops of frames that are not ours or not right
//     loops       released, and every drop with a handler's or a ring's reason
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include <volley/dgram.h>
#include <volley/ledger.h>

#include "core/compiler.h"

// Who is shown what a queue drops: a tap. Called on the queue's thread, before the datagram is
// given back. `is_frame`: payload and length are the whole frame's, the addresses are not set.
struct vly_drop_watch {
	void (*dropped)(struct vly_drop_watch *watch, const struct vly_dgram *dgram,
			enum vly_drop reason, bool is_frame);
};

struct vly_ledger_block {
	_Atomic uint64_t received;
	_Atomic uint64_t originated;
	_Atomic uint64_t sent;
	_Atomic uint64_t released;
	_Atomic uint64_t answered;
	_Atomic uint64_t to_kernel;
	_Atomic uint64_t from_kernel;
	_Atomic uint64_t dropped[VLY_DROP_COUNT];
	struct vly_drop_watch *watch; // NULL: nobody watches. The queue's thread alone
};

// Adds without a locked instruction: there is one writer.
static inline void vly_count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

// Takes back what was counted too early: a send that the kernel failed after it was accepted.
static inline void vly_uncount(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) - n,
			      memory_order_relaxed);
}

// Counts one datagram that is at hand as dropped, and shows it to who watches.
static inline void vly_count_drop(struct vly_ledger_block *block, const struct vly_dgram *dgram,
				  enum vly_drop reason)
{
	vly_count(&block->dropped[reason], 1);
	if (VLY_UNLIKELY(block->watch != NULL))
		block->watch->dropped(block->watch, dgram, reason, false);
}

// The same of a frame.
static inline void vly_count_frame_drop(struct vly_ledger_block *block,
					const struct vly_dgram *frame, enum vly_drop reason)
{
	vly_count(&block->dropped[reason], 1);
	if (VLY_UNLIKELY(block->watch != NULL))
		block->watch->dropped(block->watch, frame, reason, true);
}

// What was lost before we could see it is received and dropped at once, so that it balances.
static inline void vly_count_lost(struct vly_ledger_block *block, enum vly_drop reason, uint64_t n)
{
	vly_count(&block->received, n);
	vly_count(&block->dropped[reason], n);
}

// Adds the block's present values to sum. Any thread.
void vly_ledger_block_read(const struct vly_ledger_block *block, struct vly_ledger *sum);
