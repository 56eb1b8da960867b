// SPDX-License-Identifier: BSD-3-Clause
//
// Taps: another process sees copies of what passes a running engine. The engine listens on a socket
// named after its process (abstract, so nothing is left behind however it ends); a tap that
// attaches gets memory of the engine's making, a ring for each queue, in which the I/O threads put
// copies and never wait: what finds no room is counted as missed. Who may attach: the user whose
// process the engine is, and root. While nobody does, an engine pays one branch a burst.
//
// What is shown, at the engine's edge:
//
//     VLY_TAP_IN     datagrams received, before any handler
//     VLY_TAP_OUT    datagrams given to the wire
//     VLY_TAP_DROP   what is dropped, with the reason; frames that are no datagram of ours are
//                    shown, too, if they are IP. What the NIC or the kernel lost nobody has seen
#pragma once

#include <stdint.h>

#include "addr.h"
#include "engine.h"
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vly_tap;

enum vly_tap_limits {
	VLY_TAPS_MAX = 4,                 // of one engine at a time
	VLY_TAP_BUFFER_DEFAULT = 4 << 20, // bytes of each queue's ring
	VLY_TAP_BUFFER_MIN = 256 << 10,
	VLY_TAP_BUFFER_MAX = 256 << 20,
	VLY_TAP_MEMORY_MAX = 1 << 30,   // of all rings of one tap
	VLY_TAP_READ_BYTES_MIN = 80000, // what one vly_tap_read() must have room for
};

enum vly_tap_point {
	VLY_TAP_IN = 1,
	VLY_TAP_OUT = 2,
	VLY_TAP_DROP = 4,
	VLY_TAP_ALL = 7,
};

struct vly_tap_config {
	struct vly_prefix prefix; // only what has an end in it; bits 0: any
	uint16_t port;            // only what has it at either end; 0: any
	uint32_t points;          // of enum vly_tap_point, added up; 0: all
	uint32_t snap_bytes;      // of each payload; 0: all of it
	uint32_t buffer_bytes;    // of each queue's ring, made a power of two; 0: the default
};

struct vly_tap_counts {
	uint64_t taken;    // put into the rings, by the engine
	uint64_t missed;   // passed while a ring was full
	uint64_t filtered; // of another prefix or port, or (dropped frames) no IP
	uint64_t read;     // by vly_tap_read()
};

// --- the engine's side: control thread -----------------------------------------------------------

// Lets others tap this engine from now on; vly_engine_poll() attends to them. Returns 0, or
// -EADDRINUSE (this process has another engine that can be tapped) or another negative errno.
int vly_engine_tap_listen(struct vly_engine *engine, struct vly_error *error);

// --- the other side: one thread for each tap -----------------------------------------------------

// Attaches to the engine of process `pid`, within a second or two. The caller owns the tap. Returns
// 0, -ESRCH (no such process, or none that can be tapped from here), -EACCES (not ours to tap),
// -EBUSY (VLY_TAPS_MAX are attached), -EPROTO (of another version), -EINVAL, -ENOMEM or -ETIMEDOUT.
int vly_tap_attach(struct vly_tap **tap, uint32_t pid, const struct vly_tap_config *config,
		   struct vly_error *error);

// Writes whole blocks of a pcapng file to `bytes`, in the order of time as far as that is known:
// first what a file begins with, then at most `packets` packets. Waits up to timeout_ns for the
// first. `size` is at least VLY_TAP_READ_BYTES_MIN. Returns the bytes written; 0 when the time is
// over; -EPIPE when the engine has ended, or let go, and all is read; -EBADMSG when what is in the
// rings is none of ours, which only a broken engine does.
int64_t vly_tap_read(struct vly_tap *tap, uint8_t *bytes, uint32_t size, uint32_t packets,
		     uint64_t timeout_ns);

// What the engine and vly_tap_read() have counted so far. The tap's thread.
void vly_tap_read_counts(const struct vly_tap *tap, struct vly_tap_counts *counts);

// Detaches; so does the end of the process, whichever way. NULL is allowed.
void vly_tap_detach(struct vly_tap *tap);

#ifdef __cplusplus
}
#endif
