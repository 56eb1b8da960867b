// SPDX-License-Identifier: BSD-3-Clause
//
// Fernet tokens: the vectors of the specification (github.com/fernet/spec, generate.json,
// verify.json, invalid.json), every length, several keys, and base64url in all its ways.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>

#include "handler/fernet/base64url.h"
#include "handler/fernet/keys.h"
#include "handler/fernet/token.h"
#include "prng.h"

enum {
	MADE_S = 499162800, // 1985-10-26T01:20:00-07:00
	ROOM = 70000,
};

static const char secret[] = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
static const char hello[] =
	"gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJob"
	"wOz7JcbmrR64jVmpU4IwqDA==";

static struct vly_fernet *open_keys(const char *text)
{
	struct vly_fernet_keys keys;
	struct vly_fernet *fernet = NULL;
	struct vly_error error = {""};

	setenv("VLY_TEST_KEYS", text, 1);
	if (vly_fernet_keys_getenv(&keys, "VLY_TEST_KEYS", &error) ||
	    vly_fernet_open(&fernet, keys.keys, keys.count, &error))
		fail_msg("%s", error.text);
	return fernet;
}

static enum vly_fernet_verdict decrypt(struct vly_fernet *fernet, const char *token, uint64_t now_s,
				       char *out, struct vly_fernet_text *text)
{
	struct vly_fernet_times times = {.now_s = now_s, .ttl_s = 60, .skew_s = 60};

	return vly_fernet_decrypt(fernet, &times, (uint8_t *)out, (const uint8_t *)token,
				  strlen(token), text);
}

static void generates_the_vector(void **state)
{
	struct vly_fernet *fernet = open_keys(secret);
	uint8_t iv[VLY_FERNET_IV_BYTES];
	uint8_t token[sizeof(hello) - 1];

	(void)state;
	for (uint8_t i = 0; i < sizeof(iv); i++)
		iv[i] = i;
	assert_int_equal(vly_fernet_encrypt_with(fernet, iv, MADE_S, token, sizeof(token),
						 (const uint8_t *)"hello", 5),
			 sizeof(token));
	assert_memory_equal(token, hello, sizeof(token));
	assert_int_equal(vly_fernet_encrypt_with(fernet, iv, MADE_S, token, sizeof(token) - 1,
						 (const uint8_t *)"hello", 5),
			 0);
	vly_fernet_close(fernet);
}

static void verifies_the_vector(void **state)
{
	struct vly_fernet *fernet = open_keys(secret);
	struct vly_fernet_text text = {0};
	char out[sizeof(hello)];

	(void)state;
	assert_int_equal(decrypt(fernet, hello, MADE_S + 1, out, &text), VLY_FERNET_OK);
	assert_int_equal(text.len, 5);
	assert_memory_equal(out, "hello", 5);
	vly_fernet_close(fernet);
}

static void holds_the_times(void **state)
{
	struct vly_fernet *fernet = open_keys(secret);
	struct vly_fernet_times times = {.now_s = MADE_S + 61};
	struct vly_fernet_text text = {0};
	char out[sizeof(hello)];

	(void)state;
	assert_int_equal(decrypt(fernet, hello, MADE_S + 60, out, &text), VLY_FERNET_OK);
	assert_int_equal(decrypt(fernet, hello, MADE_S + 61, out, &text), VLY_FERNET_EXPIRED);
	assert_int_equal(decrypt(fernet, hello, MADE_S - 60, out, &text), VLY_FERNET_OK);
	assert_int_equal(decrypt(fernet, hello, MADE_S - 61, out, &text), VLY_FERNET_FUTURE);
	assert_int_equal(vly_fernet_decrypt(fernet, &times, (uint8_t *)out, (const uint8_t *)hello,
					    strlen(hello), &text),
			 VLY_FERNET_OK); // no ttl
	vly_fernet_close(fernet);
}

struct invalid {
	const char *what;
	const char *token;
	uint64_t now_s;
	enum vly_fernet_verdict verdict;
};

static const struct invalid invalids[] = {
	{"incorrect mac",
	 "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1"
	 "YdykQUFBQUFBQUFBQQ==",
	 MADE_S + 1, VLY_FERNET_BAD_MAC},
	{"too short", "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA==", MADE_S + 1,
	 VLY_FERNET_BAD_TOKEN},
	{"invalid base64",
	 "%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1"
	 "YdykRtfsH-p1YsUD2Q==",
	 MADE_S + 1, VLY_FERNET_BAD_TOKEN},
	{"payload size not multiple of block size",
	 "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5n"
	 "mxbx_v7mrfyudzUm",
	 MADE_S + 1, VLY_FERNET_BAD_TOKEN},
	{"payload padding error",
	 "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FW"
	 "ke6CnJNYIbkuKNqOhw==",
	 MADE_S + 1, VLY_FERNET_BAD_PADDING},
	{"far-future TS (unacceptable clock skew)",
	 "gAAAAAAdwStRAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAnja1xKYyhd-Y6mSkTOyTGJmw2X"
	 "c2a6kBd-iX9b_qXQcw==",
	 MADE_S + 1, VLY_FERNET_FUTURE},
	{"expired TTL",
	 "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1"
	 "YdykRtfsH-p1YsUD2Q==",
	 MADE_S + 91, VLY_FERNET_EXPIRED},
	{"incorrect IV (causes padding error)",
	 "gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49"
	 "TF2AUEZ1TIvcZjK1zQ==",
	 MADE_S + 1, VLY_FERNET_BAD_PADDING},
	{"trailing characters after b64 padding",
	 "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7J"
	 "cbmrR64jVmpU4IwqDA==trailingdata",
	 MADE_S + 1, VLY_FERNET_BAD_TOKEN},
	{"invalid characters in b64",
	 "*gAAAAAAdwJ6wAAECAwQFBgcI!CQoLDA0ODy021?cpGVWKZ_eEwC@GM4BLLF_5CV9dOPmrhuVUPgJobw"
	 "Oz7JcbmrR64jVmpU4IwqDA==",
	 MADE_S + 1, VLY_FERNET_BAD_TOKEN},
	{"invalid non-urlsafe characters in b64",
	 "gAAAAAAdwJ6wAAEC/AwQFBgcICQoLDA0ODy+021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz"
	 "7JcbmrR64jVmpU4IwqDA==",
	 MADE_S + 1, VLY_FERNET_BAD_TOKEN},
};

static void refuses_the_vectors(void **state)
{
	struct vly_fernet *fernet = open_keys(secret);

	(void)state;
	for (size_t i = 0; i < sizeof(invalids) / sizeof(invalids[0]); i++) {
		struct vly_fernet_text text = {.len = 77};
		char out[200] = "as it was";
		enum vly_fernet_verdict verdict =
			decrypt(fernet, invalids[i].token, invalids[i].now_s, out, &text);

		if (verdict != invalids[i].verdict)
			fail_msg("%s: %d", invalids[i].what, verdict);
		assert_string_equal(out, "as it was");
		assert_int_equal(text.len, 77);
	}
	vly_fernet_close(fernet);
}

// In place, with the library's own IV: what comes out is what went in, and the token is as long as
// said. A token with any one character changed is refused.
static void takes_every_length(void **state)
{
	struct vly_fernet *fernet = open_keys(secret);
	struct vly_fernet_times times = {.now_s = MADE_S, .ttl_s = 1};
	static uint8_t bytes[ROOM];
	static uint8_t before[ROOM];
	struct prng prng = prng_open();

	(void)state;
	printf("VLY_TEST_SEED=%llu\n", (unsigned long long)prng.seed);
	for (size_t len = 0; len < 49000; len += 1 + len / 40) {
		struct vly_fernet_text text;
		size_t at;
		size_t chars;

		prng_fill(&prng, before, len);
		memcpy(bytes, before, len);
		chars = vly_fernet_encrypt(fernet, MADE_S, bytes, sizeof(bytes), bytes, len);
		assert_int_equal(chars, vly_fernet_token_chars(len));
		at = prng_below(&prng, (uint32_t)chars);
		bytes[at] ^= 1;
		assert_int_not_equal(vly_fernet_decrypt(fernet, &times, bytes, bytes, chars, &text),
				     VLY_FERNET_OK);
		bytes[at] ^= 1;
		assert_int_equal(vly_fernet_decrypt(fernet, &times, bytes, bytes, chars, &text),
				 VLY_FERNET_OK);
		assert_int_equal(text.len, len);
		assert_memory_equal(bytes, before, len);
	}
	vly_fernet_close(fernet);
}

static void refuses_what_no_datagram_holds(void **state)
{
	struct vly_fernet *fernet = open_keys(secret);
	static uint8_t bytes[ROOM];

	(void)state;
	// The longest text whose token fits in 65,507 bytes, and the first that does not.
	assert_int_equal(vly_fernet_encrypt(fernet, MADE_S, bytes, 65507, bytes, 49055), 65484);
	assert_int_equal(vly_fernet_encrypt(fernet, MADE_S, bytes, 65507, bytes, 49056), 0);
	assert_int_equal(vly_fernet_encrypt(fernet, MADE_S, bytes, sizeof(bytes), bytes, 49072), 0);
	vly_fernet_close(fernet);
}

static void rotates_keys(void **state)
{
	static const char other[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
	char both[200];
	struct vly_fernet *old = open_keys(secret);
	struct vly_fernet *new = open_keys(other);
	struct vly_fernet *rotated;
	struct vly_fernet_text text = {0};
	char token[200] = "";
	char out[200];

	(void)state;
	snprintf(both, sizeof(both), " %s,\n# the old one\n%s # until May\n", other, secret);
	rotated = open_keys(both);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(decrypt(rotated, hello, MADE_S, out, &text), VLY_FERNET_OK);
		assert_int_equal(text.key, 1);
	}
	assert_int_equal(vly_fernet_encrypt(rotated, MADE_S, (uint8_t *)token, sizeof(token),
					    (const uint8_t *)"new", 3),
			 vly_fernet_token_chars(3));
	assert_int_equal(decrypt(new, token, MADE_S, out, &text), VLY_FERNET_OK);
	assert_memory_equal(out, "new", 3);
	assert_int_equal(decrypt(old, token, MADE_S, out, &text), VLY_FERNET_BAD_MAC);
	assert_int_equal(decrypt(rotated, token, MADE_S, out, &text), VLY_FERNET_OK);
	assert_int_equal(text.key, 0);
	vly_fernet_close(old);
	vly_fernet_close(new);
	vly_fernet_close(rotated);
}

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
		cmocka_unit_test(generates_the_vector),
		cmocka_unit_test(verifies_the_vector),
		cmocka_unit_test(holds_the_times),
		cmocka_unit_test(refuses_the_vectors),
		cmocka_unit_test(takes_every_length),
		cmocka_unit_test(refuses_what_no_datagram_holds),
		cmocka_unit_test(rotates_keys),
		cmocka_unit_test(refuses_bad_keys),
		cmocka_unit_test(encodes_as_others_do),
		cmocka_unit_test(decodes_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
