// SPDX-License-Identifier: BSD-3-Clause
//
// The timer wheel with few timers and with a million. Each benchmark has so many running, and
//
//     timer/restart   stops one and starts it anew, at some time within 137 s
//     timer/put-off   moves one to a later time, as a session does with each datagram
//     timer/change    changes a word of one, which is all that memory must be asked for
//     timer/fire      lets the time pass: what one costs from start to firing, moves included
//
// `in-order` goes through the timers as they lie in memory, the others jump about: where a million
// do not fit in a cache, the difference is the memory's.
#include "handler/timer.h"
#include "micro/timer.h"

enum {
	NOW_NS = 1,
};

static void restart(void *wheel, struct timer_bed *bed, void *timer)
{
	vly_wheel_take(wheel, timer);
	vly_wheel_put(wheel, timer, NOW_NS + timer_some_ns(bed), NOW_NS);
}

static void put_off(void *wheel, struct timer_bed *bed, void *timer)
{
	(void)bed;
	vly_wheel_move(wheel, timer, ((struct vly_timer *)timer)->due_ns + 1, NOW_NS);
}

// The least that can be done with one: a word of it is changed.
static void change(void *wheel, struct timer_bed *bed, void *timer)
{
	(void)wheel;
	(void)bed;
	((struct vly_timer *)timer)->period_ns++;
}

static bool open_wheel(struct vly_wheel *wheel, struct timer_bed *bed, struct bench_run *run)
{
	if (!timer_bed_open(bed, run, sizeof(struct vly_timer)))
		return false;
	vly_wheel_open(wheel);
	for (uint32_t i = 0; i < bed->count; i++)
		vly_wheel_put(wheel, timer_at(bed, i), NOW_NS + timer_some_ns(bed), NOW_NS);
	return true;
}

static void visit(struct bench_run *run, uint32_t step, timer_touch *touch)
{
	struct vly_wheel wheel;
	struct timer_bed bed;

	if (!open_wheel(&wheel, &bed, run))
		return;
	timer_run(run, &wheel, &bed, step, touch);
	timer_bed_close(&bed);
}

static void run_restart(struct bench_run *run)
{
	visit(run, TIMER_JUMP, restart);
}

static void run_restart_in_order(struct bench_run *run)
{
	visit(run, 1, restart);
}

static void run_put_off(struct bench_run *run)
{
	visit(run, TIMER_JUMP, put_off);
}

static void run_put_off_in_order(struct bench_run *run)
{
	visit(run, 1, put_off);
}

static void run_change(struct bench_run *run)
{
	visit(run, TIMER_JUMP, change);
}

static void run_fire(struct bench_run *run)
{
	struct vly_timer *timer;
	struct vly_wheel wheel;
	struct timer_bed bed;
	uint64_t begin;
	uint64_t fired = 0;

	if (!open_wheel(&wheel, &bed, run))
		return;
	begin = vly_cycles();
	while (bench_goes_on(run, 1)) {
		uint64_t now_ns = vly_wheel_next_ns(&wheel);

		vly_wheel_turn(&wheel, now_ns);
		while ((timer = vly_wheel_pop(&wheel)) != NULL) {
			vly_wheel_put(&wheel, timer, now_ns + timer_some_ns(&bed), now_ns);
			fired++;
		}
	}
	cycles_note(run, begin, fired ? fired : 1);
	timer_bed_close(&bed);
}

extern const struct bench_entry bench_timer_vly[];
const struct bench_entry bench_timer_vly[] = {
	{.name = "timer/restart/vly",
	 .function = run_restart,
	 .arg_name = "timers",
	 .args = {TIMER_FEW, TIMER_SOME, TIMER_MANY}},
	{.name = "timer/restart/vly/in-order",
	 .function = run_restart_in_order,
	 .arg_name = "timers",
	 .args = {TIMER_FEW, TIMER_SOME, TIMER_MANY}},
	{.name = "timer/put-off/vly",
	 .function = run_put_off,
	 .arg_name = "timers",
	 .args = {TIMER_FEW, TIMER_SOME, TIMER_MANY}},
	{.name = "timer/put-off/vly/in-order",
	 .function = run_put_off_in_order,
	 .arg_name = "timers",
	 .args = {TIMER_FEW, TIMER_SOME, TIMER_MANY}},
	{.name = "timer/change/vly",
	 .function = run_change,
	 .arg_name = "timers",
	 .args = {TIMER_FEW, TIMER_SOME, TIMER_MANY}},
	{.name = "timer/fire/vly",
	 .function = run_fire,
	 .arg_name = "timers",
	 .args = {TIMER_FEW, TIMER_SOME, TIMER_MANY}},
	{.name = NULL},
};
