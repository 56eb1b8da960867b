// SPDX-License-Identifier: BSD-3-Clause
//
// As many members as the presets allow, 100,000 in a tree of a thousand rooms, with fewer buffers
// than copies are due: each gets each message to its room once, with the next number, and who asks
// for something in between has its answer in between.
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <volley/kit.h>

enum {
	MEMBERS = 100000,
	BUFFERS = 4096,
	TALKER = 0, // in the root
	TICK_NS = 1000000,
};

struct crowd {
	struct vly_kit *kit;
	uint32_t *numbers; // of each one's last copy
	uint8_t *heard;    // how often each has heard what is said now
	uint8_t *warned;
	uint32_t copies; // of what is said now
	char text[100];  // of it, behind the number
};

static struct vly_addr addr_of(uint32_t member)
{
	struct vly_addr addr = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 0}, 1000};

	addr.ip[13] = (uint8_t)(member >> 16);
	addr.ip[14] = (uint8_t)(member >> 8);
	addr.ip[15] = (uint8_t)member;
	return addr;
}

static uint32_t member_at(const struct vly_addr *addr)
{
	uint32_t member = (uint32_t)addr->ip[13] << 16 | (uint32_t)addr->ip[14] << 8 | addr->ip[15];

	assert_true(member < MEMBERS);
	return member;
}

static uint32_t depth_of(uint32_t member)
{
	return member / 1000 % 4;
}

// Ten rooms in the root, ten in each of these, ten in each of those; members in all of them.
static void room_of(uint32_t member, char *text, size_t size)
{
	static const size_t ends[] = {1, 2, 5, 8};

	snprintf(text, size, "/%u/s%u/t%u", member / 100 % 10, member / 10 % 10, member % 10);
	text[ends[depth_of(member)]] = '\0';
}

static void receive(struct crowd *crowd, uint32_t member, const char *text)
{
	struct vly_addr addr = addr_of(member);

	assert_true(vly_kit_receive_from(crowd->kit, &addr, text, strlen(text)) >= 0);
}

// --- what comes out -----------------------------------------------------------------------------

static void take_copy(struct crowd *crowd, uint32_t member, const struct vly_kit_outcome *outcome)
{
	char text[120];
	int len = snprintf(text, sizeof(text), "%u %s", ++crowd->numbers[member], crowd->text);

	assert_int_equal(outcome->len, len);
	assert_memory_equal(outcome->data, text, (size_t)len);
	crowd->heard[member]++;
	crowd->copies++;
}

// All that was sent since the last time; gives the buffers back.
static void take_sent(struct crowd *crowd)
{
	static const char warning[] = "still there? say ping\n";
	const struct vly_kit_outcome *outcome;

	for (uint32_t i = 0; (outcome = vly_kit_outcome_at(crowd->kit, i)) != NULL; i++) {
		uint32_t member;

		if (outcome->fate != VLY_FATE_SEND)
			continue;
		member = member_at(&outcome->peer);
		if (memcmp(outcome->data, warning, 1) != 0) {
			take_copy(crowd, member, outcome);
			continue;
		}
		assert_int_equal(outcome->len, strlen(warning));
		crowd->warned[member]++;
	}
	vly_kit_clear(crowd->kit);
}

// Asks, and finds the answer there at once, whatever else is under way.
static void ask(struct crowd *crowd, uint32_t member, const char *text, const char *answer)
{
	const struct vly_kit_outcome *outcome;
	uint32_t i = 0;

	take_sent(crowd);
	receive(crowd, member, text);
	vly_kit_run(crowd->kit);
	while ((outcome = vly_kit_outcome_at(crowd->kit, i)) && outcome->fate != VLY_FATE_REPLY)
		i++;
	assert_non_null(outcome);
	assert_int_equal(member_at(&outcome->peer), member);
	assert_true(outcome->len >= strlen(answer));
	assert_memory_equal(outcome->data, answer, strlen(answer));
}

static void begin_message(struct crowd *crowd, const char *text)
{
	take_sent(crowd);
	snprintf(crowd->text, sizeof(crowd->text), "%s\n", text);
	memset(crowd->heard, 0, MEMBERS);
	crowd->copies = 0;
}

// Until nothing is queued. Returns in how many goes, each of no more than there are buffers.
static uint32_t finish(struct crowd *crowd)
{
	uint32_t goes = 0;

	while (vly_kit_metric(crowd->kit, "queued") > 0) {
		take_sent(crowd);
		vly_kit_advance(crowd->kit, TICK_NS);
		assert_true(++goes < MEMBERS);
	}
	take_sent(crowd);
	return goes;
}

// --- coming -------------------------------------------------------------------------------------

// A burst of joins, their proofs, and the same once more with these.
static void join_some(struct crowd *crowd, uint32_t first, uint32_t count)
{
	char room[16];
	char proofs[VLY_BURST_MAX][10];
	char text[100];

	take_sent(crowd);
	for (uint32_t i = 0; i < count; i++) {
		snprintf(text, sizeof(text), "join m%u", first + i);
		receive(crowd, first + i, text);
	}
	vly_kit_run(crowd->kit);
	for (uint32_t i = 0; i < count; i++)
		snprintf(proofs[i], sizeof(proofs[i]), "%.9s",
			 (const char *)vly_kit_outcome_at(crowd->kit, i)->data + 6);
	vly_kit_clear(crowd->kit);
	for (uint32_t i = 0; i < count; i++) {
		room_of(first + i, room, sizeof(room));
		snprintf(text, sizeof(text), "join m%u %s %.9s", first + i, room, proofs[i]);
		receive(crowd, first + i, text);
		crowd->numbers[first + i] = 0;
	}
	vly_kit_run(crowd->kit);
	for (uint32_t i = 0; i < count; i++)
		assert_memory_equal(vly_kit_outcome_at(crowd->kit, i)->data, "ok joined ", 10);
}

static void open_crowd(struct crowd *crowd, const char *handler)
{
	const struct vly_kit_config config = {.links = {{NULL, handler}}, .buffers = BUFFERS};
	struct vly_error error = {""};

	*crowd = (struct crowd){
		.numbers = calloc(MEMBERS, sizeof(crowd->numbers[0])),
		.heard = calloc(MEMBERS, sizeof(crowd->heard[0])),
		.warned = calloc(MEMBERS, sizeof(crowd->warned[0])),
	};
	assert_true(crowd->numbers && crowd->heard && crowd->warned);
	if (vly_kit_open(&crowd->kit, &config, &error) < 0)
		fail_msg("%s", error.text);
	for (uint32_t i = 0; i < MEMBERS; i += VLY_BURST_MAX)
		join_some(crowd, i, MEMBERS - i < VLY_BURST_MAX ? MEMBERS - i : VLY_BURST_MAX);
	take_sent(crowd);
	assert_int_equal(vly_kit_metric(crowd->kit, "members"), MEMBERS);
	assert_int_equal(vly_kit_metric(crowd->kit, "rooms"), 1 + 10 + 100 + 1000);
}

static void close_crowd(struct crowd *crowd)
{
	assert_null(vly_kit_complaint(crowd->kit));
	assert_int_equal(vly_kit_held(crowd->kit), 0);
	assert_int_equal(vly_kit_metric(crowd->kit, "undelivered"), 0);
	vly_kit_close(crowd->kit);
	free(crowd->numbers);
	free(crowd->heard);
	free(crowd->warned);
}

// --- the tests ----------------------------------------------------------------------------------

static void each_hears_each_message_once(void **state)
{
	struct crowd crowd;

	(void)state;
	open_crowd(&crowd, "chat,notices=0,history=0");
	for (uint32_t round = 0; round < 2; round++) {
		begin_message(&crowd, "/ m0: hello");
		ask(&crowd, TALKER, "all hello", "ok\n");
		assert_true(finish(&crowd) >= MEMBERS / BUFFERS);
		assert_int_equal(crowd.copies, MEMBERS);
		for (uint32_t i = 0; i < MEMBERS; i++)
			assert_int_equal(crowd.heard[i], 1);
	}
	assert_int_equal(vly_kit_metric(crowd.kit, "copies"), 2 * MEMBERS);
	assert_true(vly_kit_metric(crowd.kit, "pool_low") >= 2 * MEMBERS / BUFFERS);
	close_crowd(&crowd);
}

static void a_room_hears_what_is_said_to_it_and_those_below(void **state)
{
	struct crowd crowd;

	(void)state;
	open_crowd(&crowd, "chat,notices=0,history=0");
	begin_message(&crowd, "/3 m0: hello");
	ask(&crowd, TALKER, "room /3 hello", "ok\n");
	finish(&crowd);
	assert_int_equal(crowd.copies, MEMBERS / 10 / 4 * 3);
	for (uint32_t i = 0; i < MEMBERS; i++)
		assert_int_equal(crowd.heard[i], depth_of(i) > 0 && i / 100 % 10 == 3);
	begin_message(&crowd, "/3/s4/t5 m3345: hello");
	ask(&crowd, 3345, "say hello", "ok\n");
	finish(&crowd);
	assert_int_equal(crowd.copies, MEMBERS / 1000 / 4);
	for (uint32_t i = 0; i < MEMBERS; i++)
		assert_int_equal(crowd.heard[i], depth_of(i) == 3 && i % 1000 == 345);
	close_crowd(&crowd);
}

// While a message is on its way to all: requests are answered, and who comes and goes neither
// misses nor doubles it.
static void nobody_waits_for_a_message_to_all(void **state)
{
	struct crowd crowd;
	uint32_t left = 0;
	uint32_t next = 1000; // who does something next

	(void)state;
	open_crowd(&crowd, "chat,notices=0,history=1");
	begin_message(&crowd, "/ m0: hello");
	ask(&crowd, TALKER, "all hello", "ok\n");
	for (uint32_t i = 0; vly_kit_metric(crowd.kit, "queued") > 0; i++, next += 1000) {
		char pong[32];

		take_sent(&crowd);
		snprintf(pong, sizeof(pong), "pong %u\n", crowd.numbers[next % MEMBERS]);
		ask(&crowd, next % MEMBERS, "ping", pong);
		ask(&crowd, next % MEMBERS + 1, "leave", "ok left\n");
		take_sent(&crowd);
		left += crowd.heard[next % MEMBERS + 1] == 0;
		vly_kit_advance(crowd.kit, TICK_NS);
		if (i % 4 == 0) {
			take_sent(&crowd);
			left -= crowd.heard[next % MEMBERS + 1] == 0;
			crowd.heard[next % MEMBERS + 1] = 0; // as its history
			join_some(&crowd, next % MEMBERS + 1, 1);
		}
		assert_true(i < MEMBERS);
	}
	finish(&crowd);
	assert_true(left > 0 && left < MEMBERS / BUFFERS * 4);
	for (uint32_t i = 0; i < MEMBERS; i++)
		assert_true(crowd.heard[i] <= 1);
	for (uint32_t i = 0; i < MEMBERS; i++)
		left -= crowd.heard[i] == 0;
	assert_int_equal(left, 0);
	close_crowd(&crowd);
}

// All at once; but for one, who says that he is there.
static void the_silent_are_warned_and_end(void **state)
{
	struct crowd crowd;

	(void)state;
	open_crowd(&crowd, "chat,notices=0,history=0,timeout=90s");
	for (uint32_t i = 1; i <= 100; i++)
		ask(&crowd, i, "leave", "ok left\n");
	for (uint32_t second = 0; second < 89; second++) {
		vly_kit_advance(crowd.kit, VLY_KIT_SECOND);
		finish(&crowd);
	}
	for (uint32_t i = 0; i < MEMBERS; i++)
		assert_int_equal(crowd.warned[i], i < 1 || i > 100);
	ask(&crowd, TALKER, "ping", "pong 0\n");
	vly_kit_advance(crowd.kit, (uint64_t)2 * VLY_KIT_SECOND);
	assert_int_equal(vly_kit_metric(crowd.kit, "members"), 1);
	assert_int_equal(vly_kit_metric(crowd.kit, "rooms"), 1);
	assert_int_equal(vly_kit_metric(crowd.kit, "left"), 100);
	assert_int_equal(vly_kit_metric(crowd.kit, "expired"), MEMBERS - 101);
	close_crowd(&crowd);
}

// Bytes from malloc, with what it takes from the kernel.
static uint64_t allocated(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

// The limit that volley-handlers(7) states.
static void memory_is_what_the_manual_says(void **state)
{
	enum {
		MEMBER = 400 + 32 * 4,
		ROOM = 130 + 16 * 8,
		MESSAGE = 1200,
		ROOMS = 10000,
		MESSAGES = 4096,
	};
	static const char *const handlers[] = {"sink", "chat"};
	uint64_t bytes[2];
	uint64_t limit = (uint64_t)MEMBERS * MEMBER + ROOMS * ROOM + MESSAGES * MESSAGE;

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		const struct vly_kit_config config = {.links = {{NULL, handlers[i]}}};
		uint64_t before = allocated();
		struct vly_kit *kit;

		assert_int_equal(vly_kit_open(&kit, &config, NULL), 0);
		bytes[i] = allocated() - before;
		vly_kit_close(kit);
	}
	print_message("%lu bytes, at most %lu\n", (unsigned long)(bytes[1] - bytes[0]),
		      (unsigned long)limit);
	assert_true(bytes[1] - bytes[0] <= limit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_hears_each_message_once),
		cmocka_unit_test(a_room_hears_what_is_said_to_it_and_those_below),
		cmocka_unit_test(nobody_waits_for_a_message_to_all),
		cmocka_unit_test(the_silent_are_warned_and_end),
		cmocka_unit_test(memory_is_what_the_manual_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
