// SPDX-License-Identifier: BSD-3-Clause
//
// From what the kernel gave us to datagrams. One received message is a train: the segments of one
// flow that UDP_GRO has joined, all of one size but a shorter last one, or just one datagram. It is
// taken apart in place, as far as the caller has room; the rest waits here for the next burst.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "backend/kernel_pool.h"
#include "backend/kernel_socket.h"

enum vly_kernel_train_limits {
	VLY_KERNEL_TRAINS = 64, // messages of one receive; a power of two
};

struct vly_kernel_train {
	struct vly_dgram model; // what all its datagrams have in common
	uint32_t block;
	uint32_t offset; // of the next datagram in the payload
	uint32_t total;  // bytes of payload
	uint32_t segment;
	uint32_t header; // of the next datagram
	uint32_t count;  // datagrams not yet delivered
	bool is_broadcast;
	const void *stamps; // of the message being added, or NULL
};

// First in, first out.
struct vly_kernel_trains {
	struct vly_kernel_train ring[VLY_KERNEL_TRAINS];
	uint32_t head; // next to deliver
	uint32_t tail; // next to fill
	uint8_t queue; // the number that their datagrams have
	struct vly_kernel_stamps stamps;
};

static inline uint32_t vly_kernel_trains_count(const struct vly_kernel_trains *trains)
{
	return trains->tail - trains->head;
}

// Takes a received message into the queue of trains, which has room for it: `block` holds it, with
// the payload of `bytes` where the pool says; msg points to its name and control. rx_ns 0: the
// time is set at delivery. Returns how many datagrams it holds; a
// truncated message is counted, its block put back, and holds none; nor does another queue's copy.
uint32_t vly_kernel_trains_add(struct vly_kernel_trains *trains, struct vly_kernel_pool *pool,
			       struct vly_kernel_socket *sock, struct vly_ledger_block *ledger,
			       const struct msghdr *msg, uint32_t block, uint32_t bytes,
			       uint64_t rx_ns);

// Fills up a burst of up to `count` datagrams, `n` of which are there already: delivers and counts
// the others. Returns how many there are now: fewer than there could be, rather than a part of a
// train behind others.
uint32_t vly_kernel_trains_deliver(struct vly_kernel_trains *trains, struct vly_kernel_pool *pool,
				   struct vly_ledger_block *ledger, struct vly_dgram **dgrams,
				   uint32_t n, uint32_t count, uint64_t now_ns);
