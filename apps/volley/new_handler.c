// SPDX-License-Identifier: BSD-3-Clause
//
// volley new-handler: writes a project of a handler's own that builds and passes its tests.
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <volley/volley.h>

#include "arguments.h"
#include "commands.h"
#include "new_handler/project.h"
#include "output.h"

enum new_handler_limits {
	NAME_MAX_BYTES = 40,
	PATH_MAX_BYTES = 4096,
};

struct new_handler_options {
	const char *name;
	const char *folder; // NULL: the name
};

static const struct argp_option options_table[] = {
	{"output", 'o', "DIR", 0, "The folder to make (default: NAME)", 0},
	{0},
};

// It becomes part of C names, and of -H, where a comma and a slash mean something.
static void check_name(const struct argp_state *state, const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
	static const char others[] = "abcdefghijklmnopqrstuvwxyz0123456789_";

	if (!name[0] || !strchr(letters, name[0]) || name[strspn(name, others)])
		usage_error(state,
			    "'%s' cannot be a handler's name; use small letters, digits and _, a "
			    "letter first",
			    name);
	if (strlen(name) > NAME_MAX_BYTES)
		usage_error(state, "'%s' is too long; give up to %d letters", name, NAME_MAX_BYTES);
	for (uint32_t i = 0; vly_handler_builtin(i); i++) {
		if (strcmp(vly_handler_builtin(i)->name, name) == 0)
			usage_error(state, "'%s' is built in; choose another name", name);
	}
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct new_handler_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		one_line_messages(state);
		return 0;
	case 'o':
		if (!arg[0])
			usage_error(state, "--output: the folder has no name");
		options->folder = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (options->name)
			usage_error(state, "takes one name, not '%s' as well", arg);
		check_name(state, arg);
		options->name = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		usage_error(state, "what is it to be called? give a name");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

// Writes the text with the handler's name in the place of my_handler.
static void put_text(FILE *file, const char *text, const char *name)
{
	static const char placeholder[] = "my_handler";
	const char *found;

	while ((found = strstr(text, placeholder)) != NULL) {
		fwrite(text, 1, (size_t)(found - text), file);
		fputs(name, file);
		text = found + strlen(placeholder);
	}
	fputs(text, file);
}

// Returns 0 or a negative errno.
static int name_file(char *path, const struct new_handler_options *options, const char *name)
{
	FILE *stream = fmemopen(path, PATH_MAX_BYTES, "w");
	int rc = 0;

	if (!stream)
		return -errno;
	fprintf(stream, "%s/", options->folder);
	put_text(stream, name, options->name);
	if (fflush(stream) || ferror(stream) || ftell(stream) >= PATH_MAX_BYTES - 1)
		rc = -ENAMETOOLONG;
	fclose(stream);
	return rc;
}

static int write_file(const char *path, const char *text, const char *name)
{
	FILE *file = fopen(path, "wxe");
	int rc = 0;

	if (!file)
		return -errno;
	put_text(file, text, name);
	if (fflush(file))
		rc = -errno;
	if (fclose(file) && !rc)
		rc = -errno;
	return rc;
}

static int write_project(const char *command, const struct new_handler_options *options)
{
	char path[PATH_MAX_BYTES] = "";

	// Nothing of anybody's is written over: the folder must be new.
	if (mkdir(options->folder, 0777)) {
		complain(command, "folder '%s' cannot be made (%s); give another with -o",
			 options->folder, strerror(errno));
		return STATUS_FAILED;
	}
	for (const struct project_file *file = project_files; file->name; file++) {
		int rc = name_file(path, options, file->name);

		if (!rc)
			rc = write_file(path, file->text, options->name);
		if (rc) {
			complain(command, "'%s' cannot be written (%s)", path, strerror(-rc));
			return STATUS_FAILED;
		}
		puts(path);
	}
	printf("Next: cd %s && meson setup build && meson test -C build; README.md says more.\n",
	       options->folder);
	return STATUS_OK;
}

int command_new_handler(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options_table,
		.parser = parse_option,
		.args_doc = "NAME",
		.doc = "Write a project with a handler of its own: source, tests, Meson, README. "
		       "It "
		       "builds and passes its tests as it is.",
	};
	struct new_handler_options options = {0};

	if (!parse_arguments(&argp, argc, argv, 0, &options))
		return STATUS_USAGE;
	if (!options.folder)
		options.folder = options.name;
	return write_project(argv[0], &options);
}
