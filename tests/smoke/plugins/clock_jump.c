// SPDX-License-Identifier: BSD-3-Clause
//
// A clock that jumps, for LD_PRELOAD: CLOCK_MONOTONIC goes on by CLOCK_JUMP_MS, or back if that is
// below 0, as soon as CLOCK_JUMP_AT_MS have gone by since a program first asked for it.
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	NS_PER_MS = 1000000,
	NS_PER_S = 1000000000,
};

static _Atomic int64_t first_ns;

static int64_t number(const char *name)
{
	const char *text = getenv(name);

	return text ? strtoll(text, NULL, 10) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
	int rc = (int)syscall(SYS_clock_gettime, clock, time);
	int64_t unset = 0, now_ns;

	if (rc != 0 || clock != CLOCK_MONOTONIC)
		return rc;
	now_ns = (int64_t)time->tv_sec * NS_PER_S + time->tv_nsec;
	atomic_compare_exchange_strong(&first_ns, &unset, now_ns);
	if (now_ns - first_ns < number("CLOCK_JUMP_AT_MS") * NS_PER_MS)
		return rc;
	now_ns += number("CLOCK_JUMP_MS") * NS_PER_MS;
	time->tv_sec = now_ns / NS_PER_S;
	time->tv_nsec = now_ns % NS_PER_S;
	return rc;
}
