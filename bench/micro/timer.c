// SPDX-License-Identifier: BSD-3-Clause
//
// The timer wheel with few timers and with a million. Each benchmark has so many running, and
//
//     timer/restart   stops one and starts it anew, at some time within 100 s
//     timer/put-off   moves one to a later time, as a session does with each datagram
//     timer/fire      lets the time pass: what one costs from start to firing, moves included
//
// `in-order` goes through the timers as they lie in memory, the others jump about: where a million
// do not fit in a cache, the difference is the memory's.
#include <stdlib.h>
#include <string.h>

#include "handler/timer.h"
#include "harness/harness.h"
#include "micro/cycles.h"

enum {
	SPAN_NS_BITS = 37, // timers are due within 2^37 ns, 137 s
	BATCH = 64,
	JUMP = 0x9e3779b1, // odd: visits all of a power of two
	FEW = 16,
	SOME = 1024,
	MANY = 1 << 20,
};

struct bed {
	struct vly_wheel wheel;
	struct vly_timer *timers;
	uint32_t count;
	uint64_t random;
	uint64_t now_ns;
};

static uint64_t some_time(struct bed *bed)
{
	bed->random = bed->random * 6364136223846793005u + 1442695040888963407u;
	return bed->random >> (64 - SPAN_NS_BITS);
}

// Returns false after bench_skip().
static bool open_bed(struct bed *bed, struct bench_run *run)
{
	bed->count = (uint32_t)bench_arg(run);
	bed->timers = calloc(bed->count, sizeof(bed->timers[0]));
	bed->random = 1;
	bed->now_ns = 1;
	if (!bed->timers) {
		bench_skip(run, "no memory");
		return false;
	}
	vly_wheel_open(&bed->wheel);
	for (uint32_t i = 0; i < bed->count; i++)
		vly_wheel_put(&bed->wheel, &bed->timers[i], bed->now_ns + some_time(bed),
			      bed->now_ns);
	return true;
}

static void restart(struct bench_run *run, uint32_t step)
{
	struct bed bed;
	uint64_t begin;
	uint32_t at = 0;

	if (!open_bed(&bed, run))
		return;
	begin = vly_cycles();
	while (bench_goes_on(run, BATCH)) {
		for (uint32_t i = 0; i < BATCH; i++) {
			struct vly_timer *timer = &bed.timers[at];

			vly_wheel_take(&bed.wheel, timer);
			vly_wheel_put(&bed.wheel, timer, bed.now_ns + some_time(&bed), bed.now_ns);
			at = (at + step) % bed.count;
		}
	}
	cycles_note(run, begin, bench_iterations(run));
	free(bed.timers);
}

static void run_restart(struct bench_run *run)
{
	restart(run, JUMP);
}

static void run_restart_in_order(struct bench_run *run)
{
	restart(run, 1);
}

static void put_off(struct bench_run *run, uint32_t step)
{
	struct bed bed;
	uint64_t begin;
	uint32_t at = 0;

	if (!open_bed(&bed, run))
		return;
	begin = vly_cycles();
	while (bench_goes_on(run, BATCH)) {
		for (uint32_t i = 0; i < BATCH; i++) {
			struct vly_timer *timer = &bed.timers[at];

			vly_wheel_move(&bed.wheel, timer, timer->due_ns + 1, bed.now_ns);
			at = (at + step) % bed.count;
		}
	}
	cycles_note(run, begin, bench_iterations(run));
	free(bed.timers);
}

static void run_put_off(struct bench_run *run)
{
	put_off(run, JUMP);
}

static void run_put_off_in_order(struct bench_run *run)
{
	put_off(run, 1);
}

static void run_fire(struct bench_run *run)
{
	struct vly_timer *timer;
	struct bed bed;
	uint64_t begin;
	uint64_t fired = 0;

	if (!open_bed(&bed, run))
		return;
	begin = vly_cycles();
	while (bench_goes_on(run, 1)) {
		bed.now_ns = vly_wheel_next_ns(&bed.wheel);
		vly_wheel_turn(&bed.wheel, bed.now_ns);
		while ((timer = vly_wheel_pop(&bed.wheel)) != NULL) {
			vly_wheel_put(&bed.wheel, timer, bed.now_ns + some_time(&bed), bed.now_ns);
			fired++;
		}
	}
	cycles_note(run, begin, fired ? fired : 1);
	free(bed.timers);
}

extern const struct bench_entry bench_timer[];
const struct bench_entry bench_timer[] = {
	{.name = "timer/restart",
	 .function = run_restart,
	 .arg_name = "timers",
	 .args = {FEW, SOME, MANY}},
	{.name = "timer/restart/in-order",
	 .function = run_restart_in_order,
	 .arg_name = "timers",
	 .args = {FEW, SOME, MANY}},
	{.name = "timer/put-off",
	 .function = run_put_off,
	 .arg_name = "timers",
	 .args = {FEW, SOME, MANY}},
	{.name = "timer/put-off/in-order",
	 .function = run_put_off_in_order,
	 .arg_name = "timers",
	 .args = {FEW, SOME, MANY}},
	{.name = "timer/fire",
	 .function = run_fire,
	 .arg_name = "timers",
	 .args = {FEW, SOME, MANY}},
	{.name = NULL},
};
