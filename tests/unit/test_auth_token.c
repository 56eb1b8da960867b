// SPDX-License-Identifier: BSD-3-Clause
//
// Tokens, made here by another way to HMAC-SHA256 than the one that checks them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "handler/auth/token.h"

enum {
	TOKEN_BYTES = 200,
	MAC_BYTES = 16,
	START_S = 1000,
};

static const uint64_t second_ns = 1000000000;
static const char secret[] = "0123456789abcdef0123456789abcdef"; // as text and as hexadecimal
static const uint8_t secret_bytes[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
					 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};

struct token {
	uint8_t bytes[TOKEN_BYTES];
	uint32_t len;
};

static struct token make(const char *name, uint64_t made_ns, uint8_t nonce, const char *payload)
{
	struct token token = {{'v', 'a', '1', 0}, 5};
	uint8_t signed_bytes[TOKEN_BYTES];
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned int mac_len = 0;
	uint32_t head;

	token.bytes[4] = (uint8_t)strlen(name);
	memcpy(token.bytes + token.len, name, token.bytes[4]);
	token.len += (uint32_t)strlen(name);
	for (int i = 0; i < 8; i++)
		token.bytes[token.len++] = (uint8_t)(made_ns >> (56 - 8 * i));
	memset(token.bytes + token.len, nonce, 8);
	token.len += 8;
	head = token.len;
	memcpy(signed_bytes, token.bytes, head);
	memcpy(signed_bytes + head, payload, strlen(payload));
	HMAC(EVP_sha256(), secret_bytes, sizeof(secret_bytes), signed_bytes, head + strlen(payload),
	     mac, &mac_len);
	memcpy(token.bytes + head, mac, MAC_BYTES);
	memcpy(token.bytes + head + MAC_BYTES, payload, strlen(payload));
	token.len += (uint32_t)(MAC_BYTES + strlen(payload));
	return token;
}

static struct vly_token_peers *open_peers(const char *text, struct vly_error *error)
{
	char path[] = "/tmp/volley-token-XXXXXX";
	int fd = mkstemp(path);
	struct vly_token_peers *peers = NULL;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	vly_token_peers_open(&peers, path, START_S * second_ns, error);
	unlink(path);
	return peers;
}

static int open_two(void **state)
{
	struct vly_error error = {""};
	char text[200];

	snprintf(text, sizeof(text), "# who\nalice %s # hers\n\nbob %s\n", secret, secret);
	*state = open_peers(text, &error);
	assert_non_null(*state);
	return 0;
}

static int close_two(void **state)
{
	vly_token_peers_close(*state);
	return 0;
}

static enum vly_token_verdict check(struct vly_token_peers *peers, const struct token *token,
				    uint64_t now_ns)
{
	const char *name;
	uint32_t len;

	return vly_token_check(peers, token->bytes, token->len, now_ns, 30 * second_ns, &name,
			       &len);
}

static void a_good_token_names_its_maker(void **state)
{
	struct token token = make("bob", (START_S + 1) * second_ns, 0, "hello");
	const char *name = NULL;
	uint32_t len = 0;

	assert_int_equal(vly_token_check(*state, token.bytes, token.len, (START_S + 2) * second_ns,
					 second_ns, &name, &len),
			 VLY_TOKEN_GOOD);
	assert_string_equal(name, "bob");
	assert_int_equal(token.len - len, 5);
	assert_memory_equal(token.bytes + len, "hello", 5);
	assert_int_equal(vly_token_peers_count(*state), 2);
}

static void any_change_is_seen(void **state)
{
	const uint64_t now_ns = (START_S + 2) * second_ns;
	const struct token token = make("alice", now_ns, 0, "hello");

	for (uint32_t i = 0; i < token.len * 8; i++) {
		struct token changed = token;

		changed.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_not_equal(check(*state, &changed, now_ns), VLY_TOKEN_GOOD);
	}
	for (uint32_t len = 0; len < token.len; len++) {
		struct token cut = token;

		cut.len = len;
		assert_int_not_equal(check(*state, &cut, now_ns), VLY_TOKEN_GOOD);
	}
	assert_int_equal(check(*state, &token, now_ns), VLY_TOKEN_GOOD);
}

static void each_refusal_has_its_name(void **state)
{
	const uint64_t now_ns = (START_S + 100) * second_ns;
	struct token token = make("carol", now_ns, 0, "");

	assert_int_equal(check(*state, &token, now_ns), VLY_TOKEN_UNKNOWN);
	token = make("alice", now_ns - 31 * second_ns, 0, "");
	assert_int_equal(check(*state, &token, now_ns), VLY_TOKEN_STALE);
	token = make("alice", now_ns + 31 * second_ns, 0, "");
	assert_int_equal(check(*state, &token, now_ns), VLY_TOKEN_STALE);
	token = make("alice", UINT64_MAX, 0, "");
	assert_int_equal(check(*state, &token, now_ns), VLY_TOKEN_STALE);
	token = make("alice", now_ns, 0, "");
	token.bytes[token.len - 1] ^= 1;
	assert_int_equal(check(*state, &token, now_ns), VLY_TOKEN_BAD_MAC);
	token.bytes[0] = 'x';
	assert_int_equal(check(*state, &token, now_ns), VLY_TOKEN_BAD);
	token = make("alice", START_S * second_ns, 0, ""); // not after the handler was opened
	assert_int_equal(check(*state, &token, (START_S + 1) * second_ns), VLY_TOKEN_STALE);
}

static void nothing_passes_twice(void **state)
{
	const uint64_t now_ns = (START_S + 100) * second_ns;
	struct token tokens[200];

	for (uint32_t i = 0; i < 200; i++) {
		tokens[i] = make("alice", now_ns + i / 2, (uint8_t)i, "x"); // two of each time
		if (i == 50)
			continue; // overtaken by few
		assert_int_equal(check(*state, &tokens[i], now_ns), VLY_TOKEN_GOOD);
		assert_int_equal(check(*state, &tokens[i], now_ns), VLY_TOKEN_REPLAYED);
		if (i == 60)
			assert_int_equal(check(*state, &tokens[50], now_ns), VLY_TOKEN_GOOD);
	}
	for (uint32_t i = 0; i < 200; i++)
		assert_int_not_equal(check(*state, &tokens[i], now_ns), VLY_TOKEN_GOOD);
	tokens[0] = make("bob", now_ns, 0, "x"); // has stamps of his own
	assert_int_equal(check(*state, &tokens[0], now_ns), VLY_TOKEN_GOOD);
}

static void a_bad_file_is_named_and_its_secrets_are_not(void **state)
{
	static const char *const texts[] = {
		"",
		"alice\n",
		"alice 0123456789abcdef\n",
		"alice 0123456789abcdef0123456789abcdeg\n",
		"alice 0123456789abcdef0123456789abcdef more\n",
		"alice 0123456789abcdef0123456789abcdef\nalice 0123456789abcdef0123456789abcdef\n",
		"anidentitythatisfartoolongtobeone 0123456789abcdef0123456789abcdef\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct vly_error error = {""};

		assert_null(open_peers(texts[i], &error));
		assert_non_null(strstr(error.text, "keys=/tmp/volley-token-"));
		assert_null(strstr(error.text, "abcdef"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_good_token_names_its_maker, open_two, close_two),
		cmocka_unit_test_setup_teardown(any_change_is_seen, open_two, close_two),
		cmocka_unit_test_setup_teardown(each_refusal_has_its_name, open_two, close_two),
		cmocka_unit_test_setup_teardown(nothing_passes_twice, open_two, close_two),
		cmocka_unit_test(a_bad_file_is_named_and_its_secrets_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
