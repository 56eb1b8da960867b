// SPDX-License-Identifier: BSD-3-Clause
//
// Writing the one error line, and log lines.
#pragma once

#include <volley/error.h>

#include "core/compiler.h"

// Writes the line to error->text (error may be NULL) and returns code: `return vly_fail(error,
// -EINVAL, "...")`. The line names what is wrong and the fix; no newline at the end.
int vly_fail(struct vly_error *error, int code, const char *format, ...) VLY_PRINTF(3, 4);

// Gives one line to the log, if there is one. Control plane only.
void vly_log_line(const struct vly_log *log, const char *format, ...) VLY_PRINTF(2, 3);
