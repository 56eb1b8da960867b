// SPDX-License-Identifier: BSD-3-Clause
#include "handler/forward/plan.h"

#include <string.h>

#include "handler/forward/hash.h"

static uint64_t name_of(const struct vly_addr *addr)
{
	return vly_forward_hash(0, addr->ip, addr->port);
}

static uint8_t *find_slot(struct vly_plan *plan, const struct vly_addr *addr)
{
	uint32_t at = (uint32_t)name_of(addr) % VLY_PLAN_FINDS;

	while (plan->find[at] != VLY_MAGLEV_NONE &&
	       memcmp(&plan->addr[plan->find[at]], addr, sizeof(*addr)) != 0)
		at = (at + 1) % VLY_PLAN_FINDS;
	return &plan->find[at];
}

uint8_t vly_plan_find(const struct vly_plan *plan, const struct vly_addr *addr)
{
	uint32_t at = (uint32_t)name_of(addr) % VLY_PLAN_FINDS;

	while (plan->find[at] != VLY_MAGLEV_NONE &&
	       memcmp(&plan->addr[plan->find[at]], addr, sizeof(*addr)) != 0)
		at = (at + 1) % VLY_PLAN_FINDS;
	return plan->find[at];
}

static void put(struct vly_plan *plan, uint8_t index, const struct vly_forward_server *server)
{
	plan->addr[index] = server->addr;
	plan->weight[index] = server->weight;
	plan->state[index] = server->drains ? VLY_PLAN_DRAINS : VLY_PLAN_SERVES;
	*find_slot(plan, &server->addr) = index;
}

void vly_plan_make(struct vly_plan *plan, const struct vly_plan *before,
		   const struct vly_forward_servers *servers, uint64_t up)
{
	uint64_t placed = 0;
	uint64_t used = 0;

	memset(plan, 0, sizeof(*plan));
	memset(plan->find, VLY_MAGLEV_NONE, sizeof(plan->find));
	for (uint32_t i = 0; before && i < servers->count; i++) {
		uint8_t index = vly_plan_find(before, &servers->list[i].addr);

		if (index == VLY_MAGLEV_NONE)
			continue;
		put(plan, index, &servers->list[i]);
		placed |= UINT64_C(1) << i;
		used |= UINT64_C(1) << index;
	}
	for (uint32_t i = 0; i < servers->count; i++) {
		uint8_t index;

		if (placed >> i & 1)
			continue;
		index = (uint8_t)__builtin_ctzll(~used);
		put(plan, index, &servers->list[i]);
		used |= UINT64_C(1) << index;
	}
	vly_plan_deal(plan, up);
}

static uint32_t choose(const struct vly_plan *plan, uint64_t up, struct vly_maglev_server *chosen)
{
	uint32_t count = 0;

	for (uint8_t i = 0; i < VLY_MAGLEV_SERVERS_MAX; i++) {
		if (plan->state[i] != VLY_PLAN_SERVES || !(up >> i & 1))
			continue;
		chosen[count++] = (struct vly_maglev_server){
			.name = name_of(&plan->addr[i]),
			.weight = plan->weight[i],
			.index = i,
		};
	}
	return count;
}

// In the order of their names, which two machines agree on, whatever the numbers.
static void sort_by_name(struct vly_maglev_server *servers, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		struct vly_maglev_server server = servers[i];
		uint32_t at = i;

		for (; at > 0 && servers[at - 1].name > server.name; at--)
			servers[at] = servers[at - 1];
		servers[at] = server;
	}
}

void vly_plan_deal(struct vly_plan *plan, uint64_t up)
{
	struct vly_maglev_server chosen[VLY_MAGLEV_SERVERS_MAX];
	uint32_t count = choose(plan, up, chosen);

	plan->up = up;
	plan->usable = vly_plan_present(plan) & up;
	if (!count) {
		count = choose(plan, UINT64_MAX, chosen);
		plan->usable = vly_plan_present(plan);
	}
	sort_by_name(chosen, count);
	vly_maglev_fill(plan->places, chosen, count);
}

uint64_t vly_plan_present(const struct vly_plan *plan)
{
	uint64_t present = 0;

	for (uint32_t i = 0; i < VLY_MAGLEV_SERVERS_MAX; i++) {
		if (plan->state[i] != VLY_PLAN_ABSENT)
			present |= UINT64_C(1) << i;
	}
	return present;
}
