// SPDX-License-Identifier: BSD-3-Clause
#include "chat/numbers.h"

#include <string.h>

static bool has(const struct numbers *numbers, uint32_t number)
{
	return numbers->bits[number % NUMBERS_WINDOW / 64] >> (number % 64) & 1;
}

static void set(struct numbers *numbers, uint32_t number, bool value)
{
	uint64_t bit = UINT64_C(1) << (number % 64);
	uint64_t *word = &numbers->bits[number % NUMBERS_WINDOW / 64];

	*word = value ? *word | bit : *word & ~bit;
}

void numbers_begin(struct numbers *numbers, uint32_t last)
{
	memset(numbers->bits, 0, sizeof(numbers->bits));
	numbers->settled = last;
	numbers->highest = last;
}

// Moves on over what has come. A bit is cleared when it is passed, for the number a window later.
static void settle(struct numbers *numbers)
{
	while (numbers->settled < numbers->highest && has(numbers, numbers->settled + 1))
		set(numbers, ++numbers->settled, false);
}

void numbers_know(struct numbers *numbers, uint32_t highest)
{
	if (highest <= numbers->highest)
		return;
	// A jump over more than the window is no loss that could be counted one by one.
	if (highest - numbers->settled > 2u * NUMBERS_WINDOW) {
		numbers->lost += highest - numbers->settled;
		numbers_begin(numbers, highest);
		return;
	}
	numbers->highest = highest;
	while (numbers->highest - numbers->settled > NUMBERS_WINDOW) {
		numbers->lost += !has(numbers, numbers->settled + 1);
		set(numbers, ++numbers->settled, false);
	}
	settle(numbers);
}

bool numbers_take(struct numbers *numbers, uint32_t number, bool *is_late)
{
	*is_late = number <= numbers->highest;
	numbers_know(numbers, number);
	if (number <= numbers->settled || has(numbers, number)) {
		numbers->duplicates++;
		return false;
	}
	set(numbers, number, true);
	numbers->copies++;
	settle(numbers);
	return true;
}

uint32_t numbers_missing(const struct numbers *numbers, uint32_t max, uint32_t *from)
{
	uint32_t count = 0;

	if (numbers->settled == numbers->highest)
		return 0;
	*from = numbers->settled + 1;
	while (count < max && *from + count <= numbers->highest && !has(numbers, *from + count))
		count++;
	return count;
}

uint32_t numbers_give_up(struct numbers *numbers, uint32_t from, uint32_t to)
{
	uint32_t count = 0;

	if (from <= numbers->settled)
		from = numbers->settled + 1;
	for (uint32_t number = from; number <= to && number <= numbers->highest; number++) {
		if (has(numbers, number))
			continue;
		set(numbers, number, true);
		count++;
	}
	numbers->lost += count;
	settle(numbers);
	return count;
}
