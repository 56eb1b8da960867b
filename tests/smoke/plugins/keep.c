// SPDX-License-Identifier: BSD-3-Clause
//
// Keeps the first datagrams and answers the others. At the end, or some time after the first, it
// answers what it kept, or with `forget` leaves it to be counted as unreleased.
#include <errno.h>
#include <stdlib.h>

#include <volley/handler.h>

enum keep_limits {
	KEEP_MAX = 16384,
};

struct keep {
	bool forgets;
	uint64_t for_ns;
	uint64_t end_ns; // when what is kept is given back
	uint32_t max;
	uint32_t count;
	struct vly_dgram *kept[KEEP_MAX];
};

enum keep_value {
	VALUE_COUNT,
	VALUE_FOR,
	VALUE_FORGET,
};

static const struct vly_key keys[] = {
	{"count", VLY_KEY_NUMBER, "16", 1, KEEP_MAX, "how many to keep"},
	{"for", VLY_KEY_DURATION, "1h", 0, 0, "how long, from the first on"},
	{"forget", VLY_KEY_SWITCH, "off", 0, 0, "never give them back"},
	{0},
};

static int keep_open(void **state, const struct vly_handler_env *env, struct vly_error *error)
{
	struct keep *keep = calloc(1, sizeof(*keep));

	(void)error;
	if (!keep)
		return -ENOMEM;
	keep->max = (uint32_t)env->values[VALUE_COUNT].number;
	keep->forgets = env->values[VALUE_FORGET].on;
	keep->for_ns = env->values[VALUE_FOR].number;
	*state = keep;
	return 0;
}

static void keep_burst(void *state, struct vly_burst *burst)
{
	struct keep *keep = state;

	for (uint32_t i = 0; i < burst->count; i++) {
		if (keep->end_ns == 0)
			keep->end_ns = burst->now_ns + keep->for_ns;
		if (keep->count == keep->max) {
			vly_reply(burst->in[i]);
			continue;
		}
		keep->kept[keep->count++] = burst->in[i];
		vly_keep(burst->in[i]);
	}
}

static void keep_drain(void *state, struct vly_burst *burst)
{
	struct keep *keep = state;

	for (uint32_t i = 0; i < keep->count && !keep->forgets; i++)
		vly_send(burst, keep->kept[i]);
}

static void keep_tick(void *state, struct vly_burst *burst)
{
	struct keep *keep = state;

	if (keep->end_ns == 0 || burst->now_ns < keep->end_ns)
		return;
	keep_drain(state, burst);
	keep->count = 0;
	keep->max = 0;
}

const struct vly_handler_ops vly_handler = {
	.abi = VLY_HANDLER_ABI,
	.name = "keep",
	.summary = "keeps datagrams until the end",
	.keys = keys,
	.open = keep_open,
	.on_burst = keep_burst,
	.on_tick = keep_tick,
	.on_drain = keep_drain,
	.close = free,
};
