// SPDX-License-Identifier: BSD-3-Clause
//
// Keys: the typed `key=value` arguments of handlers (`-H echo,key=value`) and of backends
// (`-o key=value`). Declared once in a const table, checked and documented from it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

enum vly_key_type {
	VLY_KEY_TEXT = 0,     // any text
	VLY_KEY_NUMBER = 1,   // decimal, with an optional k, M or G (powers of 1000)
	VLY_KEY_BYTES = 2,    // decimal, with an optional k, M or G (powers of 1024)
	VLY_KEY_SWITCH = 3,   // on or off; the key alone means on
	VLY_KEY_DURATION = 4, // a number and ns, us, ms, s, m or h; the value is in nanoseconds
};

enum vly_key_limits {
	VLY_KEYS_MAX = 32, // rows of a table; further ones are not looked at
};

// One row of a table; the table ends with a row whose name is NULL.
struct vly_key {
	const char *name;
	enum vly_key_type type;
	const char *preset;  // the value if not given, as text; NULL: must be given
	uint64_t min;        // of a number, of bytes, or of nanoseconds; the smallest that is taken
	uint64_t max;        // the largest; 0: any value is taken
	const char *summary; // one clause for the help
};

union vly_value {
	const char *text; // points into the words given, or to the row's preset
	uint64_t number;  // also bytes and nanoseconds
	bool on;
};

// Fills values[i] for keys[i] from `words` ("key=value", or "key" for a switch), and from the
// presets where no word says otherwise. `values` holds one element a key; `keys` NULL is a table
// without rows. Texts stay the caller's, and are pointed to. Returns 0, or -EINVAL with a line in
// `error`, which may be NULL: an unknown key (the known ones are listed), a value of the wrong type
// or out of range, a key given twice, or a missing one. Any thread.
int vly_keys_parse(const struct vly_key *keys, const char *const *words, uint32_t word_count,
		   union vly_value *values, struct vly_error *error);

#ifdef __cplusplus
}
#endif
