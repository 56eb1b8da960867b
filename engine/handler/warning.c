// SPDX-License-Identifier: BSD-3-Clause
#include "handler/warning.h"

#include <stdio.h>

#include "core/fail.h"

enum {
	BETWEEN_NS = 1000000000, // two lines of a handler
};

void vly_warning_tell(struct vly_warning *warning, const char *text)
{
	uint64_t told = atomic_load_explicit(&warning->told, memory_order_relaxed);

	// Pairs with the release in vly_warning_clear(): the text has been read.
	if (!atomic_load_explicit(&warning->is_full, memory_order_acquire)) {
		snprintf(warning->text, sizeof(warning->text), "%s", text);
		atomic_store_explicit(&warning->is_full, 1, memory_order_release);
	}
	atomic_store_explicit(&warning->told, told + 1, memory_order_relaxed);
}

const char *vly_warning_text(const struct vly_warning *warning)
{
	return atomic_load_explicit(&warning->is_full, memory_order_acquire) ? warning->text : NULL;
}

void vly_warning_clear(struct vly_warning *warning)
{
	atomic_store_explicit(&warning->is_full, 0, memory_order_release);
}

void vly_warning_say(struct vly_warning *warning, const char *handler, const struct vly_log *log,
		     uint64_t now_ns)
{
	uint64_t more;

	if (!vly_warning_text(warning) ||
	    (warning->said_ns && now_ns - warning->said_ns < BETWEEN_NS))
		return;
	more = atomic_load_explicit(&warning->told, memory_order_relaxed) - warning->said;
	warning->said += more;
	warning->said_ns = now_ns;
	if (more > 1)
		vly_log_line(log, "handler '%s': %.300s (and %llu more)", handler, warning->text,
			     (unsigned long long)(more - 1));
	else
		vly_log_line(log, "handler '%s': %.340s", handler, warning->text);
	vly_warning_clear(warning);
}
