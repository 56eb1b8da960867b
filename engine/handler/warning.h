// SPDX-License-Identifier: BSD-3-Clause
//
// What a handler has to tell the operator, on its way from the worker's thread to the control
// thread: one line at a time for each handler, and a count of those that came before it was
// fetched.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include <volley/error.h>

struct vly_warning {
	_Atomic uint64_t told; // worker: w, others: r; lines in all
	_Atomic uint32_t
		is_full; // worker: sets it, control: clears it, and the text is the other's
	char text[VLY_ERROR_BYTES];
	uint64_t said;    // control: of these, with those that were only counted
	uint64_t said_ns; // control: when the last line was
};

// Puts a line up, or counts it if the one before is still there. Worker thread.
void vly_warning_tell(struct vly_warning *warning, const char *text);

// The line that is there, or NULL; until it is taken away, which makes room for another. The thread
// that it is for.
const char *vly_warning_text(const struct vly_warning *warning);
void vly_warning_clear(struct vly_warning *warning);

// Says what is there through `log`, one line a second at most. Control thread.
void vly_warning_say(struct vly_warning *warning, const char *handler, const struct vly_log *log,
		     uint64_t now_ns);
