// SPDX-License-Identifier: BSD-3-Clause
//
// What the benchmarks of fernet have in common: one key, the lengths, and the three cases. `round`
// is what a datagram costs that is answered: its token is decrypted, and the text encrypted again.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/harness.h"

enum fernet_bench {
	FERNET_SHORT_BYTES = 64,
	FERNET_LONG_BYTES = 1024,
	FERNET_ROOM = 4096,
	FERNET_NOW_S = 1700000000,
};

// One of the ways to do it: a state, and what it does with a token and a text of `len` bytes.
struct fernet_way {
	void *state;
	bool (*decrypt)(void *state, uint8_t *text, const uint8_t *token, size_t chars);
	size_t (*encrypt)(void *state, uint8_t *token, const uint8_t *text, size_t len);
};

static inline void fernet_run_decrypt(struct bench_run *run, const struct fernet_way *way);
static inline void fernet_run_encrypt(struct bench_run *run, const struct fernet_way *way);
static inline void fernet_run_round(struct bench_run *run, const struct fernet_way *way);

// --- inline definitions -------------------------------------------------------------------------

static inline void fernet_run_decrypt(struct bench_run *run, const struct fernet_way *way)
{
	size_t len = (size_t)bench_arg(run);
	uint8_t text[FERNET_ROOM] = {1};
	uint8_t token[FERNET_ROOM];
	size_t chars = way->encrypt(way->state, token, text, len);

	while (bench_goes_on(run, 1)) {
		if (!way->decrypt(way->state, text, token, chars)) {
			bench_skip(run, "it did not decrypt");
			return;
		}
		bench_use(text);
	}
	bench_items(run, bench_iterations(run));
}

static inline void fernet_run_encrypt(struct bench_run *run, const struct fernet_way *way)
{
	size_t len = (size_t)bench_arg(run);
	uint8_t text[FERNET_ROOM] = {1};
	uint8_t token[FERNET_ROOM];

	while (bench_goes_on(run, 1)) {
		way->encrypt(way->state, token, text, len);
		bench_use(token);
	}
	bench_items(run, bench_iterations(run));
}

static inline void fernet_run_round(struct bench_run *run, const struct fernet_way *way)
{
	size_t len = (size_t)bench_arg(run);
	uint8_t text[FERNET_ROOM] = {1};
	uint8_t token[FERNET_ROOM];
	size_t chars = way->encrypt(way->state, token, text, len);

	while (bench_goes_on(run, 1)) {
		if (!way->decrypt(way->state, text, token, chars)) {
			bench_skip(run, "it did not decrypt");
			return;
		}
		chars = way->encrypt(way->state, token, text, len);
		bench_use(token);
	}
	bench_items(run, bench_iterations(run));
}
