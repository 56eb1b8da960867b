// SPDX-License-Identifier: BSD-3-Clause
//
// my_handler: answers each datagram with a greeting before its text, to each peer at most `limit`
// times a second all together.
//
// Take it from here: volley/handler.h says what a handler may do and when it is called.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <volley/handler.h>

enum {
	SECOND_NS = 1000000000,
	GREETING_BYTES_MAX = 64,
};

// What the user may set: volley serve -H ./my_handler.so,greeting=Hello,limit=100
enum key {
	KEY_GREETING,
	KEY_LIMIT,
};

static const struct vly_key keys[] = {
	[KEY_GREETING] = {"greeting", VLY_KEY_TEXT, "Hello, ", 0, 0,
			  "what each answer begins with"},
	[KEY_LIMIT] = {"limit", VLY_KEY_NUMBER, "1000", 1, 1000000000, "answers a second"},
	{NULL, VLY_KEY_TEXT, NULL, 0, 0, NULL},
};

// What it counts: in the output of volley serve, and in its --json.
enum metric {
	METRIC_GREETED,
	METRIC_REFUSED,
	METRIC_TEXT_BYTES,
};

static const struct vly_metric metrics[] = {
	[METRIC_GREETED] = {"greeted", VLY_METRIC_COUNTER, "answers given"},
	[METRIC_REFUSED] = {"refused", VLY_METRIC_COUNTER, "datagrams over the limit"},
	[METRIC_TEXT_BYTES] = {"text_bytes", VLY_METRIC_HISTOGRAM, "sizes of what was received"},
	{NULL, VLY_METRIC_COUNTER, NULL},
};

// One for each worker, so it needs no lock.
struct my_handler {
	struct vly_timer second;
	char greeting[GREETING_BYTES_MAX];
	size_t greeting_bytes;
	uint64_t limit;
	uint64_t given; // answers in this second
};

static int my_handler_open(void **state, const struct vly_handler_env *env, struct vly_error *error)
{
	const char *greeting = env->values[KEY_GREETING].text;
	struct my_handler *handler;

	if (strlen(greeting) > GREETING_BYTES_MAX) {
		strcpy(error->text, "key 'greeting' is too long; give up to 64 bytes");
		return -EINVAL;
	}
	handler = calloc(1, sizeof(*handler));
	if (!handler) {
		strcpy(error->text, "out of memory");
		return -ENOMEM;
	}
	handler->greeting_bytes = strlen(greeting);
	memcpy(handler->greeting, greeting, handler->greeting_bytes);
	handler->limit = env->values[KEY_LIMIT].number;
	*state = handler;
	return 0;
}

static void on_second(void *state, struct vly_burst *burst, struct vly_timer *timer)
{
	struct my_handler *handler = state;

	(void)burst;
	(void)timer;
	handler->given = 0;
}

static void my_handler_on_start(void *state, struct vly_burst *burst)
{
	struct my_handler *handler = state;

	handler->second.fire = on_second;
	vly_timer_start(burst, &handler->second, SECOND_NS, SECOND_NS);
}

static void greet(struct my_handler *handler, struct vly_burst *burst, struct vly_dgram *dgram)
{
	uint8_t *data = vly_dgram_data(dgram);

	vly_metric_record(burst, METRIC_TEXT_BYTES, dgram->len);
	if (handler->given == handler->limit) {
		vly_metric_add(burst, METRIC_REFUSED, 1);
		vly_drop(dgram, VLY_DROP_RATE_LIMITED);
		return;
	}
	// The payload lies in the buffer it came in; `capacity` says how far it may grow.
	if (dgram->len + handler->greeting_bytes > dgram->capacity) {
		vly_drop(dgram, VLY_DROP_MALFORMED);
		return;
	}
	memmove(data + handler->greeting_bytes, data, dgram->len);
	memcpy(data, handler->greeting, handler->greeting_bytes);
	dgram->len = (uint16_t)(dgram->len + handler->greeting_bytes);
	handler->given++;
	vly_metric_add(burst, METRIC_GREETED, 1);
	vly_reply(dgram);
}

static void my_handler_on_burst(void *state, struct vly_burst *burst)
{
	for (uint32_t i = 0; i < burst->count; i++)
		greet(state, burst, burst->in[i]);
}

const struct vly_handler_ops vly_handler = {
	.abi = VLY_HANDLER_ABI,
	.name = "my_handler",
	.summary = "answers with a greeting",
	.keys = keys,
	.metrics = metrics,
	.open = my_handler_open,
	.on_start = my_handler_on_start,
	.on_burst = my_handler_on_burst,
	.close = free,
};
