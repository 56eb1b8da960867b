// SPDX-License-Identifier: BSD-3-Clause
//
// Fernet tokens of any shape. The first byte says what the rest is:
//
//     'T'   a token, as it comes from the wire
//     'S'   a token's bytes without the MAC, which are signed and encoded here: what a client with
//           the key could send, and a fuzzer without it could not
//     'P'   a text, which is encrypted and must come back
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endings.h"
#include "handler/crypto/hmac.h"
#include "handler/fernet/base64url.h"
#include "handler/fernet/token.h"

enum {
	NOW_S = 1700000000,
	ROOM = 70000,
	SIGNED_BYTES_MAX = 49000,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct endings fuzz_endings = {
	.verdict_names =
		{
			[VLY_FERNET_OK] = "ok",
			[VLY_FERNET_BAD_TOKEN] = "bad_token",
			[VLY_FERNET_BAD_MAC] = "bad_mac",
			[VLY_FERNET_EXPIRED] = "expired",
			[VLY_FERNET_FUTURE] = "future",
			[VLY_FERNET_BAD_PADDING] = "bad_padding",
		},
	.first_drop = VLY_DROP_COUNT, // it knows of no datagram
	.last_drop = 0,
};

static const struct vly_fernet_key keys[] = {{{'n', 'e', 'w'}}, {{'o', 'l', 'd'}}};

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

// What is decrypted fits in its token's place; what is refused leaves it alone.
static void decrypt(struct vly_fernet *fernet, const uint8_t *token, size_t chars)
{
	static const struct vly_fernet_times times = {.now_s = NOW_S, .ttl_s = 60, .skew_s = 5};
	struct vly_fernet_text text = {.len = ROOM};
	uint8_t *place = malloc(chars + 1);
	enum vly_fernet_verdict verdict;

	check(place != NULL, "memory");
	memcpy(place, token, chars);
	verdict = vly_fernet_decrypt(fernet, &times, place, place, chars, &text);
	fuzz_endings.verdicts[verdict]++;
	if (verdict == VLY_FERNET_OK)
		check(text.len < chars && text.key < 2, "a text is shorter than its token");
	else
		check(memcmp(place, token, chars) == 0 && text.len == ROOM, "it is left alone");
	free(place);
}

static void sign_and_decrypt(struct vly_fernet *fernet, const uint8_t *data, size_t size)
{
	static uint8_t raw[SIGNED_BYTES_MAX + VLY_HMAC_BYTES];
	static uint8_t token[ROOM];
	struct vly_hmac hmac;

	if (size > SIGNED_BYTES_MAX)
		return;
	memcpy(raw, data, size);
	vly_hmac_init(&hmac, keys[size % 2].bytes, 16);
	vly_hmac_sign(&hmac, raw, size, raw + size);
	decrypt(fernet, token, vly_base64url_encode(token, raw, size + VLY_HMAC_BYTES));
}

static void go_round(struct vly_fernet *fernet, const uint8_t *data, size_t size)
{
	static const struct vly_fernet_times times = {.now_s = NOW_S, .ttl_s = 1};
	struct vly_fernet_text text = {.len = ROOM};
	size_t chars = vly_fernet_token_chars(size);
	uint8_t *place = malloc(chars);

	check(place != NULL, "memory");
	memcpy(place, data, size);
	check(vly_fernet_encrypt(fernet, NOW_S, place, chars - 1, place, size) == 0, "no room");
	if (chars <= VLY_FERNET_TOKEN_CHARS_MAX) {
		check(vly_fernet_encrypt(fernet, NOW_S, place, chars, place, size) == chars,
		      "a token is as long as said");
		check(vly_fernet_decrypt(fernet, &times, place, place, chars, &text) ==
			      VLY_FERNET_OK,
		      "what was encrypted is decrypted");
		check(text.len == size && memcmp(place, data, size) == 0, "and is the same");
	}
	free(place);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vly_fernet *fernet;
	struct vly_error error = {""};

	if (size < 1)
		return 0;
	check(vly_fernet_open(&fernet, keys, 2, &error) == 0, error.text);
	switch (data[0]) {
	case 'T':
		decrypt(fernet, data + 1, size - 1);
		break;
	case 'S':
		sign_and_decrypt(fernet, data + 1, size - 1);
		break;
	case 'P':
		go_round(fernet, data + 1, size - 1);
		break;
	default:
		break;
	}
	vly_fernet_close(fernet);
	return 0;
}
