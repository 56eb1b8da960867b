// SPDX-License-Identifier: BSD-3-Clause
//
// A session is a tap from its first word to its last: it greets, is on, and leaves, which takes
// until the last I/O thread has seen that it does. Nothing here waits. Control thread.
#pragma once

#include <stdint.h>
#include <sys/socket.h>

#include "core/engine.h"
#include "tap/layout.h"

enum vly_session_phase {
	VLY_SESSION_FREE,
	VLY_SESSION_GREETS,
	VLY_SESSION_ON,
	VLY_SESSION_LEAVES,
};

struct vly_tap_session {
	enum vly_session_phase phase;
	int fd;
	uint64_t end_ns; // of the greeting
	uint8_t *memory;
	uint64_t bytes;
	struct ucred who;
};

struct vly_taps {
	int fd;
	struct vly_tap_session sessions[VLY_TAPS_MAX];
	struct vly_tap_watch *watches; // for each I/O thread
};

// Hears what it has to say, if anything, and lets it go once it may.
void vly_session_attend(struct vly_engine *engine, uint32_t index);

// Sends it away with the reason.
void vly_session_refuse(struct vly_tap_session *session, int status, const char *text);

// Closes and frees what it has. No I/O thread touches that any more.
void vly_session_end(struct vly_tap_session *session);
