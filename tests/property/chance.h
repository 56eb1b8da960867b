// SPDX-License-Identifier: BSD-3-Clause
//
// The chance that all tests of a file share, and what cmocka calls before and after them.
#pragma once

#include <stdio.h>

#include "prng.h"

static struct prng prng;

static inline int open_chance(void **state)
{
	(void)state;
	prng = prng_open();
	return 0;
}

static inline int tell_seed(void **state)
{
	(void)state;
	printf("VLY_TEST_SEED=%llu\n", (unsigned long long)prng.seed);
	return 0;
}
