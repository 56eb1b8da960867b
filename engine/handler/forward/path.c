// SPDX-License-Identifier: BSD-3-Clause
#include "handler/forward/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"

struct entry {
	struct vly_path_owner owner;
	bool is_there;
};

_Static_assert(sizeof(struct entry) <= VLY_PATH_WORDS * sizeof(uint64_t), "an entry fits");

void vly_path_set(struct vly_path *path, const struct vly_path_owner *owner)
{
	uint32_t version = atomic_load_explicit(&path->version, memory_order_relaxed);
	uint64_t words[VLY_PATH_WORDS] = {0};

	if (owner) {
		struct entry entry = {.owner = *owner, .is_there = true};

		memcpy(words, &entry, sizeof(entry));
	}
	// Whoever sees one of the words sees the odd number before it: a sequence lock.
	atomic_store_explicit(&path->version, version + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	for (uint32_t i = 0; i < VLY_PATH_WORDS; i++)
		atomic_store_explicit(&path->words[i], words[i], memory_order_relaxed);
	atomic_store_explicit(&path->answered_ns, 0, memory_order_relaxed);
	atomic_store_explicit(&path->version, version + 2, memory_order_release);
}

bool vly_path_get(const struct vly_path *path, struct vly_path_owner *owner)
{
	uint32_t version = atomic_load_explicit(&path->version, memory_order_acquire);
	uint64_t words[VLY_PATH_WORDS];
	struct entry entry;

	for (uint32_t i = 0; i < VLY_PATH_WORDS; i++)
		words[i] = atomic_load_explicit(&path->words[i], memory_order_relaxed);
	atomic_thread_fence(memory_order_acquire);
	if (version % 2 || atomic_load_explicit(&path->version, memory_order_relaxed) != version)
		return false;
	memcpy(&entry, words, sizeof(entry));
	*owner = entry.owner;
	return entry.is_there;
}

int vly_free_ports_open(struct vly_free_ports *ports, uint32_t first, uint32_t step, uint32_t end,
			struct vly_error *error)
{
	*ports = (struct vly_free_ports){.size = end > first ? (end - first - 1) / step + 1 : 0};
	ports->list = calloc(ports->size + 1, sizeof(ports->list[0]));
	if (!ports->list)
		return vly_fail(error, -ENOMEM, "out of memory");
	for (uint32_t port = first; port < end; port += step)
		ports->list[ports->count++] = (uint16_t)port;
	return 0;
}

void vly_free_ports_close(struct vly_free_ports *ports)
{
	free(ports->list);
	ports->list = NULL;
}

uint32_t vly_free_ports_take(struct vly_free_ports *ports)
{
	uint32_t port;

	if (!ports->count)
		return VLY_PATH_NONE;
	port = ports->list[ports->first];
	ports->first = (ports->first + 1) % ports->size;
	ports->count--;
	return port;
}

void vly_free_ports_put(struct vly_free_ports *ports, uint32_t port)
{
	ports->list[(ports->first + ports->count++) % ports->size] = (uint16_t)port;
}
