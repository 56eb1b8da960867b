// SPDX-License-Identifier: BSD-3-Clause
//
// What was said to a log: its last line, and how many there were.
#pragma once

#include <stdint.h>
#include <stdio.h>

#include <volley/error.h>

struct heard {
	char said[VLY_ERROR_BYTES];
	uint32_t lines;
};

// A log's function; its argument is a struct heard.
static inline void hear(void *arg, const char *text)
{
	struct heard *heard = (struct heard *)arg;

	snprintf(heard->said, sizeof(heard->said), "%s", text);
	heard->lines++;
}
