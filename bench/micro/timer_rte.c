// SPDX-License-Identifier: BSD-3-Clause
//
// DPDK's rte_timer, a skip list: stopped and started anew, which is also how one is put off. When
// they fire is the time stamp counter's to say, so that is not measured.
#include <rte_lcore.h>
#include <rte_timer.h>

#include "micro/eal.h"
#include "micro/timer.h"

static void fire(struct rte_timer *timer, void *arg)
{
	(void)timer;
	(void)arg;
}

static void restart(void *wheel, struct timer_bed *bed, void *timer)
{
	(void)wheel;
	rte_timer_reset(timer, timer_some_ns(bed), SINGLE, rte_lcore_id(), fire, NULL);
}

static void run_restart(struct bench_run *run)
{
	unsigned int lcore;
	struct timer_bed bed;

	if (!eal_open(run) || !timer_bed_open(&bed, run, sizeof(struct rte_timer)))
		return;
	rte_timer_subsystem_init(); // the second time it says that it was
	lcore = rte_lcore_id();
	// Each one before those that run, or starting them would take as long as the rest.
	for (uint64_t i = bed.count; i-- > 0;) {
		struct rte_timer *timer = timer_at(&bed, i);

		rte_timer_init(timer);
		rte_timer_reset(timer, ((i + 1) << TIMER_SPAN_BITS) / bed.count, SINGLE, lcore,
				fire, NULL);
	}
	timer_run(run, NULL, &bed, TIMER_JUMP, restart);
	rte_timer_stop_all(0, &lcore, 1, NULL, NULL);
	timer_bed_close(&bed);
}

extern const struct bench_entry bench_timer_rte[];
const struct bench_entry bench_timer_rte[] = {
	{.name = "timer/restart/rte",
	 .function = run_restart,
	 .arg_name = "timers",
	 .args = {TIMER_FEW, TIMER_SOME, TIMER_MANY}},
	{.name = NULL},
};
