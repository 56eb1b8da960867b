// SPDX-License-Identifier: BSD-3-Clause
//
// What the stack does by time: announcing itself, asking for neighbours, and letting go of the
// datagrams that waited for them.
#include "stack/state.h"

enum {
	NO_SPARE_RETRY_NS = 1000000, // the pool was empty: look again soon, but not every turn
};

// One poll on its way: what it may use and what is left to do afterwards.
struct turn {
	struct vly_dgram **spare;
	uint32_t spare_count; // left; taken from the end
	uint64_t now_ns;
	uint64_t due_ns; // earliest thing that remains
	struct vly_stack_poll *out;
};

static void note_due(struct turn *turn, uint64_t due_ns)
{
	if (due_ns < turn->due_ns)
		turn->due_ns = due_ns;
}

static struct vly_dgram *next_spare(struct turn *turn)
{
	if (turn->spare_count > 0)
		return turn->spare[turn->spare_count - 1];
	note_due(turn, turn->now_ns + NO_SPARE_RETRY_NS);
	return NULL;
}

static void take_spare(struct turn *turn, bool is_made)
{
	if (is_made)
		turn->spare_count--;
}

static void announce(struct vly_stack *stack, struct turn *turn)
{
	const struct vly_local *local = &stack->local;

	for (; stack->announced < local->count4 + local->count6; stack->announced++) {
		uint32_t at = stack->announced;
		struct vly_dgram *spare = next_spare(turn);

		if (!spare)
			return;
		if (at < local->count4)
			take_spare(turn, vly_arp_announce(stack, spare, local->own4[at].ip));
		else
			take_spare(turn,
				   vly_ndp_announce(
					   stack, spare,
					   (const uint8_t *)local->own6[at - local->count4].ip));
	}
}

// Gives up what has waited too long for its fragments, and hands over what was lost.
static void forget_fragments(struct vly_stack *stack, struct turn *turn)
{
	struct vly_reassembly_table *table = stack->reassembly;
	struct vly_reassembly *entry;

	while ((entry = vly_reassembly_expired(table, turn->now_ns, &turn->due_ns))) {
		vly_stack_complain_late(stack, entry, turn->now_ns);
		vly_reassembly_end(table, &stack->large, entry, VLY_DROP_FRAGMENT_TIMEOUT);
	}
	memset(turn->out->lost, 0, sizeof(turn->out->lost));
	if (!table->has_lost)
		return;
	memcpy(turn->out->lost, table->lost, sizeof(turn->out->lost));
	memset(table->lost, 0, sizeof(table->lost));
	table->has_lost = false;
}

static void complain(struct vly_stack *stack, struct turn *turn)
{
	while (stack->complaint_count > 0) {
		struct vly_dgram *spare = next_spare(turn);

		if (!spare)
			return;
		take_spare(turn, vly_icmp_error(stack, spare,
						&stack->complaints[stack->complaint_first]));
		stack->complaint_first = (stack->complaint_first + 1) % VLY_COMPLAINTS_MAX;
		stack->complaint_count--;
	}
}

static void give_up(struct turn *turn, struct vly_dgram *dgram, enum vly_drop reason)
{
	dgram->fate = (uint8_t)reason;
	turn->out->refused[turn->out->refused_count++] = dgram;
}

// Lets go of what waits for the neighbour, as much as the lists take. True when nothing is left.
static bool let_go(struct vly_stack *stack, struct turn *turn, struct vly_neigh *neigh,
		   bool is_lost)
{
	while (neigh->held_count > 0) {
		enum vly_drop reason = VLY_DROP_TX_NO_NEIGHBOUR;
		enum vly_stack_output_verdict verdict = VLY_STACK_REFUSED;
		struct vly_dgram *dgram;

		if (turn->out->frame_count == VLY_STACK_POLL_MAX ||
		    turn->out->refused_count == VLY_STACK_POLL_MAX || turn->out->split) {
			note_due(turn, 0);
			return false;
		}
		dgram = vly_neigh_unhold(&stack->neighbours, neigh);
		if (!is_lost)
			verdict = vly_stack_output_held(stack, dgram, neigh, &reason);
		if (verdict == VLY_STACK_TRANSMIT)
			turn->out->frames[turn->out->frame_count++] = dgram;
		else if (verdict == VLY_STACK_SPLIT)
			turn->out->split = dgram; // the last one for now, so that order is kept
		else
			give_up(turn, dgram, reason);
	}
	return true;
}

static void ask(struct vly_stack *stack, struct turn *turn, struct vly_neigh *neigh)
{
	struct vly_dgram *spare = stack->asks_outside ? NULL : next_spare(turn);

	note_due(turn, neigh->give_up_ns);
	if (!spare && !stack->asks_outside)
		return;
	// The answer may come by another queue, which has to know that it is one.
	vly_stack_tell(stack, VLY_STACK_NEWS_ASKED, neigh->ip, NULL);
	if (spare)
		take_spare(turn, vly_ip_is4(neigh->ip) ? vly_arp_ask(stack, spare, neigh)
						       : vly_ndp_ask(stack, spare, neigh));
	neigh->retry_ns = turn->now_ns + VLY_NEIGH_RETRY_NS;
	note_due(turn, neigh->retry_ns);
}

// Returns true when table->asking[at] was settled, and another stands in its place.
static bool attend(struct vly_stack *stack, struct turn *turn, uint16_t at)
{
	struct vly_neigh_table *table = &stack->neighbours;
	struct vly_neigh *neigh = &table->entries[table->asking[at]];
	bool is_lost = neigh->state != VLY_NEIGH_RESOLVED && turn->now_ns >= neigh->give_up_ns;

	if (neigh->state == VLY_NEIGH_RESOLVED || is_lost) {
		if (!let_go(stack, turn, neigh, is_lost))
			return false;
		vly_neigh_settle(table, at, is_lost);
		return true;
	}
	if (turn->now_ns >= neigh->retry_ns)
		ask(stack, turn, neigh);
	else
		note_due(turn,
			 neigh->retry_ns < neigh->give_up_ns ? neigh->retry_ns : neigh->give_up_ns);
	return false;
}

uint32_t vly_stack_poll(struct vly_stack *stack, struct vly_dgram **spare, uint32_t spare_count,
			uint64_t now_ns, struct vly_stack_poll *out)
{
	struct turn turn = {
		.spare = spare,
		.spare_count = spare_count,
		.now_ns = now_ns,
		.due_ns = UINT64_MAX,
		.out = out,
	};
	uint16_t at = 0;

	out->frame_count = 0;
	out->refused_count = 0;
	out->split = NULL;
	turn.spare_count -= vly_dad_poll(stack, spare, spare_count, now_ns, &turn.due_ns);
	announce(stack, &turn);
	turn.spare_count -= vly_igmp_poll(stack, spare, turn.spare_count, now_ns, &turn.due_ns);
	while (at < stack->neighbours.asking_count)
		if (!attend(stack, &turn, at))
			at++;
	forget_fragments(stack, &turn);
	vly_path_expire(stack, now_ns, &turn.due_ns);
	complain(stack, &turn);
	stack->due_ns = turn.due_ns;
	return spare_count - turn.spare_count;
}

bool vly_stack_poll_is_due(const struct vly_stack *stack, uint64_t now_ns)
{
	return now_ns >= stack->due_ns;
}
