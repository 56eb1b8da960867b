// SPDX-License-Identifier: BSD-3-Clause
//
// What a handler learns of what ended behind it, and what it tells the operator.
#include <stdio.h>

#include "heard.h"
#include "kit_handlers.h"

#include "handler/warning.h"

enum {
	SEEN_MAX = 64,
	SECOND = 1000000000,
};

// Passes everything on, and notes what it is shown.
static struct {
	uint32_t count;
	uint8_t fates[SEEN_MAX];
	uint8_t first[SEEN_MAX]; // byte
} seen;

static void watch_on_burst(void *state, struct vly_burst *burst)
{
	(void)state;
	for (uint32_t i = 0; i < burst->count; i++)
		vly_pass(burst->in[i]);
}

static void watch_on_ended(void *state, struct vly_burst *burst)
{
	(void)state;
	assert_true(burst->count > 0);
	for (uint32_t i = 0; i < burst->count; i++) {
		seen.fates[seen.count] = burst->in[i]->fate;
		seen.first[seen.count++] = vly_dgram_data(burst->in[i])[0];
	}
}

static const struct vly_handler_ops watch = {
	.abi = VLY_HANDLER_ABI,
	.name = "watch",
	.summary = "sees what ends",
	.on_burst = watch_on_burst,
	.on_ended = watch_on_ended,
};

// Does as the first byte says.
static void act_on_burst(void *state, struct vly_burst *burst)
{
	(void)state;
	for (uint32_t i = 0; i < burst->count; i++) {
		struct vly_dgram *dgram = burst->in[i];

		switch (vly_dgram_data(dgram)[0]) {
		case 'r':
			vly_reply(dgram);
			break;
		case 'd':
			vly_drop(dgram, VLY_DROP_RATE_LIMITED);
			break;
		case 'c':
			vly_consume(dgram);
			break;
		case 'k':
			vly_keep(dgram);
			break;
		case 'p':
			vly_pass(dgram);
			break;
		case 'w':
			vly_warn(burst, "the disk is full; make room");
			vly_consume(dgram);
			break;
		default:
			break;
		}
	}
}

// Lets no answer out that begins with r.
static void stop_answers(void *state, struct vly_burst *burst)
{
	(void)state;
	for (uint32_t i = 0; i < burst->count; i++)
		vly_drop(burst->in[i], VLY_DROP_UNAUTHORISED);
}

static const struct vly_handler_ops actor = {
	.abi = VLY_HANDLER_ABI,
	.name = "actor",
	.summary = "does as it is told",
	.on_burst = act_on_burst,
};

static const struct vly_handler_ops stopper = {
	.abi = VLY_HANDLER_ABI,
	.name = "stopper",
	.summary = "stops all answers",
	.on_burst = watch_on_burst,
	.on_answer = stop_answers,
};

static struct vly_kit *open_chain(const struct vly_kit_config *config, const char *words)
{
	struct vly_kit *kit = NULL;

	memset(&seen, 0, sizeof(seen));
	assert_int_equal(vly_kit_open(&kit, config, NULL), 0);
	for (; *words; words++)
		assert_true(vly_kit_receive(kit, "10.0.0.1:1000", words, 1) >= 0);
	vly_kit_run(kit);
	assert_null(vly_kit_complaint(kit));
	return kit;
}

static void each_end_behind_is_shown(void **state)
{
	const struct vly_kit_config config = {.links = {{&watch, NULL}, {&actor, NULL}}};
	struct vly_kit *kit = open_chain(&config, "rdckpu");

	(void)state;
	assert_int_equal(seen.count, 4);
	assert_memory_equal(seen.first, "dcpu", 4);
	assert_int_equal(seen.fates[0], VLY_DROP_RATE_LIMITED);
	assert_int_equal(seen.fates[1], VLY_FATE_RELEASE);
	assert_int_equal(seen.fates[2], VLY_DROP_NO_HANDLER);
	assert_int_equal(seen.fates[3], VLY_DROP_UNDECIDED);
	assert_int_equal(vly_kit_count(kit, VLY_FATE_REPLY), 1);
	vly_kit_close(kit);
	kit = open_chain(&config, "rrr");
	assert_int_equal(seen.count, 0);
	vly_kit_close(kit);
}

static void what_ends_before_is_not_shown(void **state)
{
	const struct vly_kit_config config = {
		.links = {{&actor, NULL}, {&watch, NULL}, {&actor, NULL}}};
	struct vly_kit *kit = open_chain(&config, "dcup");

	(void)state;
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.first[0], 'p');
	assert_int_equal(seen.fates[0], VLY_DROP_NO_HANDLER);
	vly_kit_close(kit);
}

static void an_answer_that_is_stopped_is_shown(void **state)
{
	const struct vly_kit_config config = {
		.links = {{&watch, NULL}, {&stopper, NULL}, {&actor, NULL}}};
	struct vly_kit *kit = open_chain(&config, "rc");

	(void)state;
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.fates[0], VLY_DROP_UNAUTHORISED);
	assert_int_equal(seen.fates[1], VLY_FATE_RELEASE);
	assert_int_equal(vly_kit_count(kit, VLY_DROP_UNAUTHORISED), 1);
	vly_kit_close(kit);
}

// --- warnings -----------------------------------------------------------------------------------

static void a_handler_warns(void **state)
{
	const struct vly_kit_config config = {.links = {{&actor, NULL}}};
	struct vly_kit *kit = open_chain(&config, "rww");

	(void)state;
	assert_string_equal(vly_kit_warning(kit), "the disk is full; make room");
	assert_int_equal(vly_kit_warnings(kit), 2);
	vly_kit_clear(kit);
	assert_null(vly_kit_warning(kit));
	vly_kit_close(kit);
}

static void one_line_a_second(void **state)
{
	struct heard heard = {.lines = 0};
	const struct vly_log log = {.line = hear, .arg = &heard};
	struct vly_warning warning = {.told = 0};

	(void)state;
	vly_warning_say(&warning, "x", &log, SECOND);
	assert_int_equal(heard.lines, 0);
	vly_warning_tell(&warning, "first");
	vly_warning_say(&warning, "x", &log, SECOND);
	assert_string_equal(heard.said, "handler 'x': first");
	for (uint32_t i = 0; i < 5; i++)
		vly_warning_tell(&warning, "second");
	vly_warning_say(&warning, "x", &log, SECOND + SECOND / 2);
	assert_int_equal(heard.lines, 1);
	vly_warning_say(&warning, "x", &log, 2 * (uint64_t)SECOND);
	assert_string_equal(heard.said, "handler 'x': second (and 4 more)");
	vly_warning_say(&warning, "x", &log, 4 * (uint64_t)SECOND);
	assert_int_equal(heard.lines, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_end_behind_is_shown),
		cmocka_unit_test(what_ends_before_is_not_shown),
		cmocka_unit_test(an_answer_that_is_stopped_is_shown),
		cmocka_unit_test(a_handler_warns),
		cmocka_unit_test(one_line_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
