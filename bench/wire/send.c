// SPDX-License-Identifier: BSD-3-Clause
//
// A handler that sends every datagram to its peer instead of replying: the way out by routes and
// neighbours, which a reply does not need.
#include <volley/handler.h>

static void send_back(void *state, struct vly_burst *burst)
{
	(void)state;
	for (uint32_t i = 0; i < burst->count; i++)
		vly_send(burst, burst->in[i]);
}

const struct vly_handler_ops vly_handler = {
	.abi = VLY_HANDLER_ABI,
	.name = "send",
	.summary = "sends every datagram to its peer, by route and neighbour",
	.on_burst = send_back,
};
