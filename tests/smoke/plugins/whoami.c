// SPDX-License-Identifier: BSD-3-Clause
//
// Answers each line with who has sent it, as a handler before this one has proved it.
#include <string.h>

#include <volley/handler.h>

static void tell(struct vly_burst *burst, struct vly_dgram *dgram)
{
	static const char is[] = " says ";
	const char *name = vly_identity(burst, dgram);
	uint8_t *data = vly_dgram_data(dgram);
	size_t len;

	name = name ? name : "nobody";
	len = strlen(name) + strlen(is);
	if (len + dgram->len > dgram->capacity) {
		vly_drop(dgram, VLY_DROP_TX_OVERSIZE);
		return;
	}
	memmove(data + len, data, dgram->len);
	memcpy(data, name, strlen(name));
	memcpy(data + strlen(name), is, strlen(is));
	dgram->len = (uint16_t)(dgram->len + len);
	vly_reply(dgram);
}

static void on_burst(void *state, struct vly_burst *burst)
{
	(void)state;
	for (uint32_t i = 0; i < burst->count; i++)
		tell(burst, burst->in[i]);
}

const struct vly_handler_ops vly_handler = {
	.abi = VLY_HANDLER_ABI,
	.name = "whoami",
	.summary = "answers each line with who has sent it",
	.on_burst = on_burst,
};
