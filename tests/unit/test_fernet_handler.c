// SPDX-License-Identifier: BSD-3-Clause
//
// The handler fernet in a chain with echo, by the test kit: what is let in, what leaves, and what
// each refusal is counted as.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <volley/kit.h>

#include "handler/fernet/keys.h"
#include "handler/fernet/token.h"

enum {
	ROOM = 4096,
};

static const char new_key[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
static const char old_key[] = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
static const char foreign_key[] = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U=";

static struct vly_fernet *client_open(const char *key)
{
	struct vly_fernet_keys keys;
	struct vly_fernet *fernet = NULL;

	setenv("VLY_TEST_CLIENT_KEY", key, 1);
	assert_int_equal(vly_fernet_keys_getenv(&keys, "VLY_TEST_CLIENT_KEY", NULL), 0);
	assert_int_equal(vly_fernet_open(&fernet, keys.keys, keys.count, NULL), 0);
	return fernet;
}

static struct vly_kit *kit_open(uint32_t capacity)
{
	struct vly_kit_config config = {
		.links = {{.text = "fernet,key-env=VLY_TEST_KEYS,ttl=60s,skew=5s"},
			  {.text = "echo"}},
		.capacity = capacity,
	};
	struct vly_kit *kit = NULL;
	struct vly_error error = {""};

	setenv("VLY_TEST_KEYS",
	       "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= "
	       "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=",
	       1);
	if (vly_kit_open(&kit, &config, &error))
		fail_msg("%s", error.text);
	return kit;
}

// Sends a text in a token that is `age_s` old.
static void tell(struct vly_kit *kit, struct vly_fernet *client, int64_t age_s, const char *text)
{
	uint8_t token[ROOM];
	size_t chars = vly_fernet_encrypt(client, (uint64_t)(time(NULL) - age_s), token,
					  sizeof(token), (const uint8_t *)text, strlen(text));

	assert_true(chars > 0);
	assert_true(vly_kit_receive(kit, "10.0.0.1:1000", token, chars) >= 0);
	vly_kit_run(kit);
}

static void expect_answer(const struct vly_kit *kit, uint32_t index, struct vly_fernet *client,
			  const char *text)
{
	const struct vly_kit_outcome *answer = vly_kit_answer(kit, index);
	struct vly_fernet_times times = {.now_s = (uint64_t)time(NULL), .ttl_s = 60, .skew_s = 5};
	struct vly_fernet_text got = {0};
	uint8_t out[ROOM];

	assert_non_null(answer);
	assert_int_equal(vly_fernet_decrypt(client, &times, out, answer->data, answer->len, &got),
			 VLY_FERNET_OK);
	assert_int_equal(got.len, strlen(text));
	assert_memory_equal(out, text, got.len);
}

static void answers_with_the_first_key(void **state)
{
	struct vly_kit *kit = kit_open(0);
	struct vly_fernet *new = client_open(new_key);
	struct vly_fernet *old = client_open(old_key);

	(void)state;
	tell(kit, new, 0, "hello");
	tell(kit, old, 30, "hello from long ago");
	tell(kit, new, 0, "");
	expect_answer(kit, 0, new, "hello");
	expect_answer(kit, 1, new, "hello from long ago");
	expect_answer(kit, 2, new, "");
	assert_int_equal(vly_kit_metric(kit, "opened"), 3);
	assert_int_equal(vly_kit_metric(kit, "opened_older_key"), 1);
	assert_int_equal(vly_kit_metric(kit, "sealed"), 3);
	assert_null(vly_kit_complaint(kit));
	vly_fernet_close(new);
	vly_fernet_close(old);
	vly_kit_close(kit);
}

// A burst with one of each kind in it: each has its own fate, whether several are done at once or
// not.
static void answers_a_burst(void **state)
{
	struct vly_kit *kit = kit_open(0);
	struct vly_fernet *clients[] = {client_open(new_key), client_open(old_key),
					client_open(foreign_key)};
	char text[20];

	(void)state;
	for (uint32_t i = 0; i < 30; i++) {
		uint8_t token[ROOM];
		size_t chars;

		snprintf(text, sizeof(text), "number %u", i);
		chars = vly_fernet_encrypt(clients[i % 3], (uint64_t)time(NULL), token,
					   sizeof(token), (const uint8_t *)text, strlen(text));
		vly_kit_receive(kit, "10.0.0.1:1000", token, chars);
	}
	vly_kit_run(kit);
	for (uint32_t i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "number %u", i / 2 * 3 + i % 2);
		expect_answer(kit, i, clients[0], text);
	}
	assert_int_equal(vly_kit_metric(kit, "opened"), 20);
	assert_int_equal(vly_kit_metric(kit, "opened_older_key"), 10);
	assert_int_equal(vly_kit_metric(kit, "bad_mac"), 10);
	assert_int_equal(vly_kit_metric(kit, "sealed"), 20);
	assert_true(vly_kit_metric(kit, "sealed_together") % 20 == 0);
	assert_true(vly_kit_metric(kit, "checked_together") % 30 == 0);
	assert_null(vly_kit_complaint(kit));
	for (size_t i = 0; i < 3; i++)
		vly_fernet_close(clients[i]);
	vly_kit_close(kit);
}

static void refuses_by_reason(void **state)
{
	struct vly_kit *kit = kit_open(0);
	struct vly_fernet *client = client_open(new_key);
	struct vly_fernet *foreign = client_open(foreign_key);

	(void)state;
	tell(kit, client, 120, "late");
	tell(kit, client, -60, "early");
	tell(kit, foreign, 0, "whose?");
	vly_kit_receive(kit, "10.0.0.1:1000", "hello", 5);
	vly_kit_receive(kit, "10.0.0.1:1000", "", 0);
	vly_kit_run(kit);
	assert_null(vly_kit_answer(kit, 0));
	assert_int_equal(vly_kit_count(kit, VLY_DROP_UNAUTHORISED), 3);
	assert_int_equal(vly_kit_count(kit, VLY_DROP_MALFORMED), 2);
	assert_int_equal(vly_kit_metric(kit, "expired"), 1);
	assert_int_equal(vly_kit_metric(kit, "future"), 1);
	assert_int_equal(vly_kit_metric(kit, "bad_mac"), 1);
	assert_int_equal(vly_kit_metric(kit, "bad_token"), 2);
	assert_int_equal(vly_kit_metric(kit, "opened"), 0);
	vly_fernet_close(client);
	vly_fernet_close(foreign);
	vly_kit_close(kit);
}

static void add_hundred(void *state, struct vly_burst *burst)
{
	(void)state;
	for (uint32_t i = 0; i < burst->count; i++) {
		memset(vly_dgram_data(burst->in[i]) + burst->in[i]->len, 'y', 100);
		burst->in[i]->len = (uint16_t)(burst->in[i]->len + 100);
		vly_reply(burst->in[i]);
	}
}

// What has no room as a token is dropped by name.
static void drops_what_does_not_fit(void **state)
{
	static const struct vly_handler_ops grower = {
		.abi = VLY_HANDLER_ABI,
		.name = "grower",
		.summary = "answers with a hundred bytes more",
		.on_burst = add_hundred,
	};
	struct vly_kit_config config = {
		.links = {{.text = "fernet,key-env=VLY_TEST_KEYS"}, {.ops = &grower}},
		.capacity = (uint32_t)vly_fernet_token_chars(300),
	};
	struct vly_fernet *client = client_open(new_key);
	struct vly_kit *kit = NULL;
	char text[301];

	(void)state;
	memset(text, 'x', 300);
	text[300] = 0;
	setenv("VLY_TEST_KEYS", new_key, 1);
	assert_int_equal(vly_kit_open(&kit, &config, NULL), 0);
	tell(kit, client, 0, text);
	assert_int_equal(vly_kit_metric(kit, "opened"), 1);
	assert_int_equal(vly_kit_metric(kit, "too_large"), 1);
	assert_int_equal(vly_kit_count(kit, VLY_DROP_TX_OVERSIZE), 1);
	text[200] = 0;
	tell(kit, client, 0, text);
	assert_int_equal(vly_kit_metric(kit, "sealed"), 1);
	assert_null(vly_kit_complaint(kit));
	vly_kit_close(kit);
	vly_fernet_close(client);
}

struct bad {
	const char *text;
	const char *named;
	int code;
};

static void refuses_to_open(void **state)
{
	static const struct bad bads[] = {
		{NULL, "key-file=FILE", -EINVAL},
		{"key-file=/nonexistent/keys", "/nonexistent/keys", -ENOENT},
		{"key-env=VLY_TEST_NONE", "VLY_TEST_NONE", -ENOENT},
		{"key-env=VLY_TEST_BAD", "VLY_TEST_BAD", -EINVAL},
		{"key-env=VLY_TEST_KEYS,key-file=/dev/null", "not both", -EINVAL},
		{"key-file=/dev/null", "openssl rand", -EINVAL},
		{"key-env=VLY_TEST_KEYS,ttl=soon", "ttl", -EINVAL},
	};

	(void)state;
	setenv("VLY_TEST_BAD", "secretsecret", 1);
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		struct vly_kit_config config = {.links = {{.text = "fernet"}}};
		struct vly_error error = {""};
		struct vly_kit *kit = NULL;
		char text[100] = "fernet,";

		if (bads[i].text)
			config.links[0].text = strncat(text, bads[i].text, sizeof(text) - 8);
		assert_int_equal(vly_kit_open(&kit, &config, &error), bads[i].code);
		if (!strstr(error.text, bads[i].named) || strstr(error.text, "secretsecret"))
			fail_msg("'%s' does not name %s", error.text, bads[i].named);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_with_the_first_key),
		cmocka_unit_test(answers_a_burst),
		cmocka_unit_test(refuses_by_reason),
		cmocka_unit_test(drops_what_does_not_fit),
		cmocka_unit_test(refuses_to_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
