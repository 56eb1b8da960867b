// SPDX-License-Identifier: BSD-3-Clause
//
// The one error style of Volley: a function that can fail returns 0 (or a count) or a negative
// errno value, and writes one line to the caller's `struct vly_error` that names what is wrong and
// what to do about it. `error` may be NULL, for who does not want the line; where a call succeeds,
// it may have been written to all the same. Nothing in the library writes to stderr.
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

enum vly_error_limits {
	VLY_ERROR_BYTES = 384, // room for one line, with its terminating zero
};

struct vly_error {
	char text[VLY_ERROR_BYTES]; // one line, longer ones cut, no newline at the end
};

// Where the library puts its start-up lines ("software does checksums: ..."): one call a line, no
// newline at the end, on the thread that called the library. `line` may be NULL: nothing is said.
struct vly_log {
	void (*line)(void *arg, const char *text);
	void *arg;
};

#ifdef __cplusplus
}
#endif
