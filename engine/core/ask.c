// SPDX-License-Identifier: BSD-3-Clause
//
// What the ports are asked to tell of each datagram: what any handler looks at, of those that run
// and of those that a reload brings; and for a tap, everything.
#include "core/engine.h"

static bool want_class(const struct vly_loaded_handler *handlers)
{
	for (uint32_t i = 0; i < VLY_CHAIN_MAX; i++) {
		if (handlers[i].ops && !(handlers[i].ops->ignores & VLY_IGNORE_CLASS))
			return true;
	}
	return false;
}

// A tap sees the bursts of all I/O threads.
static bool is_tapped(const struct vly_engine *engine)
{
	const struct vly_tap_switch *taps = &engine->shared.ios[0].taps;

	return atomic_load_explicit(&taps->wanted, memory_order_relaxed) != 0;
}

void vly_engine_ask(struct vly_engine *engine)
{
	bool is_ignored = !want_class(engine->handlers) && !want_class(engine->next_handlers) &&
			  !is_tapped(engine);

	if (is_ignored == engine->ignores_class)
		return;
	engine->ignores_class = is_ignored;
	for (uint32_t i = 0; i < engine->port_count; i++) {
		const struct vly_port *port = engine->ports[i];

		if (port->backend->ask_class)
			port->backend->ask_class(port->inner, !is_ignored);
	}
}
