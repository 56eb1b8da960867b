// SPDX-License-Identifier: BSD-3-Clause
//
// Threads of the library's own beside those that move datagrams.
#pragma once

#include <pthread.h>

typedef void *vly_thread_body(void *arg);

// Starts one that runs `run(arg)`, to be joined. None of the program's signals is delivered to it:
// they are for the program's own threads. Any thread. Returns 0, or a negative errno (-EAGAIN: no
// more threads, see ulimit -u).
int vly_thread_start(pthread_t *thread, vly_thread_body *run, void *arg);
