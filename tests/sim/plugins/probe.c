// SPDX-License-Identifier: BSD-3-Clause
//
// For tests: an echo that notes who handled what in a struct probe of the test, and can be held up.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <volley/handler.h>

#include "../probe.h"

enum {
	PAUSE_NS = 50000,
	SEQUENCE_OFFSET = 8, // in the payload of a simulated peer
};

static const struct vly_key keys[] = {
	{"at", VLY_KEY_NUMBER, "0", 1, 0, "address of the struct probe"},
	{NULL, VLY_KEY_TEXT, NULL, 0, 0, NULL},
};

static int probe_open(void **state, const struct vly_handler_env *env, struct vly_error *error)
{
	(void)error;
	*state = (void *)(uintptr_t)env->values[0].number;
	return *state ? 0 : -EINVAL;
}

static void wait_at_gate(struct probe *probe, const struct vly_burst *burst)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};

	if (probe->gated != PROBE_EACH && probe->gated != burst->worker)
		return;
	while (atomic_load(&probe->is_shut)) {
		atomic_store(&probe->at_gate, burst->count);
		nanosleep(&pause, NULL);
	}
}

static void probe_on_burst(void *state, struct vly_burst *burst)
{
	struct probe *probe = state;

	wait_at_gate(probe, burst);
	for (uint32_t i = 0; i < burst->count; i++) {
		uint64_t sequence;

		memcpy(&sequence, vly_dgram_data(burst->in[i]) + SEQUENCE_OFFSET, sizeof(sequence));
		if (sequence < PROBE_SEQUENCES)
			atomic_store(&probe->seen[sequence], 1);
		vly_reply(burst->in[i]);
	}
	atomic_fetch_add(&probe->handled[burst->worker], burst->count);
}

const struct vly_handler_ops vly_handler = {
	.abi = VLY_HANDLER_ABI,
	.name = "probe",
	.summary = "notes who handled what, for tests",
	.keys = keys,
	.open = probe_open,
	.on_burst = probe_on_burst,
};
