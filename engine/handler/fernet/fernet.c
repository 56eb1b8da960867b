// SPDX-License-Identifier: BSD-3-Clause
//
// fernet: each datagram is a Fernet token. What is authentic and in time goes on as clear text to
// the next handler, and what handlers behind this one answer leaves as a token. Anything else is
// dropped: whoever has no key gets no answer, whatever they send. See token.h.
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "core/compiler.h"
#include "core/fail.h"
#include "handler/builtin.h"
#include "handler/fernet/keys.h"
#include "handler/fernet/token.h"

enum {
	SECOND_NS = 1000000000,
};

enum key_index {
	KEY_FILE,
	KEY_ENV,
	KEY_TTL,
	KEY_SKEW,
};

// The first are verdicts, by their numbers.
enum metric {
	METRIC_OPENED = VLY_FERNET_OK,
	METRIC_OLDER_KEY = VLY_FERNET_VERDICTS,
	METRIC_CHECKED_TOGETHER,
	METRIC_SEALED,
	METRIC_SEALED_TOGETHER,
	METRIC_TOO_LARGE,
	METRIC_NO_RANDOM,
};

static_assert((int)VLY_BURST_MAX <= (int)VLY_FERNET_BURST_MAX,
	      "a burst of datagrams is one of tokens");

struct fernet {
	struct vly_fernet *tokens;
	struct vly_fernet_times times;
};

static int read_keys(struct vly_fernet_keys *keys, const union vly_value *values,
		     struct vly_error *error)
{
	const char *file = values[KEY_FILE].text;
	const char *variable = values[KEY_ENV].text;

	if (!file[0] == !variable[0])
		return vly_fail(error, -EINVAL,
				"give its keys as key-file=FILE or as key-env=VARIABLE, %s",
				file[0] ? "not both" : "one of them");
	return file[0] ? vly_fernet_keys_read(keys, file, error)
		       : vly_fernet_keys_getenv(keys, variable, error);
}

static int fernet_open(void **state, const struct vly_handler_env *env, struct vly_error *error)
{
	struct fernet *fernet = calloc(1, sizeof(*fernet));
	struct vly_fernet_keys keys = {.count = 0};
	int rc;

	if (!fernet)
		return vly_fail(error, -ENOMEM, "out of memory");
	// Tokens tell whole seconds.
	fernet->times.ttl_s = (env->values[KEY_TTL].number + SECOND_NS - 1) / SECOND_NS;
	fernet->times.skew_s = env->values[KEY_SKEW].number / SECOND_NS;
	rc = read_keys(&keys, env->values, error);
	if (!rc)
		rc = vly_fernet_open(&fernet->tokens, keys.keys, keys.count, error);
	vly_fernet_keys_wipe(&keys);
	if (rc)
		free(fernet);
	else
		*state = fernet;
	return rc;
}

static void fernet_close(void *state)
{
	struct fernet *fernet = state;

	vly_fernet_close(fernet->tokens);
	free(fernet);
}

// A token's times are those of the calendar, which the engine's clock does not know. Without a
// system call, once a burst.
static uint64_t calendar_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return (uint64_t)now.tv_sec;
}

static enum vly_drop reason_of(enum vly_fernet_verdict verdict)
{
	if (verdict == VLY_FERNET_BAD_TOKEN || verdict == VLY_FERNET_BAD_PADDING)
		return VLY_DROP_MALFORMED;
	return VLY_DROP_UNAUTHORISED;
}

// What has come of a token is the fate of its datagram.
static void take(struct vly_burst *burst, struct vly_dgram *dgram,
		 const struct vly_fernet_opening *opening)
{
	vly_metric_add(burst, opening->verdict, 1);
	if (VLY_UNLIKELY(opening->verdict != VLY_FERNET_OK)) {
		vly_drop(dgram, reason_of(opening->verdict));
		return;
	}
	vly_metric_add(burst, METRIC_OLDER_KEY, opening->text.key > 0);
	dgram->len = (uint16_t)opening->text.len;
	vly_pass(dgram);
}

static void fernet_on_burst(void *state, struct vly_burst *burst)
{
	struct vly_fernet_opening openings[VLY_BURST_MAX];
	struct fernet *fernet = state;
	uint32_t together;

	fernet->times.now_s = calendar_s();
	for (uint32_t i = 0; i < burst->count; i++) {
		uint8_t *data = vly_dgram_data(burst->in[i]);

		openings[i] = (struct vly_fernet_opening){
			.token = data, .chars = burst->in[i]->len, .out = data};
	}
	together = vly_fernet_decrypt_burst(fernet->tokens, &fernet->times, openings, burst->count);
	vly_metric_add(burst, METRIC_CHECKED_TOGETHER, together);
	for (uint32_t i = 0; i < burst->count; i++)
		take(burst, burst->in[i], &openings[i]);
}

static void leave(struct vly_burst *burst, struct vly_dgram *dgram,
		  const struct vly_fernet_sealing *sealing)
{
	if (VLY_UNLIKELY(vly_fernet_token_chars(sealing->len) > sealing->capacity)) {
		vly_metric_add(burst, METRIC_TOO_LARGE, 1);
		vly_drop(dgram, VLY_DROP_TX_OVERSIZE);
		return;
	}
	if (VLY_UNLIKELY(sealing->chars == 0)) {
		vly_metric_add(burst, METRIC_NO_RANDOM, 1);
		vly_drop(dgram, VLY_DROP_HANDLER);
		return;
	}
	dgram->len = (uint16_t)sealing->chars;
	vly_metric_add(burst, METRIC_SEALED, 1);
}

static void fernet_on_answer(void *state, struct vly_burst *burst)
{
	struct vly_fernet_sealing sealings[VLY_BURST_MAX];
	struct fernet *fernet = state;
	uint32_t together;

	fernet->times.now_s = calendar_s();
	for (uint32_t i = 0; i < burst->count; i++) {
		const struct vly_dgram *dgram = burst->in[i];
		uint8_t *data = vly_dgram_data(burst->in[i]);

		sealings[i] = (struct vly_fernet_sealing){
			.text = data, .len = dgram->len, .out = data, .capacity = dgram->capacity};
	}
	together = vly_fernet_encrypt_burst(fernet->tokens, fernet->times.now_s, sealings,
					    burst->count);
	vly_metric_add(burst, METRIC_SEALED_TOGETHER, together);
	for (uint32_t i = 0; i < burst->count; i++)
		leave(burst, burst->in[i], &sealings[i]);
}

static const struct vly_key fernet_keys[] = {
	[KEY_FILE] = {"key-file", VLY_KEY_TEXT, "", 0, 0,
		      "file with a key a line; the first one seals, each opens"},
	[KEY_ENV] = {"key-env", VLY_KEY_TEXT, "", 0, 0,
		     "environment variable with the keys, instead of a file"},
	[KEY_TTL] = {"ttl", VLY_KEY_DURATION, "60s", 0, 0,
		     "how old a token may be, in whole seconds; 0s: any age"},
	[KEY_SKEW] = {"skew", VLY_KEY_DURATION, "60s", 0, 0,
		      "how far its maker's clock may be ahead of ours"},
	{NULL, VLY_KEY_TEXT, NULL, 0, 0, NULL},
};

static const struct vly_metric fernet_metrics[] = {
	[METRIC_OPENED] = {"opened", VLY_METRIC_COUNTER, "tokens decrypted and passed on"},
	[VLY_FERNET_BAD_TOKEN] = {"bad_token", VLY_METRIC_COUNTER, "what is no token at all"},
	[VLY_FERNET_BAD_MAC] = {"bad_mac", VLY_METRIC_COUNTER, "signed by no key of ours"},
	[VLY_FERNET_EXPIRED] = {"expired", VLY_METRIC_COUNTER, "signed, but older than ttl"},
	[VLY_FERNET_FUTURE] = {"future", VLY_METRIC_COUNTER, "signed, but later than skew allows"},
	[VLY_FERNET_BAD_PADDING] = {"bad_padding", VLY_METRIC_COUNTER,
				    "signed, but what it holds is no padded text"},
	[METRIC_OLDER_KEY] = {"opened_older_key", VLY_METRIC_COUNTER,
			      "of those opened: with another key than the first"},
	[METRIC_CHECKED_TOGETHER] = {"checked_together", VLY_METRIC_COUNTER,
				     "tokens whose MAC was computed beside others, by libipsec-mb"},
	[METRIC_SEALED] = {"sealed", VLY_METRIC_COUNTER, "answers encrypted"},
	[METRIC_SEALED_TOGETHER] = {"sealed_together", VLY_METRIC_COUNTER,
				    "answers encrypted beside others, by libipsec-mb"},
	[METRIC_TOO_LARGE] = {"too_large", VLY_METRIC_COUNTER,
			      "answers whose token does not fit in a datagram"},
	[METRIC_NO_RANDOM] = {"no_random", VLY_METRIC_COUNTER,
			      "answers for which OpenSSL had no random number"},
	{NULL, VLY_METRIC_COUNTER, NULL},
};

const struct vly_handler_ops vly_handler_fernet = {
	.abi = VLY_HANDLER_ABI,
	.name = "fernet",
	.summary = "opens Fernet tokens for the handlers behind it, and seals what they answer",
	.keys = fernet_keys,
	.metrics = fernet_metrics,
	.open = fernet_open,
	.on_burst = fernet_on_burst,
	.on_answer = fernet_on_answer,
	.close = fernet_close,
	.ignores = VLY_IGNORE_CLASS,
};
