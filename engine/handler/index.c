// SPDX-License-Identifier: BSD-3-Clause
#include "handler/index.h"

#include <errno.h>
#include <stdlib.h>

int vly_index_open(struct vly_index *index, uint32_t capacity)
{
	uint32_t size = 1;

	while (size < capacity)
		size *= 2;
	index->mask = size - 1;
	index->buckets = malloc(size * sizeof(index->buckets[0]));
	index->next = malloc((size_t)capacity * sizeof(index->next[0]));
	if (!index->buckets || !index->next) {
		vly_index_close(index);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < size; i++)
		index->buckets[i] = VLY_INDEX_END;
	return 0;
}

void vly_index_close(struct vly_index *index)
{
	free(index->buckets);
	free(index->next);
	index->buckets = NULL;
	index->next = NULL;
}

void vly_index_add(struct vly_index *index, uint64_t hash, uint32_t item)
{
	uint32_t *bucket = &index->buckets[hash & index->mask];

	index->next[item] = *bucket;
	*bucket = item;
}

void vly_index_remove(struct vly_index *index, uint64_t hash, uint32_t item)
{
	uint32_t *at = &index->buckets[hash & index->mask];

	while (*at != item)
		at = &index->next[*at];
	*at = index->next[item];
}
