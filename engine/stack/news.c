// SPDX-License-Identifier: BSD-3-Clause
//
// What a stack learns and wants to know, for the others that serve the same addresses, and what it
// is told by them.
#include <errno.h>

#include "stack/state.h"

// NULL when too many wait to be taken.
static struct vly_stack_news *add(struct vly_stack *stack, enum vly_stack_news_kind kind,
				  const uint8_t *ip)
{
	struct vly_stack_news *news;

	if (stack->news_count == VLY_STACK_NEWS_MAX)
		return NULL;
	stack->due_ns = 0;
	news = &stack->news[(stack->news_first + stack->news_count++) % VLY_STACK_NEWS_MAX];
	memset(news, 0, sizeof(*news));
	news->kind = (uint8_t)kind;
	memcpy(news->ip, ip, sizeof(news->ip));
	return news;
}

void vly_stack_tell(struct vly_stack *stack, enum vly_stack_news_kind kind, const uint8_t *ip,
		    const uint8_t *mac)
{
	struct vly_stack_news *news = add(stack, kind, ip);

	// Without room for it: who asks will ask again.
	if (news && mac)
		memcpy(news->mac, mac, sizeof(news->mac));
}

void vly_stack_tell_path(struct vly_stack *stack, const uint8_t *ip, uint32_t mtu)
{
	struct vly_stack_news *news = add(stack, VLY_STACK_NEWS_PATH, ip);

	// Without room for it: what is too big for the path is complained about each time.
	if (news)
		news->mtu = (uint16_t)mtu;
}

uint32_t vly_stack_news_take(struct vly_stack *stack, struct vly_stack_news *news, uint32_t max)
{
	uint32_t count = 0;

	while (count < max && stack->news_count > 0) {
		news[count++] = stack->news[stack->news_first];
		stack->news_first = (stack->news_first + 1) % VLY_STACK_NEWS_MAX;
		stack->news_count--;
	}
	return count;
}

void vly_stack_news_put(struct vly_stack *stack, const struct vly_stack_news *news, uint64_t now_ns)
{
	struct vly_neigh_news heard = {
		.is_answer = news->kind == VLY_STACK_NEWS_ANSWERED,
		.may_replace = true,
		.may_add = true,
		.is_told = true,
	};

	switch ((enum vly_stack_news_kind)news->kind) {
	case VLY_STACK_NEWS_ASKED:
		vly_neigh_expect(&stack->neighbours, news->ip, now_ns);
		return;
	case VLY_STACK_NEWS_ANSWERED:
	case VLY_STACK_NEWS_HEARD:
		memcpy(heard.ip, news->ip, sizeof(heard.ip));
		memcpy(heard.mac, news->mac, sizeof(heard.mac));
		if (vly_neigh_learn(&stack->neighbours, &heard, now_ns) >= VLY_NEIGH_WAITING)
			stack->due_ns = 0;
		return;
	case VLY_STACK_NEWS_CONFLICT:
		return;
	case VLY_STACK_NEWS_PATH:
		vly_path_learn(stack, news->ip, news->mtu, now_ns);
		return;
	case VLY_STACK_NEWS_GONE:
		vly_neigh_end(&stack->neighbours, news->ip);
		stack->due_ns = 0;
		return;
	}
}

bool vly_stack_learn(struct vly_stack *stack, const struct vly_neigh_news *news, uint64_t now_ns)
{
	int learned = vly_neigh_learn(&stack->neighbours, news, now_ns);

	if (learned < 0)
		return false;
	if (learned & VLY_NEIGH_WAITING)
		stack->due_ns = 0;
	if (learned & VLY_NEIGH_CHANGED)
		vly_stack_tell(stack,
			       news->is_answer ? VLY_STACK_NEWS_ANSWERED : VLY_STACK_NEWS_HEARD,
			       news->ip, news->mac);
	return true;
}

int vly_stack_set_routes(struct vly_stack *stack, const struct vly_route *routes, uint32_t count,
			 struct vly_error *error)
{
	return vly_local_set_routes(&stack->local, routes, count, error);
}

void vly_stack_follow(struct vly_stack *stack, const struct vly_prefix *addrs, uint32_t addr_count,
		      const struct vly_route *routes, uint32_t route_count)
{
	vly_local_set_addrs(&stack->local, addrs, addr_count);
	vly_local_follow(&stack->local, routes, route_count);
	stack->announced = stack->local.count4 + stack->local.count6;
}
