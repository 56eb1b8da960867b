// SPDX-License-Identifier: BSD-3-Clause
//
// Where an engine receives, as handlers are told.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/engine.h"
#include "core/fail.h"

static void name_wire(struct vly_wire *wire, const struct vly_port *port, const char *device,
		      uint32_t queue)
{
	snprintf(wire->name, sizeof(wire->name), "%s", device ? device : vly_port_backend(port));
	wire->queue = (uint8_t)queue;
	wire->queue_count = (uint8_t)vly_port_queue_count(port);
	wire->has_ifindex = port->backend->layer == VLY_LAYER_DATAGRAM;
}

int vly_served_note(struct vly_engine *engine, const struct vly_engine_config *config,
		    struct vly_error *error)
{
	uint32_t count = 0;
	uint32_t queue = 0;

	for (uint32_t i = 0; i < config->port_count; i++)
		count += config->ports[i].listen_count;
	engine->served = calloc(count + 1, sizeof(engine->served[0]));
	if (!engine->served)
		return vly_fail(error, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < config->port_count; i++) {
		uint32_t queues = vly_port_queue_count(engine->ports[i]);

		name_wire(&engine->wires[i], engine->ports[i], config->ports[i].device, queue);
		for (uint32_t l = 0; l < config->ports[i].listen_count; l++) {
			struct vly_served *served = &engine->served[engine->served_count++];

			served->addr = config->ports[i].listens[l].addr;
			if (!served->addr.port)
				served->addr.port = vly_port_local(engine->ports[i]).port;
			served->queue = (uint8_t)queue;
			served->queue_count = (uint8_t)queues;
		}
		queue += queues;
	}
	return 0;
}
