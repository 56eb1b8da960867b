// SPDX-License-Identifier: BSD-3-Clause
//
// A hash index over somebody else's array: it knows items by their number in that array, and keeps
// those of one hash in a chain. The array's owner compares; the index allocates once, when opened.
//
//     for (i = vly_index_first(index, hash); i != VLY_INDEX_END; i = vly_index_next(index, i))
//             if (is_it(&array[i]))
//                     ...
//
// Keys that strangers choose want a keyed hash (siphash.h). One thread.
#pragma once

#include <stdint.h>

enum vly_index_value {
	VLY_INDEX_END = 0x7fffffff, // no item has this number
};

struct vly_index {
	uint32_t *buckets; // the first item of each
	uint32_t *next;    // by item
	uint32_t mask;
};

// For items 0 .. capacity - 1. Returns 0 or -ENOMEM.
int vly_index_open(struct vly_index *index, uint32_t capacity);
void vly_index_close(struct vly_index *index);

void vly_index_add(struct vly_index *index, uint64_t hash, uint32_t item);

// The item must be there, under that hash.
void vly_index_remove(struct vly_index *index, uint64_t hash, uint32_t item);

// The items whose hash falls into the same bucket, one after the other.
static inline uint32_t vly_index_first(const struct vly_index *index, uint64_t hash)
{
	return index->buckets[hash & index->mask];
}

static inline uint32_t vly_index_next(const struct vly_index *index, uint32_t item)
{
	return index->next[item];
}
