// SPDX-License-Identifier: BSD-3-Clause
//
// The lists of who may talk and who may not, as files of prefixes.
#pragma once

#include <volley/error.h>

#include "handler/auth/prefixes.h"

enum vly_list_value {
	VLY_LIST_NONE = 0,
	VLY_LIST_ALLOW = 1,
	VLY_LIST_DENY = 2, // of two equal prefixes this one counts
};

// Reads both files, either of which may be empty (""): a prefix or an address a line, up to the
// first blank; empty lines and what follows # are left out. *count is how many there were. Returns
// 0, -EINVAL (a line that is none, by its number), -E2BIG, -ENOMEM, or what open(2) says.
int vly_lists_open(struct vly_prefixes **prefixes, const char *allow, const char *deny,
		   uint32_t *count, struct vly_error *error);
