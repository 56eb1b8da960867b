// SPDX-License-Identifier: BSD-3-Clause
//
// Sends everything on to one other host, with a hop limit and a traffic class of its own.
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <volley/handler.h>

enum relay_values {
	HOP_LIMIT = 7,
	TRAFFIC_CLASS = 0xb8,
};

static const struct vly_key keys[] = {
	{"to", VLY_KEY_TEXT, NULL, 0, 0, "IPv4 address of who gets it"},
	{"port", VLY_KEY_NUMBER, "9100", 1, 65535, "and the port"},
	{0},
};

static int relay_open(void **state, const struct vly_handler_env *env, struct vly_error *error)
{
	struct vly_addr *to = calloc(1, sizeof(*to));

	(void)error;
	if (!to || inet_pton(AF_INET, env->values[0].text, to->ip + 12) != 1) {
		free(to);
		return -EINVAL;
	}
	memset(to->ip + 10, 0xff, 2);
	to->port = (uint16_t)env->values[1].number;
	*state = to;
	return 0;
}

static void relay_burst(void *state, struct vly_burst *burst)
{
	const struct vly_addr *to = state;

	for (uint32_t i = 0; i < burst->count; i++) {
		struct vly_dgram *dgram = burst->in[i];

		dgram->peer = *to;
		dgram->ttl = HOP_LIMIT;
		dgram->tos = TRAFFIC_CLASS;
		vly_send(burst, dgram);
	}
}

const struct vly_handler_ops vly_handler = {
	.abi = VLY_HANDLER_ABI,
	.name = "relay",
	.summary = "sends everything on to one other host",
	.keys = keys,
	.open = relay_open,
	.on_burst = relay_burst,
	.close = free,
};
