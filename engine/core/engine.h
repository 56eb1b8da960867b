// SPDX-License-Identifier: BSD-3-Clause
//
// What an engine owns. Only the control thread touches it; threads see struct vly_shared.
#pragma once

#include "core/loops.h"
#include "core/port.h"
#include "handler/chain.h"
#include "handler/loader.h"

struct vly_engine {
	struct vly_shared shared;
	struct vly_loaded_handler handlers[VLY_CHAIN_MAX];
	uint32_t handler_count;
	struct vly_port *ports[VLY_PORTS_MAX];
	uint32_t port_count;
	struct vly_queue *queues[VLY_IOS_MAX]; // of all ports; the index is dgram->queue
	struct vly_served *served;             // where all ports listen, for the handlers
	uint32_t served_count;
	struct vly_wire wires[VLY_PORTS_MAX]; // what the ports are called
	struct vly_taps *taps;                // NULL: it cannot be tapped
	struct vly_chain *chains;
	uint32_t chain_count;
	struct vly_chain *next_chains; // offered, but not all owners have changed over; else NULL
	struct vly_loaded_handler next_handlers[VLY_CHAIN_MAX]; // of these
	struct vly_metrics past[VLY_CHAIN_MAX];                 // of each handler, before a reload
	struct vly_metrics next_past[VLY_CHAIN_MAX];            // to become that
	uint64_t unreleased;       // what handlers still kept when they were exchanged
	struct vly_meters *meters; // for each chain; NULL: nothing is measured
	uint64_t reported_ns;
	struct vly_log alerts;
	uint32_t crowded_polls; // in a row that saw two busy threads on one core
	bool has_warned;        // of that
	bool ignores_class;     // the ports are not asked for it
	uint32_t started_ios;
	uint32_t started_workers;
	char summary[(VLY_PORTS_MAX + 1) * VLY_ERROR_BYTES]; // each port's, and the handlers
};

// Says, once, that threads which spin have to share a core. Control thread.
void vly_warn_of_crowd(struct vly_engine *engine, bool running);

// Fills in engine->served: a row for each listen; of a port that the system was to choose, the one
// it did; and engine->wires. Control thread, once the ports are open.
int vly_served_note(struct vly_engine *engine, const struct vly_engine_config *config,
		    struct vly_error *error);

// Asks the ports for what handlers and taps look at, and for no more. Control thread; before new
// handlers are offered, and when old ones or taps may have gone.
void vly_engine_ask(struct vly_engine *engine);

// One chain for each worker, or for each I/O thread when there are no workers. Control thread.
int vly_chains_open(struct vly_engine *engine, struct vly_error *error);
void vly_chains_close(struct vly_engine *engine);

// Whether a reload is under way that vly_engine_reload() has not seen the end of; ends it when all
// owners have changed over by now. Control thread.
bool vly_reload_is_pending(struct vly_engine *engine);

// Ends a reload under way whose threads have ended. Control thread.
void vly_reload_settle(struct vly_engine *engine);
