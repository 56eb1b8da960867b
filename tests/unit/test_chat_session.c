// SPDX-License-Identifier: BSD-3-Clause
//
// `volley chat` against the chat itself, over a wire that loses and doubles: what is said once must
// be heard once, by each.
#include "chat.h"
#include "chat/session.h"
#include "prng.h"

enum {
	CLIENTS = 4,
	MESSAGES = 30, // of each
	STEP_NS = 10000000,
	STEPS_MAX = 100000,
	HEARD_BYTES = 65536,
};

struct wire {
	struct test_chat *test;
	struct prng prng;
	uint32_t loss_percent;
};

struct client {
	struct wire *wire;
	struct chat_session session;
	uint16_t port;
	uint32_t said;
	char heard[HEARD_BYTES];
	size_t heard_len;
	char notes[HEARD_BYTES];
};

static bool is_lost(struct wire *wire)
{
	return prng_below(&wire->prng, 100) < wire->loss_percent;
}

static void from_server(struct client *client)
{
	struct test_line line = client->wire->test->line; // what is sent on it takes its place

	for (uint32_t times = is_lost(client->wire) + 1u; times > 0; times--) {
		if (!is_lost(client->wire))
			chat_session_take(&client->session, line.text, line.dgram.len,
					  client->wire->test->now_ns);
	}
}

static void to_server(void *arg, const char *text, size_t len)
{
	struct client *client = arg;
	char terminated[LINE_BYTES];

	if (is_lost(client->wire))
		return;
	snprintf(terminated, sizeof(terminated), "%.*s", (int)len, text);
	if (chat_ask(client->wire->test, client->port, terminated) == VLY_FATE_REPLY)
		from_server(client);
}

static void hear(void *arg, const char *text, size_t len)
{
	struct client *client = arg;

	assert_true(client->heard_len + len + 2 < HEARD_BYTES);
	memcpy(client->heard + client->heard_len, text, len);
	client->heard_len += len;
	client->heard[client->heard_len++] = '\n';
}

static void keep_note(void *arg, const char *text)
{
	struct client *client = arg;

	strncat(client->notes, text, HEARD_BYTES - strlen(client->notes) - 2);
	strncat(client->notes, "\n", 2);
}

static const struct chat_session_ops ops = {.send = to_server, .show = hear, .note = keep_note};

static struct client *make_client(struct wire *wire, uint16_t port, const char *name)
{
	struct client *client = calloc(1, sizeof(*client));
	const struct chat_session_config config = {
		.name = name, .room = "a/b", .ops = &ops, .arg = client};

	assert_non_null(client);
	client->wire = wire;
	client->port = port;
	chat_session_start(&client->session, &config, wire->test->now_ns);
	return client;
}

// Lets time pass: copies arrive, clients do what is due.
static void step(struct wire *wire, struct client **clients, uint32_t count)
{
	uint16_t port;

	while ((port = chat_copy(wire->test)) != 0) {
		for (uint32_t i = 0; i < count; i++) {
			if (clients[i]->port == port)
				from_server(clients[i]);
		}
	}
	wire->test->now_ns += STEP_NS;
	for (uint32_t i = 0; i < count; i++)
		chat_session_poll(&clients[i]->session, wire->test->now_ns);
}

static void say_next(struct client *client)
{
	char text[40];

	if (client->said == MESSAGES || !chat_session_is_free(&client->session))
		return;
	snprintf(text, sizeof(text), "message %u.", ++client->said);
	chat_session_line(&client->session, text, strlen(text), client->wire->test->now_ns);
}

static uint32_t count_of(const char *text, const char *what)
{
	uint32_t count = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		count++;
	return count;
}

static struct test_chat *roomy_chat(void)
{
	struct vly_chat_config config = chat_config();

	config.messages = 1024;
	config.window = 64;
	return chat_make(&config);
}

static void close_wire(struct wire *wire, struct client **clients, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		free(clients[i]);
	chat_free(wire->test);
}

static void all_is_heard_once_over_a_bad_wire(void **state)
{
	static const char *const names[CLIENTS] = {"anna", "bert", "cora", "dirk"};
	struct wire wire = {.test = roomy_chat(), .prng = prng_from(7)};
	struct client *clients[CLIENTS];
	uint32_t over = 0;

	(void)state;
	for (uint16_t i = 0; i < CLIENTS; i++)
		clients[i] = make_client(&wire, (uint16_t)(1 + i), names[i]);
	for (int i = 0; i < 10; i++) // all come in over a good wire
		step(&wire, clients, CLIENTS);
	wire.loss_percent = 15;
	for (uint32_t steps = 0; over < CLIENTS; steps++) {
		assert_true(steps < STEPS_MAX);
		step(&wire, clients, CLIENTS);
		over = 0;
		for (uint32_t i = 0; i < CLIENTS; i++) {
			say_next(clients[i]);
			over += clients[i]->said == MESSAGES && !clients[i]->session.has_request;
		}
	}
	for (uint32_t steps = 0; steps < 500; steps++) // pings find what was lost last
		step(&wire, clients, CLIENTS);
	wire.loss_percent = 0;
	for (uint32_t steps = 0; steps < 3000; steps++)
		step(&wire, clients, CLIENTS);
	for (uint32_t i = 0; i < CLIENTS; i++) {
		assert_int_equal(clients[i]->session.numbers.lost, 0);
		assert_int_equal(count_of(clients[i]->notes, "not answered"), 0);
		assert_int_equal(count_of(clients[i]->heard, "message "), CLIENTS * MESSAGES);
		for (uint32_t j = 0; j < CLIENTS; j++) {
			char line[60];

			snprintf(line, sizeof(line), "/a/b %s: message %u.\n", names[j], MESSAGES);
			assert_int_equal(count_of(clients[i]->heard, line), 1);
		}
	}
	assert_true(wire.test->chat.counts[VLY_CHAT_REPEATED] > 0);
	assert_true(wire.test->chat.counts[VLY_CHAT_AGAIN_COPIES] > 0);
	close_wire(&wire, clients, CLIENTS);
}

static void the_end_of_the_input_leaves(void **state)
{
	struct wire wire = {.test = roomy_chat(), .prng = prng_from(7)};
	struct client *client = make_client(&wire, 1, "anna");

	(void)state;
	step(&wire, &client, 1);
	say_next(client);
	assert_false(chat_session_is_free(&client->session) && client->session.has_request);
	step(&wire, &client, 1);
	chat_session_line(&client->session, "/who", 4, wire.test->now_ns);
	chat_session_line(&client->session, "/quit", 5, wire.test->now_ns);
	assert_int_equal(client->session.phase, CHAT_OVER);
	assert_false(client->session.has_failed);
	assert_string_equal(client->heard, "/a/b anna: message 1.\nmembers /a/b 1 anna\n");
	assert_int_equal(wire.test->chat.members.count, 0);
	close_wire(&wire, &client, 1);
}

static void who_is_forgotten_joins_anew(void **state)
{
	struct wire wire = {.test = roomy_chat(), .prng = prng_from(7)};
	struct client *client = make_client(&wire, 1, "anna");

	(void)state;
	step(&wire, &client, 1);
	chat_expect(wire.test, 1, "leave", "ok left\n");
	say_next(client);
	for (int i = 0; i < 200; i++)
		step(&wire, &client, 1);
	assert_int_equal(count_of(client->notes, "joined anna /a/b\n"), 2);
	assert_int_equal(client->session.phase, CHAT_JOINED);
	assert_string_equal(client->heard, "/a/b anna: message 1.\n");
	close_wire(&wire, &client, 1);
}

static void no_answer_and_a_refusal_are_said(void **state)
{
	struct wire wire = {.test = roomy_chat(), .prng = prng_from(7), .loss_percent = 100};
	struct client *client = make_client(&wire, 1, "anna");

	(void)state;
	for (int i = 0; i < 1000; i++)
		step(&wire, &client, 1);
	assert_int_equal(client->session.phase, CHAT_OVER);
	assert_true(client->session.has_failed);
	assert_int_equal(count_of(client->notes, "no answer"), 1);
	free(client);
	wire.loss_percent = 0;
	chat_join(wire.test, 7, "anna", "");
	client = make_client(&wire, 1, "anna");
	assert_true(client->session.has_failed);
	assert_string_equal(client->notes, "refused: that name is taken\n");
	close_wire(&wire, &client, 1);
}

static void a_server_cannot_move_the_cursor(void **state)
{
	struct wire wire = {.test = roomy_chat(), .prng = prng_from(7)};
	struct client *client = make_client(&wire, 1, "anna");

	(void)state;
	chat_session_take(&client->session, "1 / x: \x1b[2J\x7f\n", 13, wire.test->now_ns);
	assert_string_equal(client->heard, "/ x: ?[2J?\n");
	close_wire(&wire, &client, 1);
}

static void numbers_tell_what_is_missing(void **state)
{
	struct numbers numbers = {0};
	uint32_t from = 0;
	bool is_late;

	(void)state;
	numbers_begin(&numbers, 5);
	assert_false(numbers_take(&numbers, 5, &is_late));
	assert_true(numbers_take(&numbers, 6, &is_late));
	assert_true(numbers_take(&numbers, 9, &is_late));
	assert_false(is_late);
	assert_int_equal(numbers_missing(&numbers, 10, &from), 2);
	assert_int_equal(from, 7);
	assert_true(numbers_take(&numbers, 8, &is_late));
	assert_true(is_late);
	assert_int_equal(numbers_give_up(&numbers, 1, 100), 1);
	assert_int_equal(numbers_missing(&numbers, 10, &from), 0);
	numbers_know(&numbers, 9 + NUMBERS_WINDOW + 3); // three fall out of the window
	assert_int_equal(numbers.lost, 4);
	assert_false(numbers_take(&numbers, 11, &is_late));
	numbers_know(&numbers, UINT32_MAX);
	assert_int_equal(numbers_missing(&numbers, 10, &from), 0);
	assert_int_equal(numbers.duplicates, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_heard_once_over_a_bad_wire),
		cmocka_unit_test(the_end_of_the_input_leaves),
		cmocka_unit_test(who_is_forgotten_joins_anew),
		cmocka_unit_test(no_answer_and_a_refusal_are_said),
		cmocka_unit_test(a_server_cannot_move_the_cursor),
		cmocka_unit_test(numbers_tell_what_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
