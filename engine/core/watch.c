// SPDX-License-Identifier: BSD-3-Clause
//
// What the control thread looks after while the others work: the figures of the handlers, and
// what an operator should hear of them.
#include "core/clock.h"
#include "core/engine.h"
#include "core/fail.h"
#include "tap/listen.h"

enum {
	REPORT_NS = 1000000000, // between two lines
	US = 1000,
	CROWDED_POLLS = 3, // one may be chance: the kernel moves threads about
};

bool vly_engine_handler_times(const struct vly_engine *engine, uint32_t index,
			      struct vly_handler_times *times)
{
	uint32_t worker = index / engine->handler_count;
	uint32_t handler = index % engine->handler_count;

	if (!engine->meters || worker >= engine->chain_count)
		return false;
	times->handler = engine->handlers[handler].ops->name;
	times->position = handler;
	times->worker = worker;
	vly_meter_read(&engine->meters[worker].meters[handler], times);
	return true;
}

bool vly_engine_handler_metric(const struct vly_engine *engine, uint32_t index,
			       struct vly_handler_metric *metric)
{
	const struct vly_chain *first = &engine->chains[0]; // all have the same handlers
	const struct vly_chain_link *link = vly_chain_find_metric(first, &index);
	struct vly_metric_sum sum = {.value = 0};

	if (!link)
		return false;
	metric->handler = link->ops->name;
	metric->position = (uint32_t)(link - first->links);
	if (engine->past[metric->position].count)
		vly_metrics_read(&engine->past[metric->position], index, &sum);
	for (uint32_t i = 0; i < engine->chain_count; i++)
		vly_metrics_read(&engine->chains[i].links[metric->position].metrics, index, &sum);
	vly_metrics_describe(&link->metrics, index, &sum, metric);
	return true;
}

// What has run over its budget since the last line: one line, of the worst.
static void report_overruns(struct vly_engine *engine)
{
	const char *worst_name = NULL;
	uint32_t worst_worker = 0;
	uint64_t worst_ns = 0;
	uint64_t count = 0;

	for (uint32_t w = 0; w < engine->chain_count; w++) {
		for (uint32_t h = 0; h < engine->handler_count; h++) {
			struct vly_meter *meter = &engine->meters[w].meters[h];
			uint64_t overruns = atomic_load(&meter->overruns);
			uint64_t ns = atomic_exchange(&meter->worst_ns, 0);

			count += overruns - meter->reported;
			meter->reported = overruns;
			if (ns <= worst_ns)
				continue;
			worst_ns = ns;
			worst_name = engine->handlers[h].ops->name;
			worst_worker = w;
		}
	}
	if (!worst_name)
		return;
	engine->reported_ns = vly_clock_ns();
	vly_log_line(&engine->alerts,
		     "handler '%s' on worker %u took %llu us for a burst, its budget is %llu us; "
		     "%llu bursts were over it since the last such line",
		     worst_name, worst_worker, (unsigned long long)(worst_ns / US),
		     (unsigned long long)(engine->meters[0].budget_ns / US),
		     (unsigned long long)count);
}

void vly_warn_of_crowd(struct vly_engine *engine, bool running)
{
	bool too_many;
	int core = vly_placement_shared(&engine->shared, running, &too_many);

	if (core < 0 && !too_many)
		engine->crowded_polls = 0;
	else
		engine->crowded_polls++;
	if (engine->has_warned || !engine->crowded_polls ||
	    (running && engine->crowded_polls < CROWDED_POLLS))
		return;
	engine->has_warned = true;
	if (core >= 0)
		vly_log_line(&engine->alerts,
			     "two busy threads share core %d and wait for each other; give each a "
			     "core of its own with --cores, or use --idle adaptive",
			     core);
	else
		vly_log_line(&engine->alerts,
			     "%u busy threads have fewer cores and wait for each other; allow more "
			     "with taskset, run fewer, or use --idle adaptive",
			     engine->shared.io_count + engine->shared.worker_count);
}

// What handlers have to tell. Those offered by a reload that is not over come later.
static void say_warnings(struct vly_engine *engine)
{
	uint64_t now_ns = vly_clock_ns();

	for (uint32_t i = 0; i < engine->chain_count; i++) {
		for (uint32_t h = 0; h < engine->handler_count; h++) {
			struct vly_chain_link *link = &engine->chains[i].links[h];

			vly_warning_say(&link->warning, link->ops->name, &engine->alerts, now_ns);
		}
	}
}

void vly_engine_poll(struct vly_engine *engine)
{
	vly_reload_is_pending(engine);
	vly_taps_attend(engine);
	vly_engine_ask(engine);
	say_warnings(engine);
	for (uint32_t i = 0; i < engine->port_count; i++)
		vly_port_watch(engine->ports[i], &engine->alerts);
	if (!engine->has_warned)
		vly_warn_of_crowd(engine, true);
	if (engine->meters && vly_clock_ns() - engine->reported_ns >= REPORT_NS)
		report_overruns(engine);
}
