// SPDX-License-Identifier: BSD-3-Clause
//
// The buffers of one queue of a kernel backend: one mapping, cut into blocks that each hold the
// largest UDP payload, with the datagrams' headers in front of it.
//
//     | header 127 ... header 1 | header 0 | name and control, 320 bytes | payload, 64 KiB |
//
// A block that received a train of segments (UDP_GRO) carries one header a segment, each pointing
// into the same payload, and goes back to the pool when the last of them is released. Memory is
// mapped, not touched: a block costs what was written into it, in pages. One thread, no locks.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <volley/dgram.h>
#include <volley/error.h>

enum vly_kernel_pool_limits {
	VLY_KERNEL_HEADERS = 128, // segments of one train: UDP_MAX_SEGMENTS since Linux 6.9
	VLY_KERNEL_LEAD_BYTES = 320,
	VLY_KERNEL_PAYLOAD_BYTES = 65536,
	VLY_KERNEL_PAYLOAD_OFFSET =
		VLY_KERNEL_HEADERS * VLY_CACHE_LINE_BYTES + VLY_KERNEL_LEAD_BYTES,
	// An odd number of cache lines, so that blocks do not all fall on the same cache sets.
	VLY_KERNEL_BLOCK_BYTES =
		VLY_KERNEL_PAYLOAD_OFFSET + VLY_KERNEL_PAYLOAD_BYTES + VLY_CACHE_LINE_BYTES,
	VLY_KERNEL_BLOCKS_MIN = 16,
	VLY_KERNEL_BLOCKS_DEFAULT = 1024,
	VLY_KERNEL_BLOCKS_MAX = 32768, // a provided buffer ring has no more entries
};

struct vly_kernel_pool {
	uint8_t *base;
	uint32_t *free; // a stack: the block released last is still in the cache
	uint16_t *refs; // datagrams of each block that are out
	uint32_t free_count;
	uint32_t count;
};

// Maps `count` blocks (0: the default; rounded into the limits). Returns 0 or -ENOMEM; close it
// in either case. The structure is zeroed before.
int vly_kernel_pool_open(struct vly_kernel_pool *pool, uint32_t count, struct vly_error *error);
void vly_kernel_pool_close(struct vly_kernel_pool *pool);

// As alloc_burst and release_burst of backend.h.
uint32_t vly_kernel_pool_alloc(struct vly_kernel_pool *pool, struct vly_dgram **dgrams,
			       uint32_t count);
void vly_kernel_pool_release(struct vly_kernel_pool *pool, struct vly_dgram **dgrams,
			     uint32_t count);

// The same for datagrams of one block, side by side in memory; all of them or, if the first and the
// last are not in one block, none: false.
bool vly_kernel_pool_release_train(struct vly_kernel_pool *pool, struct vly_dgram *const *dgrams,
				   uint32_t count);

// Keeps the block of a datagram from the pool until it is let go, whoever releases the datagram:
// the kernel still reads what lies in it. Returns the block.
uint32_t vly_kernel_pool_hold(struct vly_kernel_pool *pool, const struct vly_dgram *dgram);
void vly_kernel_pool_let_go(struct vly_kernel_pool *pool, uint32_t block);

// A block to receive into, which must be there (free_count), and its way back unused.
static inline uint32_t vly_kernel_pool_take(struct vly_kernel_pool *pool);
static inline void vly_kernel_pool_put(struct vly_kernel_pool *pool, uint32_t block);

// The block's payload; VLY_KERNEL_LEAD_BYTES before it are the receiver's own.
static inline uint8_t *vly_kernel_pool_payload(const struct vly_kernel_pool *pool, uint32_t block);

// Header `index` of a block.
static inline struct vly_dgram *vly_kernel_pool_header(const struct vly_kernel_pool *pool,
						       uint32_t block, uint32_t index);

// -------------------------------------------------------------------------------------------------

static inline uint32_t vly_kernel_pool_take(struct vly_kernel_pool *pool)
{
	return pool->free[--pool->free_count];
}

static inline void vly_kernel_pool_put(struct vly_kernel_pool *pool, uint32_t block)
{
	pool->free[pool->free_count++] = block;
}

static inline uint8_t *vly_kernel_pool_payload(const struct vly_kernel_pool *pool, uint32_t block)
{
	return pool->base + (uint64_t)block * VLY_KERNEL_BLOCK_BYTES + VLY_KERNEL_PAYLOAD_OFFSET;
}

static inline struct vly_dgram *vly_kernel_pool_header(const struct vly_kernel_pool *pool,
						       uint32_t block, uint32_t index)
{
	uint8_t *lead = vly_kernel_pool_payload(pool, block) - VLY_KERNEL_LEAD_BYTES;

	return (struct vly_dgram *)(void *)(lead - (uint64_t)(index + 1) * VLY_CACHE_LINE_BYTES);
}
