// SPDX-License-Identifier: BSD-3-Clause
//
// What leaves a chain: the calls of struct vly_burst_ops, and the way out through on_answer.
#include <string.h>

#include "core/clock.h"
#include "handler/chain.h"

static struct vly_chain *chain_of(struct vly_burst *burst)
{
	return (struct vly_chain *)burst;
}

// --- the way out --------------------------------------------------------------------------------

// The time is not charged to the handler within whose call this may be.
static void call_on_answer(struct vly_chain *chain, uint32_t index)
{
	struct vly_chain_link *link = vly_chain_enter(chain, index);
	uint64_t outer_ns = chain->lap_ns;
	uint64_t start_ns;

	if (VLY_LIKELY(!chain->meters)) {
		link->ops->on_answer(link->state, &chain->burst);
		return;
	}
	start_ns = vly_clock_ns();
	chain->lap_ns = start_ns;
	link->ops->on_answer(link->state, &chain->burst);
	chain->lap_ns = outer_ns + (vly_chain_charge(chain, index) - start_ns);
}

static void answer_at(struct vly_chain *chain, uint32_t index, struct vly_dgram **dgrams,
		      const uint8_t *senders, uint32_t count)
{
	struct vly_dgram *in[VLY_BURST_MAX];
	uint8_t slots[VLY_BURST_MAX];
	uint32_t in_count = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (!dgrams[i] || senders[i] <= index || !vly_is_to_send(dgrams[i]))
			continue;
		in[in_count] = dgrams[i];
		slots[in_count++] = (uint8_t)i;
	}
	if (!in_count)
		return;
	chain->burst.in = in;
	chain->burst.count = in_count;
	call_on_answer(chain, index);
	for (uint32_t i = 0; i < in_count; i++) {
		if (!vly_chain_settle(chain, in[i]))
			dgrams[slots[i]] = NULL;
	}
}

// It may be within a handler's call, one that has filled the list of what is sent beside the burst:
// that handler finds everything as it was.
void vly_chain_answer(struct vly_chain *chain, struct vly_dgram **dgrams, const uint8_t *senders,
		      uint32_t count)
{
	struct vly_dgram *const *in = chain->burst.in;
	uint32_t in_count = chain->burst.count;
	uint32_t current = chain->current;
	uint32_t links = chain->answer_links;

	while (links) {
		uint32_t index = 31 - (uint32_t)__builtin_clz(links);

		answer_at(chain, index, dgrams, senders, count);
		links &= ~(1u << index);
	}
	chain->burst.in = in;
	chain->burst.count = in_count;
	vly_chain_enter(chain, current);
}

static void tell_ended_at(struct vly_chain *chain, uint32_t index, struct vly_dgram *const *dgrams,
			  const uint8_t *deciders, uint32_t count)
{
	struct vly_dgram *in[VLY_BURST_MAX];
	const struct vly_chain_link *link;
	uint32_t in_count = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (dgrams[i] && deciders[i] > index && !vly_is_to_send(dgrams[i]))
			in[in_count++] = dgrams[i];
	}
	if (!in_count)
		return;
	link = vly_chain_enter(chain, index);
	chain->burst.in = in;
	chain->burst.count = in_count;
	link->ops->on_ended(link->state, &chain->burst);
}

// As vly_chain_answer(), it may be within a handler's call.
void vly_chain_tell_ended(struct vly_chain *chain, struct vly_dgram *const *dgrams,
			  const uint8_t *deciders, uint32_t count)
{
	struct vly_dgram *const *in = chain->burst.in;
	uint32_t in_count = chain->burst.count;
	uint32_t current = chain->current;

	for (uint32_t i = 0; i < chain->link_count; i++) {
		if (chain->ended_links >> i & 1)
			tell_ended_at(chain, i, dgrams, deciders, count);
	}
	chain->burst.in = in;
	chain->burst.count = in_count;
	vly_chain_enter(chain, current);
}

// Once: what an on_answer sends in the meantime is left for the next time.
static void flush_once(struct vly_chain *chain)
{
	struct vly_dgram *tx[VLY_BURST_MAX];
	uint8_t from[VLY_BURST_MAX];
	struct vly_outbox outbox;
	uint32_t tx_count = chain->extra_tx_count;
	uint32_t ended_count = chain->extra_ended_count;

	chain->extra_tx_count = 0;
	chain->extra_ended_count = 0;
	if (VLY_LIKELY(!chain->answer_links)) {
		chain->ops->emit(chain->arg, chain->extra_tx, tx_count, chain->extra_ended,
				 ended_count, chain->burst.now_ns);
		return;
	}
	memcpy(tx, chain->extra_tx, tx_count * sizeof(tx[0]));
	memcpy(from, chain->extra_from, tx_count * sizeof(from[0]));
	if (ended_count)
		chain->ops->emit(chain->arg, NULL, 0, chain->extra_ended, ended_count,
				 chain->burst.now_ns);
	vly_chain_answer(chain, tx, from, tx_count);
	if (VLY_UNLIKELY(chain->ended_links))
		vly_chain_tell_ended(chain, tx, from, tx_count);
	outbox.tx_count = 0;
	outbox.ended_count = 0;
	for (uint32_t i = 0; i < tx_count; i++) {
		if (tx[i])
			vly_outbox_put(&outbox, tx[i]);
	}
	vly_outbox_emit(chain, &outbox);
}

// It ends: what an on_answer sends is shown to handlers before it only.
void vly_chain_flush(struct vly_chain *chain)
{
	while (VLY_UNLIKELY(chain->extra_tx_count || chain->extra_ended_count))
		flush_once(chain);
}

// --- what a handler may call --------------------------------------------------------------------

static uint32_t hold(struct vly_dgram **dgrams, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		dgrams[i]->fate = VLY_FATE_HELD;
	return count;
}

static uint32_t burst_alloc(struct vly_burst *burst, struct vly_dgram **dgrams, uint32_t count)
{
	struct vly_chain *chain = chain_of(burst);

	count = count < VLY_BURST_MAX ? count : VLY_BURST_MAX;
	return hold(dgrams, chain->ops->alloc(chain->arg, dgrams, count));
}

static uint32_t burst_alloc_at(struct vly_burst *burst, uint8_t queue, struct vly_dgram **dgrams,
			       uint32_t count)
{
	struct vly_chain *chain = chain_of(burst);

	if (!chain->ops->alloc_at)
		return queue == burst->worker ? burst_alloc(burst, dgrams, count) : 0;
	if (count > VLY_BURST_MAX)
		count = VLY_BURST_MAX;
	return hold(dgrams, chain->ops->alloc_at(chain->arg, queue, dgrams, count));
}

static uint32_t burst_alloc_large(struct vly_burst *burst, struct vly_dgram **dgrams,
				  uint32_t count)
{
	struct vly_chain *chain = chain_of(burst);

	count = count < VLY_BURST_MAX ? count : VLY_BURST_MAX;
	return hold(dgrams, chain->ops->alloc_large(chain->arg, dgrams, count));
}

static void burst_send(struct vly_burst *burst, struct vly_dgram *dgram)
{
	struct vly_chain *chain = chain_of(burst);

	if (dgram->fate != VLY_FATE_HELD) { // of the present burst: decided when on_burst returns
		dgram->fate = VLY_FATE_SEND;
		return;
	}
	dgram->fate = VLY_FATE_SEND;
	chain->held -= dgram->rx_ns != 0;
	chain->extra_from[chain->extra_tx_count] = (uint8_t)chain->current;
	chain->extra_tx[chain->extra_tx_count++] = dgram;
	if (chain->extra_tx_count == VLY_BURST_MAX)
		flush_once(chain);
}

static void burst_release(struct vly_burst *burst, struct vly_dgram *dgram)
{
	struct vly_chain *chain = chain_of(burst);

	if (dgram->fate != VLY_FATE_HELD) {
		dgram->fate = VLY_FATE_RELEASE;
		return;
	}
	dgram->fate = VLY_FATE_RELEASE;
	chain->held -= dgram->rx_ns != 0;
	chain->extra_ended[chain->extra_ended_count++] = dgram;
	if (chain->extra_ended_count == VLY_BURST_MAX)
		flush_once(chain);
}

static void burst_timer_start(struct vly_burst *burst, struct vly_timer *timer, uint64_t after_ns,
			      uint64_t period_ns)
{
	struct vly_chain *chain = chain_of(burst);
	uint64_t due_ns = burst->now_ns + after_ns;
	uint64_t next_ns;

	if (due_ns < after_ns)
		due_ns = UINT64_MAX;
	if (period_ns && period_ns < VLY_TICK_NS)
		period_ns = VLY_TICK_NS;
	timer->period_ns = period_ns;
	timer->handler = (uint8_t)chain->current;
	if (timer->link)
		vly_wheel_move(&chain->wheel, timer, due_ns, burst->now_ns);
	else
		vly_wheel_put(&chain->wheel, timer, due_ns, burst->now_ns);
	next_ns = vly_wheel_next_ns(&chain->wheel);
	if (next_ns < chain->alarm_ns)
		chain->alarm_ns = next_ns;
}

static void burst_timer_stop(struct vly_burst *burst, struct vly_timer *timer)
{
	vly_wheel_take(&chain_of(burst)->wheel, timer);
}

static void burst_metric_record(struct vly_burst *burst, uint32_t index, uint64_t value)
{
	struct vly_chain *chain = chain_of(burst);

	vly_metrics_record(&chain->links[chain->current].metrics, index, value);
}

static const char *burst_identity(struct vly_burst *burst, const struct vly_dgram *dgram)
{
	struct vly_chain *chain = chain_of(burst);
	const char *name = NULL;

	for (uint32_t i = chain->current; i-- > 0 && !name;) {
		if (chain->links[i].ops->identity)
			name = chain->links[i].ops->identity(chain->links[i].state, dgram);
	}
	return name;
}

static void burst_warn(struct vly_burst *burst, const char *text)
{
	struct vly_chain *chain = chain_of(burst);

	vly_warning_tell(&chain->links[chain->current].warning, text);
}

const struct vly_burst_ops vly_chain_burst_ops = {
	.alloc = burst_alloc,
	.alloc_large = burst_alloc_large,
	.alloc_at = burst_alloc_at,
	.send = burst_send,
	.release = burst_release,
	.timer_start = burst_timer_start,
	.timer_stop = burst_timer_stop,
	.metric_record = burst_metric_record,
	.identity = burst_identity,
	.warn = burst_warn,
};
