// SPDX-License-Identifier: BSD-3-Clause
//
// One worker's part of a forwarder, and what it does with datagrams.
#pragma once

#include <stdbool.h>

#include <volley/handler.h>

#include "handler/forward/health.h"
#include "handler/forward/session.h"
#include "handler/forward/shared.h"

enum vly_forward_metric {
	VLY_FORWARD_SESSIONS,
	VLY_FORWARD_OPENED,
	VLY_FORWARD_MOVED,
	VLY_FORWARD_EXPIRED,
	VLY_FORWARD_TO_SERVERS,
	VLY_FORWARD_TO_CLIENTS,
	VLY_FORWARD_NO_SERVER,
	VLY_FORWARD_NO_PORT,
	VLY_FORWARD_NO_ROOM,
	VLY_FORWARD_NO_BUFFER,
	VLY_FORWARD_NO_SESSION,
	VLY_FORWARD_FOREIGN,
	VLY_FORWARD_SERVERS_UP,
	VLY_FORWARD_CHECKS,
	VLY_FORWARD_CHECKS_LOST,
	VLY_FORWARD_FILES_REFUSED,
};

struct vly_forward_state {
	struct vly_forward *shared;
	struct vly_plan *plan;
	uint32_t worker;
	bool by_address;
	bool is_crossing;  // servers are reached by another port of the engine than clients
	uint8_t via_queue; // the queues of the port that servers are reached by, from this one on
	uint8_t via_queues;
	uint8_t send_queue; // of those, ours
	uint64_t idle_ns;
	uint64_t fresh_ns;
	uint64_t check_ns;
	struct vly_sessions sessions;
	struct vly_free_ports ports[VLY_MAGLEV_SERVERS_MAX]; // free ones towards each server
	struct vly_timer housekeeping;
	struct vly_timer check;
	struct vly_health health;
};

// Gives each datagram of the burst its fate. Worker.
void vly_forward_burst(struct vly_forward_state *state, struct vly_burst *burst);

// Looks at some sessions: who has been silent for too long is forgotten. Worker.
void vly_forward_expire(struct vly_forward_state *state, struct vly_burst *burst);
