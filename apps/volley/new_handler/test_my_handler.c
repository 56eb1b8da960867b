// SPDX-License-Identifier: BSD-3-Clause
//
// Tests of my_handler with Volley's kit: no engine, no sockets, and the clock is the test's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <volley/kit.h>

extern const struct vly_handler_ops vly_handler; // of my_handler.c

static struct vly_kit *open_kit(const char *keys)
{
	const struct vly_kit_config config = {.links = {{&vly_handler, keys}}};
	struct vly_error error = {""};
	struct vly_kit *kit = NULL;

	if (vly_kit_open(&kit, &config, &error) != 0)
		fail_msg("%s", error.text);
	return kit;
}

static void close_kit(struct vly_kit *kit)
{
	assert_null(vly_kit_complaint(kit));
	vly_kit_close(kit);
}

static void it_greets(void **state)
{
	struct vly_kit *kit = open_kit("greeting=Good day to ");
	const struct vly_kit_outcome *answer;

	(void)state;
	vly_kit_receive(kit, "192.0.2.7:1000", "Ann", 3);
	vly_kit_run(kit);
	answer = vly_kit_answer(kit, 0);
	assert_non_null(answer);
	assert_int_equal(answer->len, strlen("Good day to Ann"));
	assert_memory_equal(answer->data, "Good day to Ann", answer->len);
	assert_int_equal(answer->peer.port, 1000);
	close_kit(kit);
}

static void it_keeps_to_its_limit(void **state)
{
	struct vly_kit *kit = open_kit("limit=2");

	(void)state;
	for (int i = 0; i < 5; i++)
		vly_kit_receive(kit, "[2001:db8::7]:1000", "Ann", 3);
	vly_kit_run(kit);
	assert_int_equal(vly_kit_count(kit, VLY_FATE_REPLY), 2);
	assert_int_equal(vly_kit_count(kit, VLY_DROP_RATE_LIMITED), 3);
	assert_int_equal(vly_kit_metric(kit, "greeted"), 2);
	assert_int_equal(vly_kit_metric(kit, "refused"), 3);
	vly_kit_advance(kit, VLY_KIT_SECOND);
	vly_kit_receive(kit, "[2001:db8::7]:1000", "Ann", 3);
	vly_kit_run(kit);
	assert_int_equal(vly_kit_count(kit, VLY_FATE_REPLY), 3);
	close_kit(kit);
}

static void what_leaves_no_room_is_dropped(void **state)
{
	static const char large[VLY_KIT_CAPACITY];
	struct vly_kit *kit = open_kit(NULL);

	(void)state;
	vly_kit_receive(kit, "192.0.2.7:1000", large, sizeof(large));
	vly_kit_run(kit);
	assert_int_equal(vly_kit_count(kit, VLY_DROP_MALFORMED), 1);
	close_kit(kit);
}

static void wrong_keys_are_refused(void **state)
{
	static const char *const wrong[] = {
		"limit=0",
		"limit=many",
		"colour=red",
		"greeting=More than sixty-four bytes of greeting, which is more than anybody wants",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const struct vly_kit_config config = {.links = {{&vly_handler, wrong[i]}}};
		struct vly_error error = {""};
		struct vly_kit *kit = NULL;

		assert_true(vly_kit_open(&kit, &config, &error) < 0);
		assert_true(strlen(error.text) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_greets),
		cmocka_unit_test(it_keeps_to_its_limit),
		cmocka_unit_test(what_leaves_no_room_is_dropped),
		cmocka_unit_test(wrong_keys_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
