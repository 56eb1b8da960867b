// SPDX-License-Identifier: BSD-3-Clause
//
// Between a queue's stack and a backend whose kernel has the addresses: what the kernel knows goes
// to the stack, and what the stack asks for to the kernel.
#include <string.h>

#include "core/port.h"

static void put_neighbour(struct vly_queue *queue, const struct vly_link_neighbour *neighbour,
			  uint64_t now_ns)
{
	struct vly_stack_news news = {
		.kind = neighbour->is_lost ? VLY_STACK_NEWS_GONE : VLY_STACK_NEWS_ANSWERED,
	};

	memcpy(news.ip, neighbour->who.ip, sizeof(news.ip));
	memcpy(news.mac, neighbour->who.mac, sizeof(news.mac));
	vly_stack_news_put(queue->stack, &news, now_ns);
}

void vly_queue_hear(struct vly_queue *queue, uint64_t now_ns)
{
	// Before the news: what comes meanwhile raises it again.
	uint32_t version = atomic_load_explicit(queue->news_version, memory_order_acquire);
	struct vly_link_news news;

	do {
		if (!queue->backend->news(queue->inner, &news))
			return;
		if (news.has_ways)
			vly_stack_follow(queue->stack, news.addrs, news.addr_count, news.routes,
					 news.route_count);
		for (uint32_t i = 0; i < news.neighbour_count; i++)
			put_neighbour(queue, &news.neighbours[i], now_ns);
	} while (!news.is_all);
	queue->news_seen = version;
}

bool vly_queue_seeks(struct vly_queue *queue, const struct vly_stack_news *news)
{
	if (!queue->news_version || news->kind == VLY_STACK_NEWS_PATH)
		return false;
	if (news->kind == VLY_STACK_NEWS_ASKED)
		queue->backend->seek(queue->inner, news->ip);
	return true;
}
