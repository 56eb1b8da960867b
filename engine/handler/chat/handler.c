// SPDX-License-Identifier: BSD-3-Clause
//
// chat: members, rooms, messages to all of a room or to one; volley-handlers(7) has the protocol.
// This file joins the chat (chat.h) to bursts, timers and metrics. Copies are made in slices: the
// first one after the burst that asks for them, the rest by a timer that fires once a turn, so that
// others have theirs in between, and an idle chat sleeps.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "handler/builtin.h"
#include "handler/chat/chat.h"

enum key {
	KEY_MAX_MEMBERS,
	KEY_MAX_ROOMS,
	KEY_MESSAGES,
	KEY_HISTORY,
	KEY_WINDOW,
	KEY_NOTICES,
	KEY_RATE,
	KEY_BURST,
	KEY_TIMEOUT,
	KEY_SLICE,
};

static const struct vly_key keys[] = {
	{"max-members", VLY_KEY_NUMBER, "100000", 1, 1000000, "members at a time"},
	{"max-rooms", VLY_KEY_NUMBER, "10000", 1, 1000000, "rooms at a time"},
	{"messages", VLY_KEY_NUMBER, "4096", 64, 1048576,
	 "that are kept, a power of two; a quarter may wait"},
	{"history", VLY_KEY_NUMBER, "16", 0, 64, "messages that who joins a room gets"},
	{"window", VLY_KEY_NUMBER, "32", 1, 1024,
	 "copies that may be asked for again, a power of two"},
	{"notices", VLY_KEY_NUMBER, "64", 0, 1000000,
	 "members up to which a room is told who comes and goes"},
	{"rate", VLY_KEY_NUMBER, "10", 1, 1000000, "requests a second of one member"},
	{"burst", VLY_KEY_NUMBER, "20", 1, 1000000, "requests of one member at once"},
	{"timeout", VLY_KEY_DURATION, "90s", 1000000000, 86400000000000,
	 "silence that ends a member"},
	{"slice", VLY_KEY_NUMBER, "1024", 64, 65536, "copies made at a time"},
	{NULL, VLY_KEY_TEXT, NULL, 0, 0, NULL},
};

enum metric {
	METRIC_POOL_LOW = VLY_CHAT_COUNT_COUNT,
	METRIC_MEMBERS,
	METRIC_ROOMS,
	METRIC_QUEUED,
};

static const struct vly_metric metrics[] = {
	[VLY_CHAT_JOINED] = {"joined", VLY_METRIC_COUNTER, "members that came"},
	[VLY_CHAT_LEFT] = {"left", VLY_METRIC_COUNTER, "members that said so and went"},
	[VLY_CHAT_EXPIRED] = {"expired", VLY_METRIC_COUNTER, "members that were silent too long"},
	[VLY_CHAT_DISPLACED] = {"displaced", VLY_METRIC_COUNTER,
				"members from whose address somebody with another identity came"},
	[VLY_CHAT_CHALLENGED] = {"challenged", VLY_METRIC_COUNTER,
				 "strangers asked to prove their address"},
	[VLY_CHAT_REFUSED] = {"refused", VLY_METRIC_COUNTER, "requests answered with err"},
	[VLY_CHAT_BUSY] = {"busy", VLY_METRIC_COUNTER, "of those, because too much was queued"},
	[VLY_CHAT_REPEATED] = {"repeated", VLY_METRIC_COUNTER,
			       "requests whose tag was known, not done again"},
	[VLY_CHAT_MESSAGES] = {"messages", VLY_METRIC_COUNTER, "messages taken"},
	[VLY_CHAT_COPIES] = {"copies", VLY_METRIC_COUNTER, "copies sent to members"},
	[VLY_CHAT_AGAIN_COPIES] = {"again_copies", VLY_METRIC_COUNTER,
				   "copies sent as history, or once more"},
	[VLY_CHAT_GONE] = {"gone", VLY_METRIC_COUNTER, "asked for again, and not kept any more"},
	[VLY_CHAT_UNDELIVERED] = {"undelivered", VLY_METRIC_COUNTER,
				  "copies that were due and could not be made"},
	[METRIC_POOL_LOW] = {"pool_low", VLY_METRIC_COUNTER,
			     "times that copies waited for free buffers"},
	[METRIC_MEMBERS] = {"members", VLY_METRIC_GAUGE, "members now"},
	[METRIC_ROOMS] = {"rooms", VLY_METRIC_GAUGE, "rooms now"},
	[METRIC_QUEUED] = {"queued", VLY_METRIC_GAUGE, "messages and requests that wait now"},
	{NULL, VLY_METRIC_COUNTER, NULL},
};

// When to look at a member again.
struct presence {
	struct vly_timer timer; // must come first: a timer is found by it
	uint32_t member;
};

struct handler {
	struct vly_chat chat;
	struct vly_timer work;
	struct presence *presences; // by member
	uint32_t slice;
	uint32_t dry_turns; // in which no copy was made because there was no buffer
	uint64_t told[VLY_CHAT_COUNT_COUNT]; // what the metrics know
};

enum limits {
	DRAIN_COPIES = 1000000, // when the engine stops
	DRY_TURNS = 1000,       // after so many it is not in the next turn that one is free
	NEXT_TICK_NS = 1,
};

// --- open and close -----------------------------------------------------------------------------

static void chat_close(void *state)
{
	struct handler *handler = state;

	vly_chat_close(&handler->chat);
	explicit_bzero(&handler->chat.config.key, sizeof(handler->chat.config.key));
	free(handler->presences);
	free(handler);
}

static bool is_power_of_two(uint64_t number)
{
	return (number & (number - 1)) == 0;
}

static int check(const union vly_value *values, struct vly_error *error)
{
	if (!is_power_of_two(values[KEY_MESSAGES].number))
		return vly_fail(error, -EINVAL, "messages=%lu is no power of two; give 4096",
				(unsigned long)values[KEY_MESSAGES].number);
	if (!is_power_of_two(values[KEY_WINDOW].number))
		return vly_fail(error, -EINVAL, "window=%lu is no power of two; give 32",
				(unsigned long)values[KEY_WINDOW].number);
	if (values[KEY_HISTORY].number > values[KEY_WINDOW].number)
		return vly_fail(error, -EINVAL,
				"history=%lu is more than window=%lu, within which copies may be "
				"asked for again; raise window or lower history",
				(unsigned long)values[KEY_HISTORY].number,
				(unsigned long)values[KEY_WINDOW].number);
	return 0;
}

static struct vly_chat_config config_of(const union vly_value *values)
{
	return (struct vly_chat_config){
		.max_members = (uint32_t)values[KEY_MAX_MEMBERS].number,
		.max_rooms = (uint32_t)values[KEY_MAX_ROOMS].number,
		.messages = (uint32_t)values[KEY_MESSAGES].number,
		.history = (uint32_t)values[KEY_HISTORY].number,
		.window = (uint32_t)values[KEY_WINDOW].number,
		.notices = (uint32_t)values[KEY_NOTICES].number,
		.rate = (uint32_t)values[KEY_RATE].number,
		.burst = (uint32_t)values[KEY_BURST].number,
		.timeout_ns = values[KEY_TIMEOUT].number,
	};
}

static void on_work(void *state, struct vly_burst *burst, struct vly_timer *timer);
static void on_presence(void *state, struct vly_burst *burst, struct vly_timer *timer);

static int chat_open(void **state, const struct vly_handler_env *env, struct vly_error *error)
{
	struct vly_chat_config config = config_of(env->values);
	struct handler *handler;
	int rc = check(env->values, error);

	if (rc < 0)
		return rc;
	if (env->worker_count > 1)
		return vly_fail(error, -EINVAL,
				"all members must meet at one worker, and there are %u; give -q 1, "
				"or -w 1",
				env->worker_count);
	rc = vly_siphash_key_make(&config.key);
	if (rc < 0)
		return vly_fail(error, rc, "the kernel gives no random bytes");
	handler = calloc(1, sizeof(*handler));
	if (!handler)
		return vly_fail(error, -ENOMEM, "out of memory");
	rc = vly_chat_open(&handler->chat, &config, error);
	explicit_bzero(&config.key, sizeof(config.key));
	if (rc < 0)
		goto err_free;
	handler->slice = (uint32_t)env->values[KEY_SLICE].number;
	handler->work.fire = on_work;
	handler->presences = calloc(config.max_members, sizeof(handler->presences[0]));
	if (handler->presences) {
		*state = handler;
		return 0;
	}
	rc = vly_fail(error, -ENOMEM, "no memory for %u members; give max-members=N",
		      config.max_members);
	vly_chat_close(&handler->chat);
err_free:
	free(handler);
	return rc;
}

// --- at work ------------------------------------------------------------------------------------

static void tell_metrics(struct handler *handler, struct vly_burst *burst)
{
	const struct vly_chat *chat = &handler->chat;

	for (uint32_t i = 0; i < VLY_CHAT_COUNT_COUNT; i++) {
		if (chat->counts[i] == handler->told[i])
			continue;
		vly_metric_add(burst, i, chat->counts[i] - handler->told[i]);
		handler->told[i] = chat->counts[i];
	}
	vly_metric_set(burst, METRIC_MEMBERS, chat->members.count);
	vly_metric_set(burst, METRIC_ROOMS, chat->rooms.count);
	vly_metric_set(burst, METRIC_QUEUED, chat->job_end - chat->job_first);
}

// Makes up to `budget` copies, as many as there are buffers for. Returns how many it made.
static uint32_t make_copies(struct handler *handler, struct vly_burst *burst, uint32_t budget)
{
	struct vly_dgram *dgrams[VLY_CHAT_DUE_MAX];
	uint32_t made = 0;
	uint32_t due;

	while (budget > 0 && (due = vly_chat_due(&handler->chat)) > 0) {
		uint32_t got = vly_alloc(burst, dgrams, due < budget ? due : budget);
		uint32_t used = 0;

		while (used < got && vly_chat_next(&handler->chat, dgrams[used], &budget))
			vly_send(burst, dgrams[used++]);
		made += used;
		for (uint32_t i = used; i < got; i++)
			vly_release(burst, dgrams[i]);
		if (got == 0) {
			vly_metric_add(burst, METRIC_POOL_LOW, made > 0 || !handler->dry_turns);
			break;
		}
	}
	return made;
}

// The next slice: in the next turn. Where buffers come back slowly, a tick later is soon enough.
static void go_on(struct handler *handler, struct vly_burst *burst)
{
	uint64_t after_ns = handler->dry_turns < DRY_TURNS ? 0 : NEXT_TICK_NS;

	if (vly_chat_due(&handler->chat) > 0 && !vly_timer_is_running(&handler->work))
		vly_timer_start(burst, &handler->work, after_ns, 0);
	tell_metrics(handler, burst);
}

static void work(struct handler *handler, struct vly_burst *burst)
{
	bool has_made = make_copies(handler, burst, handler->slice) > 0;

	if (has_made || vly_chat_due(&handler->chat) == 0)
		handler->dry_turns = 0;
	else
		handler->dry_turns++;
	go_on(handler, burst);
}

static void on_work(void *state, struct vly_burst *burst, struct vly_timer *timer)
{
	(void)timer;
	work(state, burst);
}

static void watch(struct handler *handler, struct vly_burst *burst, uint32_t member)
{
	struct presence *presence = &handler->presences[member];
	uint64_t after_ns = vly_chat_check(&handler->chat, member, burst->now_ns);

	if (after_ns == 0)
		return;
	presence->timer.fire = on_presence;
	presence->member = member;
	vly_timer_start(burst, &presence->timer, after_ns, 0);
}

static void on_presence(void *state, struct vly_burst *burst, struct vly_timer *timer)
{
	const struct presence *presence = (const struct presence *)timer;

	// Many may fire at once: what comes of it is the next slices' work.
	watch(state, burst, presence->member);
	go_on(state, burst);
}

static void chat_on_burst(void *state, struct vly_burst *burst)
{
	struct handler *handler = state;

	for (uint32_t i = 0; i < burst->count; i++) {
		vly_chat_input(&handler->chat, burst->in[i], burst->now_ns,
			       vly_identity(burst, burst->in[i]));
		if (handler->chat.newcomer != VLY_INDEX_END)
			watch(handler, burst, handler->chat.newcomer);
	}
	if (vly_timer_is_running(&handler->work))
		tell_metrics(handler, burst);
	else
		work(handler, burst);
}

static void chat_on_drain(void *state, struct vly_burst *burst)
{
	struct handler *handler = state;
	uint32_t budget = DRAIN_COPIES;
	uint32_t made;

	do {
		made = make_copies(handler, burst, budget);
		budget -= made;
	} while (made > 0);
	vly_chat_abandon(&handler->chat);
	tell_metrics(handler, burst);
}

const struct vly_handler_ops vly_handler_chat = {
	.abi = VLY_HANDLER_ABI,
	.name = "chat",
	.summary = "a chat: members, rooms, messages to all or to one, as lines of text",
	.keys = keys,
	.metrics = metrics,
	.open = chat_open,
	.on_burst = chat_on_burst,
	.on_drain = chat_on_drain,
	.close = chat_close,
	.ignores = VLY_IGNORE_CLASS,
};
