// SPDX-License-Identifier: BSD-3-Clause
//
// For tests of reloading: an echo that changes the last byte by ANSWER_CHANGE, of the engine's ABI
// plus ABI_CHANGE. Keeps each burst until the next one comes, so that a reload finds it with some
// in hand.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <volley/handler.h>

struct version {
	struct vly_dgram *kept[VLY_BURST_MAX];
	uint32_t count;
};

static int version_open(void **state, const struct vly_handler_env *env, struct vly_error *error)
{
	(void)env;
	(void)error;
	*state = calloc(1, sizeof(struct version));
	return *state ? 0 : -ENOMEM;
}

static void send_kept(void *state, struct vly_burst *burst)
{
	struct version *version = state;

	for (uint32_t i = 0; i < version->count; i++)
		vly_send(burst, version->kept[i]);
	version->count = 0;
}

static void version_on_burst(void *state, struct vly_burst *burst)
{
	struct version *version = state;

	send_kept(state, burst);
	for (uint32_t i = 0; i < burst->count; i++) {
		struct vly_dgram *dgram = burst->in[i];

		vly_dgram_data(dgram)[dgram->len - 1] ^= ANSWER_CHANGE;
		vly_keep(dgram);
		version->kept[version->count++] = dgram;
	}
}

const struct vly_handler_ops vly_handler = {
	.abi = VLY_HANDLER_ABI + ABI_CHANGE,
	.name = "version",
	.summary = "an echo of several builds, for tests",
	.open = version_open,
	.on_burst = version_on_burst,
	.on_drain = send_kept,
	.close = free,
};
