// SPDX-License-Identifier: BSD-3-Clause
//
// Two threads on two cores, for benchmarks of what stands between them: the benchmark's own thread
// and a peer.
#pragma once

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/compiler.h"
#include "harness/harness.h"

enum pair_limits {
	PAIR_LINE_BYTES = 128, // a line, and the one that the prefetcher takes with it
};

// Shares no line with what else is on the stack: the peer reads it all the time, and would have to
// wait for each line that this thread has written.
struct pair {
	pthread_t peer;
	cpu_set_t allowed;   // the processors of the benchmark's thread, to be given back
	atomic_bool is_over; // set by pair_close(): the peer ends its loop
} VLY_ALIGNED(PAIR_LINE_BYTES);

// Pins the calling thread to the n-th of the processors that it was allowed. Returns false when
// there are not so many.
static inline bool pair_pin(const struct pair *pair, uint32_t n);

// Pins the calling thread to the second processor and starts the peer, which must pin itself to the
// first, pair_pin(pair, 0), and run until is_over. Returns false, with the reason given to the run,
// when it cannot.
static inline bool pair_open(struct pair *pair, struct bench_run *run, void *(*peer)(void *),
			     void *arg);

// Ends the peer, and gives the calling thread its processors back.
static inline void pair_close(struct pair *pair);

// --- inline definitions -------------------------------------------------------------------------

static inline bool pair_pin(const struct pair *pair, uint32_t n)
{
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		cpu_set_t one;

		if (!CPU_ISSET(cpu, &pair->allowed) || n-- > 0)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		return pthread_setaffinity_np(pthread_self(), sizeof(one), &one) == 0;
	}
	return false;
}

static inline bool pair_open(struct pair *pair, struct bench_run *run, void *(*peer)(void *),
			     void *arg)
{
	atomic_store(&pair->is_over, false);
	if (pthread_getaffinity_np(pthread_self(), sizeof(pair->allowed), &pair->allowed) ||
	    !pair_pin(pair, 1)) {
		bench_skip(run, "needs two processors");
		return false;
	}
	if (pthread_create(&pair->peer, NULL, peer, arg)) {
		pthread_setaffinity_np(pthread_self(), sizeof(pair->allowed), &pair->allowed);
		bench_skip(run, "cannot start a thread");
		return false;
	}
	return true;
}

static inline void pair_close(struct pair *pair)
{
	atomic_store(&pair->is_over, true);
	pthread_join(pair->peer, NULL);
	pthread_setaffinity_np(pthread_self(), sizeof(pair->allowed), &pair->allowed);
}
