// SPDX-License-Identifier: BSD-3-Clause
#include "handler/forward/health.h"

#include <string.h>

void vly_health_init(struct vly_health *health, uint32_t fall, uint32_t rise, const char *payload)
{
	*health = (struct vly_health){
		.up = UINT64_MAX,
		.fall = fall,
		.rise = rise,
		.payload = payload,
	};
}

static bool has_answered(struct vly_forward *forward, uint32_t index, uint64_t asked_ns)
{
	return atomic_load_explicit(&forward->answered_ns[index], memory_order_relaxed) >= asked_ns;
}

static void judge(struct vly_health *health, struct vly_forward *forward, uint32_t index,
		  const struct vly_addr *addr)
{
	struct vly_health_server *server = &health->servers[index];
	uint64_t bit = UINT64_C(1) << index;

	if (memcmp(&server->addr, addr, sizeof(*addr)) != 0) { // another one has this number now
		*server = (struct vly_health_server){.addr = *addr};
		health->up |= bit;
		return;
	}
	if (!server->asked_ns)
		return;
	if (has_answered(forward, index, server->asked_ns)) {
		server->failed = 0;
		if (++server->answered >= health->rise)
			health->up |= bit;
		return;
	}
	health->lost++;
	server->answered = 0;
	if (++server->failed >= health->fall)
		health->up &= ~bit;
}

static void ask(struct vly_health *health, const struct vly_forward *forward, uint32_t index,
		struct vly_burst *burst, uint8_t queue)
{
	struct vly_health_server *server = &health->servers[index];
	size_t len = strlen(health->payload);
	struct vly_dgram *dgram;

	server->asked_ns = 0; // who could not be asked is not judged
	if (!vly_alloc_at(burst, queue, &dgram, 1))
		return;
	if (len > dgram->capacity)
		len = dgram->capacity;
	memcpy(vly_dgram_data(dgram), health->payload, len);
	dgram->len = (uint16_t)len;
	dgram->peer = server->addr;
	dgram->local = forward->via;
	vly_send(burst, dgram);
	server->asked_ns = burst->now_ns;
	health->asked++;
}

bool vly_health_check(struct vly_health *health, struct vly_forward *forward,
		      const struct vly_plan *plan, struct vly_burst *burst, uint8_t queue)
{
	uint64_t before = health->up;

	for (uint32_t i = 0; i < VLY_MAGLEV_SERVERS_MAX; i++) {
		if (plan->state[i] == VLY_PLAN_ABSENT)
			continue;
		judge(health, forward, i, &plan->addr[i]);
		ask(health, forward, i, burst, queue);
	}
	return health->up != before;
}
