// SPDX-License-Identifier: BSD-3-Clause
//
// One stack for all tests of a file, and what cmocka calls before and after them. A file that needs
// another one than the usual opens `stack` itself.
#pragma once

#include "stations.h"

static struct vly_stack *stack;

static inline int open_usual_stack(void **state)
{
	(void)state;
	stack = station_open(&(struct station){0});
	return 0;
}

static inline int close_stack(void **state)
{
	(void)state;
	vly_stack_close(stack);
	return 0;
}
