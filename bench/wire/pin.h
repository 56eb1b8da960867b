// SPDX-License-Identifier: BSD-3-Clause
//
// A program's one thread on a core of its own.
#pragma once

#include <sched.h>

// Below 0: wherever the kernel likes. A core that is not there is left out, too.
static inline void pin(int core)
{
	cpu_set_t set;

	if (core < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((unsigned)core, &set);
	sched_setaffinity(0, sizeof(set), &set);
}
