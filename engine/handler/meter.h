// SPDX-License-Identifier: BSD-3-Clause
//
// How long handlers take for a burst: a histogram for each handler of each worker. The worker
// writes, the control thread reads at any time.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include <volley/engine.h>

#include "core/compiler.h"
#include "stats/spread.h"

// One handler of one worker.
struct vly_meter {
	struct vly_spread times;   // of bursts, in nanoseconds
	_Atomic uint64_t overruns; // worker: rw, others: ro
	_Atomic uint64_t worst_ns; // since the last report; control sets it back to 0
	uint64_t reported;         // control: overruns at the last report
};

// Those of one worker.
struct vly_meters {
	uint64_t budget_ns; // UINT64_MAX: none
	struct vly_meter meters[VLY_CHAIN_MAX];
} VLY_ALIGNED(128);

// Notes one burst. Worker thread.
void vly_meter_add(struct vly_meter *meter, uint64_t ns, uint64_t budget_ns);

// Fills in all but handler, position and worker. Any thread.
void vly_meter_read(const struct vly_meter *meter, struct vly_handler_times *times);
