// SPDX-License-Identifier: BSD-3-Clause
//
// What was learnt of destinations that segmentation does not work for.
#pragma once

#include <string.h>

#include "backend/kernel_batch.h"

static inline uint32_t vly_kernel_path_slot(const uint8_t *ip)
{
	uint64_t high;
	uint64_t low;

	memcpy(&high, ip, sizeof(high));
	memcpy(&low, ip + 8, sizeof(low));
	return (uint32_t)(((high ^ low) * UINT64_C(0x9e3779b97f4a7c15)) >> 58);
}

// The largest datagram that may be joined with others on the way to `ip`.
static inline uint16_t vly_kernel_path_limit(const struct vly_kernel_paths *paths,
					     const uint8_t *ip)
{
	const struct vly_kernel_path *path = &paths->list[vly_kernel_path_slot(ip)];

	if (!paths->is_used || memcmp(path->ip, ip, sizeof(path->ip)) != 0)
		return VLY_DGRAM_BYTES_MAX;
	return path->limit;
}

// Remembers that more than `limit` does not work.
static inline void vly_kernel_path_learn(struct vly_kernel_paths *paths, const uint8_t *ip,
					 uint16_t limit)
{
	struct vly_kernel_path *path = &paths->list[vly_kernel_path_slot(ip)];

	memcpy(path->ip, ip, sizeof(path->ip));
	path->limit = limit;
	paths->is_used = true;
}
