// SPDX-License-Identifier: BSD-3-Clause
//
// The words of a command line as numbers, durations and lists. What cannot be understood ends the
// program: one line on standard error, exit status 2.
#pragma once

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

enum exit_status {
	STATUS_OK = 0,
	STATUS_FAILED = 1, // it was understood, and did not work
	STATUS_USAGE = 2,  // it was not understood
};

// Says "volley serve: ..." and ends with STATUS_USAGE.
_Noreturn void usage_error(const struct argp_state *state, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

// A decimal number from min to max. `option` is named in the message.
uint64_t parse_number(const struct argp_state *state, const char *option, const char *text,
		      uint64_t min, uint64_t max);

// "1.5" (seconds), or a number with ns, us, ms, s, m or h, from min_ns to max_ns, in nanoseconds.
uint64_t parse_duration_ns(const struct argp_state *state, const char *option, const char *text,
			   uint64_t min_ns, uint64_t max_ns);

// "0,1" or "2-5" or both; at most `max` numbers, each at most `limit`. Returns how many.
uint32_t parse_list(const struct argp_state *state, const char *option, const char *text,
		    uint32_t *list, uint32_t max, uint32_t limit);

// argp_parse(), whose own messages (an option that is not known, one without its value) are one
// line that ends in where to look. False: it was not understood, which has been said; the program
// ends with STATUS_USAGE.
bool parse_arguments(const struct argp *argp, int argc, char **argv, unsigned flags, void *input);

// Run by the parsers of parse_arguments() on ARGP_KEY_INIT.
void one_line_messages(struct argp_state *state);
