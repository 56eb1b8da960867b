// SPDX-License-Identifier: BSD-3-Clause
//
// What a target's inputs have ended in: its verdicts, and the reasons of its drops. The replay of a
// corpus is complete when it has seen each of them.
#pragma once

#include <stdint.h>

#include <volley/ledger.h>

enum endings_limits {
	ENDINGS_VERDICTS_MAX = 8,
};

struct endings {
	const char *verdict_names[ENDINGS_VERDICTS_MAX]; // by the verdict's number; NULL ends them
	enum vly_drop first_drop; // the reasons that belong to the target, in order
	enum vly_drop last_drop;
	uint64_t verdicts[ENDINGS_VERDICTS_MAX];
	uint64_t drops[VLY_DROP_COUNT];
};

// Each target defines its own.
extern struct endings fuzz_endings;
