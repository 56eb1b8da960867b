// SPDX-License-Identifier: BSD-3-Clause
//
// volley bench: measures every path. A program of its own does it, written in Python, which this
// one looks up and becomes. Which options there are is known here; what they and the words may say,
// the program knows.
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "commands.h"
#include "output.h"
#include "port_options.h"

enum bench_key {
	KEY_QUICK = KEY_PRIVATE,
	KEY_FULL,
	KEY_ROUNDS,
	KEY_ONLY,
	KEY_SECONDS,
	KEY_COMPARE,
	KEY_THRESHOLD,
	KEY_REPORT,
};

enum {
	BENCH_DIRECTORIES = 3,
};

static const char program_name[] = "volley-bench";

static const struct argp_option options_table[] = {
	{"quick", KEY_QUICK, NULL, 0, "Within a minute: an impression", 0},
	{"full", KEY_FULL, NULL, 0, "Half an hour: for figures that are shown to others", 0},
	{"output", 'o', "DIR", 0, "Where the report goes (default volley-bench)", 0},
	{"rounds", KEY_ROUNDS, "N", 0, "How often each path is measured", 0},
	{"seconds", KEY_SECONDS, "S", 0, "How long one measurement lasts", 0},
	{"only", KEY_ONLY, "TEXT", 0, "The rows that have this text in their name", 0},
	{NULL, 0, NULL, 0, "What has changed (in the default matrix):", 2},
	{"compare", KEY_COMPARE, "OLD.json", 0,
	 "Say what has changed since that report; the exit status is 3 if anything is worse", 2},
	{"threshold", KEY_THRESHOLD, "PERCENT", 0, "By how much it is worse (default 10)", 2},
	{"report", KEY_REPORT, "NEW.json", 0, "Measure nothing: take this report", 2},
	{0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	switch (key) {
	case ARGP_KEY_INIT:
		one_line_messages(state);
		return 0;
	case KEY_QUICK:
	case KEY_FULL:
	case KEY_ROUNDS:
	case KEY_SECONDS:
	case KEY_COMPARE:
	case KEY_THRESHOLD:
	case KEY_REPORT:
	case KEY_ONLY:
	case 'o':
	case ARGP_KEY_ARG:
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

// The directory of this binary, with its last slash; empty if the system does not tell.
static void own_directory(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);

	path[n > 0 ? n : 0] = '\0';
	if (n > 0)
		strrchr(path, '/')[1] = '\0';
}

// Looks where the user says, then beside this binary (a build folder), then where it is installed
// with the binary. As far as found: 0, and `found` is a path; -ENOENT if it is nowhere.
static int find_program(char *found, size_t size)
{
	const char *given = getenv("VOLLEY_EXEC_PATH");
	char own[PATH_MAX];

	own_directory(own, sizeof(own));
	for (uint32_t i = 0; i < BENCH_DIRECTORIES; i++) {
		const char *const directories[BENCH_DIRECTORIES] = {given, "", VLY_LIBEXEC_DIR};
		const char *directory = directories[i];
		bool is_own = i > 0 && directory[0] != '/';

		if (!directory)
			continue;
		if ((size_t)snprintf(found, size, "%s%s/%s", is_own ? own : "", directory,
				     program_name) < size &&
		    access(found, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

// Returns only if it fails.
static int become(const char *command, char **argv)
{
	char program[PATH_MAX];
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (find_program(program, sizeof(program)) < 0) {
		complain(command,
			 "there is no %s beside this program, nor in %s; install Volley with "
			 "meson install, or set VOLLEY_EXEC_PATH to the directory that has it",
			 program_name, VLY_LIBEXEC_DIR);
		return STATUS_FAILED;
	}
	self[n > 0 ? n : 0] = '\0';
	if (n > 0 && setenv("VLY_VOLLEY", self, 1) != 0) {
		complain(command, "%s", strerror(errno));
		return STATUS_FAILED;
	}
	argv[0] = program;
	execv(program, argv);
	complain(command, "%s: %s", program, strerror(errno));
	return STATUS_FAILED;
}

int command_bench(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options_table,
		.parser = parse_option,
		.args_doc = "[peers | kernel | dpdk | load | pipeline | chat | handlers]",
		.doc = "Measures every path of this machine beside plain sockets and DPDK's "
		       "testpmd, and writes report.html, report.json and .hgrm files. A word "
		       "chooses another matrix: servers that others would take, the kernel's "
		       "sockets and io_uring beside the barest loops, dpdk beside testpmd, "
		       "volley load beside testpmd and sockperf, what lies between I/O threads "
		       "and workers, a chat's fan-out, or the handlers, each beside what it is "
		       "measured by.",
	};
	const char *command = argv[0];

	if (!parse_arguments(&argp, argc, argv, 0, NULL))
		return STATUS_USAGE;
	return become(command, argv);
}
