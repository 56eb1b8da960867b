// SPDX-License-Identifier: BSD-3-Clause
//
// The chain: one worker's instances of the handlers, in order. A burst goes in, and comes out as
// two lists: what is to be sent and what has ended. Order is that of arrival, whichever handler
// decided, so a flow's answers stay in order. On its way out what is to be sent passes the
// on_answer of the handlers before the one that sends it.
#pragma once

#include <volley/engine.h>
#include <volley/handler.h>

#include "core/compiler.h"
#include "handler/loader.h"
#include "handler/meter.h"
#include "handler/metrics.h"
#include "handler/timer.h"
#include "handler/warning.h"

// Where a chain's results go and where its empty datagrams come from; the loop that runs it
// provides this. emit takes every datagram: `tx` with fate REPLY or SEND, `ended` with any other.
struct vly_chain_ops {
	void (*emit)(void *arg, struct vly_dgram **tx, uint32_t tx_count, struct vly_dgram **ended,
		     uint32_t ended_count, uint64_t now_ns);
	uint32_t (*alloc)(void *arg, struct vly_dgram **dgrams, uint32_t count);
	uint32_t (*alloc_large)(void *arg, struct vly_dgram **dgrams, uint32_t count);
	// NULL: there is no queue but the one whose number is the worker's.
	uint32_t (*alloc_at)(void *arg, uint8_t queue, struct vly_dgram **dgrams, uint32_t count);
};

struct vly_chain_link {
	const struct vly_handler_ops *ops;
	void *state;
	struct vly_metrics metrics;
	struct vly_warning warning;
};

struct vly_chain {
	struct vly_burst burst; // must come first: the burst calls get from it to the chain
	struct vly_chain_link links[VLY_CHAIN_MAX];
	uint32_t link_count;
	uint32_t current;      // the handler that is called
	uint32_t answer_links; // a bit for each that has on_answer
	uint32_t ended_links;  // and on_ended
	bool has_tick;
	uint64_t alarm_ns; // when vly_chain_alarm() has something to do; UINT64_MAX: never
	uint64_t tick_ns;  // when on_tick is due
	const struct vly_chain_ops *ops;
	void *arg;
	struct vly_meters *meters;                 // NULL: handlers are not timed
	uint64_t lap_ns;                           // when the handler that runs was called
	uint64_t held;                             // received datagrams that handlers have kept
	struct vly_dgram *extra_tx[VLY_BURST_MAX]; // sent and released beside the burst
	struct vly_dgram *extra_ended[VLY_BURST_MAX];
	uint8_t extra_from[VLY_BURST_MAX]; // which handler sends each
	uint32_t extra_tx_count;
	uint32_t extra_ended_count;
	struct vly_wheel wheel;
};

// Opens one instance of each handler for the worker at `place`, of which the handlers' own part is
// filled in here. The chain stays where it is until it is
// closed. Control thread.
int vly_chain_open(struct vly_chain *chain, struct vly_loaded_handler *handlers,
		   uint32_t handler_count, const struct vly_handler_env *place,
		   struct vly_error *error);
void vly_chain_close(struct vly_chain *chain);

// Calls on_start of each handler that has one, before anything else. Worker thread.
void vly_chain_start(struct vly_chain *chain, uint64_t now_ns);

// Runs a burst of up to VLY_BURST_MAX received datagrams through; takes them all. Worker thread.
void vly_chain_run(struct vly_chain *chain, struct vly_dgram **dgrams, uint32_t count,
		   uint64_t now_ns);

// Fires the timers that are due, and calls on_tick where it is; once now_ns is alarm_ns or later.
// Worker thread.
void vly_chain_alarm(struct vly_chain *chain, uint64_t now_ns);

// Calls on_drain, the innermost handler's first; nothing may follow. Worker thread.
void vly_chain_drain(struct vly_chain *chain, uint64_t now_ns);

// The handler that has the chain's metric *index, which becomes its row there; NULL after the last.
// Any thread.
const struct vly_chain_link *vly_chain_find_metric(const struct vly_chain *chain, uint32_t *index);

// How long whoever runs the chain may sleep: most_ns, or less if something is due before.
static inline uint64_t vly_chain_sleep_ns(const struct vly_chain *chain, uint64_t now_ns,
					  uint64_t most_ns)
{
	if (chain->alarm_ns <= now_ns)
		return 0;
	return chain->alarm_ns - now_ns < most_ns ? chain->alarm_ns - now_ns : most_ns;
}

// --- between chain.c and chain_send.c ------------------------------------------------------------

enum vly_chain_fate {
	// After on_burst a kept datagram is marked so, and so is an allocated one: vly_send() and
	// vly_release() tell by it what is with a handler from what is still in the burst.
	VLY_FATE_HELD = 0xf8,
};

extern const struct vly_burst_ops vly_chain_burst_ops;

// From now on the burst calls are this handler's.
static inline struct vly_chain_link *vly_chain_enter(struct vly_chain *chain, uint32_t index)
{
	struct vly_chain_link *link = &chain->links[index];

	chain->current = index;
	chain->burst.metrics = link->metrics.values;
	return link;
}

// A fate as a handler has left it, and what it comes to. False: it is kept.
static inline bool vly_chain_settle(struct vly_chain *chain, struct vly_dgram *dgram)
{
	switch (dgram->fate) {
	case VLY_FATE_KEEP:
		dgram->fate = VLY_FATE_HELD;
		chain->held +=
			dgram->rx_ns != 0; // what a handler made is not missing for receiving
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

// Shows what is to be sent to the on_answer of the handlers before the one that sends it,
// senders[i] for dgrams[i], the innermost first. What one keeps becomes NULL.
void vly_chain_answer(struct vly_chain *chain, struct vly_dgram **dgrams, const uint8_t *senders,
		      uint32_t count);

// Shows what has ended to the on_ended of the handlers before the one that ended it, deciders[i]
// for dgrams[i] (of those that are not NULL).
void vly_chain_tell_ended(struct vly_chain *chain, struct vly_dgram *const *dgrams,
			  const uint8_t *deciders, uint32_t count);

// What leaves, sorted for emit.
struct vly_outbox {
	struct vly_dgram *tx[VLY_BURST_MAX];
	struct vly_dgram *ended[VLY_BURST_MAX];
	uint32_t tx_count;
	uint32_t ended_count;
};

static inline bool vly_is_to_send(const struct vly_dgram *dgram)
{
	return dgram->fate == VLY_FATE_REPLY || dgram->fate == VLY_FATE_SEND;
}

// Without a branch on the fate: bursts are often mixed.
static inline void vly_outbox_put(struct vly_outbox *outbox, struct vly_dgram *dgram)
{
	bool goes_out = vly_is_to_send(dgram);

	outbox->tx[outbox->tx_count] = dgram;
	outbox->ended[outbox->ended_count] = dgram;
	outbox->tx_count += goes_out;
	outbox->ended_count += !goes_out;
}

static inline void vly_outbox_emit(const struct vly_chain *chain, struct vly_outbox *outbox)
{
	chain->ops->emit(chain->arg, outbox->tx, outbox->tx_count, outbox->ended,
			 outbox->ended_count, chain->burst.now_ns);
}

// Emits what was sent and released beside the burst.
void vly_chain_flush(struct vly_chain *chain);

// Charges a handler with the time since chain->lap_ns, and returns the time now. Where handlers are
// timed only.
uint64_t vly_chain_charge(struct vly_chain *chain, uint32_t index);
