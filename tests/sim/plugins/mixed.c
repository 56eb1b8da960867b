// SPDX-License-Identifier: BSD-3-Clause
//
// For tests: gives every fate in turn, and may be slow. Of eight datagrams it answers three, sends
// one in place, answers one in a fresh datagram, consumes one, drops one and forgets one.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <volley/handler.h>

struct mixed {
	uint64_t seen;
	uint64_t work_ns;
};

static const struct vly_key keys[] = {
	{"work", VLY_KEY_DURATION, "0ns", 0, 0, "to spend on each burst"},
	{NULL, VLY_KEY_TEXT, NULL, 0, 0, NULL},
};

static int mixed_open(void **state, const struct vly_handler_env *env, struct vly_error *error)
{
	struct mixed *mixed = calloc(1, sizeof(*mixed));

	(void)error;
	if (!mixed)
		return -ENOMEM;
	mixed->work_ns = env->values[0].number;
	*state = mixed;
	return 0;
}

static void answer_in_fresh(struct vly_burst *burst, struct vly_dgram *dgram)
{
	struct vly_dgram *fresh;

	vly_consume(dgram);
	if (!vly_alloc(burst, &fresh, 1))
		return;
	if (fresh->capacity < dgram->len) {
		vly_release(burst, fresh);
		return;
	}
	fresh->peer = dgram->peer;
	fresh->local = dgram->local;
	fresh->len = dgram->len;
	memcpy(vly_dgram_data(fresh), vly_dgram_data(dgram), dgram->len);
	vly_send(burst, fresh);
}

static void mixed_on_burst(void *state, struct vly_burst *burst)
{
	struct mixed *mixed = state;

	for (uint32_t i = 0; i < burst->count; i++) {
		struct vly_dgram *dgram = burst->in[i];

		switch (mixed->seen++ % 8) {
		case 3:
			vly_send(burst, dgram);
			break;
		case 4:
			answer_in_fresh(burst, dgram);
			break;
		case 5:
			vly_consume(dgram);
			break;
		case 6:
			vly_drop(dgram, VLY_DROP_MALFORMED);
			break;
		case 7:
			break;
		default:
			vly_reply(dgram);
			break;
		}
	}
	if (mixed->work_ns) {
		struct timespec work = {.tv_nsec = (long)mixed->work_ns};

		nanosleep(&work, NULL);
	}
}

const struct vly_handler_ops vly_handler = {
	.abi = VLY_HANDLER_ABI,
	.name = "mixed",
	.summary = "every fate in turn, for tests",
	.keys = keys,
	.open = mixed_open,
	.on_burst = mixed_on_burst,
	.close = free,
};
