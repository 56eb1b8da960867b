// SPDX-License-Identifier: BSD-3-Clause
//
// What the control thread looks after while the others work: the figures of the handlers, and
// what an operator should hear of them.
#include "core/clock.h"
#include "core/engine.h"
#include "core/fail.h"

enum {
	REPORT_NS = 1000000000, // between two lines
	US = 1000,
};

bool vly_engine_handler_times(const struct vly_engine *engine, uint32_t index,
			      struct vly_handler_times *times)
{
	uint32_t worker = index / engine->handler_count;
	uint32_t handler = index % engine->handler_count;

	if (!engine->meters || worker >= engine->chain_count)
		return false;
	times->handler = engine->handlers[handler].ops->name;
	times->worker = worker;
	vly_meter_read(&engine->meters[worker].meters[handler], times);
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

void vly_engine_poll(struct vly_engine *engine)
{
	if (engine->meters && vly_clock_ns() - engine->reported_ns >= REPORT_NS)
		report_overruns(engine);
}
