// SPDX-License-Identifier: BSD-3-Clause
#include "core/thread.h"

#include <signal.h>
#include <stddef.h>

int vly_thread_start(pthread_t *thread, vly_thread_body *run, void *arg)
{
	sigset_t all;
	sigset_t before;
	int rc;

	// A thread begins with the mask of the one that starts it.
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -rc;
}
