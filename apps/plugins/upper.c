// SPDX-License-Identifier: BSD-3-Clause
//
// A handler in a file of its own: answers every datagram with its text in upper case.
//
//     cc -O3 -shared -fPIC -o upper.so upper.c
//     volley serve -l :9000 -H ./upper.so
#include <ctype.h>

#include <volley/handler.h>

static void upper(void *state, struct vly_burst *burst)
{
	(void)state;
	for (uint32_t i = 0; i < burst->count; i++) {
		uint8_t *text = vly_dgram_data(burst->in[i]);

		for (uint32_t j = 0; j < burst->in[i]->len; j++)
			text[j] = (uint8_t)toupper(text[j]);
		vly_reply(burst->in[i]);
	}
}

const struct vly_handler_ops vly_handler = {
	.abi = VLY_HANDLER_ABI,
	.name = "upper",
	.summary = "answers in upper case",
	.on_burst = upper,
};
