// SPDX-License-Identifier: BSD-3-Clause
//
// How long handlers take for a burst: a histogram for each handler of each worker. The worker
// writes, the control thread reads at any time.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include <volley/engine.h>

#include "core/compiler.h"

// Log-linear buckets: one for each nanosecond below 16, then eight for each power of two, so that
// a figure read back is at most an eighth too high. Above 18 minutes all is one.
enum vly_meter_buckets {
	VLY_METER_LINEAR = 16,
	VLY_METER_STEPS = 8,
	VLY_METER_EXPONENT_MAX = 39,
	VLY_METER_BUCKETS = VLY_METER_LINEAR + (VLY_METER_EXPONENT_MAX - 3) * VLY_METER_STEPS,
};

// One handler of one worker.
struct vly_meter {
	_Atomic uint64_t bursts; // worker: rw, others: ro; and so the next three
	_Atomic uint64_t total_ns;
	_Atomic uint64_t max_ns;
	_Atomic uint64_t overruns;
	_Atomic uint64_t worst_ns; // since the last report; control sets it back to 0
	_Atomic uint64_t buckets[VLY_METER_BUCKETS];
	uint64_t reported; // control: overruns at the last report
};

// Those of one worker.
struct vly_meters {
	uint64_t budget_ns; // UINT64_MAX: none
	struct vly_meter meters[VLY_CHAIN_MAX];
} VLY_ALIGNED(128);

uint32_t vly_meter_bucket(uint64_t ns);

// The largest time that falls into a bucket.
uint64_t vly_meter_bucket_end(uint32_t bucket);

// Notes one burst. Worker thread.
void vly_meter_add(struct vly_meter *meter, uint64_t ns, uint64_t budget_ns);

// Fills in all but handler and worker. Any thread.
void vly_meter_read(const struct vly_meter *meter, struct vly_handler_times *times);
