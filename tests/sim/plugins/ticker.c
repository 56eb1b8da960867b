// SPDX-License-Identifier: BSD-3-Clause
//
// For tests: forgets what comes, and sends a datagram of its own on each tick and at the end.
#include <string.h>

#include <volley/handler.h>

static void ticker_on_burst(void *state, struct vly_burst *burst)
{
	(void)state;
	for (uint32_t i = 0; i < burst->count; i++)
		vly_consume(burst->in[i]);
}

static void ticker_send(void *state, struct vly_burst *burst)
{
	struct vly_dgram *dgram;

	(void)state;
	if (!vly_alloc(burst, &dgram, 1))
		return;
	dgram->peer = (struct vly_addr){.port = 9};
	memset(&dgram->peer.ip[10], 0xff, 2);
	dgram->peer.ip[12] = 10;
	dgram->len = 1;
	vly_dgram_data(dgram)[0] = 0;
	vly_send(burst, dgram);
}

const struct vly_handler_ops vly_handler = {
	.abi = VLY_HANDLER_ABI,
	.name = "ticker",
	.summary = "sends on ticks, for tests",
	.on_burst = ticker_on_burst,
	.on_tick = ticker_send,
	.on_drain = ticker_send,
};
