// SPDX-License-Identifier: BSD-3-Clause
//
// The exception path: what the stack has no use for goes to the kernel through a TAP device, and
// what the kernel sends there goes out on the wire. So a host whose one NIC is the engine's keeps
// its ssh, its ping and its DHCP.
//
//     I/O threads                            the exception's thread
//     hand    ── to_kernel ──►  write(2)     frames that are not ours
//     collect ◄──  to_io   ──   read(2)      the same back, empty; and the kernel's own
//     stock   ──   spare   ──►               empty buffers for the kernel's own (first queue)
//
// Each ring has one producer and one consumer. The I/O threads make no system call, but to wake the
// other thread when it sleeps and there is an exception: never for a datagram of ours.
#pragma once

#include <volley/ledger.h>
#include <volley/port.h>

#include "core/port.h"
#include "ring/spsc.h"

enum vly_exception_limits {
	VLY_EXCEPTION_OUT_MAX = 256, // frames of a queue that are with the kernel's side
	VLY_EXCEPTION_SPARES = 64,   // buffers kept ready for the kernel's frames
	VLY_EXCEPTION_BURST = 32,
};

// Of one queue.
struct vly_exception_lane {
	struct vly_exception *exception;
	struct vly_queue *queue;
	struct vly_ring *to_kernel;
	struct vly_ring *to_io;
	struct vly_ring *spare;
	uint32_t out;        // queue's thread: handed and not back yet
	uint32_t out_parts;  // of them: that count with a later one
	uint32_t spares;     // queue's thread: given and not back yet
	uint32_t spares_max; // 0: this queue does not send for the kernel
	bool has_lost_part;  // exception's thread: the rest of that datagram is of no use
};

// `text` is "tap:NAME". Makes the interface, with the port's addresses, starts the thread and gives
// each queue its lane.
// Returns 0, -EINVAL or as vly_exception_device_open(). Control thread.
int vly_exception_open(struct vly_exception **exception, const char *text,
		       const struct vly_link_info *link, const struct vly_port_config *config,
		       struct vly_queue *queues, uint32_t queue_count, struct vly_error *error);

// Ends the thread and the interface. The queues are silent; what is still in the rings is the
// backend's to free. NULL is allowed.
void vly_exception_close(struct vly_exception *self);

// Ends the thread's sleep, if it sleeps. Any thread.
void vly_exception_wake(struct vly_exception *self);

// Whether the kernel could have a use for a frame that the stack dropped for that reason. What is
// malformed or lies about its source it need not see.
bool vly_exception_wants(const struct vly_dgram *frame, enum vly_drop reason);

// Whether a later frame counts for it: it was made here, not received.
static inline bool vly_exception_is_part(const struct vly_dgram *frame)
{
	return frame->rx_ns == 0;
}

// --- of a queue; its thread ---------------------------------------------------------------------

// Hands frames over; it has a lane. What finds no room is dropped as kernel_full.
void vly_queue_hand(struct vly_queue *queue, struct vly_dgram **frames, uint32_t count);

// Hands over the frames of one datagram, which count as one: all of them or none. They were made
// here, but the last is to have the rx_ns of what was received.
void vly_queue_hand_parts(struct vly_queue *queue, struct vly_dgram **frames, uint32_t count);

// Takes back what the kernel has read, sends what it wrote, and keeps buffers ready.
void vly_queue_do_exchange(struct vly_queue *queue, uint64_t now_ns);

static inline void vly_queue_exchange(struct vly_queue *queue, uint64_t now_ns)
{
	if (VLY_UNLIKELY(queue->exception != NULL))
		vly_queue_do_exchange(queue, now_ns);
}

// Frames that are with the kernel's side.
static inline uint32_t vly_queue_out(const struct vly_queue *queue)
{
	return queue->exception ? queue->exception->out : 0;
}

// Counts what never came back as dropped, in the end.
void vly_queue_forsake(struct vly_queue *queue);
