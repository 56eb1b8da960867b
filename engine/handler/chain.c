// SPDX-License-Identifier: BSD-3-Clause
#include "handler/chain.h"

#include <errno.h>
#include <string.h>

#include "core/clock.h"
#include "core/fail.h"

enum {
	FIRE_MAX = 1024, // timers in one go: then the wire is looked at again
};

static int open_link(struct vly_chain_link *link, const struct vly_handler_ops *ops,
		     const struct vly_handler_env *env, struct vly_error *error)
{
	int rc = vly_metrics_open(&link->metrics, ops->metrics, error);

	if (rc < 0)
		return rc;
	link->ops = ops;
	link->state = NULL;
	rc = ops->open ? ops->open(&link->state, env, error) : 0;
	if (rc < 0)
		vly_metrics_close(&link->metrics);
	return rc;
}

int vly_chain_open(struct vly_chain *chain, struct vly_loaded_handler *handlers,
		   uint32_t handler_count, const struct vly_handler_env *place,
		   struct vly_error *error)
{
	chain->burst.ops = &vly_chain_burst_ops;
	chain->burst.worker = place->worker;
	chain->alarm_ns = UINT64_MAX;
	vly_wheel_open(&chain->wheel);
	for (uint32_t i = 0; i < handler_count; i++) {
		const struct vly_handler_ops *ops = handlers[i].ops;
		struct vly_handler_env env = *place;
		struct vly_error inner = {""};
		int rc;

		env.values = handlers[i].values;
		env.shared = &handlers[i].shared;
		rc = open_link(&chain->links[i], ops, &env, &inner);

		if (rc < 0) {
			vly_chain_close(chain);
			return vly_fail(error, rc, "handler '%s': %.300s", ops->name, inner.text);
		}
		chain->has_tick |= ops->on_tick != NULL;
		chain->answer_links |= (uint32_t)(ops->on_answer != NULL) << i;
		chain->ended_links |= (uint32_t)(ops->on_ended != NULL) << i;
		chain->link_count++;
	}
	if (chain->has_tick)
		chain->alarm_ns = 0;
	vly_chain_enter(chain, 0);
	return 0;
}

void vly_chain_close(struct vly_chain *chain)
{
	while (chain->link_count > 0) {
		struct vly_chain_link *link = &chain->links[--chain->link_count];

		if (link->ops->close)
			link->ops->close(link->state);
		vly_metrics_close(&link->metrics);
	}
}

const struct vly_chain_link *vly_chain_find_metric(const struct vly_chain *chain, uint32_t *index)
{
	for (uint32_t i = 0; i < chain->link_count; i++) {
		if (*index < chain->links[i].metrics.count)
			return &chain->links[i];
		*index -= chain->links[i].metrics.count;
	}
	return NULL;
}

// --- a burst ------------------------------------------------------------------------------------

// On its way through the chain: `slots` keeps the order of arrival, `in` what the next handler
// gets, `origin` which slot each of those has, and `deciders` which handler decided about each
// slot.
struct passage {
	struct vly_dgram *slots[VLY_BURST_MAX];
	struct vly_dgram *in[VLY_BURST_MAX];
	uint8_t origin[VLY_BURST_MAX];
	uint8_t deciders[VLY_BURST_MAX];
	uint32_t in_count;
};

// Sorts out what one handler decided: kept ones leave their slot, passed ones go on.
static void sort_fates(struct vly_chain *chain, struct passage *passage, uint32_t index)
{
	uint32_t passed = 0;

	for (uint32_t i = 0; i < passage->in_count; i++) {
		struct vly_dgram *dgram = passage->in[i];
		uint8_t slot = passage->origin[i];

		if (dgram->fate == VLY_FATE_PASS) {
			dgram->fate = VLY_FATE_UNDECIDED;
			passage->in[passed] = dgram;
			passage->origin[passed++] = slot;
			continue;
		}
		passage->deciders[slot] = (uint8_t)index;
		if (VLY_UNLIKELY(!vly_chain_settle(chain, dgram)))
			passage->slots[slot] = NULL;
	}
	passage->in_count = passed;
}

uint64_t vly_chain_charge(struct vly_chain *chain, uint32_t index)
{
	uint64_t now_ns = vly_clock_ns();

	vly_meter_add(&chain->meters->meters[index], now_ns - chain->lap_ns,
		      chain->meters->budget_ns);
	return now_ns;
}

// The end of one handler is the start of the next: one clock read between two.
static void call_handler(struct vly_chain *chain, struct vly_chain_link *link)
{
	link->ops->on_burst(link->state, &chain->burst);
	if (VLY_UNLIKELY(chain->meters != NULL))
		chain->lap_ns = vly_chain_charge(chain, chain->current);
}

static bool all_have(struct vly_dgram *const *dgrams, uint32_t count, enum vly_fate fate)
{
	uint32_t other = 0;

	for (uint32_t i = 0; i < count; i++)
		other |= dgrams[i]->fate ^ (uint32_t)fate;
	return other == 0;
}

// One handler: nothing is passed on, so there is no passage to keep; and what most handlers do is
// answer all.
static void run_single(struct vly_chain *chain, struct vly_dgram **dgrams, uint32_t count)
{
	struct vly_outbox outbox;

	chain->burst.in = dgrams;
	chain->burst.count = count;
	call_handler(chain, &chain->links[0]);
	if (VLY_LIKELY(all_have(dgrams, count, VLY_FATE_REPLY))) {
		chain->ops->emit(chain->arg, dgrams, count, NULL, 0, chain->burst.now_ns);
		vly_chain_flush(chain);
		return;
	}
	outbox.tx_count = 0;
	outbox.ended_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (VLY_LIKELY(vly_chain_settle(chain, dgrams[i])))
			vly_outbox_put(&outbox, dgrams[i]);
	}
	vly_outbox_emit(chain, &outbox);
	vly_chain_flush(chain);
}

static void pass_on(struct vly_dgram *const *dgrams, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		dgrams[i]->fate = VLY_FATE_UNDECIDED;
}

static void run_several(struct vly_chain *chain, struct vly_dgram **dgrams, uint32_t count)
{
	struct passage passage;
	struct vly_outbox outbox;

	memcpy(passage.slots, dgrams, count * sizeof(dgrams[0]));
	memcpy(passage.in, dgrams, count * sizeof(dgrams[0]));
	for (uint32_t i = 0; i < count; i++)
		passage.origin[i] = (uint8_t)i;
	passage.in_count = count;
	for (uint32_t i = 0; i < chain->link_count && passage.in_count; i++) {
		chain->burst.in = passage.in;
		chain->burst.count = passage.in_count;
		call_handler(chain, vly_chain_enter(chain, i));
		if (VLY_LIKELY(all_have(passage.in, passage.in_count, VLY_FATE_PASS)))
			pass_on(passage.in, passage.in_count);
		else
			sort_fates(chain, &passage, i);
	}
	for (uint32_t i = 0; i < passage.in_count; i++) {
		passage.in[i]->fate = VLY_DROP_NO_HANDLER;
		passage.deciders[passage.origin[i]] = (uint8_t)chain->link_count;
	}
	if (chain->answer_links)
		vly_chain_answer(chain, passage.slots, passage.deciders, count);
	if (VLY_UNLIKELY(chain->ended_links))
		vly_chain_tell_ended(chain, passage.slots, passage.deciders, count);
	outbox.tx_count = 0;
	outbox.ended_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (passage.slots[i])
			vly_outbox_put(&outbox, passage.slots[i]);
	}
	vly_outbox_emit(chain, &outbox);
	vly_chain_flush(chain);
}

void vly_chain_run(struct vly_chain *chain, struct vly_dgram **dgrams, uint32_t count,
		   uint64_t now_ns)
{
	chain->burst.now_ns = now_ns;
	if (VLY_UNLIKELY(chain->meters != NULL))
		chain->lap_ns = vly_clock_ns();
	if (VLY_LIKELY(chain->link_count == 1))
		run_single(chain, dgrams, count);
	else
		run_several(chain, dgrams, count);
}

// --- what a handler does by itself --------------------------------------------------------------

static void begin_empty(struct vly_chain *chain, uint64_t now_ns)
{
	chain->burst.count = 0;
	chain->burst.now_ns = now_ns;
}

void vly_chain_start(struct vly_chain *chain, uint64_t now_ns)
{
	begin_empty(chain, now_ns);
	for (uint32_t i = 0; i < chain->link_count; i++) {
		struct vly_chain_link *link = vly_chain_enter(chain, i);

		if (link->ops->on_start)
			link->ops->on_start(link->state, &chain->burst);
	}
	vly_chain_flush(chain);
}

static void fire(struct vly_chain *chain, struct vly_timer *timer)
{
	struct vly_chain_link *link = vly_chain_enter(chain, timer->handler);
	uint64_t now_ns = chain->burst.now_ns;
	uint64_t period_ns = timer->period_ns;

	// From when it was due, so that it does not drift; but what is past is left out.
	if (period_ns) {
		uint64_t late_ns = (now_ns - timer->due_ns) % period_ns;

		vly_wheel_put(&chain->wheel, timer, now_ns - late_ns + period_ns, now_ns);
	}
	timer->fire(link->state, &chain->burst, timer);
}

static void tick(struct vly_chain *chain, uint64_t now_ns)
{
	for (uint32_t i = 0; i < chain->link_count; i++) {
		struct vly_chain_link *link = vly_chain_enter(chain, i);

		if (link->ops->on_tick)
			link->ops->on_tick(link->state, &chain->burst);
	}
	chain->tick_ns = now_ns + VLY_TICK_NS;
}

void vly_chain_alarm(struct vly_chain *chain, uint64_t now_ns)
{
	struct vly_timer *timer;

	begin_empty(chain, now_ns);
	vly_wheel_turn(&chain->wheel, now_ns);
	for (uint32_t i = 0; i < FIRE_MAX && (timer = vly_wheel_pop(&chain->wheel)) != NULL; i++)
		fire(chain, timer);
	if (chain->has_tick && now_ns >= chain->tick_ns)
		tick(chain, now_ns);
	vly_chain_flush(chain);
	chain->alarm_ns = vly_wheel_next_ns(&chain->wheel);
	if (chain->has_tick && chain->tick_ns < chain->alarm_ns)
		chain->alarm_ns = chain->tick_ns;
}

void vly_chain_drain(struct vly_chain *chain, uint64_t now_ns)
{
	begin_empty(chain, now_ns);
	for (uint32_t i = chain->link_count; i-- > 0;) {
		struct vly_chain_link *link = vly_chain_enter(chain, i);

		if (link->ops->on_drain)
			link->ops->on_drain(link->state, &chain->burst);
		vly_chain_flush(chain);
	}
}
