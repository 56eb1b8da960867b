// SPDX-License-Identifier: BSD-3-Clause
//
// sink: every datagram is taken and counted, none is answered (RFC 863).
#include "handler/builtin.h"

static void sink_on_burst(void *state, struct vly_burst *burst)
{
	(void)state;
	for (uint32_t i = 0; i < burst->count; i++)
		vly_consume(burst->in[i]);
}

const struct vly_handler_ops vly_handler_sink = {
	.abi = VLY_HANDLER_ABI,
	.name = "sink",
	.summary = "takes every datagram and answers none (RFC 863)",
	.on_burst = sink_on_burst,
	.ignores = VLY_IGNORE_CLASS,
};
