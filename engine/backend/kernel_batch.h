// SPDX-License-Identifier: BSD-3-Clause
//
// From datagrams to what the kernel sends. A batch is a burst, or several that were gathered
// (core/io_send.c): datagrams of one size from one endpoint to another become one message, which
// the kernel (or the NIC) cuts again (UDP_SEGMENT); others become a message each. Within a flow
// nothing is reordered: a datagram joins only the newest message of its flow, and messages leave in
// the order in which they were begun. Nothing is copied, and what lies side by side in memory
// becomes one piece.
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "backend/kernel_pool.h"
#include "backend/kernel_route.h"
#include "backend/kernel_socket.h"

enum vly_kernel_batch_limits {
	VLY_KERNEL_BATCH = 256,         // datagrams, and so messages, of one batch
	VLY_KERNEL_SEGMENTS = 64,       // of one message: what every kernel takes; a whole burst
	VLY_KERNEL_CONTROL_BYTES = 128, // address, hop limit, class and segment size
	VLY_KERNEL_SLOTS = 256,         // of the look-up from a flow to its newest message
	VLY_KERNEL_PATHS = 64,
};

// Where segmentation has failed before, and from which size on: a route over a device that cannot,
// or a smaller MTU. Kept while the port is open, forgotten when another address wants its place.
struct vly_kernel_path {
	uint8_t ip[16];
	uint16_t limit; // the largest size that may still be joined; 0: none
};

struct vly_kernel_paths {
	struct vly_kernel_path list[VLY_KERNEL_PATHS];
	bool is_used;
};

// One message.
struct vly_kernel_group {
	const struct vly_kernel_socket *sock;
	struct vly_kernel_route *route; // that it leaves by instead; NULL: none
	uint32_t bytes;
	uint16_t size;   // of each datagram but the last
	uint16_t limit;  // largest size that may be joined on this path
	uint16_t before; // 1 + the group that the look-up had in this one's place; 0: none
	uint16_t older;  // 1 + the message of the same flow before this one; 0: none
	uint8_t first;   // datagram of the batch; the others follow by next[]
	uint8_t last;
	uint8_t count;
	uint16_t rank;  // how many messages of its flow there are up to it
	bool is_closed; // its last datagram was a shorter one
	bool is_piece;  // its datagrams lie side by side
	bool is_plain;  // segmentation was refused: each by itself
	bool is_asked;  // the ring has been asked to send it, and has not told what became of it
	bool is_done;
};

struct vly_kernel_batch {
	struct vly_dgram *dgrams[VLY_KERNEL_BATCH];
	uint8_t next[VLY_KERNEL_BATCH];
	uint32_t count;
	struct vly_kernel_group groups[VLY_KERNEL_BATCH];
	uint32_t group_count;
	uint32_t done;     // groups before this one are done
	uint32_t depth;    // the most messages that a flow has: they must not overtake each other
	uint64_t since_ns; // when it was found that it cannot be sent yet
	uint32_t calm; // more gatherings that will not be asked for: the last one joined nothing
	uint16_t slots[VLY_KERNEL_SLOTS];
	struct mmsghdr msgs[VLY_KERNEL_BATCH];
	struct iovec iovs[VLY_KERNEL_BATCH];
	struct sockaddr_in6 names[VLY_KERNEL_BATCH];
	_Alignas(8) uint8_t control[VLY_KERNEL_BATCH][VLY_KERNEL_CONTROL_BYTES];
};

// The descriptor that a message is sent by.
static inline int vly_kernel_group_fd(const struct vly_kernel_group *group)
{
	return group->route ? group->route->fd : group->sock->fd;
}

// What sending needs to know of the queue.
struct vly_kernel_sender {
	const struct vly_kernel_sockets *sockets;
	struct vly_kernel_pool *pool;
	struct vly_ledger_block *ledger;
	struct vly_kernel_paths paths;
	struct vly_kernel_routes routes;
	bool gso;
	bool has_told; // that segmentation was refused somewhere
	struct vly_log log;
};

// Groups a burst of 1 to VLY_KERNEL_BATCH datagrams into an empty batch and writes its messages.
// What no socket can send is counted and released.
void vly_kernel_batch_fill(struct vly_kernel_batch *batch, struct vly_kernel_sender *sender,
			   struct vly_dgram **dgrams, uint32_t count);

// Writes, again, where a message goes and what its headers shall say: by its route or without.
void vly_kernel_batch_write(struct vly_kernel_batch *batch, uint32_t index);

// What became of a group: error is 0 or a negative errno. Counts it and marks it done; or marks it
// plain, to be sent again by vly_kernel_batch_send_plain(); or, when the queue is full, leaves it
// alone and returns false. A message that its route could not send leaves by its socket at once, by
// a system call.
bool vly_kernel_batch_settle(struct vly_kernel_batch *batch, struct vly_kernel_sender *sender,
			     uint32_t group, int error);

// Sends what is left of a plain group, one by one. False: the queue is full, and the rest is left.
bool vly_kernel_batch_send_plain(struct vly_kernel_batch *batch, struct vly_kernel_sender *sender,
				 uint32_t group);

// Sends what is left, in order, by plain calls. True: all; the batch is empty. False: the queue is
// full, and the rest is left.
bool vly_kernel_batch_push(struct vly_kernel_batch *batch, struct vly_kernel_sender *sender);

// Skips the groups that are done; releases all datagrams and empties the batch after the last one.
// Returns true then.
bool vly_kernel_batch_advance(struct vly_kernel_batch *batch, struct vly_kernel_sender *sender);

// The full queue's answer to the caller. Where the unsent datagrams are the last ones of the
// burst, gives them back: returns the number before them, and the batch is empty. Else keeps them
// for later and returns all.
uint32_t vly_kernel_batch_give_back(struct vly_kernel_batch *batch,
				    struct vly_kernel_sender *sender, uint64_t now_ns);

// Drops what is left as tx_full.
void vly_kernel_batch_abandon(struct vly_kernel_batch *batch, struct vly_kernel_sender *sender);

// How many datagrams, more than a burst, are best put into one batch where so many are there; 0:
// no more than a burst, as gathering has joined next to nothing of late, or the pool is too small
// to hold back so much of it.
uint32_t vly_kernel_batch_gather(struct vly_kernel_batch *batch,
				 const struct vly_kernel_sender *sender);

// Datagrams not yet sent.
uint32_t vly_kernel_batch_unsent(const struct vly_kernel_batch *batch);
