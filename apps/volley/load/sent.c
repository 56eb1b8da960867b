// SPDX-License-Identifier: BSD-3-Clause
#include "load/sent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	WINDOW_MIN = 1 << 12,
};

int sent_open(struct sent *sent, uint64_t window, uint32_t flow_count)
{
	uint64_t entries = WINDOW_MIN;

	while (entries < window + 1)
		entries *= 2;
	*sent = (struct sent){.mask = entries - 1, .flow_count = flow_count};
	sent->due = malloc(entries * sizeof(sent->due[0]));
	// Touched, or the kernel would give it page by page while it is measured.
	if (sent->due)
		memset(sent->due, 0xff, entries * sizeof(sent->due[0]));
	sent->highest = calloc(flow_count, sizeof(sent->highest[0]));
	return sent->due && sent->highest ? 0 : -ENOMEM;
}

void sent_close(struct sent *sent)
{
	free(sent->due);
	free(sent->highest);
}
