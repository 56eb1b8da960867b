// SPDX-License-Identifier: BSD-3-Clause
//
// What keeps the chat bounded, and what it says when that bites.
#include "chat.h"

static void copies_come_again(void **state)
{
	struct test_chat *test = *state;

	chat_join(test, 1, "alice", "");
	for (int i = 0; i < 10; i++) {
		chat_expect(test, 1, "to alice x", "ok\n");
		chat_flush(test);
	}
	chat_expect(test, 1, "again 9", "ok again 9 9\n");
	chat_expect_copy(test, 1, "9 @ alice: x\n");
	chat_expect(test, 1, "#1 again 1 99", "#1 ok again 3 10\n"); // the window is 8
	assert_int_equal(vly_chat_due(&test->chat), 8);
	chat_expect_copy(test, 1, "3 @ alice: x\n");
	assert_int_equal(chat_flush(test), 7);
	chat_expect(test, 1, "again 11", "err no such copies\n");
	chat_expect(test, 1, "again 9 4", "err no such copies\n");
	assert_int_equal(test->chat.counts[VLY_CHAT_AGAIN_COPIES], 9);
	assert_int_equal(test->chat.counts[VLY_CHAT_COPIES], 10);
}

static void messages_that_are_not_kept_are_gone(void **state)
{
	struct test_chat *test = *state;

	chat_join(test, 1, "alice", "");
	chat_join(test, 2, "bob", "");
	chat_expect(test, 1, "to bob x", "ok\n");
	chat_flush(test);
	for (int i = 0; i < 64; i++) {
		chat_expect(test, 1, "to alice x", "ok\n");
		chat_flush(test);
	}
	chat_expect(test, 2, "again 1", "ok again 1 1\n");
	chat_expect_copy(test, 2, "gone 1\n");
	assert_int_equal(test->chat.counts[VLY_CHAT_GONE], 1);
}

static void one_member_does_not_fill_the_queue(void **state)
{
	struct test_chat *test = *state;

	chat_join(test, 1, "alice", "");
	chat_join(test, 2, "bob", "");
	for (int i = 0; i < VLY_CHAT_PENDING; i++)
		chat_expect(test, 1, "all x", "ok\n");
	chat_expect(test, 1, "all x", "err busy: say it again\n");
	chat_expect(test, 1, "again 1", "err no such copies\n");
	chat_expect(test, 2, "say y", "ok\n");
	assert_int_equal(test->chat.counts[VLY_CHAT_BUSY], 1);
	assert_int_equal(chat_flush(test), 10);
	chat_expect(test, 1, "all x", "ok\n");
}

static void a_full_queue_is_said_and_loses_nothing(void **state)
{
	struct test_chat *test = *state;
	char name[8];
	int busy = 0;

	for (uint16_t i = 1; i <= 20; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		chat_join(test, i, name, "");
	}
	for (uint16_t i = 1; i <= 20; i++) { // a queue of 16
		chat_ask(test, i, "#1 all x");
		busy += strcmp(test->line.text, "#1 err busy: say it again\n") == 0;
	}
	assert_int_equal(busy, 4);
	assert_int_equal(vly_chat_due(&test->chat), 64);
	assert_int_equal(chat_flush(test), 16 * 20);
	chat_expect(test, 20, "#1 all x", "#1 ok\n"); // was refused, so it is not a repetition
	assert_int_equal(chat_flush(test), 20);
}

static void a_tag_is_carried_out_once(void **state)
{
	struct test_chat *test = *state;

	chat_join(test, 1, "alice", "");
	chat_expect(test, 1, "#3 say x", "#3 ok\n");
	chat_expect(test, 1, "#3 say x", "#3 ok\n");
	chat_expect(test, 1, "#2 say y", "#2 ok\n"); // late, not a repetition
	chat_expect(test, 1, "#100 say z", "#100 ok\n");
	chat_expect(test, 1, "#3 say x", "#3 ok\n");
	chat_expect(test, 1, "#99 say w", "#99 ok\n");
	assert_int_equal(chat_flush(test), 4);
	assert_int_equal(test->chat.counts[VLY_CHAT_REPEATED], 2);
	chat_expect(test, 1, "join alice", "ok joined alice / last 4 history 0 tag 100\n");
	chat_expect(test, 1, "#1 ping", "#1 pong 4\n"); // a question may be asked twice
}

static void requests_over_the_rate_are_dropped(void **state)
{
	struct vly_chat_config config = chat_config();
	struct test_chat *test;
	int taken = 0;

	(void)state;
	config.rate = 10;
	config.burst = 5;
	test = chat_make(&config);
	chat_join(test, 1, "alice", "");
	for (int i = 0; i < 10; i++)
		taken += chat_ask(test, 1, "ping") == VLY_FATE_REPLY;
	assert_int_equal(taken, 5);
	assert_int_equal(chat_ask(test, 1, "ping"), VLY_DROP_RATE_LIMITED);
	test->now_ns += CHAT_SECOND_NS / 10;
	chat_expect(test, 1, "ping", "pong 0\n");
	assert_int_equal(chat_ask(test, 1, "ping"), VLY_DROP_RATE_LIMITED);
	chat_free(test);
}

static void silence_is_warned_and_ends(void **state)
{
	struct test_chat *test = *state;
	uint32_t member;

	chat_join(test, 1, "alice", "");
	member = test->chat.newcomer;
	assert_int_not_equal(member, VLY_INDEX_END);
	assert_int_equal(vly_chat_check(&test->chat, member, test->now_ns),
			 40u * (uint64_t)CHAT_SECOND_NS);
	test->now_ns += 40u * (uint64_t)CHAT_SECOND_NS;
	assert_int_equal(vly_chat_check(&test->chat, member, test->now_ns),
			 20u * (uint64_t)CHAT_SECOND_NS);
	chat_expect_copy(test, 1, "still there? say ping\n");
	chat_expect(test, 1, "ping", "pong 0\n");
	test->now_ns += 39u * (uint64_t)CHAT_SECOND_NS;
	assert_int_equal(vly_chat_check(&test->chat, member, test->now_ns), CHAT_SECOND_NS);
	test->now_ns += 21u * (uint64_t)CHAT_SECOND_NS;
	assert_int_equal(vly_chat_check(&test->chat, member, test->now_ns), 0);
	assert_int_equal(test->chat.counts[VLY_CHAT_EXPIRED], 1);
	assert_int_equal(test->chat.members.count, 0);
	chat_expect(test, 1, "ping", "err say join NAME\n");
	assert_int_equal(vly_chat_check(&test->chat, member, test->now_ns), 0);
}

static void lists_come_in_pages(void **state)
{
	struct test_chat *test = *state;
	char name[8];

	for (uint16_t i = 1; i <= 70; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		chat_join(test, i, name, i <= 2 ? "a" : "a/b");
	}
	chat_expect(test, 1, "who a/c", "err no such room\n");
	assert_int_equal(chat_ask(test, 1, "who"), VLY_FATE_REPLY);
	assert_memory_equal(test->line.text, "members /a 70 m2 m1 m70 m69 ", 28);
	assert_non_null(strstr(test->line.text, " m9 ...\n"));
	chat_expect(test, 1, "who a m9", "members /a 70 m8 m7 m6 m5 m4 m3\n");
	chat_expect(test, 1, "who a/b m1", "err nobody there has that name; begin anew\n");
	chat_expect(test, 1, "rooms /", "below / 70 /a:70\n");
	chat_expect(test, 1, "rooms", "below /a 70 /a/b:68\n");
	chat_expect(test, 1, "rooms a a/b", "below /a 70\n");
	chat_expect(test, 1, "rooms / a/b", "err no such room there; begin anew\n");
	chat_expect(test, 1, "help x", "err help\n");
}

static void the_longest_message_fits(void **state)
{
	static const char room[] =
		"aaaaaaaaaaaaaaaaaaaaaaaa/bbbbbbbbbbbbbbbbbbbbbbbb/ccccccccccccc";
	struct test_chat *test = *state;
	char text[4 + VLY_CHAT_TEXT_MAX + 1] = "say ";

	memset(text + 4, 'x', VLY_CHAT_TEXT_MAX);
	chat_join(test, 1, "aaaaaaaaaaaaaaaaaaaaaaaa", room);
	test->chat.members.slots[0].number = UINT32_MAX - 1;
	chat_expect(test, 1, text, "ok\n");
	assert_int_equal(chat_copy(test), 1);
	assert_int_equal(strlen(test->line.text), 10 + 1 + 64 + 1 + 24 + 2 + VLY_CHAT_TEXT_MAX + 1);
	assert_int_equal(test->chat.counts[VLY_CHAT_UNDELIVERED], 0);
}

static void what_is_given_up_is_counted(void **state)
{
	struct test_chat *test = *state;

	chat_join(test, 1, "alice", "");
	chat_join(test, 2, "bob", "");
	chat_join(test, 3, "carol", "");
	chat_expect(test, 1, "all x", "ok\n");
	chat_expect(test, 2, "to carol x", "ok\n");
	chat_join(test, 4, "late", ""); // has a line of history waiting, and no copy
	assert_int_not_equal(chat_copy(test), 0);
	vly_chat_abandon(&test->chat);
	assert_int_equal(test->chat.counts[VLY_CHAT_UNDELIVERED], 2 + 1 + 1);
	assert_int_equal(chat_copy(test), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(copies_come_again, chat_setup, chat_teardown),
		cmocka_unit_test_setup_teardown(messages_that_are_not_kept_are_gone, chat_setup,
						chat_teardown),
		cmocka_unit_test_setup_teardown(one_member_does_not_fill_the_queue, chat_setup,
						chat_teardown),
		cmocka_unit_test_setup_teardown(a_full_queue_is_said_and_loses_nothing, chat_setup,
						chat_teardown),
		cmocka_unit_test_setup_teardown(a_tag_is_carried_out_once, chat_setup,
						chat_teardown),
		cmocka_unit_test(requests_over_the_rate_are_dropped),
		cmocka_unit_test_setup_teardown(silence_is_warned_and_ends, chat_setup,
						chat_teardown),
		cmocka_unit_test_setup_teardown(lists_come_in_pages, chat_setup, chat_teardown),
		cmocka_unit_test_setup_teardown(the_longest_message_fits, chat_setup,
						chat_teardown),
		cmocka_unit_test_setup_teardown(what_is_given_up_is_counted, chat_setup,
						chat_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
