// SPDX-License-Identifier: BSD-3-Clause
#include "arguments.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	USAGE_LINE_BYTES = 1024,
};

struct unit {
	const char *name;
	uint64_t ns;
};

static const struct unit units[] = {
	{"", 1000000000}, {"s", 1000000000},  {"ms", 1000000},      {"us", 1000},
	{"ns", 1},        {"m", 60000000000}, {"h", 3600000000000},
};

void usage_error(const struct argp_state *state, const char *format, ...)
{
	char line[USAGE_LINE_BYTES];
	va_list args;

	fflush(stdout);
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	// Not by `stderr`, which parse_arguments() has turned aside.
	dprintf(STDERR_FILENO, "%s: %s\n", state->name, line);
	exit(STATUS_USAGE);
}

void one_line_messages(struct argp_state *state)
{
	// argp_parse() then returns an error instead of ending the program, and adds no "Try ...".
	state->err_stream = NULL;
}

static void tell(const char *line, const char *name)
{
	if (line && *line)
		fprintf(stderr, "%.*s; see %s --help\n", (int)strcspn(line, "\n"), line, name);
	else
		fprintf(stderr, "%s: cannot take these arguments; see %s --help\n", name, name);
}

// getopt, which argp_parse() stands on, tells `stderr` what it does not understand, and has no
// other way to say it: so that is a piece of memory meanwhile, and the line gets what it lacks.
bool parse_arguments(const struct argp *argp, int argc, char **argv, unsigned flags, void *input)
{
	char *line = NULL;
	size_t length = 0;
	FILE *screen = stderr;
	FILE *memory = open_memstream(&line, &length);
	error_t rc;

	if (memory)
		stderr = memory;
	rc = argp_parse(argp, argc, argv, flags, NULL, input);
	stderr = screen;
	if (memory)
		fclose(memory);
	if (rc)
		tell(line, argv[0]);
	free(line);
	return rc == 0;
}

// Reads decimal digits alone: strtoull() would also take signs, blanks and hexadecimal.
static bool read_digits(const char **text, uint64_t *number)
{
	const char *at = *text;
	uint64_t sum = 0;

	for (; *at >= '0' && *at <= '9'; at++) {
		uint64_t digit = (uint64_t)(*at - '0');

		if (sum > (UINT64_MAX - digit) / 10)
			return false;
		sum = sum * 10 + digit;
	}
	if (at == *text)
		return false;
	*text = at;
	*number = sum;
	return true;
}

uint64_t parse_number(const struct argp_state *state, const char *option, const char *text,
		      uint64_t min, uint64_t max)
{
	const char *at = text;
	uint64_t number;

	if (!read_digits(&at, &number) || *at != '\0' || number < min || number > max)
		usage_error(state, "%s: '%s' is not a number from %" PRIu64 " to %" PRIu64, option,
			    text, min, max);
	return number;
}

// The digits after the point, as nanoseconds of a unit; digits below a nanosecond count nothing.
static uint64_t read_fraction_ns(const char **text, uint64_t unit_ns)
{
	uint64_t sum = 0;

	for (; **text >= '0' && **text <= '9'; (*text)++) {
		unit_ns /= 10;
		sum += unit_ns * (uint64_t)(**text - '0');
	}
	return sum;
}

static const struct unit *find_unit(const char *name)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(units[i].name, name) == 0)
			return &units[i];
	}
	return NULL;
}

static bool read_duration_ns(const char *text, uint64_t *duration_ns)
{
	const char *unit_name = text + strspn(text, "0123456789.");
	const struct unit *unit = find_unit(unit_name);
	uint64_t whole = 0, fraction_ns = 0;
	const char *at = text;

	if (!unit || !read_digits(&at, &whole) || whole > UINT64_MAX / 2 / unit->ns)
		return false;
	if (*at == '.') {
		at++;
		fraction_ns = read_fraction_ns(&at, unit->ns);
	}
	*duration_ns = whole * unit->ns + fraction_ns;
	return at == unit_name;
}

uint64_t parse_duration_ns(const struct argp_state *state, const char *option, const char *text,
			   uint64_t min_ns, uint64_t max_ns)
{
	uint64_t duration_ns;

	if (!read_duration_ns(text, &duration_ns))
		usage_error(state, "%s: '%s' is not a duration; write 1.5 (seconds), 20ms or 50us",
			    option, text);
	if (duration_ns < min_ns || duration_ns > max_ns)
		usage_error(state, "%s: '%s' is not from %.9g to %.9g seconds", option, text,
			    (double)min_ns / 1e9, (double)max_ns / 1e9);
	return duration_ns;
}

// One part of a list, "3" or "3-5".
static bool read_range(const char **text, uint64_t *first, uint64_t *last)
{
	if (!read_digits(text, first))
		return false;
	*last = *first;
	if (**text != '-')
		return true;
	(*text)++;
	return read_digits(text, last) && *last >= *first;
}

uint32_t parse_list(const struct argp_state *state, const char *option, const char *text,
		    uint32_t *list, uint32_t max, uint32_t limit)
{
	const char *at = text;
	uint32_t count = 0;
	uint64_t first, last;

	for (;;) {
		if (!read_range(&at, &first, &last) || (*at != ',' && *at != '\0') || last > limit)
			usage_error(state, "%s: '%s' is not a list like 0,1 or 2-5 (up to %u)",
				    option, text, limit);
		for (; first <= last; first++) {
			if (count == max)
				usage_error(state, "%s: '%s' has more than %u entries", option,
					    text, max);
			list[count++] = (uint32_t)first;
		}
		if (*at == '\0')
			return count;
		at++;
	}
}
