// SPDX-License-Identifier: BSD-3-Clause
//
// Two handlers to test chains with: one that wraps what passes it, one that does as it is told.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <volley/kit.h>

enum {
	MS = 1000000,
	KEPT_MAX = 8,
};

// --- a wrapper: what passes it inwards loses its first byte, what comes out gets one -------------

enum wrapper_metric {
	WRAPPED,
	CALLS,
	SIZES,
};

static const struct vly_metric wrapper_metrics[] = {
	{"wrapped", VLY_METRIC_COUNTER, "answers that were wrapped"},
	{"calls", VLY_METRIC_GAUGE, "the answers of the last call"},
	{"sizes_bytes", VLY_METRIC_HISTOGRAM, "of what was wrapped"},
	{NULL, VLY_METRIC_COUNTER, NULL},
};

static const struct vly_key wrapper_keys[] = {
	{"mark", VLY_KEY_TEXT, "w", 0, 0, "the byte"},
	{NULL, VLY_KEY_TEXT, NULL, 0, 0, NULL},
};

struct wrapper {
	char mark;
	struct vly_dgram *kept;
};

static int wrapper_open(void **state, const struct vly_handler_env *env, struct vly_error *error)
{
	struct wrapper *wrapper = calloc(1, sizeof(*wrapper));

	(void)error;
	wrapper->mark = env->values[0].text[0];
	*state = wrapper;
	return 0;
}

static void wrapper_on_burst(void *state, struct vly_burst *burst)
{
	const struct wrapper *wrapper = state;

	for (uint32_t i = 0; i < burst->count; i++) {
		struct vly_dgram *dgram = burst->in[i];
		uint8_t *data = vly_dgram_data(dgram);

		if (!dgram->len || data[0] != (uint8_t)wrapper->mark) {
			vly_drop(dgram, VLY_DROP_UNAUTHORISED);
			continue;
		}
		memmove(data, data + 1, --dgram->len);
		vly_pass(dgram);
	}
}

// "!" is not let out, "?" is kept and "." not answered.
static void wrapper_on_answer(void *state, struct vly_burst *burst)
{
	struct wrapper *wrapper = state;

	vly_metric_set(burst, CALLS, burst->count);
	for (uint32_t i = 0; i < burst->count; i++) {
		struct vly_dgram *dgram = burst->in[i];
		uint8_t *data = vly_dgram_data(dgram);

		if (data[0] == '!') {
			vly_drop(dgram, VLY_DROP_TX_OVERSIZE);
		} else if (data[0] == '?') {
			vly_keep(dgram);
			wrapper->kept = dgram;
		} else if (data[0] == '.') {
			vly_consume(dgram);
		} else {
			memmove(data + 1, data, dgram->len++);
			data[0] = (uint8_t)wrapper->mark;
			vly_metric_add(burst, WRAPPED, 1);
			vly_metric_record(burst, SIZES, dgram->len);
		}
	}
}

static void wrapper_on_drain(void *state, struct vly_burst *burst)
{
	struct wrapper *wrapper = state;

	if (!wrapper->kept)
		return;
	vly_dgram_data(wrapper->kept)[0] = '+';
	vly_send(burst, wrapper->kept);
	wrapper->kept = NULL;
}

static const char *wrapper_identity(void *state, const struct vly_dgram *dgram)
{
	const struct wrapper *wrapper = state;

	if (dgram->peer.port == 1)
		return NULL;
	return wrapper->mark == 'a' ? "ann" : "bob";
}

static const struct vly_handler_ops wrapper = {
	.abi = VLY_HANDLER_ABI,
	.name = "wrapper",
	.summary = "wraps, for tests",
	.keys = wrapper_keys,
	.metrics = wrapper_metrics,
	.open = wrapper_open,
	.on_burst = wrapper_on_burst,
	.on_answer = wrapper_on_answer,
	.on_drain = wrapper_on_drain,
	.close = free,
	.identity = wrapper_identity,
};

// --- a talker: answers by what it is told --------------------------------------------------------

struct talker {
	struct vly_timer once;
	struct vly_timer each;
	struct vly_dgram *kept[KEPT_MAX];
	uint32_t kept_count;
	struct vly_addr last_peer;
};

static const struct vly_metric talker_metrics[] = {
	{"fired", VLY_METRIC_COUNTER, "timers"},
	{NULL, VLY_METRIC_COUNTER, NULL},
};

static void say(struct vly_burst *burst, const struct vly_addr *peer, const char *text)
{
	struct vly_dgram *dgram;

	if (!vly_alloc(burst, &dgram, 1))
		return;
	dgram->peer = *peer;
	dgram->len = (uint16_t)strlen(text);
	memcpy(vly_dgram_data(dgram), text, dgram->len);
	vly_send(burst, dgram);
}

static void on_once(void *state, struct vly_burst *burst, struct vly_timer *timer)
{
	struct talker *talker = state;

	assert_false(vly_timer_is_running(timer));
	vly_metric_add(burst, 0, 1);
	say(burst, &talker->last_peer, "once");
}

static void on_each(void *state, struct vly_burst *burst, struct vly_timer *timer)
{
	struct talker *talker = state;

	assert_true(vly_timer_is_running(timer));
	vly_metric_add(burst, 0, 1);
	say(burst, &talker->last_peer, "each");
}

static int talker_open(void **state, const struct vly_handler_env *env, struct vly_error *error)
{
	(void)env;
	(void)error;
	*state = calloc(1, sizeof(struct talker));
	return 0;
}

static void talker_on_start(void *state, struct vly_burst *burst)
{
	struct talker *talker = state;

	assert_int_equal(burst->count, 0);
	talker->once.fire = on_once;
	talker->each.fire = on_each;
	talker->last_peer.port = 7;
	say(burst, &talker->last_peer, "start");
}

static void tell_name(struct vly_burst *burst, struct vly_dgram *dgram)
{
	const char *name = vly_identity(burst, dgram);

	if (!name)
		name = "nobody";
	dgram->len = (uint16_t)strlen(name);
	memcpy(vly_dgram_data(dgram), name, dgram->len);
	vly_reply(dgram);
}

static void talker_on_burst(void *state, struct vly_burst *burst)
{
	struct talker *talker = state;

	for (uint32_t i = 0; i < burst->count; i++) {
		struct vly_dgram *dgram = burst->in[i];

		switch (vly_dgram_data(dgram)[0]) {
		case 'n':
			tell_name(burst, dgram);
			break;
		case 'k':
			vly_keep(dgram);
			talker->kept[talker->kept_count++] = dgram;
			break;
		case 's':
			say(burst, &dgram->peer, "beside");
			vly_consume(dgram);
			break;
		case 'o':
			vly_timer_start(burst, &talker->once, 10 * MS, 0);
			vly_consume(dgram);
			break;
		case 'e':
			vly_timer_start(burst, &talker->each, 10 * MS, 3 * MS);
			vly_consume(dgram);
			break;
		case 'x':
			vly_timer_stop(burst, &talker->once);
			vly_timer_stop(burst, &talker->each);
			vly_consume(dgram);
			break;
		default:
			vly_reply(dgram);
		}
	}
}

static void talker_on_drain(void *state, struct vly_burst *burst)
{
	struct talker *talker = state;

	while (talker->kept_count)
		vly_send(burst, talker->kept[--talker->kept_count]);
}

static const struct vly_handler_ops talker = {
	.abi = VLY_HANDLER_ABI,
	.name = "talker",
	.summary = "answers as it is told, for tests",
	.metrics = talker_metrics,
	.open = talker_open,
	.on_start = talker_on_start,
	.on_burst = talker_on_burst,
	.on_drain = talker_on_drain,
	.close = free,
};
