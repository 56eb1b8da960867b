// SPDX-License-Identifier: BSD-3-Clause
//
// What the tests of the handler dtls have in common: a file of pre-shared keys, a kit with the
// handler and one behind it that tells names, and how a client in memory talks to it.
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <volley/kit.h>

#include "dtls_client.h"

static const uint8_t good_key[16] = "0123456789abcde";
static const uint8_t bad_key[16] = "not the same ke";

// Answers with the name of who asks.
static inline void tell_name(void *state, struct vly_burst *burst)
{
	(void)state;
	for (uint32_t i = 0; i < burst->count; i++) {
		const char *name = vly_identity(burst, burst->in[i]);

		if (burst->in[i]->len == 4) { // "name"
			name = name ? name : "nobody";
			memcpy(vly_dgram_data(burst->in[i]), name, strlen(name));
			burst->in[i]->len = (uint16_t)strlen(name);
		}
		vly_reply(burst->in[i]);
	}
}

static const struct vly_handler_ops namer = {
	.abi = VLY_HANDLER_ABI,
	.name = "namer",
	.summary = "answers \"name\" with who asks, all else with the same",
	.on_burst = tell_name,
};

static char psk_path[] = "/tmp/volley-psk-XXXXXX";

static inline int write_psks(void **state)
{
	int file = mkstemp(psk_path);
	FILE *psks = file < 0 ? NULL : fdopen(file, "w");

	(void)state;
	if (!psks)
		return -1;
	fputs("# clients\nbob:ffffffffffffffffffffffffffffffff\n"
	      "alice:3031323334353637383961626364650" // the hex of good_key, with its zero
	      "0\n",
	      psks);
	return fclose(psks);
}

static inline int remove_psks(void **state)
{
	(void)state;
	return unlink(psk_path);
}

static inline struct vly_kit *kit_open(const char *more)
{
	char text[200];
	struct vly_kit_config config = {.links = {{.text = text}, {.ops = &namer}},
					.buffers = 4096};
	struct vly_kit *kit = NULL;
	struct vly_error error = {""};

	snprintf(text, sizeof(text), "dtls,psk-file=%s%s", psk_path, more);
	if (vly_kit_open(&kit, &config, &error))
		fail_msg("%s", error.text);
	return kit;
}

// Gives the server what the client has written.
static inline void deliver(struct vly_kit *kit, struct dtls_client *client, const char *from)
{
	vly_kit_clear(kit);
	for (uint32_t i = 0; i < client->count; i++)
		assert_true(vly_kit_receive(kit, from, client->datagrams[i].bytes,
					    client->datagrams[i].len) >= 0);
	client->count = 0;
	vly_kit_run(kit);
}

// To and fro until it is done, or nobody says anything any more.
static inline bool shake(struct vly_kit *kit, struct dtls_client *client, const char *from)
{
	bool is_done = dtls_client_shake(client, NULL, 0);

	while (client->count && !is_done) {
		const struct vly_kit_outcome *answer;

		deliver(kit, client, from);
		for (uint32_t i = 0; (answer = vly_kit_answer(kit, i)) != NULL; i++)
			is_done = dtls_client_shake(client, answer->data, answer->len);
	}
	return is_done;
}

static inline void expect(struct vly_kit *kit, struct dtls_client *client, const char *from,
			  const char *asked, const char *answered)
{
	const struct vly_kit_outcome *answer;
	char text[2000];
	int len;

	dtls_client_tell(client, asked, strlen(asked));
	deliver(kit, client, from);
	answer = vly_kit_answer(kit, 0);
	assert_non_null(answer);
	len = dtls_client_hear(client, answer->data, answer->len, text, sizeof(text));
	assert_int_equal(len, strlen(answered));
	assert_memory_equal(text, answered, (size_t)len);
}
