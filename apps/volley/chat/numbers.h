// SPDX-License-Identifier: BSD-3-Clause
//
// Which numbered copies have come: tells new ones from duplicates, and what is missing. Remembers
// the last NUMBERS_WINDOW numbers; what is missing for longer is lost.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum numbers_limits {
	NUMBERS_WINDOW = 1024,
};

struct numbers {
	uint32_t settled; // all up to here have come, or are lost
	uint32_t highest; // that is known to have been sent
	uint64_t copies;
	uint64_t duplicates;
	uint64_t lost;
	uint64_t bits[NUMBERS_WINDOW / 64]; // that have come, by number
};

// Begins behind a number.
void numbers_begin(struct numbers *numbers, uint32_t last);

// A copy has come. Returns whether it is new; *is_late, if it was missing before.
bool numbers_take(struct numbers *numbers, uint32_t number, bool *is_late);

// It is known that all up to a number were sent.
void numbers_know(struct numbers *numbers, uint32_t highest);

// The first run of numbers that are missing, at most `max` of them. Returns how many; 0: none.
uint32_t numbers_missing(const struct numbers *numbers, uint32_t max, uint32_t *from);

// Does not wait for missing ones from .. to any longer. Returns how many were missing.
uint32_t numbers_give_up(struct numbers *numbers, uint32_t from, uint32_t to);
