// SPDX-License-Identifier: BSD-3-Clause
//
// Fernet's keys as text, and base64url in all its ways.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "fernet_kit.h"
#include "handler/fernet/base64url.h"
#include "prng.h"

// A key's text must not stand in an error line.
static void refuses_bad_keys(void **state)
{
	static const char *const bad[] = {
		"",
		"# nothing\n\n",
		"cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4",
		"\nsecretsecretsecretsecretsecretsecretsecre!!=",
		"cw/0x689RpI+jtRR7oE8h/eQsKImvJapLeSbXpwF4e4=",
	};
	struct vly_fernet_keys keys;
	struct vly_error error = {""};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setenv("VLY_TEST_KEYS", bad[i], 1);
		assert_int_equal(vly_fernet_keys_getenv(&keys, "VLY_TEST_KEYS", &error), -EINVAL);
		assert_non_null(strstr(error.text, "VLY_TEST_KEYS"));
		assert_null(strstr(error.text, "cw_"));
		assert_null(strstr(error.text, "secretsecret"));
	}
	unsetenv("VLY_TEST_KEYS");
	assert_int_equal(vly_fernet_keys_getenv(&keys, "VLY_TEST_KEYS", &error), -ENOENT);
	assert_int_equal(vly_fernet_keys_read(&keys, "/nonexistent/keys", &error), -ENOENT);
	assert_non_null(strstr(error.text, "/nonexistent/keys"));
	assert_int_equal(vly_fernet_keys_read(&keys, "/dev/zero", &error), -EFBIG);
}

// Against OpenSSL's, whose alphabet differs in two characters.
static void encodes_as_others_do(void **state)
{
	uint8_t bytes[300];
	uint8_t text[500];
	uint8_t other[500];
	uint8_t back[500];
	struct prng prng = prng_open();

	(void)state;
	printf("VLY_TEST_SEED=%llu\n", (unsigned long long)prng.seed);
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		int chars;

		prng_fill(&prng, bytes, len);
		chars = EVP_EncodeBlock(other, bytes, (int)len);
		for (int i = 0; i < chars; i++)
			other[i] = other[i] == '+' ? '-' : other[i] == '/' ? '_' : other[i];
		text[vly_base64url_chars(len)] = 'x';
		assert_int_equal(vly_base64url_encode(text, bytes, len), chars);
		assert_memory_equal(text, other, (size_t)chars);
		assert_int_equal(text[chars], 'x'); // and no further
		assert_int_equal(vly_base64url_decode(back, text, (size_t)chars), len);
		assert_memory_equal(back, bytes, len);
		assert_int_equal(vly_base64url_decode(text, text, (size_t)chars), len);
		assert_memory_equal(text, bytes, len);
		// From the end of its own place.
		memcpy(text + chars - len, bytes, len);
		assert_int_equal(vly_base64url_encode(text, text + chars - len, len), chars);
		assert_memory_equal(text, other, (size_t)chars);
	}
}

// Of 256 characters at each place of a text, only those of the alphabet are taken.
static void decodes_nothing_else(void **state)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t text[100];
	uint8_t back[100];

	(void)state;
	memset(text, 'A', sizeof(text));
	for (size_t at = 0; at < sizeof(text) - 2; at++) {
		for (int c = 0; c < 256; c++) {
			bool is_good = c && strchr(alphabet, c);

			text[at] = (uint8_t)c;
			assert_int_equal(vly_base64url_decode(back, text, sizeof(text)),
					 is_good ? 75 : -EBADMSG);
		}
		text[at] = 'A';
	}
	assert_int_equal(vly_base64url_decode(back, (const uint8_t *)"QQ==", 4), 1);
	assert_int_equal(vly_base64url_decode(back, (const uint8_t *)"QR==", 4), -EBADMSG);
	assert_int_equal(vly_base64url_decode(back, (const uint8_t *)"QUE=", 4), 2);
	assert_int_equal(vly_base64url_decode(back, (const uint8_t *)"QUF=", 4), -EBADMSG);
	assert_int_equal(vly_base64url_decode(back, (const uint8_t *)"Q===", 4), -EBADMSG);
	assert_int_equal(vly_base64url_decode(back, (const uint8_t *)"QQ=", 3), -EBADMSG);
	assert_int_equal(vly_base64url_decode(back, (const uint8_t *)"QQ==QQ==", 8), -EBADMSG);
	assert_int_equal(vly_base64url_decode(back, (const uint8_t *)"", 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_bad_keys),
		cmocka_unit_test(encodes_as_others_do),
		cmocka_unit_test(decodes_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
