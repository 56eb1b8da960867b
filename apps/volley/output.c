// SPDX-License-Identifier: BSD-3-Clause
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"

void complain(const char *command, const char *format, ...)
{
	va_list args;

	flockfile(stderr);
	fprintf(stderr, "%s: ", command);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	funlockfile(stderr);
}

static void log_line(void *command, const char *text)
{
	complain(command, "%s", text);
}

struct vly_log log_to_stderr(const char *command, bool shown)
{
	return (struct vly_log){
		.line = shown ? log_line : NULL,
		.arg = (void *)(uintptr_t)command,
	};
}

static void print_count(const char *name, uint64_t count)
{
	printf("%-12s %12" PRIu64 "\n", name, count);
}

void print_drops(const struct vly_ledger *ledger)
{
	for (uint32_t drop = 0; drop < VLY_DROP_COUNT; drop++) {
		if (ledger->dropped[drop] > 0)
			printf("  %-15s %7" PRIu64 "  %s\n", vly_drop_name(drop),
			       ledger->dropped[drop], vly_drop_text(drop));
	}
}

void print_ledger(const struct vly_ledger *ledger)
{
	print_count("received", ledger->received);
	print_count("originated", ledger->originated);
	print_count("sent", ledger->sent);
	print_count("released", ledger->released);
	print_count("answered", ledger->answered);
	if (ledger->to_kernel || ledger->from_kernel) {
		print_count("to kernel", ledger->to_kernel);
		print_count("from kernel", ledger->from_kernel);
	}
	print_count("dropped", vly_ledger_dropped(ledger));
	print_drops(ledger);
}

json_t *json_drops(const struct vly_ledger *ledger)
{
	json_t *drops = json_object();

	for (uint32_t drop = 0; drop < VLY_DROP_COUNT; drop++) {
		if (ledger->dropped[drop] > 0)
			json_object_set_new(drops, vly_drop_name(drop),
					    json_integer((json_int_t)ledger->dropped[drop]));
	}
	return drops;
}

int print_json(const char *command, json_t *object)
{
	int failed =
		object ? json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9)) : -1;

	json_decref(object);
	if (failed && !ferror(stdout)) {
		complain(command, "no memory for the JSON object");
		return STATUS_FAILED;
	}
	putchar('\n');
	return STATUS_OK;
}

void guard_output(void)
{
	signal(SIGPIPE, SIG_IGN);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		// The lowest free descriptor is `fd` itself. Opened for reading, so that writing
		// to it fails as it did before.
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", O_RDONLY);
	}
}

int finish_output(const char *command, int status)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	complain(command, "standard output: %s",
		 errno ? strerror(errno) : "not everything could be written");
	return STATUS_FAILED;
}
