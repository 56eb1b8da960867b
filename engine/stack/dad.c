// SPDX-License-Identifier: BSD-3-Clause
//
// Whether our addresses are ours alone: probes before they are used (RFC 5227, section 2.1;
// RFC 4862, section 5.4), and what is done when another station claims one later (RFC 5227,
// section 2.4 b: say once more that it is ours, and go on).
#include "stack/state.h"

enum {
	PROBES = 3,               // PROBE_NUM of RFC 5227
	PROBE_PARTS = PROBES + 1, // of the time: a probe at the beginning of each but the last
	DEFEND_NS = 1000000000,   // times DEFEND_SECONDS, between two defences
	DEFEND_SECONDS = 10,      // DEFEND_INTERVAL of RFC 5227
};

void vly_dad_start(struct vly_stack *stack, uint64_t probe_ns)
{
	struct vly_dad *dad = &stack->dad;

	if (!probe_ns)
		return;
	dad->probe_ns = probe_ns;
	dad->filter4 = stack->local.filter4;
	dad->filter6 = stack->local.filter6;
	stack->local.tentative4 = stack->local.count4;
	stack->local.tentative6 = stack->local.count6;
	stack->local.count4 = 0;
	stack->local.count6 = 0;
	stack->local.filter4 = 0;
	stack->local.filter6 = 0;
}

bool vly_stack_is_probing(const struct vly_stack *stack)
{
	return stack->dad.probe_ns != 0;
}

// Nobody has objected: the addresses are ours.
static void finish(struct vly_stack *stack)
{
	struct vly_local *local = &stack->local;

	stack->dad.probe_ns = 0;
	local->count4 = local->tentative4;
	local->count6 = local->tentative6;
	local->filter4 = stack->dad.filter4;
	local->filter6 = stack->dad.filter6;
	local->tentative4 = 0;
	local->tentative6 = 0;
}

static bool probe_make(const struct vly_stack *stack, uint32_t at, struct vly_dgram *spare)
{
	const struct vly_local *local = &stack->local;

	if (at < local->tentative4)
		return vly_arp_probe(stack, spare, local->own4[at].ip);
	return vly_ndp_probe(stack, spare, (const uint8_t *)local->own6[at - local->tentative4].ip);
}

uint32_t vly_dad_poll(struct vly_stack *stack, struct vly_dgram **spare, uint32_t spare_count,
		      uint64_t now_ns, uint64_t *due_ns)
{
	struct vly_dad *dad = &stack->dad;
	uint32_t count = stack->local.tentative4 + stack->local.tentative6;
	uint64_t part_ns = dad->probe_ns / PROBE_PARTS;
	uint32_t used = 0;

	if (!dad->probe_ns)
		return 0;
	if (!dad->has_begun) {
		dad->has_begun = true;
		dad->start_ns = now_ns;
	}
	if (now_ns >= dad->start_ns + dad->probe_ns) {
		finish(stack);
		*due_ns = 0;
		return 0;
	}
	while (!stack->is_quiet && dad->round < PROBES && used < spare_count &&
	       now_ns >= dad->start_ns + dad->round * part_ns) {
		used += probe_make(stack, dad->at, spare[spare_count - used - 1]);
		if (++dad->at == count) {
			dad->at = 0;
			dad->round++;
		}
	}
	*due_ns = now_ns + part_ns / PROBE_PARTS;
	return used;
}

void vly_stack_contest(struct vly_stack *stack, const uint8_t *ip, const uint8_t *mac,
		       uint64_t now_ns)
{
	struct vly_dad *dad = &stack->dad;

	vly_stack_tell(stack, VLY_STACK_NEWS_CONFLICT, ip, mac);
	if (dad->probe_ns || now_ns < dad->defend_ns)
		return;
	dad->defend_ns = now_ns + (uint64_t)DEFEND_SECONDS * DEFEND_NS;
	stack->announced = 0;
	stack->due_ns = 0;
}
