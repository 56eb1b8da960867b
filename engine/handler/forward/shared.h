// SPDX-License-Identifier: BSD-3-Clause
//
// What a forwarder's workers have in common: the paths, the plan, and a thread beside them that
// makes another plan when the file of servers changes or a server's health does.
#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/stat.h>

#include <volley/engine.h>

#include "handler/forward/path.h"
#include "handler/forward/plan.h"
#include "handler/warning.h"

struct vly_forward {
	uint32_t users;      // states that are open; control
	struct vly_addr via; // of ours, with the first port, that servers are spoken to from
	uint32_t port_count; // of those; the first is for checks, the others carry clients
	struct vly_path *paths;
	_Atomic uint64_t answered_ns[VLY_MAGLEV_SERVERS_MAX]; // workers: rw; when one last spoke
	_Atomic(struct vly_plan *) plan;                      // planner: rw, workers: r
	// The plan that each worker is using. Worker: w, planner: r.
	_Atomic(struct vly_plan *) seen[VLY_WORKERS_MAX];
	_Atomic uint64_t up;            // the first worker: w, planner: r
	_Atomic uint32_t refused_files; // planner: rw, the first worker: r
	struct vly_warning refusal;     // planner: tells, the first worker: passes it on
	// private to the planner and the control thread
	char *file;
	struct stat file_stat;
	sem_t news;
	pthread_t planner;
	bool planner_runs;
	atomic_bool stops;
};

// Reads the file and starts the planner. Returns 0, or a negative errno with the fix. Control
// thread. `via` is "ADDR:FIRST-LAST".
int vly_forward_open(struct vly_forward **opened, const char *file, const char *via,
		     struct vly_error *error);

// Frees all. NULL is allowed. Control thread, when no worker runs any more.
void vly_forward_close(struct vly_forward *forward);

// The plan, which the worker may use until it asks again; `used` is what it was given last, or
// NULL. Each worker asks at least a few times a second: the planner waits for it.
struct vly_plan *vly_forward_plan(struct vly_forward *forward, uint32_t worker,
				  struct vly_plan *used);

// Another plan is wanted, since `up` has changed. The first worker.
void vly_forward_tell_up(struct vly_forward *forward, uint64_t up);

static inline struct vly_path *vly_forward_path(struct vly_forward *forward, uint32_t server,
						uint32_t port)
{
	return &forward->paths[server * forward->port_count + port];
}
