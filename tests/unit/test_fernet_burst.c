// SPDX-License-Identifier: BSD-3-Clause
//
// Fernet tokens in bursts: the specification's vector (generate.json) in each lane, every size of
// burst, texts of any length, keys that are mixed.
#include <stdio.h>
#include <string.h>

#include "fernet_kit.h"
#include "handler/fernet/multi.h"
#include "prng.h"

enum {
	BURST_ROOM = 2048,
	TEXT_MAX = 1400,
	LEFT_BYTES = 100, // of a refused token, that are looked at
};

static void generates_the_vector(void **state)
{
	struct vly_fernet *fernet = open_keys(*state, secret);
	uint8_t iv[VLY_FERNET_IV_BYTES];
	uint8_t tokens[BURST][sizeof(hello) - 1];
	struct vly_fernet_sealing sealings[BURST];

	for (uint8_t i = 0; i < sizeof(iv); i++)
		iv[i] = i;
	for (uint32_t count = 1; count <= BURST; count++) {
		memset(tokens, 0, sizeof(tokens));
		for (uint32_t i = 0; i < count; i++)
			sealings[i] = (struct vly_fernet_sealing){
				.text = (const uint8_t *)"hello",
				.len = 5,
				.out = tokens[i],
				// The last one has no room.
				.capacity = sizeof(tokens[i]) - (i == BURST - 1),
				.iv = iv,
			};
		vly_fernet_encrypt_burst(fernet, MADE_S, sealings, count);
		for (uint32_t i = 0; i < count && i < BURST - 1; i++) {
			assert_int_equal(sealings[i].chars, sizeof(tokens[i]));
			assert_memory_equal(tokens[i], hello, sizeof(tokens[i]));
		}
	}
	assert_int_equal(sealings[BURST - 1].chars, 0);
	assert_int_equal(tokens[BURST - 1][0], 0);
	vly_fernet_close(fernet);
}

struct burst_test {
	uint8_t before[BURST][BURST_ROOM];
	uint8_t bytes[BURST][BURST_ROOM];
	size_t lens[BURST];
	bool is_spoilt[BURST];
	struct vly_fernet_sealing sealings[BURST];
	struct vly_fernet_opening openings[BURST];
};

static uint32_t seal_burst(struct burst_test *test, struct vly_fernet *fernet, struct prng *prng,
			   uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		test->lens[i] = prng_below(prng, TEXT_MAX);
		prng_fill(prng, test->before[i], test->lens[i]);
		memcpy(test->bytes[i], test->before[i], test->lens[i]);
		test->sealings[i] = (struct vly_fernet_sealing){.text = test->bytes[i],
								.len = test->lens[i],
								.out = test->bytes[i],
								.capacity = BURST_ROOM};
	}
	return vly_fernet_encrypt_burst(fernet, MADE_S, test->sealings, count);
}

// One in eight of what comes back is spoilt.
static void open_burst(struct burst_test *test, struct vly_fernet *fernet, struct prng *prng,
		       uint32_t count)
{
	static const struct vly_fernet_times times = {.now_s = MADE_S, .ttl_s = 1};

	for (uint32_t i = 0; i < count; i++) {
		size_t chars = test->sealings[i].chars;

		assert_int_equal(chars, vly_fernet_token_chars(test->lens[i]));
		test->is_spoilt[i] = prng_below(prng, 8) == 0;
		if (test->is_spoilt[i])
			test->bytes[i][prng_below(prng, (uint32_t)chars)] ^= 1;
		memcpy(test->before[i] + TEXT_MAX, test->bytes[i],
		       LEFT_BYTES); // as it is left, if refused
		test->openings[i] = (struct vly_fernet_opening){
			.token = test->bytes[i], .chars = chars, .out = test->bytes[i]};
	}
	vly_fernet_decrypt_burst(fernet, &times, test->openings, count);
}

// Whether this build and machine do several at once.
static bool is_possible(void)
{
	struct vly_multi *multi;
	bool is = vly_multi_open(&multi) == 0;

	vly_multi_close(multi);
	return is;
}

// Bursts of every size, of texts of any length, sealed one way and opened both: each token has its
// own fate, and the other way understands it.
static void takes_bursts(void **state)
{
	const struct way *way = *state;
	const struct way other = {"", !way->is_one_by_one};
	struct vly_fernet *fernets[] = {open_keys(way, secret), open_keys(&other, secret)};
	struct burst_test *test = calloc(1, sizeof(*test));
	struct prng prng = prng_open();
	uint32_t together = 0;

	assert_non_null(test);
	printf("VLY_TEST_SEED=%llu\n", (unsigned long long)prng.seed);
	for (uint32_t count = 0; count <= BURST; count++) {
		together += seal_burst(test, fernets[0], &prng, count);
		open_burst(test, fernets[count % 2], &prng, count);
		for (uint32_t i = 0; i < count; i++) {
			const struct vly_fernet_opening *opening = &test->openings[i];

			if (test->is_spoilt[i]) {
				assert_int_not_equal(opening->verdict, VLY_FERNET_OK);
				assert_memory_equal(test->bytes[i], test->before[i] + TEXT_MAX,
						    LEFT_BYTES);
				continue;
			}
			assert_int_equal(opening->verdict, VLY_FERNET_OK);
			assert_int_equal(opening->text.len, test->lens[i]);
			assert_memory_equal(test->bytes[i], test->before[i], test->lens[i]);
		}
	}
	assert_int_equal(together > 0, !way->is_one_by_one && is_possible());
	free(test);
	vly_fernet_close(fernets[0]);
	vly_fernet_close(fernets[1]);
}

// Tokens that are longer than the room for a burst's, all together.
static void takes_a_burst_of_the_longest(void **state)
{
	enum {
		COUNT = 9,
		LEN = 49055
	};
	static const struct vly_fernet_times times = {.now_s = MADE_S, .ttl_s = 1};
	static uint8_t bytes[COUNT][ROOM];
	struct vly_fernet *fernet = open_keys(*state, secret);
	struct vly_fernet_sealing sealings[COUNT];
	struct vly_fernet_opening openings[COUNT];

	for (uint32_t i = 0; i < COUNT; i++) {
		memset(bytes[i], (int)i, LEN);
		sealings[i] = (struct vly_fernet_sealing){
			.text = bytes[i], .len = LEN, .out = bytes[i], .capacity = 65507};
	}
	vly_fernet_encrypt_burst(fernet, MADE_S, sealings, COUNT);
	for (uint32_t i = 0; i < COUNT; i++)
		openings[i] = (struct vly_fernet_opening){
			.token = bytes[i], .chars = sealings[i].chars, .out = bytes[i]};
	vly_fernet_decrypt_burst(fernet, &times, openings, COUNT);
	for (uint32_t i = 0; i < COUNT; i++) {
		assert_int_equal(openings[i].verdict, VLY_FERNET_OK);
		assert_int_equal(openings[i].text.len, LEN);
		assert_int_equal(bytes[i][0], i);
		assert_int_equal(bytes[i][LEN - 1], i);
	}
	vly_fernet_close(fernet);
}

// Tokens of both keys in one burst, whichever was the last.
static void opens_a_mixed_burst(void **state)
{
	static const struct vly_fernet_times times = {.now_s = MADE_S};
	static const char other[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
	char both[200];
	struct vly_fernet *new = open_keys(*state, other);
	struct vly_fernet *rotated;
	struct vly_fernet_opening openings[BURST];
	uint8_t out[BURST][200];
	uint8_t token[200];
	size_t chars =
		vly_fernet_encrypt(new, MADE_S, token, sizeof(token), (const uint8_t *)"new", 3);

	snprintf(both, sizeof(both), "%s,%s", other, secret);
	rotated = open_keys(*state, both);
	for (uint32_t i = 0; i < BURST; i++) {
		openings[i] =
			(struct vly_fernet_opening){.token = token, .chars = chars, .out = out[i]};
		if (i % 3 == 1) {
			openings[i].token = (const uint8_t *)hello;
			openings[i].chars = strlen(hello);
		}
	}
	vly_fernet_decrypt_burst(rotated, &times, openings, BURST);
	for (uint32_t i = 0; i < BURST; i++) {
		assert_int_equal(openings[i].verdict, VLY_FERNET_OK);
		assert_int_equal(openings[i].text.key, i % 3 == 1);
		assert_int_equal(openings[i].text.len, i % 3 == 1 ? 5 : 3);
		assert_memory_equal(out[i], i % 3 == 1 ? "hello" : "new", openings[i].text.len);
	}
	vly_fernet_close(new);
	vly_fernet_close(rotated);
}

static int run(struct way *way)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(generates_the_vector, way),
		cmocka_unit_test_prestate(takes_bursts, way),
		cmocka_unit_test_prestate(takes_a_burst_of_the_longest, way),
		cmocka_unit_test_prestate(opens_a_mixed_burst, way),
	};

	return cmocka_run_group_tests_name(way->name, tests, NULL, NULL);
}

int main(void)
{
	return in_both_ways(run);
}
