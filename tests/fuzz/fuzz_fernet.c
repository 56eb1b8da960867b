// SPDX-License-Identifier: BSD-3-Clause
//
// Fernet tokens of any shape. The first byte says what the rest is:
//
//     'T'   a token, as it comes from the wire
//     'S'   a token's bytes without the MAC, which are signed and encoded here: what a client with
//           the key could send, and a fuzzer without it could not
//     'P'   a text, which is encrypted and must come back
//     'B'   a burst of these: the length of each in two bytes, then its letter and what it says.
//           Several at once must have the same end as one after the other.
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
	BURST = VLY_FERNET_BURST_MAX,
	BURST_ROOM = 4096,
	BURST_BYTES_MAX = 2048, // of one
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

static size_t sign(uint8_t *token, const uint8_t *data, size_t size)
{
	static uint8_t raw[SIGNED_BYTES_MAX + VLY_HMAC_BYTES];
	struct vly_hmac hmac;

	memcpy(raw, data, size);
	vly_hmac_init(&hmac, keys[size % 2].bytes, 16);
	vly_hmac_sign(&hmac, raw, size, raw + size);
	return vly_base64url_encode(token, raw, size + VLY_HMAC_BYTES);
}

static void sign_and_decrypt(struct vly_fernet *fernet, const uint8_t *data, size_t size)
{
	static uint8_t token[ROOM];

	if (size <= SIGNED_BYTES_MAX)
		decrypt(fernet, token, sign(token, data, size));
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

struct burst {
	uint32_t count;
	uint8_t tokens[BURST][BURST_ROOM];
	size_t chars[BURST];
	uint8_t texts[2][BURST][BURST_ROOM]; // several at once, and one after the other
	struct vly_fernet_opening openings[2][BURST];
};

// Seals a text both ways by the same IV, with others that fill the lanes.
static size_t seal(struct vly_fernet *const *ways, uint8_t *token, const uint8_t *data, size_t size)
{
	static const uint8_t iv[VLY_FERNET_IV_BYTES];
	static uint8_t places[2][2][BURST_ROOM];
	struct vly_fernet_sealing sealings[2][2];

	for (int way = 0; way < 2; way++) {
		for (int i = 0; i < 2; i++)
			sealings[way][i] = (struct vly_fernet_sealing){.text = data,
								       .len = i ? size / 2 : size,
								       .out = places[way][i],
								       .capacity = BURST_ROOM,
								       .iv = iv};
		vly_fernet_encrypt_burst(ways[way], NOW_S, sealings[way], 2);
	}
	for (int i = 0; i < 2; i++)
		check(sealings[0][i].chars == sealings[1][i].chars &&
			      memcmp(places[0][i], places[1][i], sealings[0][i].chars) == 0,
		      "sealed the same");
	memcpy(token, places[0][0], sealings[0][0].chars);
	return sealings[0][0].chars;
}

static void add(struct burst *burst, struct vly_fernet *const *ways, const uint8_t *data,
		size_t size)
{
	uint8_t *token = burst->tokens[burst->count];
	size_t *chars = &burst->chars[burst->count++];

	if (data[0] == 'S') {
		*chars = sign(token, data + 1, size - 1);
	} else if (data[0] == 'P') {
		*chars = seal(ways, token, data + 1, size - 1);
	} else {
		memcpy(token, data + 1, size - 1);
		*chars = size - 1;
	}
}

static void open_both_ways(struct burst *burst, struct vly_fernet *const *ways)
{
	static const struct vly_fernet_times times = {.now_s = NOW_S, .ttl_s = 60, .skew_s = 5};

	for (int way = 0; way < 2; way++) {
		for (uint32_t i = 0; i < burst->count; i++) {
			memcpy(burst->texts[way][i], burst->tokens[i], burst->chars[i]);
			burst->openings[way][i] =
				(struct vly_fernet_opening){.token = burst->texts[way][i],
							    .chars = burst->chars[i],
							    .out = burst->texts[way][i]};
		}
		vly_fernet_decrypt_burst(ways[way], &times, burst->openings[way], burst->count);
	}
	for (uint32_t i = 0; i < burst->count; i++) {
		const struct vly_fernet_opening *one = &burst->openings[1][i];

		check(burst->openings[0][i].verdict == one->verdict &&
			      burst->openings[0][i].text.len == one->text.len &&
			      burst->openings[0][i].text.key == one->text.key &&
			      memcmp(burst->texts[0][i], burst->texts[1][i], burst->chars[i]) == 0,
		      "opened the same");
		fuzz_endings.verdicts[one->verdict]++;
	}
}

static void take_burst(struct vly_fernet *const *ways, const uint8_t *data, size_t size)
{
	static struct burst burst;

	burst.count = 0;
	while (size > 3 && burst.count < BURST) {
		size_t len = data[0] | (size_t)data[1] << 8;

		data += 2;
		size -= 2;
		len = len < 1 ? 1 : len > BURST_BYTES_MAX ? BURST_BYTES_MAX : len;
		len = len > size ? size : len;
		add(&burst, ways, data, len);
		data += len;
		size -= len;
	}
	open_both_ways(&burst, ways);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vly_fernet *ways[2]; // several at once, and one after the other
	struct vly_error error = {""};

	if (size < 1)
		return 0;
	for (int i = 0; i < 2; i++)
		check(vly_fernet_open(&ways[i], keys, 2, &error) == 0, error.text);
	vly_fernet_one_by_one(ways[1]);
	switch (data[0]) {
	case 'T':
		decrypt(ways[0], data + 1, size - 1);
		break;
	case 'S':
		sign_and_decrypt(ways[0], data + 1, size - 1);
		break;
	case 'P':
		go_round(ways[0], data + 1, size - 1);
		break;
	case 'B':
		take_burst(ways, data + 1, size - 1);
		break;
	default:
		break;
	}
	for (int i = 0; i < 2; i++)
		vly_fernet_close(ways[i]);
	return 0;
}
