// SPDX-License-Identifier: BSD-3-Clause
//
// A queue's pool of buffers. DPDK puts no buffer across two pages, as a device might meet other
// memory behind the first one's end. Of normal pages, each buffer so takes one whole, always from
// its first byte; all buffers' headers fall into the same few sets of a cache, and a burst of 32
// drives itself out of it. But no device reads such memory by physical addresses, so the pages are
// no matter, and the buffers lie one behind the other.
#include <rte_errno.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_memzone.h>

#include "backend/dpdk_private.h"

static void free_zone(struct rte_mempool_memhdr *chunk, void *zone)
{
	(void)chunk;
	rte_memzone_free(zone);
}

// All objects in one zone, without regard to pages. Returns whether there was memory.
static bool populate(struct rte_mempool *pool)
{
	char name[RTE_MEMZONE_NAMESIZE];
	const struct rte_memzone *zone;
	size_t least;
	size_t align;
	ssize_t bytes = rte_mempool_op_calc_mem_size_default(pool, pool->size, 0, &least, &align);

	if (bytes < 0)
		return false;
	snprintf(name, sizeof(name), "%.24s_all", pool->name);
	zone = rte_memzone_reserve_aligned(name, (size_t)bytes, pool->socket_id, 0,
					   (unsigned int)align);
	if (!zone)
		return false;
	if (rte_mempool_populate_iova(pool, zone->addr, zone->iova, zone->len, free_zone,
				      (void *)(uintptr_t)zone) == (int)pool->size)
		return true;
	if (pool->nb_mem_chunks == 0)
		rte_memzone_free(zone);
	return false;
}

static struct rte_mempool *make_packed(const char *name, const struct vly_dpdk_plan *plan,
				       uint32_t cache, int socket)
{
	struct rte_pktmbuf_pool_private room = {
		.mbuf_data_room_size = plan->data_room,
		.mbuf_priv_size = sizeof(struct vly_dgram),
	};
	uint32_t bytes =
		(uint32_t)(sizeof(struct rte_mbuf) + sizeof(struct vly_dgram)) + plan->data_room;
	struct rte_mempool *pool =
		rte_mempool_create_empty(name, plan->buffers, bytes, cache, sizeof(room), socket,
					 RTE_MEMPOOL_F_NO_IOVA_CONTIG);

	if (!pool)
		return NULL;
	if (rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), NULL))
		goto err_free;
	rte_pktmbuf_pool_init(pool, &room);
	if (!populate(pool))
		goto err_free;
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	return pool;

err_free:
	rte_mempool_free(pool);
	return NULL;
}

struct rte_mempool *vly_dpdk_pool(const char *name, const struct vly_dpdk_plan *plan, int socket)
{
	uint32_t cache = RTE_MIN((uint32_t)VLY_DPDK_CACHE, plan->buffers / 4);

	if (!rte_eal_has_hugepages() && rte_eal_iova_mode() == RTE_IOVA_VA)
		return make_packed(name, plan, cache, socket);
	return rte_pktmbuf_pool_create(name, plan->buffers, cache, sizeof(struct vly_dgram),
				       plan->data_room, socket);
}
