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
	VLY_KEYS_MAX = 32, // keys of one table
};

// One row of a table; the table ends with a row whose name is NULL.
struct vly_key {
	const char *name;
	enum vly_key_type type;
	const char *preset; // the value if not given, as text; NULL: must be given
	uint64_t min;       // for the number types; ignored when max is 0
	uint64_t max;
	const char *summary; // one clause for the help
};

union vly_value {
	const char *text; // points into the words given
	uint64_t number;  // also bytes and nanoseconds
	bool on;
};

// Fills values[i] for keys[i] from `words` ("key=value" or "key"), presets first. `values` holds
// one element a key. Returns 0, or -EINVAL for an unknown key (the line lists the known ones), a
// value of the wrong type or out of range, a key given twice, or a missing one. Any thread.
int vly_keys_parse(const struct vly_key *keys, const char *const *words, uint32_t word_count,
		   union vly_value *values, struct vly_error *error);

#ifdef __cplusplus
}
#endif
