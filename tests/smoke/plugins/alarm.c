// SPDX-License-Identifier: BSD-3-Clause
//
// For tests of what a handler may do beside answering: a timer each ten milliseconds, metrics,
// answers that it marks on their way out (`mark`), copies in the largest datagrams (`large`).
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <volley/handler.h>

enum {
	PERIOD_NS = 10000000,
	MARK = '~',
};

enum metric {
	FIRED,
	DUE,
	LATE,
	MARKED,
};

static const struct vly_metric metrics[] = {
	[FIRED] = {"fired", VLY_METRIC_COUNTER, "how often the timer fired"},
	[DUE] = {"due", VLY_METRIC_GAUGE, "how often it should have"},
	[LATE] = {"late_ns", VLY_METRIC_HISTOGRAM, "how late it was each time"},
	[MARKED] = {"marked", VLY_METRIC_COUNTER, "answers that were marked"},
	{NULL, VLY_METRIC_COUNTER, NULL},
};

static const struct vly_key keys[] = {
	{"mark", VLY_KEY_SWITCH, "off", 0, 0, "change the first byte of each answer"},
	{"large", VLY_KEY_SWITCH, "off", 0, 0, "answer in a datagram of the largest size"},
	{NULL, VLY_KEY_TEXT, NULL, 0, 0, NULL},
};

struct alarm {
	struct vly_timer timer;
	uint64_t start_ns;
	bool marks;
	bool is_large;
};

static int alarm_open(void **state, const struct vly_handler_env *env, struct vly_error *error)
{
	struct alarm *alarm = calloc(1, sizeof(*alarm));

	(void)error;
	if (!alarm)
		return -ENOMEM;
	alarm->marks = env->values[0].on;
	alarm->is_large = env->values[1].on;
	*state = alarm;
	return 0;
}

static void on_timer(void *state, struct vly_burst *burst, struct vly_timer *timer)
{
	const struct alarm *alarm = state;
	uint64_t since_ns = burst->now_ns - alarm->start_ns;

	(void)timer;
	vly_metric_add(burst, FIRED, 1);
	vly_metric_set(burst, DUE, since_ns / PERIOD_NS);
	vly_metric_record(burst, LATE, since_ns % PERIOD_NS);
}

static void alarm_on_start(void *state, struct vly_burst *burst)
{
	struct alarm *alarm = state;

	alarm->timer.fire = on_timer;
	alarm->start_ns = burst->now_ns;
	vly_timer_start(burst, &alarm->timer, PERIOD_NS, PERIOD_NS);
}

static void answer_in_large(struct vly_burst *burst, struct vly_dgram *dgram)
{
	struct vly_dgram *large;

	vly_consume(dgram);
	if (!vly_alloc_large(burst, &large, 1))
		return;
	large->peer = dgram->peer;
	large->local = dgram->local;
	large->len = dgram->len;
	memcpy(vly_dgram_data(large), vly_dgram_data(dgram), dgram->len);
	vly_send(burst, large);
}

static void alarm_on_burst(void *state, struct vly_burst *burst)
{
	const struct alarm *alarm = state;

	for (uint32_t i = 0; i < burst->count; i++) {
		if (alarm->is_large)
			answer_in_large(burst, burst->in[i]);
		else
			vly_pass(burst->in[i]);
	}
}

static void alarm_on_answer(void *state, struct vly_burst *burst)
{
	const struct alarm *alarm = state;

	if (!alarm->marks)
		return;
	for (uint32_t i = 0; i < burst->count; i++)
		vly_dgram_data(burst->in[i])[0] = MARK;
	vly_metric_add(burst, MARKED, burst->count);
}

const struct vly_handler_ops vly_handler = {
	.abi = VLY_HANDLER_ABI,
	.name = "alarm",
	.summary = "a timer, metrics, marks and large answers, for tests",
	.keys = keys,
	.metrics = metrics,
	.open = alarm_open,
	.on_start = alarm_on_start,
	.on_burst = alarm_on_burst,
	.on_answer = alarm_on_answer,
	.close = free,
};
