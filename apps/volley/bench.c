// SPDX-License-Identifier: BSD-3-Clause
//
// volley bench: measures every path. A program of its own does it, written in Python, which this
// one looks up and becomes; what is wrong with the command line is said here.
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

enum bench_limits {
	BENCH_ROUNDS_MAX = 1000,
	BENCH_SECONDS_MAX = 3600,
	BENCH_SECONDS_MIN_NS = 10000000,
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

struct bench_options {
	const char *matrix; // NULL: the default one
	bool quick;
	bool full;
	bool compares;
};

static void set_matrix(const struct argp_state *state, struct bench_options *options,
		       const char *word)
{
	static const char *const known[] = {"peers",    "kernel", "dpdk",    "load",
					    "pipeline", "chat",   "handlers"};

	if (options->matrix)
		usage_error(state, "one matrix at a time: '%s' or '%s'", options->matrix, word);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(word, known[i]) == 0)
			options->matrix = known[i];
	}
	if (!options->matrix)
		usage_error(state,
			    "no matrix '%s'; known: peers, kernel, dpdk, load, pipeline, chat, "
			    "handlers",
			    word);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct bench_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		one_line_messages(state);
		return 0;
	case KEY_QUICK:
		options->quick = true;
		return 0;
	case KEY_FULL:
		options->full = true;
		return 0;
	case KEY_ROUNDS:
		parse_number(state, "--rounds", arg, 1, BENCH_ROUNDS_MAX);
		return 0;
	case KEY_SECONDS:
		parse_duration_ns(state, "--seconds", arg, BENCH_SECONDS_MIN_NS,
				  BENCH_SECONDS_MAX * UINT64_C(1000000000));
		return 0;
	case KEY_COMPARE:
	case KEY_THRESHOLD:
	case KEY_REPORT:
		options->compares = true;
		return 0;
	case 'o':
	case KEY_ONLY:
		return 0;
	case ARGP_KEY_ARG:
		set_matrix(state, options, arg);
		return 0;
	case ARGP_KEY_END:
		if (options->compares && options->matrix && strcmp(options->matrix, "peers") != 0)
			usage_error(state, "'%s' compares nothing: only the default and peers do",
				    options->matrix);
		if (options->quick && options->full)
			usage_error(state, "--quick and --full exclude each other");
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

// argp has put the matrix behind the options; the program wants it first.
static void put_first(int argc, char **argv, const char *matrix)
{
	for (int i = argc - 1; i > 1; i--)
		argv[i] = argv[i - 1];
	argv[1] = (char *)(uintptr_t)matrix;
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
	struct bench_options options = {0};
	const char *command = argv[0];

	if (!parse_arguments(&argp, argc, argv, 0, &options))
		return STATUS_USAGE;
	if (options.matrix)
		put_first(argc, argv, options.matrix);
	return become(command, argv);
}
