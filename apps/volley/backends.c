// SPDX-License-Identifier: BSD-3-Clause
//
// volley backends: which ways to the wire work here, why the others do not, and what to do.
#include <argp.h>
#include <stdbool.h>
#include <stdio.h>

#include <volley/volley.h>

#include "arguments.h"
#include "commands.h"
#include "output.h"
#include "port_options.h"

enum backends_limits {
	BACKENDS_MAX = 16,
};

struct backends_options {
	bool verbose;
	bool json;
};

static const struct argp_option options_table[] = {
	{"json", KEY_JSON, NULL, 0, "Print the result as one JSON object", 0},
	{"verbose", 'v', NULL, 0, "Also list the options and capabilities of each", 0},
	{0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct backends_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		one_line_messages(state);
		return 0;
	case 'v':
		options->verbose = true;
		return 0;
	case KEY_JSON:
		options->json = true;
		return 0;
	case ARGP_KEY_ARG:
		usage_error(state, "takes no argument, not '%s'", arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void print_line(void *arg, const char *text)
{
	(void)arg;
	printf("              %s\n", text);
}

static void append_line(void *array, const char *text)
{
	json_array_append_new(array, json_string(text));
}

static void print_report(const struct vly_backend_report *report, bool verbose)
{
	const struct vly_log log = {.line = print_line};

	printf("%-8s %-4s %s\n", report->name, report->status == 0 ? "yes" : "no",
	       report->summary ? report->summary : "");
	if (report->detail.text[0] != '\0')
		print_line(NULL, report->detail.text);
	if (verbose)
		vly_backend_describe(report->name, &log);
}

static json_t *json_report(const struct vly_backend_report *report, bool verbose)
{
	json_t *object =
		json_pack("{s:s, s:s*, s:b, s:s}", "name", report->name, "summary", report->summary,
			  "works", report->status == 0, "detail", report->detail.text);

	if (verbose) {
		json_t *lines = json_array();
		const struct vly_log log = {.line = append_line, .arg = lines};

		vly_backend_describe(report->name, &log);
		json_object_set_new(object, "capabilities", lines);
	}
	return object;
}

int command_backends(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options_table,
		.parser = parse_option,
		.doc = "Show which backends work on this machine, best first, and what the others "
		       "lack.",
	};
	struct vly_backend_report reports[BACKENDS_MAX] = {0};
	struct backends_options options = {0};
	json_t *list;
	uint32_t count;

	if (!parse_arguments(&argp, argc, argv, 0, &options))
		return STATUS_USAGE;
	count = vly_backend_probe(reports, BACKENDS_MAX);
	if (options.json) {
		list = json_array();
		for (uint32_t i = 0; i < count; i++)
			json_array_append_new(list, json_report(&reports[i], options.verbose));
		return print_json(argv[0], json_pack("{s:o}", "backends", list));
	}
	printf("%-8s %s\n", "backend", "works");
	for (uint32_t i = 0; i < count; i++)
		print_report(&reports[i], options.verbose);
	return STATUS_OK;
}
