// SPDX-License-Identifier: BSD-3-Clause
//
// The engine's own tokens.
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

static void run(struct bench_run *run,
		void (*what)(struct bench_run *run, const struct fernet_way *way))
{
	static const struct vly_fernet_key key = {{1}};
	struct fernet_way way = {.decrypt = decrypt, .encrypt = encrypt};
	struct vly_fernet *fernet;
	struct vly_error error;

	if (vly_fernet_open(&fernet, &key, 1, &error)) {
		bench_skip(run, error.text);
		return;
	}
	way.state = fernet;
	what(run, &way);
	vly_fernet_close(fernet);
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
	{.name = NULL},
};
