// SPDX-License-Identifier: BSD-3-Clause
#pragma once
// (contract to be written with the ring)
#include <stdbool.h>
#include <stdint.h>

#include <volley/error.h>

struct vly_ring;

int vly_ring_open(struct vly_ring **ring, uint32_t capacity, struct vly_error *error);
void vly_ring_close(struct vly_ring *ring);
static inline uint32_t vly_ring_push(struct vly_ring *ring, void *const *items, uint32_t count);
static inline uint32_t vly_ring_pop(struct vly_ring *ring, void **items, uint32_t count);
static inline uint32_t vly_ring_count(const struct vly_ring *ring);
static inline uint32_t vly_ring_capacity(const struct vly_ring *ring);
