// SPDX-License-Identifier: BSD-3-Clause
//
// The chain: one worker's instances of the handlers, in order. A burst goes in, and comes out as
// two lists: what is to be sent and what has ended. Order is that of arrival, whichever handler
// decided, so a flow's answers stay in order.
#pragma once

#include <volley/engine.h>
#include <volley/handler.h>

#include "handler/loader.h"
#include "handler/meter.h"

// Where a chain's results go and where its empty datagrams come from; the loop that runs it
// provides this. emit takes every datagram: `tx` with fate REPLY or SEND, `ended` with any other.
struct vly_chain_ops {
	void (*emit)(void *arg, struct vly_dgram **tx, uint32_t tx_count, struct vly_dgram **ended,
		     uint32_t ended_count, uint64_t now_ns);
	uint32_t (*alloc)(void *arg, struct vly_dgram **dgrams, uint32_t count);
};

struct vly_chain_link {
	const struct vly_handler_ops *ops;
	void *state;
};

struct vly_chain {
	struct vly_burst burst; // must come first: the burst calls get from it to the chain
	struct vly_chain_link links[VLY_CHAIN_MAX];
	uint32_t link_count;
	bool has_tick;
	const struct vly_chain_ops *ops;
	void *arg;
	struct vly_meters *meters;                 // NULL: handlers are not timed
	uint64_t lap_ns;                           // when the handler that runs was called
	uint64_t held;                             // received datagrams that handlers have kept
	struct vly_dgram *extra_tx[VLY_BURST_MAX]; // sent and released beside the burst
	struct vly_dgram *extra_ended[VLY_BURST_MAX];
	uint32_t extra_tx_count;
	uint32_t extra_ended_count;
};

// Opens one instance of each handler for this worker. Control thread.
int vly_chain_open(struct vly_chain *chain, const struct vly_loaded_handler *handlers,
		   uint32_t handler_count, uint32_t worker, uint32_t worker_count,
		   struct vly_error *error);
void vly_chain_close(struct vly_chain *chain);

// Runs a burst of up to VLY_BURST_MAX received datagrams through; takes them all. Worker thread.
void vly_chain_run(struct vly_chain *chain, struct vly_dgram **dgrams, uint32_t count,
		   uint64_t now_ns);

// Calls on_tick of each handler that has one. Worker thread.
void vly_chain_tick(struct vly_chain *chain, uint64_t now_ns);

// Calls on_drain; nothing may follow. Worker thread.
void vly_chain_drain(struct vly_chain *chain, uint64_t now_ns);
