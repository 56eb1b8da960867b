// SPDX-License-Identifier: BSD-3-Clause
//
// volley reload: lets a running volley serve load its handlers anew.
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "arguments.h"
#include "commands.h"
#include "output.h"

enum reload_limits {
	PID_LAST = 4194304, // the kernel's limit
	PATH_BYTES = 64,
	LINE_BYTES = 4096,
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	uint64_t *pid = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		one_line_messages(state);
		return 0;
	case ARGP_KEY_ARG:
		if (*pid)
			usage_error(state, "takes one process, not '%s' as well", arg);
		*pid = parse_number(state, "PID", arg, 1, PID_LAST);
		return 0;
	case ARGP_KEY_NO_ARGS:
		usage_error(state, "which process? give the PID of a volley serve");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static FILE *open_proc(uint64_t pid, const char *name)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "/proc/%" PRIu64 "/%s", pid, name);
	return fopen(path, "re");
}

// Whether its command line is ".../volley serve ...".
static bool is_volley_serve(uint64_t pid)
{
	char words[LINE_BYTES] = "";
	FILE *file = open_proc(pid, "cmdline");
	const char *slash;
	size_t length;

	if (!file)
		return false;
	length = fread(words, 1, sizeof(words) - 1, file);
	fclose(file);
	words[length] = '\0';
	slash = strrchr(words, '/');
	return strcmp(slash ? slash + 1 : words, "volley") == 0 &&
	       strcmp(words + strlen(words) + 1, "serve") == 0;
}

// Whether it catches SIGHUP, as volley serve does before it starts; else it would end by it.
static bool awaits_signal(uint64_t pid)
{
	char line[LINE_BYTES];
	uint64_t caught = 0;
	FILE *file = open_proc(pid, "status");

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "SigCgt: %" SCNx64, &caught) == 1)
			break;
	}
	fclose(file);
	return caught >> (SIGHUP - 1) & 1;
}

static int send_signal(const char *command, uint64_t pid)
{
	// Opened before the checks: a process that takes over the number gets no signal.
	int process = pidfd_open((pid_t)pid, 0);
	int status = STATUS_FAILED;

	if (process < 0)
		complain(command, "there is no process %" PRIu64 " (%s)", pid, strerror(errno));
	else if (!is_volley_serve(pid))
		complain(command, "process %" PRIu64 " is no volley serve; see pgrep -af volley",
			 pid);
	else if (!awaits_signal(pid))
		complain(command, "process %" PRIu64 " is not ready yet; try again", pid);
	else if (pidfd_send_signal(process, SIGHUP, NULL, 0))
		complain(command, "process %" PRIu64 " cannot be asked (%s)", pid, strerror(errno));
	else
		status = STATUS_OK;
	if (process >= 0)
		close(process);
	return status;
}

int command_reload(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = parse_option,
		.args_doc = "PID",
		.doc = "Let the volley serve of that process load its handlers anew, while traffic "
		       "goes on. It says on its standard error whether that worked.",
	};
	uint64_t pid = 0;

	if (!parse_arguments(&argp, argc, argv, 0, &pid))
		return STATUS_USAGE;
	return send_signal(argv[0], pid);
}
