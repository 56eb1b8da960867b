// SPDX-License-Identifier: BSD-3-Clause
//
// Answers what begins with 'a' and forgets to decide on anything else.
#include <volley/handler.h>

static void answer_some(void *state, struct vly_burst *burst)
{
	(void)state;
	for (uint32_t i = 0; i < burst->count; i++) {
		if (burst->in[i]->len > 0 && vly_dgram_data(burst->in[i])[0] == 'a')
			vly_reply(burst->in[i]);
	}
}

const struct vly_handler_ops vly_handler = {
	.abi = VLY_HANDLER_ABI,
	.name = "undecided",
	.summary = "leaves datagrams without a fate",
	.on_burst = answer_some,
};
