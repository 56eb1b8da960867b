// SPDX-License-Identifier: BSD-3-Clause
//
// auth: who may talk to the handlers behind it: by address, by rate, by a shared secret; and no
// source that has proved nothing is answered with more than a multiple of what it sent.
// volley-handlers(7) has the token's form.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/fail.h"
#include "handler/auth/lists.h"
#include "handler/auth/sources.h"
#include "handler/auth/token.h"
#include "handler/builtin.h"

enum key {
	KEY_ALLOW,
	KEY_DENY,
	KEY_KEYS,
	KEY_SKEW,
	KEY_RATE,
	KEY_BURST,
	KEY_FACTOR,
	KEY_SOURCES,
};

static const struct vly_key keys[] = {
	{"allow", VLY_KEY_TEXT, "", 0, 0, "file of prefixes; what is in none of it is denied"},
	{"deny", VLY_KEY_TEXT, "", 0, 0, "file of prefixes; the longest of both lists counts"},
	{"keys", VLY_KEY_TEXT, "", 0, 0, "file of identities and secrets; all must have a token"},
	{"skew", VLY_KEY_DURATION, "30s", 1000000, 3600000000000,
	 "how far a token's time may be from ours"},
	{"rate", VLY_KEY_NUMBER, "0", 0, 1000000000, "datagrams a second of one source; 0: any"},
	{"burst", VLY_KEY_NUMBER, "100", 1, 1000000, "and how many of them at once"},
	{"factor", VLY_KEY_NUMBER, "3", 0, 1000000,
	 "bytes of answers for each byte of a source without a token; 0: any"},
	{"sources", VLY_KEY_NUMBER, "65536", 8, 16777216, "that are remembered"},
	{NULL, VLY_KEY_TEXT, NULL, 0, 0, NULL},
};

enum metric {
	METRIC_DENIED,
	METRIC_OVER_RATE,
	METRIC_BAD_TOKEN, // and the verdicts that follow, in the order of enum vly_token_verdict
	METRIC_UNKNOWN_IDENTITY,
	METRIC_BAD_MAC,
	METRIC_STALE,
	METRIC_REPLAYED,
	METRIC_OVER_FACTOR,
	METRIC_CROWDED,
	METRIC_PREFIXES,
	METRIC_IDENTITIES,
};

static const struct vly_metric metrics[] = {
	[METRIC_DENIED] = {"denied", VLY_METRIC_COUNTER, "of addresses that may not talk"},
	[METRIC_OVER_RATE] = {"over_rate", VLY_METRIC_COUNTER, "of sources over their rate"},
	[METRIC_BAD_TOKEN] = {"bad_token", VLY_METRIC_COUNTER, "without a token, or cut"},
	[METRIC_UNKNOWN_IDENTITY] = {"unknown_identity", VLY_METRIC_COUNTER, "of nobody known"},
	[METRIC_BAD_MAC] = {"bad_mac", VLY_METRIC_COUNTER, "of another secret, or changed"},
	[METRIC_STALE] = {"stale", VLY_METRIC_COUNTER, "made at a time that does not count"},
	[METRIC_REPLAYED] = {"replayed", VLY_METRIC_COUNTER, "that came before"},
	[METRIC_OVER_FACTOR] = {"over_factor", VLY_METRIC_COUNTER,
				"answers beyond what their receiver's bytes allow"},
	[METRIC_CROWDED] = {"crowded", VLY_METRIC_COUNTER,
			    "sources forgotten while their rate was used up"},
	[METRIC_PREFIXES] = {"prefixes", VLY_METRIC_GAUGE, "in both lists"},
	[METRIC_IDENTITIES] = {"identities", VLY_METRIC_GAUGE, "that are known"},
	{NULL, VLY_METRIC_COUNTER, NULL},
};

enum limits {
	CREDIT_DATAGRAMS = 64, // of the largest size: a source's credit is no more than that
	NS_PER_SECOND = 1000000000,
};

struct auth {
	struct vly_prefixes *prefixes; // NULL: no list
	struct vly_token_peers *peers; // NULL: no tokens
	struct vly_sources sources;
	bool has_allow;
	uint32_t prefix_count;
	uint32_t burst;
	uint64_t interval_ns; // 0: no rate
	uint64_t factor;      // 0: no limit
	uint64_t skew_ns;
	uint64_t crowded; // that the metric knows
	// Who sent what of the present burst.
	const struct vly_dgram *dgrams[VLY_BURST_MAX];
	const char *names[VLY_BURST_MAX];
	uint32_t count;
};

static uint64_t clock_of_world(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

// --- open and close -----------------------------------------------------------------------------

static void auth_close(void *state)
{
	struct auth *auth = state;

	vly_prefixes_close(auth->prefixes);
	vly_token_peers_close(auth->peers);
	vly_sources_close(&auth->sources);
	free(auth);
}

static int open_parts(struct auth *auth, const struct vly_handler_env *env, struct vly_error *error)
{
	const union vly_value *values = env->values;
	int rc = vly_sources_open(&auth->sources, (uint32_t)values[KEY_SOURCES].number);

	if (rc < 0)
		return vly_fail(error, rc, "no memory for so many sources; give sources=N");
	auth->has_allow = values[KEY_ALLOW].text[0] != '\0';
	if (auth->has_allow || values[KEY_DENY].text[0] != '\0')
		rc = vly_lists_open(&auth->prefixes, values[KEY_ALLOW].text, values[KEY_DENY].text,
				    &auth->prefix_count, error);
	if (rc < 0 || values[KEY_KEYS].text[0] == '\0')
		return rc;
	if (env->worker_count > 1)
		return vly_fail(error, -EINVAL,
				"keys=%.100s: one worker must see all, or a token could come once "
				"to each; give -q 1, or -w 1",
				values[KEY_KEYS].text);
	return vly_token_peers_open(&auth->peers, values[KEY_KEYS].text, clock_of_world(), error);
}

static int auth_open(void **state, const struct vly_handler_env *env, struct vly_error *error)
{
	const union vly_value *values = env->values;
	struct auth *auth = calloc(1, sizeof(*auth));
	int rc;

	if (!auth)
		return vly_fail(error, -ENOMEM, "out of memory");
	auth->burst = (uint32_t)values[KEY_BURST].number;
	if (values[KEY_RATE].number > 0)
		auth->interval_ns = NS_PER_SECOND / values[KEY_RATE].number;
	auth->factor = values[KEY_FACTOR].number;
	auth->skew_ns = values[KEY_SKEW].number;
	rc = open_parts(auth, env, error);
	if (rc < 0) {
		auth_close(auth);
		return rc;
	}
	*state = auth;
	return 0;
}

static void auth_on_start(void *state, struct vly_burst *burst)
{
	const struct auth *auth = state;

	vly_metric_set(burst, METRIC_PREFIXES, auth->prefix_count);
	if (auth->peers)
		vly_metric_set(burst, METRIC_IDENTITIES, vly_token_peers_count(auth->peers));
}

// --- on the way in ------------------------------------------------------------------------------

// Looks all peers of the burst up.
static void judge(const struct auth *auth, const struct vly_burst *burst, bool *denied)
{
	const uint8_t *ips[VLY_BURST_MAX];
	uint8_t values[VLY_BURST_MAX];

	for (uint32_t i = 0; i < burst->count; i++)
		ips[i] = burst->in[i]->peer.ip;
	vly_prefixes_find(auth->prefixes, ips, burst->count, values);
	for (uint32_t i = 0; i < burst->count; i++)
		denied[i] = values[i] == VLY_LIST_DENY ||
			    (values[i] == VLY_LIST_NONE && auth->has_allow);
}

static void refuse(struct vly_burst *burst, struct vly_dgram *dgram, enum vly_drop reason,
		   uint32_t metric)
{
	vly_drop(dgram, reason);
	vly_metric_add(burst, metric, 1);
}

// Credit is for sources without a token only: who has one is known to receive what he asks for.
static bool is_over_rate(struct auth *auth, const struct vly_dgram *dgram, uint64_t now_ns)
{
	uint64_t most = auth->factor * CREDIT_DATAGRAMS * VLY_DGRAM_BYTES_MAX;
	struct vly_source *source = vly_source_at(&auth->sources, dgram->peer.ip, now_ns);

	if (auth->interval_ns && !vly_source_may(source, now_ns, auth->interval_ns, auth->burst))
		return true;
	source->credit += auth->factor * dgram->len;
	if (source->credit > most)
		source->credit = most;
	return false;
}

static void check_token(struct auth *auth, struct vly_burst *burst, struct vly_dgram *dgram,
			uint64_t world_ns)
{
	uint8_t *bytes = vly_dgram_data(dgram);
	const char *name = NULL;
	uint32_t token_len = 0;
	enum vly_token_verdict verdict = vly_token_check(auth->peers, bytes, dgram->len, world_ns,
							 auth->skew_ns, &name, &token_len);

	if (verdict != VLY_TOKEN_GOOD) {
		refuse(burst, dgram,
		       verdict == VLY_TOKEN_BAD ? VLY_DROP_MALFORMED : VLY_DROP_UNAUTHORISED,
		       METRIC_BAD_TOKEN + (uint32_t)verdict - VLY_TOKEN_BAD);
		return;
	}
	dgram->len = (uint16_t)(dgram->len - token_len);
	memmove(bytes, bytes + token_len, dgram->len);
	auth->dgrams[auth->count] = dgram;
	auth->names[auth->count++] = name;
	vly_pass(dgram);
}

static void auth_on_burst(void *state, struct vly_burst *burst)
{
	struct auth *auth = state;
	bool has_sources = auth->interval_ns || (auth->factor && !auth->peers);
	uint64_t world_ns = auth->peers ? clock_of_world() : 0;
	bool denied[VLY_BURST_MAX] = {false};

	if (auth->prefixes)
		judge(auth, burst, denied);
	auth->count = 0;
	for (uint32_t i = 0; i < burst->count; i++) {
		struct vly_dgram *dgram = burst->in[i];

		if (denied[i])
			refuse(burst, dgram, VLY_DROP_UNAUTHORISED, METRIC_DENIED);
		else if (has_sources && is_over_rate(auth, dgram, burst->now_ns))
			refuse(burst, dgram, VLY_DROP_RATE_LIMITED, METRIC_OVER_RATE);
		else if (auth->peers)
			check_token(auth, burst, dgram, world_ns);
		else
			vly_pass(dgram);
	}
	if (auth->crowded != auth->sources.crowded)
		vly_metric_add(burst, METRIC_CROWDED, auth->sources.crowded - auth->crowded);
	auth->crowded = auth->sources.crowded;
}

static const char *auth_identity(void *state, const struct vly_dgram *dgram)
{
	const struct auth *auth = state;

	for (uint32_t i = 0; i < auth->count; i++) {
		if (auth->dgrams[i] == dgram)
			return auth->names[i];
	}
	return NULL;
}

// --- on the way out -----------------------------------------------------------------------------

static void auth_on_answer(void *state, struct vly_burst *burst)
{
	struct auth *auth = state;

	if (auth->peers || !auth->factor)
		return;
	for (uint32_t i = 0; i < burst->count; i++) {
		struct vly_dgram *dgram = burst->in[i];
		struct vly_source *source = vly_source_find(&auth->sources, dgram->peer.ip);

		if (source && source->credit >= dgram->len)
			source->credit -= dgram->len;
		else
			refuse(burst, dgram, VLY_DROP_RATE_LIMITED, METRIC_OVER_FACTOR);
	}
}

const struct vly_handler_ops vly_handler_auth = {
	.abi = VLY_HANDLER_ABI,
	.name = "auth",
	.summary = "lets pass who may talk: by address, rate and shared secret",
	.keys = keys,
	.metrics = metrics,
	.open = auth_open,
	.on_start = auth_on_start,
	.on_burst = auth_on_burst,
	.on_answer = auth_on_answer,
	.close = auth_close,
	.identity = auth_identity,
	.ignores = VLY_IGNORE_CLASS,
};
