// SPDX-License-Identifier: BSD-3-Clause
//
// Fernet keys as people keep them: 44 characters of base64url each, as Fernet.generate_key() and
// `openssl rand -base64 32 | tr +/ -_` print them, in a file or in an environment variable.
#pragma once

#include "handler/fernet/token.h"

// A secret: wipe it.
struct vly_fernet_keys {
	struct vly_fernet_key keys[VLY_FERNET_KEYS_MAX];
	uint32_t count;
};

// One key a line; empty lines and those that begin with # are left out. Returns 0, -EINVAL (a line
// that is no key, named by its number and never shown; none, or too many), or what open(2) says.
int vly_fernet_keys_read(struct vly_fernet_keys *keys, const char *path, struct vly_error *error);

// The same from the environment variable `name`; spaces and commas separate keys, too. -ENOENT if
// there is none.
int vly_fernet_keys_getenv(struct vly_fernet_keys *keys, const char *name, struct vly_error *error);

void vly_fernet_keys_wipe(struct vly_fernet_keys *keys);
