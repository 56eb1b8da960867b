// SPDX-License-Identifier: BSD-3-Clause
//
// For tests: an echo that counts in every way, under names and with texts that are no easy ones.
#include <volley/handler.h>

enum {
	SIZES_MODULO = 1000,
};

enum metric {
	SEEN,
	LAST,
	SIZES,
	SEEN_TOTAL,
	CLASH,
};

static const struct vly_metric metrics[] = {
	[SEEN] = {"seen", VLY_METRIC_COUNTER, "datagrams\\ \"seen\"\nso far"},
	[LAST] = {"last", VLY_METRIC_GAUGE, "caf\xe9"}, // Latin-1
	[SIZES] = {"sizes", VLY_METRIC_HISTOGRAM, "numbers from 0 to 999"},
	// The same family as another, of the same kind and of another.
	[SEEN_TOTAL] = {"seen_total", VLY_METRIC_COUNTER, "the same name"},
	[CLASH] = {"sizes.", VLY_METRIC_GAUGE, "ends in what no name may have"},
	{NULL, VLY_METRIC_COUNTER, NULL},
};

static void figures(void *state, struct vly_burst *burst)
{
	(void)state;
	for (uint32_t i = 0; i < burst->count; i++) {
		uint64_t seen = burst->metrics[SEEN];

		vly_metric_record(burst, SIZES, seen % SIZES_MODULO);
		vly_metric_set(burst, LAST, seen);
		vly_metric_add(burst, SEEN, 1);
		vly_metric_add(burst, SEEN_TOTAL, 1);
		vly_metric_set(burst, CLASH, 7);
		vly_reply(burst->in[i]);
	}
}

const struct vly_handler_ops vly_handler = {
	.abi = VLY_HANDLER_ABI,
	.name = "figures",
	.summary = "counts, for tests",
	.metrics = metrics,
	.on_burst = figures,
};
