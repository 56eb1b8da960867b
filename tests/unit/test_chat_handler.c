// SPDX-License-Identifier: BSD-3-Clause
//
// The chat as a handler: buffers, timers and metrics, by the kit.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <volley/kit.h>

static struct vly_kit *open_kit(const char *text, uint32_t buffers)
{
	const struct vly_kit_config config = {.links = {{NULL, text}}, .buffers = buffers};
	struct vly_error error = {""};
	struct vly_kit *kit;

	if (vly_kit_open(&kit, &config, &error) < 0)
		fail_msg("%s", error.text);
	return kit;
}

static void close_kit(struct vly_kit *kit)
{
	assert_null(vly_kit_complaint(kit));
	vly_kit_close(kit);
}

static void ask(struct vly_kit *kit, const char *peer, const char *text)
{
	vly_kit_clear(kit);
	assert_true(vly_kit_receive(kit, peer, text, strlen(text)) >= 0);
	vly_kit_run(kit);
}

static const char *peer_of(char *text, uint32_t member)
{
	snprintf(text, 40, "10.0.%u.%u:1000", member / 200, 1 + member % 200);
	return text;
}

static void join(struct vly_kit *kit, uint32_t member)
{
	char peer[40];
	char text[100];

	snprintf(text, sizeof(text), "join m%u", member);
	ask(kit, peer_of(peer, member), text);
	assert_non_null(vly_kit_answer(kit, 0));
	snprintf(text, sizeof(text), "join m%u %.9s", member,
		 (const char *)vly_kit_answer(kit, 0)->data + 6);
	ask(kit, peer, text);
	assert_memory_equal(vly_kit_answer(kit, 0)->data, "ok joined ", 10);
}

static uint32_t copies(const struct vly_kit *kit)
{
	return vly_kit_count(kit, VLY_FATE_SEND);
}

static void a_message_goes_to_all(void **state)
{
	struct vly_kit *kit = open_kit("chat,notices=0", 0);

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		join(kit, i);
	ask(kit, "10.0.0.1:1000", "say hello");
	assert_int_equal(vly_kit_count(kit, VLY_FATE_REPLY), 1);
	assert_int_equal(copies(kit), 100);
	assert_memory_equal(vly_kit_answer(kit, 0)->data, "1 / m0: hello\n", 14);
	assert_int_equal(vly_kit_answer(kit, 0)->local.port, 9000);
	assert_int_equal(vly_kit_metric(kit, "copies"), 100);
	assert_int_equal(vly_kit_metric(kit, "members"), 100);
	assert_int_equal(vly_kit_count(kit, VLY_FATE_RELEASE), 0); // none was taken in vain
	assert_int_equal(vly_kit_held(kit), 0);
	close_kit(kit);
}

static void a_low_pool_delays_and_loses_nothing(void **state)
{
	struct vly_kit *kit = open_kit("chat,notices=0", 30);
	uint32_t sent = 0;

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		join(kit, i);
	ask(kit, "10.0.0.1:1000", "say hello");
	sent = copies(kit);
	assert_int_equal(sent, 29);
	assert_int_equal(vly_kit_metric(kit, "queued"), 1);
	assert_true(vly_kit_metric(kit, "pool_low") > 0);
	for (int i = 0; i < 10 && sent < 100; i++) {
		vly_kit_clear(kit);
		vly_kit_advance(kit, VLY_KIT_SECOND / 100);
		sent += copies(kit);
	}
	assert_int_equal(sent, 100);
	assert_int_equal(vly_kit_metric(kit, "queued"), 0);
	assert_int_equal(vly_kit_metric(kit, "undelivered"), 0);
	close_kit(kit);
}

static void one_call_makes_no_more_than_a_slice(void **state)
{
	struct vly_kit *kit = open_kit("chat,notices=0,slice=64", 0);

	(void)state;
	for (uint32_t i = 0; i < 300; i++)
		join(kit, i);
	ask(kit, "10.0.0.1:1000", "say hello");
	assert_int_equal(copies(kit), 64);
	vly_kit_advance(kit, VLY_KIT_SECOND / 10);
	assert_int_equal(copies(kit), 300);
	close_kit(kit);
}

static void a_silent_member_is_warned_and_ends(void **state)
{
	struct vly_kit *kit = open_kit("chat,timeout=30s", 0);

	(void)state;
	join(kit, 0);
	join(kit, 1);
	for (int i = 0; i < 4; i++) {
		vly_kit_advance(kit, 10u * (uint64_t)VLY_KIT_SECOND);
		ask(kit, "10.0.0.2:1000", "ping");
	}
	vly_kit_advance(kit, VLY_KIT_SECOND);
	assert_int_equal(vly_kit_metric(kit, "expired"), 1);
	assert_int_equal(vly_kit_metric(kit, "members"), 1);
	ask(kit, "10.0.0.2:1000", "again 1");
	assert_memory_equal(vly_kit_answer(kit, 1)->data, "1 / * m0 timed out\n", 19);
	vly_kit_clear(kit);
	vly_kit_advance(kit, 20u * (uint64_t)VLY_KIT_SECOND);
	assert_memory_equal(vly_kit_answer(kit, 0)->data, "still there? say ping\n", 22);
	vly_kit_advance(kit, 10u * (uint64_t)VLY_KIT_SECOND);
	assert_int_equal(vly_kit_metric(kit, "members"), 0);
	close_kit(kit);
}

static void a_stop_sends_what_it_can_and_counts_the_rest(void **state)
{
	struct vly_kit *kit = open_kit("chat,notices=0,slice=64", 150);

	(void)state;
	for (uint32_t i = 0; i < 300; i++)
		join(kit, i);
	ask(kit, "10.0.0.1:1000", "say hello");
	vly_kit_drain(kit);
	assert_int_equal(copies(kit), 149);
	assert_int_equal(vly_kit_metric(kit, "undelivered"), 151);
	close_kit(kit);
}

static void arguments_are_checked(void **state)
{
	static const struct {
		const char *text;
		uint32_t workers;
		const char *line;
	} cases[] = {
		{"chat,messages=100", 1, "power of two"},
		{"chat,window=20", 1, "power of two"},
		{"chat,history=64", 1, "more than window=32"},
		{"chat", 2, "give -q 1, or -w 1"},
		{"chat,rate=0", 1, "rate"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct vly_kit_config config = {
			.links = {{NULL, cases[i].text}},
			.worker_count = cases[i].workers,
		};
		struct vly_error error = {""};
		struct vly_kit *kit = NULL;

		assert_true(vly_kit_open(&kit, &config, &error) < 0);
		assert_non_null(strstr(error.text, cases[i].line));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_goes_to_all),
		cmocka_unit_test(a_low_pool_delays_and_loses_nothing),
		cmocka_unit_test(one_call_makes_no_more_than_a_slice),
		cmocka_unit_test(a_silent_member_is_warned_and_ends),
		cmocka_unit_test(a_stop_sends_what_it_can_and_counts_the_rest),
		cmocka_unit_test(arguments_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
