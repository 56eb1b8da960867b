// SPDX-License-Identifier: BSD-3-Clause
//
// Paths: the pairs of a server and a port of ours, each of which carries one client at a time, so
// that a server's answer tells whose it is by where it comes from and goes to. The worker whose
// client it is writes; the worker that happens to receive the answer reads. No lock: a reader that
// meets a writer finds no client there, as it would have a moment before or after.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <volley/addr.h>
#include <volley/error.h>

enum vly_path_shape {
	VLY_PATH_WORDS = 5,
};

struct vly_path {
	_Atomic uint64_t words[VLY_PATH_WORDS]; // the owner, and whether there is one
	_Atomic uint64_t answered_ns;           // when an answer last came by; 0: none has
	_Atomic uint32_t version;               // odd while it is being written
};

// Whose a path is.
struct vly_path_owner {
	struct vly_addr client;
	struct vly_addr local; // of ours, that the client speaks to
	uint8_t queue;         // that it comes by
};

// Gives the path to a client, or to nobody (NULL). The worker that owns the port.
void vly_path_set(struct vly_path *path, const struct vly_path_owner *owner);

// Whose it is; false: nobody's. Any worker.
bool vly_path_get(const struct vly_path *path, struct vly_path_owner *owner);

// One worker's ports towards one server that are free, the one that was freed first in front: a
// late answer to who had it before then finds nobody for as long as possible.
struct vly_free_ports {
	uint16_t *list;
	uint32_t size;
	uint32_t first;
	uint32_t count;
};

enum vly_path_limits {
	VLY_PATH_NONE = UINT32_MAX,
};

// All of the ports `first`, `first + step` and so on below `end`. Returns 0 or -ENOMEM.
int vly_free_ports_open(struct vly_free_ports *ports, uint32_t first, uint32_t step, uint32_t end,
			struct vly_error *error);
void vly_free_ports_close(struct vly_free_ports *ports);

// VLY_PATH_NONE: none is free.
uint32_t vly_free_ports_take(struct vly_free_ports *ports);
void vly_free_ports_put(struct vly_free_ports *ports, uint32_t port);
