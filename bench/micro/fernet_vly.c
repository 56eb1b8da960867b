// SPDX-License-Identifier: BSD-3-Clause
//
// The engine's own tokens: `vly` one at a time, `burst` as the handler has them, 32 datagrams at
// once that lie in memory as those of a server do, and `burst-evp` the same without libipsec-mb.
#include <stdlib.h>
#include <string.h>

#include "handler/fernet/token.h"

#include "micro/fernet.h"

static bool decrypt(void *state, uint8_t *text, const uint8_t *token, size_t chars)
{
	static const struct vly_fernet_times times = {.now_s = FERNET_NOW_S, .ttl_s = 60};
	struct vly_fernet_text out;

	return vly_fernet_decrypt(state, &times, text, token, chars, &out) == VLY_FERNET_OK;
}

static size_t encrypt(void *state, uint8_t *token, const uint8_t *text, size_t len)
{
	return vly_fernet_encrypt(state, FERNET_NOW_S, token, FERNET_ROOM, text, len);
}

enum {
	BURST = 32,
};

static struct vly_fernet *open_key(struct bench_run *run)
{
	static const struct vly_fernet_key key = {{1}};
	struct vly_fernet *fernet;
	struct vly_error error;

	if (vly_fernet_open(&fernet, &key, 1, &error) == 0)
		return fernet;
	bench_skip(run, error.text);
	return NULL;
}

static void run(struct bench_run *run,
		void (*what)(struct bench_run *run, const struct fernet_way *way))
{
	struct fernet_way way = {.decrypt = decrypt, .encrypt = encrypt};
	struct vly_fernet *fernet = open_key(run);

	if (!fernet)
		return;
	way.state = fernet;
	what(run, &way);
	vly_fernet_close(fernet);
}

// A burst of datagrams, each in a place of its own.
struct places {
	struct vly_fernet_sealing sealings[BURST];
	struct vly_fernet_opening openings[BURST];
	uint8_t bytes[BURST][FERNET_ROOM / 2];
	uint8_t tokens[BURST][FERNET_ROOM / 2];
};

static void seal_burst(struct vly_fernet *fernet, struct places *places, size_t len)
{
	for (uint32_t i = 0; i < BURST; i++)
		places->sealings[i] = (struct vly_fernet_sealing){.text = places->bytes[i],
								  .len = len,
								  .out = places->bytes[i],
								  .capacity = FERNET_ROOM / 2};
	vly_fernet_encrypt_burst(fernet, FERNET_NOW_S, places->sealings, BURST);
}

static bool open_burst(struct vly_fernet *fernet, struct places *places)
{
	static const struct vly_fernet_times times = {.now_s = FERNET_NOW_S, .ttl_s = 60};
	bool are_good = true;

	for (uint32_t i = 0; i < BURST; i++)
		places->openings[i] =
			(struct vly_fernet_opening){.token = places->bytes[i],
						    .chars = places->sealings[i].chars,
						    .out = places->bytes[i]};
	vly_fernet_decrypt_burst(fernet, &times, places->openings, BURST);
	for (uint32_t i = 0; i < BURST; i++)
		are_good = are_good && places->openings[i].verdict == VLY_FERNET_OK;
	return are_good;
}

// A datagram is opened where it lies, so each time it is first put there.
static bool decrypt_case(struct vly_fernet *fernet, struct places *places, size_t len)
{
	(void)len;
	for (uint32_t i = 0; i < BURST; i++)
		memcpy(places->bytes[i], places->tokens[i], places->sealings[i].chars);
	return open_burst(fernet, places);
}

static bool encrypt_case(struct vly_fernet *fernet, struct places *places, size_t len)
{
	seal_burst(fernet, places, len);
	return true;
}

static bool round_case(struct vly_fernet *fernet, struct places *places, size_t len)
{
	if (!open_burst(fernet, places))
		return false;
	seal_burst(fernet, places, len);
	return true;
}

static void run_burst(struct bench_run *run, bool is_one_by_one,
		      bool (*one_case)(struct vly_fernet *, struct places *, size_t))
{
	struct places *places = calloc(1, sizeof(*places));
	struct vly_fernet *fernet = open_key(run);
	size_t len = (size_t)bench_arg(run);

	if (fernet && places) {
		if (is_one_by_one)
			vly_fernet_one_by_one(fernet);
		seal_burst(fernet, places, len);
		memcpy(places->tokens, places->bytes, sizeof(places->tokens));
		while (bench_goes_on(run, BURST)) {
			if (!one_case(fernet, places, len)) {
				bench_skip(run, "it did not decrypt");
				break;
			}
			bench_use(places);
		}
		bench_items(run, bench_iterations(run));
	}
	vly_fernet_close(fernet);
	free(places);
}

static void run_burst_decrypt(struct bench_run *bench)
{
	run_burst(bench, false, decrypt_case);
}

static void run_burst_encrypt(struct bench_run *bench)
{
	run_burst(bench, false, encrypt_case);
}

static void run_burst_round(struct bench_run *bench)
{
	run_burst(bench, false, round_case);
}

static void run_evp_decrypt(struct bench_run *bench)
{
	run_burst(bench, true, decrypt_case);
}

static void run_evp_encrypt(struct bench_run *bench)
{
	run_burst(bench, true, encrypt_case);
}

static void run_evp_round(struct bench_run *bench)
{
	run_burst(bench, true, round_case);
}

static void run_decrypt(struct bench_run *bench)
{
	run(bench, fernet_run_decrypt);
}

static void run_encrypt(struct bench_run *bench)
{
	run(bench, fernet_run_encrypt);
}

static void run_round(struct bench_run *bench)
{
	run(bench, fernet_run_round);
}

extern const struct bench_entry bench_fernet_vly[];
const struct bench_entry bench_fernet_vly[] = {
	{.name = "fernet/vly",
	 .function = run_round,
	 .arg_name = "bytes",
	 .args = {FERNET_SHORT_BYTES, FERNET_LONG_BYTES}},
	{.name = "fernet-decrypt/vly",
	 .function = run_decrypt,
	 .arg_name = "bytes",
	 .args = {FERNET_SHORT_BYTES, FERNET_LONG_BYTES}},
	{.name = "fernet-encrypt/vly",
	 .function = run_encrypt,
	 .arg_name = "bytes",
	 .args = {FERNET_SHORT_BYTES, FERNET_LONG_BYTES}},
	{.name = "fernet/burst",
	 .function = run_burst_round,
	 .arg_name = "bytes",
	 .args = {FERNET_SHORT_BYTES, FERNET_LONG_BYTES}},
	{.name = "fernet-decrypt/burst",
	 .function = run_burst_decrypt,
	 .arg_name = "bytes",
	 .args = {FERNET_SHORT_BYTES, FERNET_LONG_BYTES}},
	{.name = "fernet-encrypt/burst",
	 .function = run_burst_encrypt,
	 .arg_name = "bytes",
	 .args = {FERNET_SHORT_BYTES, FERNET_LONG_BYTES}},
	{.name = "fernet/burst-evp",
	 .function = run_evp_round,
	 .arg_name = "bytes",
	 .args = {FERNET_SHORT_BYTES, FERNET_LONG_BYTES}},
	{.name = "fernet-decrypt/burst-evp",
	 .function = run_evp_decrypt,
	 .arg_name = "bytes",
	 .args = {FERNET_SHORT_BYTES, FERNET_LONG_BYTES}},
	{.name = "fernet-encrypt/burst-evp",
	 .function = run_evp_encrypt,
	 .arg_name = "bytes",
	 .args = {FERNET_SHORT_BYTES, FERNET_LONG_BYTES}},
	{.name = NULL},
};
