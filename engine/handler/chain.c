// SPDX-License-Identifier: BSD-3-Clause
#include "handler/chain.h"

#include <errno.h>
#include <string.h>

#include "core/clock.h"
#include "core/compiler.h"
#include "core/fail.h"

enum {
	// After on_burst a kept datagram is marked so, and so is an allocated one: vly_send() and
	// vly_release() tell by it what is with a handler from what is still in the burst.
	FATE_HELD = 0xf8,
};

static struct vly_chain *chain_of(struct vly_burst *burst)
{
	return (struct vly_chain *)burst;
}

static void flush_extra(struct vly_chain *chain)
{
	uint32_t tx_count = chain->extra_tx_count;
	uint32_t ended_count = chain->extra_ended_count;

	if (!tx_count && !ended_count)
		return;
	chain->extra_tx_count = 0;
	chain->extra_ended_count = 0;
	chain->ops->emit(chain->arg, chain->extra_tx, tx_count, chain->extra_ended, ended_count,
			 chain->burst.now_ns);
}

static uint32_t burst_alloc(struct vly_burst *burst, struct vly_dgram **dgrams, uint32_t count)
{
	struct vly_chain *chain = chain_of(burst);
	uint32_t n = chain->ops->alloc(chain->arg, dgrams,
				       count < VLY_BURST_MAX ? count : VLY_BURST_MAX);

	for (uint32_t i = 0; i < n; i++)
		dgrams[i]->fate = FATE_HELD;
	return n;
}

static void burst_send(struct vly_burst *burst, struct vly_dgram *dgram)
{
	struct vly_chain *chain = chain_of(burst);

	if (dgram->fate != FATE_HELD) { // of the present burst: decided when on_burst returns
		dgram->fate = VLY_FATE_SEND;
		return;
	}
	dgram->fate = VLY_FATE_SEND;
	chain->held -= dgram->rx_ns != 0;
	chain->extra_tx[chain->extra_tx_count++] = dgram;
	if (chain->extra_tx_count == VLY_BURST_MAX)
		flush_extra(chain);
}

static void burst_release(struct vly_burst *burst, struct vly_dgram *dgram)
{
	struct vly_chain *chain = chain_of(burst);

	if (dgram->fate != FATE_HELD) {
		dgram->fate = VLY_FATE_RELEASE;
		return;
	}
	dgram->fate = VLY_FATE_RELEASE;
	chain->held -= dgram->rx_ns != 0;
	chain->extra_ended[chain->extra_ended_count++] = dgram;
	if (chain->extra_ended_count == VLY_BURST_MAX)
		flush_extra(chain);
}

static const struct vly_burst_ops burst_ops = {
	.alloc = burst_alloc,
	.send = burst_send,
	.release = burst_release,
};

int vly_chain_open(struct vly_chain *chain, const struct vly_loaded_handler *handlers,
		   uint32_t handler_count, uint32_t worker, uint32_t worker_count,
		   struct vly_error *error)
{
	chain->burst.ops = &burst_ops;
	chain->burst.worker = worker;
	for (uint32_t i = 0; i < handler_count; i++) {
		struct vly_handler_env env = {handlers[i].values, worker, worker_count};
		struct vly_chain_link *link = &chain->links[i];
		struct vly_error inner = {""};
		int rc;

		link->ops = handlers[i].ops;
		link->state = NULL;
		if (link->ops->open) {
			rc = link->ops->open(&link->state, &env, &inner);
			if (rc < 0) {
				vly_chain_close(chain);
				return vly_fail(error, rc, "handler '%s': %.300s", link->ops->name,
						inner.text);
			}
		}
		chain->has_tick |= link->ops->on_tick != NULL;
		chain->link_count++;
	}
	return 0;
}

void vly_chain_close(struct vly_chain *chain)
{
	while (chain->link_count > 0) {
		struct vly_chain_link *link = &chain->links[--chain->link_count];

		if (link->ops->close)
			link->ops->close(link->state);
	}
}

// A burst on its way through the chain: `slots` keeps the order of arrival, `in` what the next
// handler gets, and `origin` which slot each of those has.
struct passage {
	struct vly_dgram *slots[VLY_BURST_MAX];
	struct vly_dgram *in[VLY_BURST_MAX];
	uint8_t origin[VLY_BURST_MAX];
	uint32_t in_count;
};

// Sorts out what one handler decided: kept ones leave their slot, passed ones go on.
static void sort_fates(struct vly_chain *chain, struct passage *passage)
{
	uint32_t passed = 0;

	for (uint32_t i = 0; i < passage->in_count; i++) {
		struct vly_dgram *dgram = passage->in[i];
		uint8_t slot = passage->origin[i];

		if (dgram->fate == VLY_FATE_PASS) {
			dgram->fate = VLY_FATE_UNDECIDED;
			passage->in[passed] = dgram;
			passage->origin[passed++] = slot;
		} else if (VLY_UNLIKELY(dgram->fate == VLY_FATE_KEEP)) {
			dgram->fate = FATE_HELD;
			chain->held++;
			passage->slots[slot] = NULL;
		} else if (VLY_UNLIKELY(dgram->fate == VLY_FATE_UNDECIDED)) {
			dgram->fate = VLY_DROP_UNDECIDED;
		}
	}
	passage->in_count = passed;
}

// What leaves the chain, sorted for emit.
struct outbox {
	struct vly_dgram *tx[VLY_BURST_MAX];
	struct vly_dgram *ended[VLY_BURST_MAX];
	uint32_t tx_count;
	uint32_t ended_count;
};

// Without a branch on the fate: bursts are often mixed.
static void put(struct outbox *outbox, struct vly_dgram *dgram)
{
	bool goes_out = dgram->fate == VLY_FATE_REPLY || dgram->fate == VLY_FATE_SEND;

	outbox->tx[outbox->tx_count] = dgram;
	outbox->ended[outbox->ended_count] = dgram;
	outbox->tx_count += goes_out;
	outbox->ended_count += !goes_out;
}

static void emit(struct vly_chain *chain, struct outbox *outbox)
{
	chain->ops->emit(chain->arg, outbox->tx, outbox->tx_count, outbox->ended,
			 outbox->ended_count, chain->burst.now_ns);
	flush_extra(chain);
}

// The end of one handler is the start of the next: one clock read between two.
static void call_handler(struct vly_chain *chain, uint32_t index)
{
	struct vly_chain_link *link = &chain->links[index];
	uint64_t start_ns = chain->lap_ns;

	link->ops->on_burst(link->state, &chain->burst);
	if (VLY_LIKELY(!chain->meters))
		return;
	chain->lap_ns = vly_clock_ns();
	vly_meter_add(&chain->meters->meters[index], chain->lap_ns - start_ns,
		      chain->meters->budget_ns);
}

// A fate as the last handler has left it, and what it comes to. False: it is kept.
static bool settle(struct vly_chain *chain, struct vly_dgram *dgram)
{
	switch (dgram->fate) {
	case VLY_FATE_KEEP:
		dgram->fate = FATE_HELD;
		chain->held++;
		return false;
	case VLY_FATE_UNDECIDED:
		dgram->fate = VLY_DROP_UNDECIDED;
		break;
	case VLY_FATE_PASS:
		dgram->fate = VLY_DROP_NO_HANDLER;
		break;
	default:
		break;
	}
	return true;
}

static bool all_reply(struct vly_dgram *const *dgrams, uint32_t count)
{
	uint32_t other = 0;

	for (uint32_t i = 0; i < count; i++)
		other |= dgrams[i]->fate ^ (uint32_t)VLY_FATE_REPLY;
	return other == 0;
}

// One handler: nothing is passed on, so there is no passage to keep; and what most handlers do is
// answer all.
static void run_single(struct vly_chain *chain, struct vly_dgram **dgrams, uint32_t count)
{
	struct outbox outbox;

	chain->burst.in = dgrams;
	chain->burst.count = count;
	call_handler(chain, 0);
	if (VLY_LIKELY(all_reply(dgrams, count))) {
		chain->ops->emit(chain->arg, dgrams, count, NULL, 0, chain->burst.now_ns);
		flush_extra(chain);
		return;
	}
	outbox.tx_count = 0;
	outbox.ended_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (VLY_LIKELY(settle(chain, dgrams[i])))
			put(&outbox, dgrams[i]);
	}
	emit(chain, &outbox);
}

static void run_several(struct vly_chain *chain, struct vly_dgram **dgrams, uint32_t count)
{
	struct passage passage;
	struct outbox outbox;

	memcpy(passage.slots, dgrams, count * sizeof(dgrams[0]));
	memcpy(passage.in, dgrams, count * sizeof(dgrams[0]));
	for (uint32_t i = 0; i < count; i++)
		passage.origin[i] = (uint8_t)i;
	passage.in_count = count;
	chain->burst.in = passage.in;
	for (uint32_t i = 0; i < chain->link_count && passage.in_count; i++) {
		chain->burst.count = passage.in_count;
		call_handler(chain, i);
		sort_fates(chain, &passage);
	}
	for (uint32_t i = 0; i < passage.in_count; i++)
		passage.in[i]->fate = VLY_DROP_NO_HANDLER;
	outbox.tx_count = 0;
	outbox.ended_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (passage.slots[i])
			put(&outbox, passage.slots[i]);
	}
	emit(chain, &outbox);
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

void vly_chain_tick(struct vly_chain *chain, uint64_t now_ns)
{
	chain->burst.count = 0;
	chain->burst.now_ns = now_ns;
	for (uint32_t i = 0; i < chain->link_count; i++) {
		if (chain->links[i].ops->on_tick)
			chain->links[i].ops->on_tick(chain->links[i].state, &chain->burst);
	}
	flush_extra(chain);
}

void vly_chain_drain(struct vly_chain *chain, uint64_t now_ns)
{
	chain->burst.count = 0;
	chain->burst.now_ns = now_ns;
	for (uint32_t i = 0; i < chain->link_count; i++) {
		if (chain->links[i].ops->on_drain)
			chain->links[i].ops->on_drain(chain->links[i].state, &chain->burst);
	}
	flush_extra(chain);
}
