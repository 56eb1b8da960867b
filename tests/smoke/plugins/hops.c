// SPDX-License-Identifier: BSD-3-Clause
//
// Answers with the hop limit and the traffic class that a datagram came with.
#include <stdio.h>

#include <volley/handler.h>

static void on_burst(void *state, struct vly_burst *burst)
{
	(void)state;
	for (uint32_t i = 0; i < burst->count; i++) {
		struct vly_dgram *dgram = burst->in[i];

		dgram->len = (uint16_t)snprintf((char *)vly_dgram_data(dgram), dgram->capacity,
						"%u %u", dgram->ttl, dgram->tos);
		vly_reply(dgram);
	}
}

const struct vly_handler_ops vly_handler = {
	.abi = VLY_HANDLER_ABI,
	.name = "hops",
	.summary = "answers with hop limit and traffic class",
	.on_burst = on_burst,
};
