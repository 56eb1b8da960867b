// SPDX-License-Identifier: BSD-3-Clause
//
// Receiving by plain calls, straight into the pool's blocks: one message by recvmsg, several by
// recvmmsg. Asking for a second message costs a good part of a round trip when there is none, so
// how many are asked for follows from how many there were.
#pragma once

#include <netinet/in.h>

#include "backend/kernel_train.h"

enum vly_kernel_receive_limits {
	VLY_KERNEL_MESSAGES = 64, // of one receive; no more than VLY_KERNEL_TRAINS
	VLY_KERNEL_PATIENCE = 16,
	VLY_KERNEL_DENSE = 8, // messages found, and others come as fast as they are answered
	VLY_KERNEL_LARGE_BYTES = 16384, // trains from here on push each other out of the cache
};

// The peer that sends one datagram at a time (kernel_lone.h).
struct vly_kernel_lone {
	struct vly_dgram model; // the header of what it sends
	uint64_t known;         // its name's first word; 0: nobody
	struct sockaddr_in name;
	socklen_t name_bytes;
};

// Of one queue, and its thread's alone. What a lone datagram needs comes first and close together:
// after a sleep the caches are cold.
struct vly_kernel_receiver {
	struct vly_kernel_pool *pool;
	struct vly_kernel_trains *trains; // where the messages go
	struct vly_ledger_block *ledger;
	uint32_t armed;    // messages to receive into
	uint32_t used;     // the first of them, whose blocks have been given away
	uint32_t ask;      // messages to ask for at a time
	uint32_t patience; // receives before more are asked for
	uint32_t trust;    // long waits that are believed to have slept, before one is not
	uint32_t looks;    // for one message, before a burst is given up as empty; 1 or more
	bool has_found;    // the last receive has found all that it asked for
	struct vly_kernel_lone lone;
	uint32_t armed_max;
	uint32_t train_length;   // datagrams a message, of late
	uint32_t train_bytes;    // bytes a message, of late
	struct vly_addr waker;   // whose empty datagrams are nobody's; port 0: there is none
	_Atomic uint32_t *wakes; // those that have not come (kernel_socket.h); set with it
	uint32_t blocks[VLY_KERNEL_MESSAGES];
	struct mmsghdr msgs[VLY_KERNEL_MESSAGES];
	struct iovec iovs[VLY_KERNEL_MESSAGES];
};

// Takes its first blocks from the pool, a quarter of it at most. The structure is zeroed before.
void vly_kernel_receiver_open(struct vly_kernel_receiver *receiver, struct vly_kernel_pool *pool,
			      struct vly_kernel_trains *trains, struct vly_ledger_block *ledger);

// Before a receive: gives the messages that have been used blocks again. So late, because what has
// just been released is what the cache has.
void vly_kernel_receiver_rearm(struct vly_kernel_receiver *receiver);

// What a receive has found of what it asked for: how many to ask for next.
static inline void vly_kernel_receiver_adapt(struct vly_kernel_receiver *receiver, uint32_t asked,
					     uint32_t got);

// Whether the last receive found so many messages that more are likely to have come since: another
// is then a better next step than a wait, which would take one of them. Says so once.
bool vly_kernel_receiver_was_dense(struct vly_kernel_receiver *receiver);

// Whether an empty datagram from there is one that ends a wait, and nobody's; then it has come.
bool vly_kernel_receiver_takes_wake(const struct vly_kernel_receiver *receiver,
				    const struct vly_addr *peer);

// Whether a wait that brought a datagram, and was long, has slept: then there is no second one. On
// a slow machine, or a busy one, a wait takes long for what had come already, too. So now and then
// it is not believed, and the kernel asked; and so on, as long as it has more.
static inline bool vly_kernel_receiver_believes(struct vly_kernel_receiver *receiver, bool was_long)
{
	if (!was_long || !receiver->trust)
		return false;
	receiver->trust--;
	return true;
}

// The kernel was asked for more than the `n` datagrams that a wait brought; with these it is `all`.
static inline void vly_kernel_receiver_checked(struct vly_kernel_receiver *receiver, uint32_t n,
					       uint32_t all)
{
	if (n && all == n)
		receiver->trust = VLY_KERNEL_PATIENCE;
}

// Receives at most `limit` messages from a socket into the trains. Returns how many there were.
uint32_t vly_kernel_receive(struct vly_kernel_receiver *receiver, struct vly_kernel_socket *sock,
			    uint32_t limit, int flags, uint64_t now_ns);

// Receives one message; without MSG_DONTWAIT, waits for it as long as the socket says. False: there
// was none. Needs a message that is armed.
bool vly_kernel_receive_one(struct vly_kernel_receiver *receiver, struct vly_kernel_socket *sock,
			    int flags);

// Takes the first message, which has been received with `bytes`, into the trains. now_ns 0: the
// time is set at delivery.
void vly_kernel_receiver_take(struct vly_kernel_receiver *receiver, struct vly_kernel_socket *sock,
			      const struct msghdr *msg, uint32_t bytes, uint64_t now_ns);

// Messages that hold `wanted` datagrams, by those of late.
uint32_t vly_kernel_receive_limit(const struct vly_kernel_receiver *receiver, uint32_t wanted);

// What is there without waiting, from the only socket that is asked: for `wanted` datagrams, or
// more, as trains are not cut.
void vly_kernel_receive_some(struct vly_kernel_receiver *receiver, struct vly_kernel_socket *sock,
			     uint32_t wanted, uint64_t now_ns);

// -------------------------------------------------------------------------------------------------

// Asking for a second message costs a good part of a round trip when there is none. So we ask for
// one while they come one by one, and for twice as many whenever all came that we asked for; where
// that was in vain, only after a while again.
static inline void vly_kernel_receiver_adapt(struct vly_kernel_receiver *receiver, uint32_t asked,
					     uint32_t got)
{
	if (got < asked) {
		receiver->ask = got ? got : 1;
		if (asked > 1)
			receiver->patience = VLY_KERNEL_PATIENCE;
	} else if (receiver->patience) {
		// What was not there when we looked first is no second one.
		receiver->patience -= receiver->has_found;
	} else if (receiver->ask < VLY_KERNEL_MESSAGES) {
		receiver->ask *= 2;
	}
	receiver->has_found = got == asked;
}
