// SPDX-License-Identifier: BSD-3-Clause
//
// echo: every datagram goes back as it came (RFC 862).
#include "handler/builtin.h"

static void echo_on_burst(void *state, struct vly_burst *burst)
{
	(void)state;
	for (uint32_t i = 0; i < burst->count; i++)
		vly_reply(burst->in[i]);
}

const struct vly_handler_ops vly_handler_echo = {
	.abi = VLY_HANDLER_ABI,
	.name = "echo",
	.summary = "sends every datagram back as it came (RFC 862)",
	.on_burst = echo_on_burst,
};
