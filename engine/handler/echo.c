// SPDX-License-Identifier: BSD-3-Clause
//
// echo: every datagram goes back as it came (RFC 862). With `times` it tells the sender how long
// the way took here, if the payload asks for it: the 16 bytes "volley ping time" at offset 16 are
// replaced by two numbers of nanoseconds, 8 bytes each, least significant first: from when it was
// received (rx_ns, see dgram.h) until handlers got it, and from then until it was on its way back.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/fail.h"
#include "handler/builtin.h"

enum {
	TIMES_OFFSET = 16,
	TIMES_BYTES = 16,
	WORD_BYTES = 8,
};

struct echo {
	bool tells_times;
};

static int echo_open(void **state, const struct vly_handler_env *env, struct vly_error *error)
{
	struct echo *echo = calloc(1, sizeof(*echo));

	if (!echo)
		return vly_fail(error, -ENOMEM, "out of memory");
	echo->tells_times = env->values[0].on;
	*state = echo;
	return 0;
}

static void write_word(uint8_t *at, uint64_t value)
{
	for (uint32_t i = 0; i < WORD_BYTES; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static void tell_times(struct vly_burst *burst)
{
	uint64_t start_ns = vly_clock_ns();

	for (uint32_t i = 0; i < burst->count; i++) {
		struct vly_dgram *dgram = burst->in[i];
		uint8_t *at = vly_dgram_data(dgram) + TIMES_OFFSET;

		if (dgram->len < TIMES_OFFSET + TIMES_BYTES ||
		    memcmp(at, "volley ping time", TIMES_BYTES) != 0)
			continue;
		write_word(at, start_ns > dgram->rx_ns ? start_ns - dgram->rx_ns : 0);
		write_word(at + WORD_BYTES, vly_clock_ns() - start_ns);
	}
}

static void echo_on_burst(void *state, struct vly_burst *burst)
{
	const struct echo *echo = state;

	if (echo->tells_times)
		tell_times(burst);
	for (uint32_t i = 0; i < burst->count; i++)
		vly_reply(burst->in[i]);
}

static const struct vly_key keys[] = {
	{"times", VLY_KEY_SWITCH, "off", 0, 0, "tell volley ping --split how long it took here"},
	{NULL, VLY_KEY_TEXT, NULL, 0, 0, NULL},
};

const struct vly_handler_ops vly_handler_echo = {
	.abi = VLY_HANDLER_ABI,
	.name = "echo",
	.summary = "sends every datagram back as it came (RFC 862)",
	.keys = keys,
	.open = echo_open,
	.on_burst = echo_on_burst,
	.close = free,
	.ignores = VLY_IGNORE_CLASS,
};
