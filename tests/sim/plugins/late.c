// SPDX-License-Identifier: BSD-3-Clause
//
// For tests: answers late. Keeps up to `depth` datagrams and answers the oldest when another
// comes; the rest at the end, unless `leak` is on. May be slow.
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <volley/handler.h>

enum {
	DEPTH_MAX = 256,
};

struct late {
	struct vly_dgram *kept[DEPTH_MAX];
	uint32_t first;
	uint32_t count;
	uint32_t depth;
	bool leak;
	uint64_t work_ns;
};

static const struct vly_key keys[] = {
	{"depth", VLY_KEY_NUMBER, "16", 1, DEPTH_MAX, "datagrams kept"},
	{"leak", VLY_KEY_SWITCH, "off", 0, 0, "keep them for ever"},
	{"work", VLY_KEY_DURATION, "0ns", 0, 0, "to spend on each burst"},
	{NULL, VLY_KEY_TEXT, NULL, 0, 0, NULL},
};

static int late_open(void **state, const struct vly_handler_env *env, struct vly_error *error)
{
	struct late *late = calloc(1, sizeof(*late));

	(void)error;
	if (!late)
		return -ENOMEM;
	late->depth = (uint32_t)env->values[0].number;
	late->leak = env->values[1].on;
	late->work_ns = env->values[2].number;
	*state = late;
	return 0;
}

static void send_oldest(struct late *late, struct vly_burst *burst)
{
	vly_send(burst, late->kept[late->first]);
	late->first = (late->first + 1) % DEPTH_MAX;
	late->count--;
}

static void late_on_burst(void *state, struct vly_burst *burst)
{
	struct late *late = state;
	const struct timespec work = {.tv_nsec = (long)late->work_ns};

	if (late->work_ns)
		nanosleep(&work, NULL);
	for (uint32_t i = 0; i < burst->count; i++) {
		if (late->count == late->depth)
			send_oldest(late, burst);
		vly_keep(burst->in[i]);
		late->kept[(late->first + late->count++) % DEPTH_MAX] = burst->in[i];
	}
}

static void late_on_drain(void *state, struct vly_burst *burst)
{
	struct late *late = state;

	while (late->count && !late->leak)
		send_oldest(late, burst);
}

const struct vly_handler_ops vly_handler = {
	.abi = VLY_HANDLER_ABI,
	.name = "late",
	.summary = "answers late, for tests",
	.keys = keys,
	.open = late_open,
	.on_burst = late_on_burst,
	.on_drain = late_on_drain,
	.close = free,
};
