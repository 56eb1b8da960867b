// SPDX-License-Identifier: BSD-3-Clause
#include <pthread.h>
#include <sched.h>

#include "core/loops.h"

void vly_pin(int core)
{
	cpu_set_t set;

	if (core < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((unsigned)core, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}
