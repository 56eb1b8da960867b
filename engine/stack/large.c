// SPDX-License-Identifier: BSD-3-Clause
#include "stack/large.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int vly_large_open(struct vly_large *large, uint32_t count)
{
	large->base = aligned_alloc(VLY_CACHE_LINE_BYTES, (size_t)count * VLY_LARGE_STRIDE);
	large->free = malloc(count * sizeof(struct vly_dgram *));
	if (!large->base || !large->free) {
		vly_large_close(large);
		return -ENOMEM;
	}
	large->count = count;
	large->free_count = count;
	for (uint32_t i = 0; i < count; i++)
		large->free[i] =
			(struct vly_dgram *)(void *)(large->base +
						     (size_t)(count - 1 - i) * VLY_LARGE_STRIDE);
	return 0;
}

void vly_large_close(struct vly_large *large)
{
	free(large->base);
	free(large->free);
	memset(large, 0, sizeof(*large));
}

struct vly_dgram *vly_large_take(struct vly_large *large)
{
	struct vly_dgram *dgram;

	if (large->free_count == 0)
		return NULL;
	dgram = large->free[--large->free_count];
	memset(dgram, 0, sizeof(*dgram));
	dgram->data_offset = VLY_LARGE_DATA_OFFSET;
	dgram->capacity = VLY_DGRAM_BYTES_MAX;
	return dgram;
}

void vly_large_give(struct vly_large *large, struct vly_dgram *dgram)
{
	large->free[large->free_count++] = dgram;
}
