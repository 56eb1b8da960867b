// SPDX-License-Identifier: BSD-3-Clause
//
// The engine's life: open (handlers, ports, lanes), start (threads), stop (drain, join), close.
#include <volley/engine.h>

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "core/engine.h"
#include "core/fail.h"
#include "tap/listen.h"

const char *vly_version(void)
{
	return VLY_VERSION;
}

// --- opening ------------------------------------------------------------------------------------

static int check_cores(const struct vly_engine_config *config, struct vly_error *error)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 0;
	for (uint32_t i = 0; i < config->core_count; i++) {
		if (config->cores[i] >= CPU_SETSIZE || !CPU_ISSET(config->cores[i], &set))
			return vly_fail(error, -EINVAL,
					"core %u is not there, or not ours; this "
					"process may use %d cores: see taskset -p $$",
					config->cores[i], CPU_COUNT(&set));
	}
	return 0;
}

static int check_config(const struct vly_engine_config *config, struct vly_error *error)
{
	if (!config->port_count || config->port_count > VLY_PORTS_MAX)
		return vly_fail(error, -EINVAL, "an engine has 1 to %u ports", VLY_PORTS_MAX);
	if (!config->handler_count)
		return vly_fail(error, -EINVAL,
				"no handler is given; name one with -H, for "
				"instance -H echo");
	if (config->handler_count > VLY_CHAIN_MAX)
		return vly_fail(error, -EINVAL, "%u handlers are too many; a chain has up to %u",
				config->handler_count, VLY_CHAIN_MAX);
	if (config->workers > VLY_WORKERS_MAX)
		return vly_fail(error, -EINVAL, "%u workers are too many; give 0 to %u",
				config->workers, VLY_WORKERS_MAX);
	if (config->steer > VLY_STEER_LEAST_LOADED)
		return vly_fail(error, -EINVAL, "steering %d is none of enum vly_steer",
				(int)config->steer);
	if (config->overload > VLY_OVERLOAD_BLOCK)
		return vly_fail(error, -EINVAL, "policy %d is none of enum vly_overload",
				(int)config->overload);
	return check_cores(config, error);
}

static int load_handlers(struct vly_engine *engine, const struct vly_engine_config *config,
			 struct vly_error *error)
{
	for (uint32_t i = 0; i < config->handler_count; i++) {
		int rc = vly_handler_load(&engine->handlers[i], config->handlers[i], error);

		if (rc)
			return rc;
		engine->handler_count++;
	}
	return 0;
}

static int open_ports(struct vly_engine *engine, const struct vly_engine_config *config,
		      struct vly_error *error)
{
	for (uint32_t i = 0; i < config->port_count; i++) {
		struct vly_port *port;
		uint32_t count;
		int rc = vly_port_open_at(&port, &config->ports[i], engine->shared.io_count, error);

		if (rc)
			return rc;
		engine->ports[engine->port_count++] = port;
		count = vly_port_queue_count(port);
		if (engine->shared.io_count + count > VLY_IOS_MAX)
			return vly_fail(error, -EINVAL, "the ports have more than %u queues in all",
					VLY_IOS_MAX);
		for (uint32_t q = 0; q < count; q++)
			engine->queues[engine->shared.io_count++] = vly_port_queue(port, q);
	}
	return 0;
}

static int core_of(const struct vly_engine_config *config, uint32_t thread)
{
	return config->core_count ? (int)config->cores[thread % config->core_count] : -1;
}

// How many empty datagrams each worker has at hand of a queue's pool, which must not be used up by
// them.
static int share_spares(uint32_t *count, const struct vly_queue *queue, uint32_t workers,
			struct vly_error *error)
{
	if (!workers)
		return 0;
	*count = queue->buffer_count / VLY_SPARES_PART / workers;
	if (*count > VLY_SPARES_MAX)
		*count = VLY_SPARES_MAX;
	if (*count)
		return 0;
	return vly_fail(error, -EINVAL,
			"%u buffers are too few for %u workers; give at least %u with --buffers, "
			"or fewer workers",
			queue->buffer_count, workers, workers * VLY_SPARES_PART);
}

// Where frames are given, large buffers are few, and reassembly needs them as well.
static uint32_t share_larges(const struct vly_queue *queue, uint32_t workers)
{
	uint32_t count = VLY_LARGES_ALL / workers;

	if (!queue->stack)
		return 0;
	return count < VLY_LARGES_MAX ? count : (uint32_t)VLY_LARGES_MAX;
}

static int open_ios(struct vly_engine *engine, const struct vly_engine_config *config,
		    struct vly_error *error)
{
	struct vly_shared *shared = &engine->shared;
	uint32_t size = config->ring_size ? config->ring_size : VLY_RING_DEFAULT;

	shared->ios = aligned_alloc(128, shared->io_count * sizeof(struct vly_io));
	if (!shared->ios)
		return vly_fail(error, -ENOMEM, "out of memory");
	memset(shared->ios, 0, shared->io_count * sizeof(struct vly_io));
	for (uint32_t i = 0; i < shared->io_count; i++) {
		struct vly_io *io = &shared->ios[i];
		uint32_t spare_count = 0;
		int rc = share_spares(&spare_count, engine->queues[i], config->workers, error);

		if (rc)
			return rc;
		io->shared = shared;
		io->queue = engine->queues[i];
		// A train of the kernel's, of 64 datagrams, is answered in one piece.
		io->burst = io->queue->stack || config->workers ? (uint32_t)VLY_LOOP_BURST
								: (uint32_t)VLY_BURST_MAX;
		io->idler.mode = shared->idle;
		io->core = core_of(config, i);
		for (uint32_t w = 0; w < config->workers; w++) {
			io->lanes[w].spare_count = spare_count;
			io->lanes[w].large_count = share_larges(engine->queues[i], config->workers);
			rc = vly_lane_open(&io->lanes[w], size, config->overload, error);
			if (rc)
				return rc;
		}
	}
	return 0;
}

static int open_workers(struct vly_engine *engine, const struct vly_engine_config *config,
			struct vly_error *error)
{
	struct vly_shared *shared = &engine->shared;
	size_t bytes = config->workers * sizeof(struct vly_worker);

	shared->worker_count = config->workers;
	if (!bytes)
		return 0;
	shared->workers = aligned_alloc(128, bytes);
	if (!shared->workers)
		return vly_fail(error, -ENOMEM, "out of memory");
	memset(shared->workers, 0, bytes);
	for (uint32_t i = 0; i < config->workers; i++) {
		struct vly_worker *worker = &shared->workers[i];

		worker->shared = shared;
		worker->index = i;
		worker->idler.mode = shared->idle;
		worker->core = core_of(config, shared->io_count + i);
	}
	return 0;
}

static int open_meters(struct vly_engine *engine, const struct vly_engine_config *config,
		       struct vly_error *error)
{
	size_t bytes;

	// One chain for each worker, or for each I/O thread when there are no workers.
	engine->chain_count = config->workers ? config->workers : engine->shared.io_count;
	bytes = engine->chain_count * sizeof(struct vly_meters);
	engine->alerts = config->alerts;
	if (!config->budget_ns && !config->handler_times)
		return 0;
	engine->meters = aligned_alloc(128, bytes);
	if (!engine->meters)
		return vly_fail(error, -ENOMEM, "out of memory");
	memset(engine->meters, 0, bytes);
	for (uint32_t i = 0; i < engine->chain_count; i++)
		engine->meters[i].budget_ns = config->budget_ns ? config->budget_ns : UINT64_MAX;
	return 0;
}

static void describe(struct vly_engine *engine)
{
	size_t size = sizeof(engine->summary);
	size_t used = 0;

	for (uint32_t i = 0; i < engine->port_count && used < size; i++)
		used += (size_t)snprintf(engine->summary + used, size - used, "%s%s", i ? "; " : "",
					 vly_port_summary(engine->ports[i]));
	for (uint32_t i = 0; i < engine->handler_count && used < size; i++)
		used += (size_t)snprintf(engine->summary + used, size - used, "%s%s",
					 i ? " | " : "; ", engine->handlers[i].ops->name);
	if (used >= size)
		return;
	if (engine->shared.worker_count)
		snprintf(engine->summary + used, size - used, ", %u worker%s",
			 engine->shared.worker_count, engine->shared.worker_count == 1 ? "" : "s");
	else
		snprintf(engine->summary + used, size - used, ", run to completion");
}

int vly_engine_open(struct vly_engine **engine, const struct vly_engine_config *config,
		    struct vly_error *error)
{
	struct vly_engine *opened;
	int rc = check_config(config, error);

	if (rc)
		return rc;
	opened = calloc(1, sizeof(*opened));
	if (!opened)
		return vly_fail(error, -ENOMEM, "out of memory");
	opened->shared.idle = config->idle;
	opened->shared.steer = config->steer;
	opened->shared.overload = config->overload;
	rc = load_handlers(opened, config, error);
	if (!rc)
		rc = open_ports(opened, config, error);
	if (!rc)
		rc = vly_served_note(opened, config, error);
	if (!rc)
		rc = open_ios(opened, config, error);
	if (!rc)
		rc = open_workers(opened, config, error);
	if (!rc)
		rc = open_meters(opened, config, error);
	if (!rc)
		rc = vly_chains_open(opened, error);
	if (rc) {
		vly_engine_close(opened);
		return rc;
	}
	vly_engine_ask(opened);
	describe(opened);
	*engine = opened;
	return 0;
}

// --- running ------------------------------------------------------------------------------------

int vly_engine_start(struct vly_engine *engine, struct vly_error *error)
{
	struct vly_shared *shared = &engine->shared;
	int rc = 0;

	if (engine->started_ios)
		return vly_fail(error, -EALREADY, "the engine has been started before");
	vly_warn_of_crowd(engine, false);
	for (uint32_t i = 0; i < shared->worker_count && !rc; i++) {
		rc = pthread_create(&shared->workers[i].thread, NULL, vly_worker_thread,
				    &shared->workers[i]);
		engine->started_workers += !rc;
	}
	for (uint32_t i = 0; i < shared->io_count && !rc; i++) {
		rc = pthread_create(&shared->ios[i].thread, NULL, vly_io_thread, &shared->ios[i]);
		engine->started_ios += !rc;
	}
	if (!rc)
		return 0;
	vly_engine_stop(engine);
	return vly_fail(error, -rc, "a thread cannot be started (%s); see ulimit -u", strerror(rc));
}

// What handlers still keep will not come back: it has an end in the ledger too.
static void count_unreleased(struct vly_engine *engine)
{
	for (uint32_t i = 0; i < engine->chain_count; i++) {
		engine->unreleased += engine->chains[i].held;
		engine->chains[i].held = 0;
	}
	vly_count(&engine->queues[0]->ledger->dropped[VLY_DROP_UNRELEASED], engine->unreleased);
	engine->unreleased = 0;
}

void vly_engine_stop(struct vly_engine *engine)
{
	struct vly_shared *shared = &engine->shared;
	uint32_t missing_ios = shared->io_count - engine->started_ios;

	if (!engine->started_ios && !engine->started_workers)
		return;
	// A start that failed half way: threads that never ran have nothing left to do.
	atomic_fetch_add_explicit(&shared->rx_done, missing_ios, memory_order_release);
	atomic_fetch_add_explicit(&shared->workers_done,
				  shared->worker_count - engine->started_workers,
				  memory_order_release);
	atomic_store_explicit(&shared->phase, VLY_PHASE_DRAIN, memory_order_release);
	for (uint32_t i = 0; i < engine->started_ios; i++)
		vly_io_wake(&shared->ios[i]);
	for (uint32_t i = 0; i < engine->started_ios; i++)
		pthread_join(shared->ios[i].thread, NULL);
	for (uint32_t i = 0; i < engine->started_workers; i++)
		pthread_join(shared->workers[i].thread, NULL);
	engine->started_ios = 0;
	engine->started_workers = 0;
	vly_reload_settle(engine);
	vly_taps_end(engine);
	count_unreleased(engine);
}

void vly_engine_close(struct vly_engine *engine)
{
	struct vly_shared *shared;

	if (!engine)
		return;
	shared = &engine->shared;
	vly_engine_stop(engine);
	vly_taps_close(engine);
	vly_chains_close(engine);
	for (uint32_t i = 0; i < VLY_CHAIN_MAX; i++)
		vly_metrics_close(&engine->past[i]);
	free(engine->meters);
	free(engine->served);
	for (uint32_t i = 0; shared->ios && i < shared->io_count; i++) {
		for (uint32_t w = 0; w < VLY_WORKERS_MAX; w++)
			vly_lane_close(&shared->ios[i].lanes[w]);
	}
	free(shared->ios);
	free(shared->workers);
	for (uint32_t i = 0; i < engine->port_count; i++)
		vly_port_close(engine->ports[i]);
	for (uint32_t i = 0; i < engine->handler_count; i++)
		vly_handler_unload(&engine->handlers[i]);
	free(engine);
}

void vly_engine_ledger(const struct vly_engine *engine, struct vly_ledger *ledger)
{
	memset(ledger, 0, sizeof(*ledger));
	for (uint32_t i = 0; i < engine->port_count; i++) {
		struct vly_ledger one;

		vly_port_ledger(engine->ports[i], &one);
		vly_ledger_add(ledger, &one);
	}
}

const struct vly_port *vly_engine_port(const struct vly_engine *engine, uint32_t index)
{
	return index < engine->port_count ? engine->ports[index] : NULL;
}

const char *vly_engine_summary(const struct vly_engine *engine)
{
	return engine->summary;
}
