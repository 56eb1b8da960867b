// SPDX-License-Identifier: BSD-3-Clause
//
// Built against the handler ABI of some other year: the loader must refuse it.
#include <volley/handler.h>

static void consume(void *state, struct vly_burst *burst)
{
	(void)state;
	for (uint32_t i = 0; i < burst->count; i++)
		vly_consume(burst->in[i]);
}

const struct vly_handler_ops vly_handler = {
	.abi = VLY_HANDLER_ABI + 1000,
	.name = "wrong_abi",
	.summary = "cannot be loaded",
	.on_burst = consume,
};
