// SPDX-License-Identifier: BSD-3-Clause
//
// What a frame backend's queue does with datagrams larger than a frame, and with frames that the
// device has not taken: apart from the bursts of queue.c, as none of it happens to most datagrams.
// All of it is for the queue's thread.
#pragma once

#include "core/port.h"

// The datagram that the last frame completed, to be delivered; or NULL when it ended in the stack,
// which is then counted.
struct vly_dgram *vly_queue_take_whole(struct vly_queue *queue, uint64_t now_ns);

// Sends the frames of what the stack's last verdict was VLY_STACK_SPLIT about, behind what is in
// the backlog (at most VLY_BURST_MAX). Returns whether the device has taken it all.
bool vly_queue_split(struct vly_queue *queue, struct vly_dgram *dgram, uint64_t now_ns);

// Gives the device what it did not take before. True when nothing is left.
bool vly_queue_flush_backlog(struct vly_queue *queue, uint64_t now_ns);

// Drops what the device never took.
void vly_queue_abandon_backlog(struct vly_queue *queue);

// Returns what lies in large buffers to the stack, the rest to the backend.
void vly_queue_return_mixed(struct vly_queue *queue, struct vly_dgram **dgrams, uint32_t count);

// Back to where they came from; nothing is counted.
static inline void vly_queue_give_back(struct vly_queue *queue, struct vly_dgram **dgrams,
				       uint32_t count)
{
	if (queue->stack && VLY_UNLIKELY(vly_stack_large_is_out(queue->stack)))
		vly_queue_return_mixed(queue, dgrams, count);
	else
		queue->backend->release_burst(queue->inner, dgrams, count);
}
