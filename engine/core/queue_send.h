// SPDX-License-Identifier: BSD-3-Clause
//
// What leaves a frame backend's queue: datagrams made frames, and what the device has not taken,
// which waits in the queue's backlog. For the queue's thread.
#pragma once

#include "core/port.h"
#include "core/queue_large.h"

// Sends datagrams, in order, as vly_tx_burst(); counts those that were made here. Returns how many
// it took.
uint32_t vly_queue_send(struct vly_queue *queue, struct vly_dgram **dgrams, uint32_t count,
			uint64_t now_ns);

// Gives frames to the device, or what it does not take to the backlog, which is empty.
void vly_queue_transmit(struct vly_queue *queue, struct vly_dgram **frames, uint32_t count,
			uint64_t now_ns);

// Drops a datagram that cannot be sent.
void vly_queue_refuse(struct vly_queue *queue, struct vly_dgram *dgram, enum vly_drop reason);

// Gives the device what it did not take before. True when nothing is left.
static inline bool vly_queue_is_flushed(struct vly_queue *queue, uint64_t now_ns)
{
	return VLY_LIKELY(!queue->backlog_count) || vly_queue_flush_backlog(queue, now_ns);
}
