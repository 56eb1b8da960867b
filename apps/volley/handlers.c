// SPDX-License-Identifier: BSD-3-Clause
//
// volley handlers: which are built in, and what one takes and counts.
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>

#include <volley/volley.h>

#include "arguments.h"
#include "commands.h"
#include "output.h"
#include "port_options.h"

struct handlers_options {
	const char *name; // NULL: all that are built in
	bool json;
};

static const struct argp_option options_table[] = {
	{"json", KEY_JSON, NULL, 0, "Print the result as one JSON object", 0},
	{0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct handlers_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		one_line_messages(state);
		return 0;
	case KEY_JSON:
		options->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (options->name)
			usage_error(state, "takes one handler, not '%s' as well", arg);
		options->name = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const char *const key_types[] = {
	[VLY_KEY_TEXT] = "text",     [VLY_KEY_NUMBER] = "number",     [VLY_KEY_BYTES] = "bytes",
	[VLY_KEY_SWITCH] = "switch", [VLY_KEY_DURATION] = "duration",
};

static const char *const metric_types[] = {
	[VLY_METRIC_COUNTER] = "counter",
	[VLY_METRIC_GAUGE] = "gauge",
	[VLY_METRIC_HISTOGRAM] = "histogram",
};

struct unit {
	const char *name;
	uint64_t factor;
};

// The largest unit that divides the value, as a user would write it.
static void print_scaled(enum vly_key_type type, uint64_t value)
{
	static const struct unit durations[] = {{"h", 3600000000000}, {"m", 60000000000},
						{"s", 1000000000},    {"ms", 1000000},
						{"us", 1000},         {"ns", 1}};
	static const struct unit sizes[] = {
		{"G", 1 << 30}, {"M", 1 << 20}, {"k", 1 << 10}, {"", 1}};
	static const struct unit numbers[] = {
		{"G", 1000000000}, {"M", 1000000}, {"k", 1000}, {"", 1}};
	const struct unit *unit = type == VLY_KEY_DURATION ? durations
				  : type == VLY_KEY_BYTES  ? sizes
							   : numbers;

	while (unit->factor > 1 && (!value || value % unit->factor))
		unit++;
	printf("%" PRIu64 "%s", value / unit->factor, unit->name);
}

static bool has_range(const struct vly_key *key)
{
	return key->max && key->type != VLY_KEY_TEXT && key->type != VLY_KEY_SWITCH;
}

static void print_key(const struct vly_key *key)
{
	printf("  %-18s %-9s ", key->name, key_types[key->type]);
	if (!key->preset)
		printf("%-12s", "required");
	else
		printf("%-12s", key->preset[0] ? key->preset : "none");
	printf(" %s", key->summary);
	if (has_range(key)) {
		fputs(" (", stdout);
		print_scaled(key->type, key->min);
		fputs(" to ", stdout);
		print_scaled(key->type, key->max);
		putchar(')');
	}
	putchar('\n');
}

static void print_handler(void *arg, const struct vly_handler_ops *ops)
{
	const char *name = arg;

	printf("%s: %s\n", ops->name, ops->summary);
	printf("\nvolley serve -H %s%s\n", name,
	       ops->keys && ops->keys->name ? ",KEY=VALUE..." : "");
	if (ops->keys && ops->keys->name)
		printf("\n  %-18s %-9s %s\n", "key", "type", "preset");
	for (const struct vly_key *key = ops->keys; key && key->name; key++)
		print_key(key);
	if (ops->metrics && ops->metrics->name)
		printf("\n  %-18s %s\n", "metric", "type");
	for (const struct vly_metric *metric = ops->metrics; metric && metric->name; metric++)
		printf("  %-18s %-9s    %s\n", metric->name, metric_types[metric->type],
		       metric->summary);
}

static json_t *json_keys(const struct vly_key *key)
{
	json_t *list = json_array();

	for (; key && key->name; key++) {
		json_t *one = json_pack("{s:s, s:s, s:s?, s:b, s:s}", "name", key->name, "type",
					key_types[key->type], "preset", key->preset, "required",
					key->preset == NULL, "summary", key->summary);

		if (has_range(key))
			json_object_update_new(one,
					       json_pack("{s:I, s:I}", "min", (json_int_t)key->min,
							 "max", (json_int_t)key->max));
		json_array_append_new(list, one);
	}
	return list;
}

static json_t *json_metrics(const struct vly_metric *metric)
{
	json_t *list = json_array();

	for (; metric && metric->name; metric++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", metric->name,
						      "type", metric_types[metric->type], "summary",
						      metric->summary));
	return list;
}

static void append_handler(void *list, const struct vly_handler_ops *ops)
{
	json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:o, s:o}", "name", ops->name,
					      "summary", ops->summary, "abi", (int)ops->abi, "keys",
					      json_keys(ops->keys), "metrics",
					      json_metrics(ops->metrics)));
}

static int show_one(const char *command, const struct handlers_options *options)
{
	struct vly_error error = {""};
	json_t *list = options->json ? json_array() : NULL;
	const struct vly_handler_viewer viewer = {
		.show = list ? append_handler : print_handler,
		.arg = list ? (void *)list : (void *)(uintptr_t)options->name,
	};
	int rc = vly_handler_find(options->name, &viewer, &error);

	if (rc) {
		complain(command, "%s", error.text);
		json_decref(list);
		return STATUS_FAILED;
	}
	return list ? print_json(command, json_pack("{s:o}", "handlers", list)) : STATUS_OK;
}

static int show_all(const char *command, bool json)
{
	json_t *list = json ? json_array() : NULL;
	const struct vly_handler_ops *ops;

	for (uint32_t i = 0; (ops = vly_handler_builtin(i)) != NULL; i++) {
		if (json)
			append_handler(list, ops);
		else
			printf("%-12s %s\n", ops->name, ops->summary);
	}
	return json ? print_json(command, json_pack("{s:o}", "handlers", list)) : STATUS_OK;
}

int command_handlers(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options_table,
		.parser = parse_option,
		.args_doc = "[NAME | ./FILE.so]",
		.doc = "List the built-in handlers; of one, or of a shared object, show the keys "
		       "that "
		       "-H takes after its name, and the metrics it counts.",
	};
	struct handlers_options options = {0};

	if (!parse_arguments(&argp, argc, argv, 0, &options))
		return STATUS_USAGE;
	return options.name ? show_one(argv[0], &options) : show_all(argv[0], options.json);
}
