// SPDX-License-Identifier: BSD-3-Clause
#include "core/fail.h"

#include <stdarg.h>
#include <stdio.h>

int vly_fail(struct vly_error *error, int code, const char *format, ...)
{
	if (error) {
		va_list args;

		va_start(args, format);
		vsnprintf(error->text, sizeof(error->text), format, args);
		va_end(args);
	}
	return code;
}

void vly_log_line(const struct vly_log *log, const char *format, ...)
{
	char text[VLY_ERROR_BYTES];
	va_list args;

	if (!log || !log->line)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log->line(log->arg, text);
}
