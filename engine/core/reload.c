// SPDX-License-Identifier: BSD-3-Clause
//
// The chains of an engine: opened at the start, and exchanged for new ones while it runs. An owner
// (a worker, or an I/O thread without workers) changes over between two bursts: it drains the old
// chain, so that what was kept leaves before anything later, takes the new one, and says so by
// taking the pointer away. Only then does the control thread close the old chains.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/engine.h"
#include "core/fail.h"

enum {
	LOOK_NS = 100000,      // between two looks whether an owner has changed over
	LIMIT_NS = 2000000000, // for all of them: no handler should take a thousandth for a burst
	NS_PER_S = 1000000000,
};

static void bind_chain(struct vly_engine *engine, struct vly_chain *chain, uint32_t index)
{
	struct vly_shared *shared = &engine->shared;

	chain->meters = engine->meters ? &engine->meters[index] : NULL;
	if (shared->worker_count) {
		chain->ops = &vly_worker_chain_ops;
		chain->arg = &shared->workers[index];
	} else {
		chain->ops = &vly_io_chain_ops;
		chain->arg = &shared->ios[index];
	}
}

static void close_chains(struct vly_chain *chains, uint32_t count)
{
	for (uint32_t i = 0; chains && i < count; i++)
		vly_chain_close(&chains[i]);
	free(chains);
}

static int open_chains(struct vly_chain **opened, struct vly_engine *engine,
		       struct vly_loaded_handler *handlers, struct vly_error *error)
{
	struct vly_chain *chains = calloc(engine->chain_count, sizeof(*chains));

	if (!chains)
		return vly_fail(error, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < engine->chain_count; i++) {
		const struct vly_handler_env place = {
			.worker = i,
			.worker_count = engine->chain_count,
			.served = engine->served,
			.served_count = engine->served_count,
			.wires = engine->wires,
			.wire_count = engine->port_count,
			.on_worker = engine->shared.worker_count > 0,
		};
		int rc = vly_chain_open(&chains[i], handlers, engine->handler_count, &place, error);

		if (rc) {
			close_chains(chains, engine->chain_count);
			return rc;
		}
		bind_chain(engine, &chains[i], i);
	}
	*opened = chains;
	return 0;
}

// While no owner runs.
static void assign_chains(struct vly_engine *engine)
{
	struct vly_shared *shared = &engine->shared;

	for (uint32_t i = 0; i < engine->chain_count; i++) {
		if (shared->worker_count)
			shared->workers[i].chain = &engine->chains[i];
		else
			shared->ios[i].chain = &engine->chains[i];
	}
}

int vly_chains_open(struct vly_engine *engine, struct vly_error *error)
{
	int rc = open_chains(&engine->chains, engine, engine->handlers, error);

	if (!rc)
		assign_chains(engine);
	return rc;
}

void vly_chains_close(struct vly_engine *engine)
{
	close_chains(engine->chains, engine->chain_count);
	engine->chains = NULL;
}

// --- while threads run --------------------------------------------------------------------------

struct vly_chain *vly_chain_change(struct vly_chain *chain, _Atomic(struct vly_chain *) *next)
{
	// Pairs with the release in offer().
	struct vly_chain *offered = atomic_load_explicit(next, memory_order_acquire);

	vly_chain_drain(chain, vly_clock_ns());
	atomic_store_explicit(next, NULL, memory_order_release);
	vly_chain_start(offered, vly_clock_ns());
	return offered;
}

static _Atomic(struct vly_chain *) *next_of(struct vly_engine *engine, uint32_t index)
{
	struct vly_shared *shared = &engine->shared;

	return shared->worker_count ? &shared->workers[index].next_chain
				    : &shared->ios[index].next_chain;
}

static void offer(struct vly_engine *engine, uint32_t index, struct vly_chain *chain)
{
	struct vly_shared *shared = &engine->shared;

	// The owner finds the chain as it was opened.
	atomic_store_explicit(next_of(engine, index), chain, memory_order_release);
	if (!shared->worker_count)
		vly_io_wake(&shared->ios[index]);
	else if (vly_waker_is_asleep(&shared->workers[index].waker))
		vly_waker_wake(&shared->workers[index].waker);
}

// Whether its owner uses the new chain, and the old one no more.
static bool has_changed(struct vly_engine *engine, uint32_t index)
{
	// Pairs with the release in vly_chain_change().
	return !atomic_load_explicit(next_of(engine, index), memory_order_acquire);
}

static int load_again(const struct vly_engine *engine, struct vly_loaded_handler *fresh,
		      struct vly_error *error)
{
	for (uint32_t i = 0; i < engine->handler_count; i++) {
		int rc = vly_handler_load(&fresh[i], engine->handlers[i].text, error);

		if (rc)
			return rc;
	}
	return 0;
}

static void unload_all(struct vly_loaded_handler *handlers)
{
	for (uint32_t i = 0; i < VLY_CHAIN_MAX; i++)
		vly_handler_unload(&handlers[i]);
}

static void close_past(struct vly_metrics *past)
{
	for (uint32_t i = 0; i < VLY_CHAIN_MAX; i++)
		vly_metrics_close(&past[i]);
}

static int open_past(struct vly_engine *engine, struct vly_loaded_handler *handlers,
		     struct vly_error *error)
{
	int rc = 0;

	for (uint32_t i = 0; i < engine->handler_count && !rc; i++)
		rc = vly_metrics_open(&engine->next_past[i], handlers[i].ops->metrics, error);
	return rc;
}

// What the old handlers have counted stays in the sums.
static void pass_metrics_on(struct vly_engine *engine)
{
	for (uint32_t h = 0; h < engine->handler_count; h++) {
		vly_metrics_inherit(&engine->next_past[h], &engine->past[h]);
		for (uint32_t i = 0; i < engine->chain_count; i++)
			vly_metrics_inherit(&engine->next_past[h],
					    &engine->chains[i].links[h].metrics);
	}
	close_past(engine->past);
	memcpy(engine->past, engine->next_past, sizeof(engine->past));
	memset(engine->next_past, 0, sizeof(engine->next_past));
}

// No owner uses the old chains any more.
static void finish(struct vly_engine *engine)
{
	for (uint32_t i = 0; i < engine->chain_count; i++)
		engine->unreleased += engine->chains[i].held;
	pass_metrics_on(engine);
	vly_chains_close(engine);
	engine->chains = engine->next_chains;
	engine->next_chains = NULL;
	unload_all(engine->handlers);
	memcpy(engine->handlers, engine->next_handlers, sizeof(engine->handlers));
	memset(engine->next_handlers, 0, sizeof(engine->next_handlers));
	vly_log_line(&engine->alerts, "the handlers have been loaded anew");
}

bool vly_reload_is_pending(struct vly_engine *engine)
{
	if (!engine->next_chains)
		return false;
	for (uint32_t i = 0; i < engine->chain_count; i++) {
		if (!has_changed(engine, i))
			return true;
	}
	finish(engine);
	return false;
}

void vly_reload_settle(struct vly_engine *engine)
{
	if (!engine->next_chains)
		return;
	for (uint32_t i = 0; i < engine->chain_count; i++)
		atomic_store_explicit(next_of(engine, i), NULL, memory_order_relaxed);
	finish(engine);
	assign_chains(engine);
}

// The number of the first owner that is late.
static uint32_t find_late(struct vly_engine *engine)
{
	uint32_t i = 0;

	while (i + 1 < engine->chain_count && has_changed(engine, i))
		i++;
	return i;
}

static int await_owners(struct vly_engine *engine, struct vly_error *error)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	uint64_t end_ns = vly_clock_ns() + LIMIT_NS;

	while (vly_reload_is_pending(engine)) {
		if (vly_clock_ns() >= end_ns)
			return vly_fail(error, -ETIMEDOUT,
					"a handler on worker %u has not returned for %u s; that "
					"worker keeps the old handlers until it does, all others "
					"have the new ones: see --budget-us",
					find_late(engine), LIMIT_NS / NS_PER_S);
		nanosleep(&pause, NULL);
	}
	return 0;
}

int vly_engine_reload(struct vly_engine *engine, struct vly_error *error)
{
	struct vly_loaded_handler *fresh = engine->next_handlers;
	struct vly_chain *chains = NULL;
	int rc;

	if (!engine->started_ios)
		return vly_fail(error, -ESRCH, "the engine does not run; start it first");
	if (vly_reload_is_pending(engine))
		return vly_fail(error, -EBUSY,
				"the reload before is not over: a handler on worker %u has still "
				"not returned",
				find_late(engine));
	rc = load_again(engine, fresh, error);
	if (!rc)
		rc = open_past(engine, fresh, error);
	if (!rc)
		rc = open_chains(&chains, engine, fresh, error);
	if (rc) {
		close_past(engine->next_past);
		unload_all(fresh);
		return rc;
	}
	engine->next_chains = chains;
	vly_engine_ask(engine);
	for (uint32_t i = 0; i < engine->chain_count; i++)
		offer(engine, i, &chains[i]);
	return await_owners(engine, error);
}
