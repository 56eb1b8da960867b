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

void vly_note_cpu(_Atomic int *cpu)
{
	atomic_store_explicit(cpu, sched_getcpu() + 1, memory_order_relaxed);
}

static int core_of_thread(const struct vly_shared *shared, uint32_t thread, bool running)
{
	const _Atomic int *cpu;
	int core;

	if (thread < shared->io_count) {
		core = shared->ios[thread].core;
		cpu = &shared->ios[thread].cpu;
	} else {
		core = shared->workers[thread - shared->io_count].core;
		cpu = &shared->workers[thread - shared->io_count].cpu;
	}
	return running ? atomic_load_explicit(cpu, memory_order_relaxed) - 1 : core;
}

int vly_placement_shared(const struct vly_shared *shared, bool running, bool *too_many)
{
	uint32_t threads = shared->io_count + shared->worker_count;
	cpu_set_t set;

	*too_many = false;
	if (shared->idle != VLY_IDLE_BUSY)
		return -1;
	for (uint32_t i = 0; i < threads; i++) {
		int core = core_of_thread(shared, i, running);

		for (uint32_t k = 0; core >= 0 && k < i; k++) {
			if (core_of_thread(shared, k, running) == core)
				return core;
		}
	}
	if (!sched_getaffinity(0, sizeof(set), &set))
		*too_many = threads > (uint32_t)CPU_COUNT(&set);
	return -1;
}
