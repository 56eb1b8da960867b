// SPDX-License-Identifier: BSD-3-Clause
#include "backend/kernel_pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/fail.h"

static uint32_t clamp_count(uint32_t count)
{
	if (!count)
		return VLY_KERNEL_BLOCKS_DEFAULT;
	if (count < VLY_KERNEL_BLOCKS_MIN)
		return VLY_KERNEL_BLOCKS_MIN;
	return count < VLY_KERNEL_BLOCKS_MAX ? count : VLY_KERNEL_BLOCKS_MAX;
}

int vly_kernel_pool_open(struct vly_kernel_pool *pool, uint32_t count, struct vly_error *error)
{
	uint64_t bytes;
	void *base;

	count = clamp_count(count);
	bytes = (uint64_t)count * VLY_KERNEL_BLOCK_BYTES;
	pool->free = calloc(count, sizeof(pool->free[0]));
	pool->refs = calloc(count, sizeof(pool->refs[0]));
	if (!pool->free || !pool->refs)
		return vly_fail(error, -ENOMEM, "out of memory");
	base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return vly_fail(error, -ENOMEM,
				"%u buffers take %u MiB of address space, which there is not; "
				"give fewer buffers, or raise: ulimit -v",
				count, (uint32_t)(bytes >> 20));
	pool->base = base;
	pool->count = count;
	pool->free_count = count;
	for (uint32_t i = 0; i < count; i++)
		pool->free[i] = count - 1 - i;
	return 0;
}

void vly_kernel_pool_close(struct vly_kernel_pool *pool)
{
	if (pool->base)
		munmap(pool->base, (uint64_t)pool->count * VLY_KERNEL_BLOCK_BYTES);
	free(pool->free);
	free(pool->refs);
}

uint32_t vly_kernel_pool_alloc(struct vly_kernel_pool *pool, struct vly_dgram **dgrams,
			       uint32_t count)
{
	uint32_t n = count < pool->free_count ? count : pool->free_count;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t block = vly_kernel_pool_take(pool);
		struct vly_dgram *dgram = vly_kernel_pool_header(pool, block, 0);

		pool->refs[block] = 1;
		memset(dgram, 0, sizeof(*dgram));
		dgram->data_offset = VLY_CACHE_LINE_BYTES + VLY_KERNEL_LEAD_BYTES;
		dgram->capacity = VLY_DGRAM_BYTES_MAX;
		dgrams[i] = dgram;
	}
	return n;
}

static uint32_t block_of(const struct vly_kernel_pool *pool, const struct vly_dgram *dgram)
{
	return (uint32_t)((uint64_t)((const uint8_t *)dgram - pool->base) / VLY_KERNEL_BLOCK_BYTES);
}

static void give_up(struct vly_kernel_pool *pool, uint32_t block, uint32_t count)
{
	pool->refs[block] = (uint16_t)(pool->refs[block] - count);
	if (pool->refs[block] == 0)
		vly_kernel_pool_put(pool, block);
}

bool vly_kernel_pool_release_train(struct vly_kernel_pool *pool, struct vly_dgram *const *dgrams,
				   uint32_t count)
{
	uint32_t block = block_of(pool, dgrams[0]);

	if (block_of(pool, dgrams[count - 1]) != block)
		return false;
	give_up(pool, block, count);
	return true;
}

uint32_t vly_kernel_pool_hold(struct vly_kernel_pool *pool, const struct vly_dgram *dgram)
{
	uint32_t block = block_of(pool, dgram);

	pool->refs[block]++;
	return block;
}

void vly_kernel_pool_let_go(struct vly_kernel_pool *pool, uint32_t block)
{
	give_up(pool, block, 1);
}

void vly_kernel_pool_release(struct vly_kernel_pool *pool, struct vly_dgram **dgrams,
			     uint32_t count)
{
	// The datagrams of a train come together: one look-up of their block for all.
	for (uint32_t i = 0; i < count;) {
		uint32_t block = block_of(pool, dgrams[i]);
		const uint8_t *start = pool->base + (uint64_t)block * VLY_KERNEL_BLOCK_BYTES;
		uint32_t n = 1;

		while (i + n < count &&
		       (uint64_t)((uint8_t *)dgrams[i + n] - start) < VLY_KERNEL_BLOCK_BYTES)
			n++;
		i += n;
		give_up(pool, block, n);
	}
}
