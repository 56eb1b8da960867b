// SPDX-License-Identifier: BSD-3-Clause
//
// What all sub-commands print: messages, ledgers, JSON. Results go to standard output, everything
// else to standard error.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include <volley/volley.h>

// "volley serve: ..." on standard error, one line.
void complain(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

// A vly_log whose lines are complaints, when `shown`; otherwise one that says nothing.
struct vly_log log_to_stderr(const char *command, bool shown);

// The counters, then the reasons that are not zero.
void print_ledger(const struct vly_ledger *ledger);

// The reasons that are not zero, one a line with its text.
void print_drops(const struct vly_ledger *ledger);

// {"reason": count, ...}, those that are not zero. The caller owns it.
json_t *json_drops(const struct vly_ledger *ledger);

// Prints one line and gives the object up. NULL is a lack of memory. Returns 0 or STATUS_FAILED.
int print_json(const char *command, json_t *object);

// Keeps descriptors 0 to 2 from becoming those of sockets, and writes to a closed pipe from ending
// the program; what was not written is then found by finish_output().
void guard_output(void);

// Whether all of standard output was written: `status`, or STATUS_FAILED with a message.
int finish_output(const char *command, int status);
