// SPDX-License-Identifier: BSD-3-Clause
//
// What of DPDK's libraries takes its memory from the EAL needs one, for the whole process: without
// huge pages, devices or other threads.
#pragma once

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

#include <rte_eal.h>
#include <rte_lcore.h>

#include "harness/harness.h"

// Starts it, unless it runs. The calling thread keeps its processors. Returns false after
// bench_skip().
static inline bool eal_open(struct bench_run *run)
{
	char *arguments[] = {"volley-microbench",       "--no-huge", "--no-pci", "--no-telemetry",
			     "--log-level=lib.*:error", "-m",        "1024"};
	cpu_set_t allowed;
	int rc;

	if (rte_lcore_count() > 0)
		return true;
	pthread_getaffinity_np(pthread_self(), sizeof(allowed), &allowed);
	rc = rte_eal_init(sizeof(arguments) / sizeof(arguments[0]), arguments);
	pthread_setaffinity_np(pthread_self(), sizeof(allowed), &allowed);
	if (rc < 0)
		bench_skip(run, "the EAL does not start");
	return rc >= 0;
}
