// SPDX-License-Identifier: BSD-3-Clause
//
// A thread of the library's own takes none of the program's signals, and leaves its starter's mask.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "core/thread.h"

static void *read_mask(void *arg)
{
	pthread_sigmask(SIG_SETMASK, NULL, arg);
	return arg;
}

static void test_signals_are_the_programs(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD};
	sigset_t before, within, after;
	pthread_t thread;

	(void)state;
	sigemptyset(&within);
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	assert_int_equal(vly_thread_start(&thread, read_mask, &within), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	assert_int_equal(pthread_join(thread, NULL), 0);
	for (uint32_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		assert_int_equal(sigismember(&within, signals[i]), 1);
		assert_int_equal(sigismember(&after, signals[i]), sigismember(&before, signals[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signals_are_the_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
