// SPDX-License-Identifier: BSD-3-Clause
//
// Fernet tokens, one at a time: the vectors of the specification (github.com/fernet/spec,
// verify.json, invalid.json), every length, several keys.
#include <stdio.h>
#include <string.h>

#include "fernet_kit.h"
#include "prng.h"

static enum vly_fernet_verdict decrypt(struct vly_fernet *fernet, const char *token, uint64_t now_s,
				       char *out, struct vly_fernet_text *text)
{
	struct vly_fernet_times times = {.now_s = now_s, .ttl_s = 60, .skew_s = 60};

	return vly_fernet_decrypt(fernet, &times, (uint8_t *)out, (const uint8_t *)token,
				  strlen(token), text);
}

static void verifies_the_vector(void **state)
{
	struct vly_fernet *fernet = open_keys(*state, secret);
	struct vly_fernet_text text = {0};
	char out[sizeof(hello)];

	assert_int_equal(decrypt(fernet, hello, MADE_S + 1, out, &text), VLY_FERNET_OK);
	assert_int_equal(text.len, 5);
	assert_memory_equal(out, "hello", 5);
	vly_fernet_close(fernet);
}

static void holds_the_times(void **state)
{
	struct vly_fernet *fernet = open_keys(*state, secret);
	struct vly_fernet_times times = {.now_s = MADE_S + 61};
	struct vly_fernet_text text = {0};
	char out[sizeof(hello)];

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
	struct vly_fernet *fernet = open_keys(*state, secret);

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
	struct vly_fernet *fernet = open_keys(*state, secret);
	struct vly_fernet_times times = {.now_s = MADE_S, .ttl_s = 1};
	static uint8_t bytes[ROOM];
	static uint8_t before[ROOM];
	struct prng prng = prng_open();

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
	struct vly_fernet *fernet = open_keys(*state, secret);
	static uint8_t bytes[ROOM];

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
	struct vly_fernet *old = open_keys(*state, secret);
	struct vly_fernet *new = open_keys(*state, other);
	struct vly_fernet *rotated;
	struct vly_fernet_text text = {0};
	char token[200] = "";
	char out[200];

	snprintf(both, sizeof(both), " %s,\n# the old one\n%s # until May\n", other, secret);
	rotated = open_keys(*state, both);
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

// No two tokens begin alike behind their time, and each opens.
static void takes_another_iv_each_time(void **state)
{
	enum {
		TOKENS = 600,   // more than random numbers are drawn for at once
		IV_OFFSET = 12, // in characters, behind version and time
		IV_CHARS = 20,  // 15 of its bytes
	};
	static char tokens[TOKENS][200];
	struct vly_fernet *fernet = open_keys(*state, secret);
	struct vly_fernet_text text = {0};
	char out[200];

	for (uint32_t i = 0; i < TOKENS; i++) {
		size_t chars = vly_fernet_encrypt(fernet, MADE_S, (uint8_t *)tokens[i],
						  sizeof(tokens[i]), (const uint8_t *)"new", 3);

		assert_int_equal(chars, vly_fernet_token_chars(3));
		assert_int_equal(decrypt(fernet, tokens[i], MADE_S, out, &text), VLY_FERNET_OK);
		assert_memory_equal(out, "new", 3);
		for (uint32_t j = 0; j < i; j++)
			assert_memory_not_equal(tokens[i] + IV_OFFSET, tokens[j] + IV_OFFSET,
						IV_CHARS);
	}
	vly_fernet_close(fernet);
}

static int run(struct way *way)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(verifies_the_vector, way),
		cmocka_unit_test_prestate(holds_the_times, way),
		cmocka_unit_test_prestate(refuses_the_vectors, way),
		cmocka_unit_test_prestate(takes_every_length, way),
		cmocka_unit_test_prestate(refuses_what_no_datagram_holds, way),
		cmocka_unit_test_prestate(rotates_keys, way),
		cmocka_unit_test_prestate(takes_another_iv_each_time, way),
	};

	return cmocka_run_group_tests_name(way->name, tests, NULL, NULL);
}

int main(void)
{
	return in_both_ways(run);
}
