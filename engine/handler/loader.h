// SPDX-License-Identifier: BSD-3-Clause
//
// From the text of -H to a handler that can be opened: built in by name, or a shared object by
// path. Control thread only.
#pragma once

#include <volley/handler.h>

struct vly_loaded_handler {
	const struct vly_handler_ops *ops;
	void *library; // of dlopen(3); NULL for a built-in one
	int file;      // what the library was loaded from, open as long as it; -1: nothing
	char *text;    // as given
	char *spec;    // our copy of the text; the values' texts point into it
	union vly_value values[VLY_KEYS_MAX];
	void *shared; // what the states of all workers have in common
};

// "NAME[,key=value...]" or "./FILE.so[,key=value...]" (a path has a slash). Returns 0, -ENOENT (no
// such handler or file), -EINVAL (not a handler, wrong ABI, bad keys) or -ENOMEM.
int vly_handler_load(struct vly_loaded_handler *handler, const char *spec, struct vly_error *error);

// The same of a handler that is at hand, with "key=value,key=value" or NULL.
int vly_handler_adopt(struct vly_loaded_handler *handler, const struct vly_handler_ops *ops,
		      const char *keys, struct vly_error *error);

void vly_handler_unload(struct vly_loaded_handler *handler);
