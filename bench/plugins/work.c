// SPDX-License-Identifier: BSD-3-Clause
//
// An echo that costs as much as one likes: it spins for so many cycles of the time stamp counter
// with each datagram. What a pipeline is worth depends on nothing else.
//
//     volley serve -H build/bench/plugins/work.so,cycles=1000
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <volley/handler.h>

struct work {
	uint64_t cycles;
	bool is_mute;
};

static const struct vly_key keys[] = {
	{"cycles", VLY_KEY_NUMBER, "0", 0, 0, "to spend on each datagram"},
	{"mute", VLY_KEY_SWITCH, "off", 0, 0, "does not answer"},
	{NULL, VLY_KEY_TEXT, NULL, 0, 0, NULL},
};

static int work_open(void **state, const struct vly_handler_env *env, struct vly_error *error)
{
	struct work *work = malloc(sizeof(*work));

	(void)error;
	if (!work)
		return -ENOMEM;
	work->cycles = env->values[0].number;
	work->is_mute = env->values[1].on;
	*state = work;
	return 0;
}

static void work_on_burst(void *state, struct vly_burst *burst)
{
	const struct work *work = state;

	for (uint32_t i = 0; i < burst->count; i++) {
		if (work->cycles) {
			uint64_t start = __builtin_ia32_rdtsc();

			while (__builtin_ia32_rdtsc() - start < work->cycles)
				;
		}
		if (work->is_mute)
			vly_consume(burst->in[i]);
		else
			vly_reply(burst->in[i]);
	}
}

const struct vly_handler_ops vly_handler = {
	.abi = VLY_HANDLER_ABI,
	.name = "work",
	.summary = "an echo that spends cycles",
	.keys = keys,
	.open = work_open,
	.on_burst = work_on_burst,
	.close = free,
};
