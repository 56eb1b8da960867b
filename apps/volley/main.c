// SPDX-License-Identifier: BSD-3-Clause
//
// volley: one binary, one file for each sub-command.
#include <argp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <volley/volley.h>

#include "arguments.h"
#include "commands.h"
#include "output.h"
#include "shared_memory.h"

struct command {
	const char *name; // as messages begin: "volley serve"
	const char *summary;
	int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
	{"volley serve", "Run handlers on a UDP port", command_serve},
	{"volley ping", "Measure the round trip to a UDP echo server", command_ping},
	{"volley call", "Ask a UDP server one thing, and print its answer", command_call},
	{"volley load", "Load a UDP server by a schedule, and measure what becomes of it",
	 command_load},
	{"volley chat", "Talk in a chat that volley serve -H chat keeps", command_chat},
	{"volley reload", "Let a running volley serve load its handlers anew", command_reload},
	{"volley tap", "See what passes a running volley serve", command_tap},
	{"volley backends", "Show which ways to the wire work on this machine", command_backends},
	{"volley handlers", "Show the handlers, and what one takes and counts", command_handlers},
	{"volley new-handler", "Write a project with a handler of its own", command_new_handler},
	{"volley bench", "Measure every path of this machine", command_bench},
	{0},
};

// What the top-level parser finds: the sub-command, and where its own words begin.
struct choice {
	const struct command *command;
	int index;
};

static const char *word_of(const struct command *command)
{
	return strrchr(command->name, ' ') + 1;
}

static const struct command *find_command(const char *word)
{
	for (const struct command *command = commands; command->name; command++) {
		if (strcmp(word_of(command), word) == 0)
			return command;
	}
	return NULL;
}

static error_t parse_command(int key, char *arg, struct argp_state *state)
{
	struct choice *choice = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		one_line_messages(state);
		return 0;
	case ARGP_KEY_ARG:
		choice->command = find_command(arg);
		if (!choice->command)
			usage_error(state, "'%s' is no sub-command; see volley --help", arg);
		choice->index = state->next - 1;
		state->next = state->argc; // the rest is for the sub-command
		return 0;
	case ARGP_KEY_NO_ARGS:
		usage_error(state, "which sub-command? see volley --help");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

// Puts the table of sub-commands below the options of --help.
static char *list_commands(int key, const char *text, void *input)
{
	char *list = NULL;
	size_t size = 0;
	FILE *stream;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)(uintptr_t)text;
	stream = open_memstream(&list, &size);
	if (!stream)
		return NULL;
	fputs("Sub-commands:\n", stream);
	for (const struct command *command = commands; command->name; command++)
		fprintf(stream, "  %-12s %s\n", word_of(command), command->summary);
	fputs("\nvolley COMMAND --help tells about one of them, volley(1) about all.", stream);
	fclose(stream);
	return list;
}

static void print_version(FILE *stream, struct argp_state *state)
{
	(void)state;
	fprintf(stream, "volley %s\n", vly_version());
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse_command,
		.args_doc = "COMMAND [ARGUMENT...]",
		.doc = "A UDP engine with kernel bypass.\v",
		.help_filter = list_commands,
	};
	static const char program[] = "volley";
	struct choice choice = {0};
	const struct command *command;

	guard_output();
	guard_shared_memory();
	if (argc > 0)
		argv[0] = (char *)(uintptr_t)program; // messages do not name the path
	argp_err_exit_status = STATUS_USAGE;
	argp_program_version_hook = print_version;
	if (!parse_arguments(&argp, argc, argv, ARGP_IN_ORDER, &choice))
		return STATUS_USAGE;
	command = choice.command;
	argv[choice.index] = (char *)(uintptr_t)command->name;
	return finish_output(command->name, command->run(argc - choice.index, argv + choice.index));
}
