// SPDX-License-Identifier: BSD-3-Clause
#include "chat.h"

// --- joining ------------------------------------------------------------------------------------

static void a_stranger_gets_no_more_than_it_sends(void **state)
{
	static const char *const lines[] = {"join alice", "#1 join alice a/b", "help",
					    "who",        "say hello",         "again 1 8"};
	struct test_chat *test = *state;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(chat_ask(test, 1, lines[i]), VLY_FATE_REPLY);
		assert_true(strlen(test->line.text) <= 18);
	}
	assert_int_equal(chat_ask(test, 1, "hello there"), VLY_DROP_MALFORMED);
	assert_int_equal(chat_ask(test, 1, "err say join NAME"), VLY_DROP_MALFORMED);
	assert_int_equal(test->chat.members.count, 0);
	assert_int_equal(chat_flush(test), 0);
}

static void a_proof_is_of_one_address_and_time(void **state)
{
	struct test_chat *test = *state;
	char text[100];

	chat_ask(test, 1, "join alice");
	snprintf(text, sizeof(text), "join alice %.9s", test->line.text + 6);
	assert_int_equal(chat_ask(test, 2, text), VLY_DROP_UNAUTHORISED);
	assert_int_equal(chat_ask(test, 1, "join alice =aaaaaaaa"), VLY_DROP_UNAUTHORISED);
	assert_int_equal(chat_ask(test, 1, "join alice ="), VLY_FATE_REPLY); // asks for one
	test->now_ns += 60u * (uint64_t)CHAT_SECOND_NS;
	assert_int_equal(chat_ask(test, 1, text), VLY_DROP_UNAUTHORISED);
	test->now_ns -= 31u * (uint64_t)CHAT_SECOND_NS;
	chat_expect(test, 1, text, "ok joined alice / last 0 history 0 tag 0\n");
	// The answer may have been lost: the same once more, now without a proof.
	chat_expect(test, 1, "join alice", "ok joined alice / last 0 history 0 tag 0\n");
	chat_expect(test, 1, "join bob", "err you have another name; leave first\n");
}

static void a_name_is_one_members(void **state)
{
	struct test_chat *test = *state;

	chat_join(test, 1, "alice", "a");
	assert_string_equal(test->line.text, "ok joined alice /a last 0 history 0 tag 0\n");
	chat_join(test, 2, "alice", "a");
	assert_string_equal(test->line.text, "err that name is taken\n");
	chat_expect(test, 1, "leave", "ok left\n");
	chat_join(test, 2, "alice", "b/c");
	assert_string_equal(test->line.text, "ok joined alice /b/c last 0 history 0 tag 0\n");
	assert_int_equal(test->chat.rooms.count, 3); // the root, b, b/c: a has ended
}

static void an_identity_is_the_name(void **state)
{
	struct test_chat *test = *state;
	char text[100];

	chat_ask(test, 1, "join alice");
	snprintf(text, sizeof(text), "join alice %.9s", test->line.text + 6);
	chat_ask_as(test, 1, "bob", text);
	assert_string_equal(test->line.text, "err your name is who you proved to be\n");
	assert_int_equal(test->chat.members.count, 0);
	chat_ask_as(test, 1, "alice", text);
	assert_memory_equal(test->line.text, "ok joined alice", 15);
	assert_int_equal(chat_ask_as(test, 1, "alice", "say hello"), VLY_FATE_REPLY);
	assert_string_equal(test->line.text, "ok\n");
}

// A member's address, and somebody with another identity or with none: no word of theirs is hers.
static void another_identity_ends_the_member(void **state)
{
	static const char *const others[] = {"bob", NULL, "alic", "alice2"};
	struct test_chat *test = *state;
	char text[100];

	chat_join(test, 2, "carol", "");
	for (uint32_t i = 0; i < 4; i++) {
		chat_ask_as(test, 1, "alice", "join alice");
		snprintf(text, sizeof(text), "join alice %.9s", test->line.text + 6);
		chat_ask_as(test, 1, "alice", text);
		assert_int_equal(test->chat.members.count, 2);
		chat_ask_as(test, 1, others[i], "say I am alice");
		assert_string_equal(test->line.text, "err say join NAME\n");
		assert_int_equal(test->chat.members.count, 1);
		assert_int_equal(test->chat.counts[VLY_CHAT_DISPLACED], i + 1);
	}
	// Who has proved nothing is known by the address alone, as ever.
	assert_int_equal(chat_ask(test, 2, "say hello"), VLY_FATE_REPLY);
	assert_string_equal(test->line.text, "ok\n");
}

static void it_fills_up_by_name(void **state)
{
	struct test_chat *test = *state;
	char text[20];

	for (uint16_t i = 0; i < 9; i++) {
		snprintf(text, sizeof(text), "r%d", i);
		chat_join(test, (uint16_t)(1 + i), text, text);
		assert_memory_equal(test->line.text, "ok", 2);
	}
	chat_join(test, 50, "late", "r9");
	assert_string_equal(test->line.text, "err too many rooms\n");
	chat_join(test, 50, "late", "r8/x");
	assert_string_equal(test->line.text, "err too many rooms\n");
	for (uint16_t i = 9; i < 100; i++) {
		snprintf(text, sizeof(text), "r%d", i);
		chat_join(test, (uint16_t)(1 + i), text, "");
	}
	chat_join(test, 200, "late", "");
	assert_string_equal(test->line.text, "err the chat is full\n");
	assert_int_equal(test->chat.counts[VLY_CHAT_REFUSED], 3);
}

// --- talking ------------------------------------------------------------------------------------

static void a_room_reaches_what_lies_below(void **state)
{
	struct test_chat *test = *state;

	chat_join(test, 1, "top", "");
	chat_join(test, 2, "mid", "a");
	chat_join(test, 3, "low", "a/b");
	chat_join(test, 4, "other", "c");
	chat_expect(test, 2, "say hello", "ok\n");
	assert_int_equal(vly_chat_due(&test->chat), 2);
	chat_expect_copy(test, 2, "1 /a mid: hello\n");
	chat_expect_copy(test, 3, "1 /a mid: hello\n");
	assert_int_equal(chat_copy(test), 0);
	chat_expect(test, 3, "all hi", "ok\n");
	assert_int_equal(chat_flush(test), 4);
	chat_expect(test, 4, "room a/b psst", "ok\n");
	chat_expect_copy(test, 3, "3 /a/b other: psst\n");
	chat_expect(test, 4, "room a/x psst", "err no such room\n");
	chat_expect(test, 4, "to low just you", "ok\n");
	chat_expect_copy(test, 3, "4 @ other: just you\n");
	chat_expect(test, 4, "to nobody x", "err nobody here has that name\n");
	chat_expect(test, 3, "ping", "pong 4\n");
}

static void a_small_room_is_told_who_comes_and_goes(void **state)
{
	struct vly_chat_config config = chat_config();
	struct test_chat *test;

	(void)state;
	config.notices = 2;
	test = chat_make(&config);
	chat_join(test, 1, "alice", "");
	chat_join(test, 2, "bob", "");
	chat_expect_copy(test, 1, "1 / * bob joined\n");
	chat_join(test, 3, "carol", ""); // three are too many
	assert_int_equal(chat_flush(test), 0);
	chat_expect(test, 3, "leave", "ok left\n");
	chat_expect(test, 2, "leave", "ok left\n");
	chat_expect_copy(test, 1, "2 / * bob left\n");
	assert_int_equal(chat_copy(test), 0);
	chat_free(test);
}

static void what_was_said_comes_to_who_joins(void **state)
{
	struct test_chat *test = *state;
	char text[20];

	chat_join(test, 1, "alice", "a");
	for (int i = 1; i <= 5; i++) {
		snprintf(text, sizeof(text), "say s%d", i);
		chat_expect(test, 1, text, "ok\n");
		chat_flush(test);
	}
	chat_expect(test, 1, "all to all", "ok\n"); // not delivered yet
	chat_join(test, 2, "bob", "a/b");
	assert_string_equal(test->line.text, "ok joined bob /a/b last 0 history 4 tag 0\n");
	chat_expect_copy(test, 1, "6 / alice: to all\n");
	chat_expect_copy(test, 2, "1 /a alice: s3\n");
	chat_expect_copy(test, 2, "2 /a alice: s4\n");
	chat_expect_copy(test, 2, "3 /a alice: s5\n");
	chat_expect_copy(test, 2, "4 / alice: to all\n");
	assert_int_equal(chat_copy(test), 0);
	chat_join(test, 3, "carol", "");
	assert_string_equal(test->line.text, "ok joined carol / last 0 history 1 tag 0\n");
}

static void who_moves_misses_nothing(void **state)
{
	struct test_chat *test = *state;

	chat_join(test, 1, "alice", "a/b");
	chat_join(test, 2, "bob", "a/c");
	chat_expect(test, 2, "say old", "ok\n");
	chat_flush(test);
	chat_expect(test, 2, "room a before", "ok\n");
	assert_int_equal(chat_ask(test, 1, "#5 move a/c"), VLY_FATE_RELEASE);
	chat_expect(test, 2, "say after", "ok\n");
	assert_int_equal(vly_chat_due(&test->chat), 4);
	assert_int_equal(chat_copy(test), 2);
	chat_expect_copy(test, 1, "1 /a bob: before\n");
	chat_expect_copy(test, 1, "#5 ok moved /a/c history 1\n");
	chat_expect_copy(test, 1, "3 /a/c bob: after\n");
	assert_int_equal(chat_copy(test), 2);
	chat_expect_copy(test, 1, "2 /a/c bob: old\n");
	assert_int_equal(chat_copy(test), 0);
	assert_int_equal(test->chat.rooms.count, 3); // a/b has ended
	assert_int_equal(chat_ask(test, 1, "move a"), VLY_FATE_RELEASE);
	chat_expect_copy(test, 1, "ok moved /a history 0\n");
}

static void who_leaves_is_stepped_over(void **state)
{
	struct test_chat *test = *state;

	for (uint16_t i = 1; i <= 5; i++) {
		const char name[2] = {(char)('a' + i), 0};

		chat_join(test, i, name, i > 3 ? "x/y" : "x");
	}
	chat_expect(test, 1, "say hello", "ok\n");
	assert_int_equal(chat_copy(test), 3); // the newest comes first
	chat_expect(test, 2, "leave", "ok left\n");
	assert_int_equal(chat_copy(test), 1);
	chat_expect(test, 5, "leave", "ok left\n");
	chat_expect(test, 4, "leave", "ok left\n");
	assert_int_equal(chat_copy(test), 0);
	chat_expect(test, 1, "say hello", "ok\n");
	chat_expect(test, 1, "leave", "ok left\n");
	chat_expect(test, 3, "leave", "ok left\n");
	assert_int_equal(chat_copy(test), 0);
	assert_int_equal(test->chat.rooms.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_stranger_gets_no_more_than_it_sends, chat_setup,
						chat_teardown),
		cmocka_unit_test_setup_teardown(a_proof_is_of_one_address_and_time, chat_setup,
						chat_teardown),
		cmocka_unit_test_setup_teardown(a_name_is_one_members, chat_setup, chat_teardown),
		cmocka_unit_test_setup_teardown(an_identity_is_the_name, chat_setup, chat_teardown),
		cmocka_unit_test_setup_teardown(another_identity_ends_the_member, chat_setup,
						chat_teardown),
		cmocka_unit_test_setup_teardown(it_fills_up_by_name, chat_setup, chat_teardown),
		cmocka_unit_test_setup_teardown(a_room_reaches_what_lies_below, chat_setup,
						chat_teardown),
		cmocka_unit_test(a_small_room_is_told_who_comes_and_goes),
		cmocka_unit_test_setup_teardown(what_was_said_comes_to_who_joins, chat_setup,
						chat_teardown),
		cmocka_unit_test_setup_teardown(who_moves_misses_nothing, chat_setup,
						chat_teardown),
		cmocka_unit_test_setup_teardown(who_leaves_is_stepped_over, chat_setup,
						chat_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
