// SPDX-License-Identifier: BSD-3-Clause
//
// What a chain does beside the plain way, seen through the test kit: answers on their way out,
// timers, metrics, identities; and the kit itself.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kit_handlers.h"

static struct vly_kit *open_kit(const struct vly_kit_config *config)
{
	struct vly_kit *kit = NULL;
	struct vly_error error = {""};

	if (vly_kit_open(&kit, config, &error))
		fail_msg("%s", error.text);
	return kit;
}

static const struct vly_kit_config nested = {
	.links = {{&wrapper, "mark=a"}, {&wrapper, "mark=b"}, {&talker, NULL}},
};

static void tell(struct vly_kit *kit, const char *text)
{
	assert_true(vly_kit_receive(kit, "10.0.0.1:1000", text, strlen(text)) >= 0);
	vly_kit_run(kit);
}

static void expect_answer(const struct vly_kit *kit, uint32_t index, const char *text)
{
	const struct vly_kit_outcome *answer = vly_kit_answer(kit, index);

	assert_non_null(answer);
	assert_int_equal(answer->len, strlen(text));
	assert_memory_equal(answer->data, text, answer->len);
}

// --- answers ------------------------------------------------------------------------------------

static void answers_pass_all_handlers_before(void **state)
{
	struct vly_kit *kit = open_kit(&nested);

	(void)state;
	expect_answer(kit, 0, "abstart");
	tell(kit, "abhello");
	expect_answer(kit, 1, "abhello");
	tell(kit, "absend");
	expect_answer(kit, 2, "abbeside");
	assert_int_equal(vly_kit_metric(kit, "wrapped"), 3);
	assert_int_equal(vly_kit_count(kit, VLY_FATE_RELEASE), 1);
	assert_null(vly_kit_answer(kit, 3));
	tell(kit, "axno");
	assert_int_equal(vly_kit_count(kit, VLY_DROP_UNAUTHORISED), 1);
	tell(kit, "abk");
	assert_int_equal(vly_kit_held(kit), 1);
	vly_kit_drain(kit);
	expect_answer(kit, 3, "abk");
	assert_int_equal(vly_kit_held(kit), 0);
	assert_null(vly_kit_complaint(kit));
	vly_kit_close(kit);
}

// The order of arrival stays, whatever each handler does with its answers.
static void answers_can_be_stopped(void **state)
{
	static const char *const texts[] = {"ab1", "ab!", "ab2", "ab?", "ax", "ab.", "ab3"};
	struct vly_kit *kit = open_kit(&nested);

	(void)state;
	vly_kit_clear(kit);
	for (uint32_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		vly_kit_receive(kit, "10.0.0.1:1000", texts[i], strlen(texts[i]));
	vly_kit_run(kit);
	expect_answer(kit, 0, "ab1");
	expect_answer(kit, 1, "ab2");
	expect_answer(kit, 2, "ab3");
	assert_null(vly_kit_answer(kit, 3));
	assert_int_equal(vly_kit_count(kit, VLY_DROP_TX_OVERSIZE), 1);
	assert_int_equal(vly_kit_count(kit, VLY_FATE_RELEASE), 1);
	assert_int_equal(vly_kit_outcome_of(kit, 4)->fate, VLY_DROP_UNAUTHORISED);
	assert_int_equal(vly_kit_held(kit), 1); // by the inner wrapper
	assert_null(vly_kit_outcome_of(kit, 3));
	vly_kit_drain(kit);
	expect_answer(kit, 3, "a+"); // what the inner one sends passes the outer one only
	assert_null(vly_kit_complaint(kit));
	vly_kit_close(kit);
}

static void a_full_list_of_sends_goes_out_in_order(void **state)
{
	struct vly_kit *kit = open_kit(&nested);

	(void)state;
	vly_kit_clear(kit);
	for (uint32_t i = 0; i < 3 * VLY_BURST_MAX; i++)
		assert_int_equal(vly_kit_receive(kit, "10.0.0.1:1000", i % 3 ? "abs" : "ab-", 3),
				 i);
	vly_kit_run(kit);
	for (uint32_t i = 0; i < 3 * VLY_BURST_MAX; i++)
		assert_int_equal(vly_kit_answer(kit, i)->data[0], 'a');
	assert_int_equal(vly_kit_metric(kit, "wrapped"), 1 + 3 * VLY_BURST_MAX);
	assert_int_equal(vly_kit_count(kit, VLY_FATE_REPLY), VLY_BURST_MAX);
	assert_int_equal(vly_kit_count(kit, VLY_FATE_SEND), 2 * VLY_BURST_MAX);
	for (uint32_t i = 0, last = 0; vly_kit_answer(kit, i); i++) {
		if (vly_kit_answer(kit, i)->fate != VLY_FATE_REPLY)
			continue;
		assert_true(vly_kit_answer(kit, i)->number >= last);
		last = vly_kit_answer(kit, i)->number;
	}
	assert_int_equal(vly_kit_held(kit), 0);
	assert_null(vly_kit_complaint(kit));
	vly_kit_close(kit);
}

static void the_nearest_handler_that_knows_tells_who_it_is(void **state)
{
	struct vly_kit *kit = open_kit(&nested);

	(void)state;
	vly_kit_clear(kit);
	tell(kit, "abn");
	expect_answer(kit, 0, "abbob");
	vly_kit_receive(kit, "[fd00::1]:1", "abn", 3);
	vly_kit_run(kit);
	expect_answer(kit, 1, "abnobody");
	vly_kit_close(kit);
}

// --- timers -------------------------------------------------------------------------------------

static const struct vly_kit_config alone = {.links = {{&talker, NULL}}};

static void timers_fire_when_they_are_due(void **state)
{
	struct vly_kit *kit = open_kit(&alone);

	(void)state;
	vly_kit_clear(kit);
	tell(kit, "o");
	tell(kit, "e");
	vly_kit_advance(kit, 10 * MS - 1);
	assert_int_equal(vly_kit_metric(kit, "fired"), 0);
	vly_kit_advance(kit, 1);
	assert_int_equal(vly_kit_metric(kit, "fired"), 2);
	expect_answer(kit, 0, "once");
	expect_answer(kit, 1, "each");
	vly_kit_advance(kit, 30 * MS);
	assert_int_equal(vly_kit_metric(kit, "fired"), 12);
	tell(kit, "x");
	vly_kit_advance(kit, VLY_KIT_SECOND);
	assert_int_equal(vly_kit_metric(kit, "fired"), 12);
	tell(kit, "o");
	vly_kit_advance(kit, 9 * MS);
	tell(kit, "o"); // put off
	vly_kit_advance(kit, 9 * MS);
	assert_int_equal(vly_kit_metric(kit, "fired"), 12);
	vly_kit_advance(kit, MS);
	assert_int_equal(vly_kit_metric(kit, "fired"), 13);
	vly_kit_close(kit);
}

static void what_a_timer_sends_passes_the_handlers_before(void **state)
{
	struct vly_kit *kit = open_kit(&nested);

	(void)state;
	vly_kit_clear(kit);
	tell(kit, "abo");
	vly_kit_advance(kit, 10 * MS);
	expect_answer(kit, 0, "abonce");
	assert_int_equal(vly_kit_answer(kit, 0)->when_ns, vly_kit_now(kit));
	vly_kit_close(kit);
}

// --- metrics ------------------------------------------------------------------------------------

static void metrics_are_told_by_name_and_position(void **state)
{
	struct vly_kit *kit = open_kit(&nested);
	struct vly_handler_metric metric;

	(void)state;
	tell(kit, "ab0123456789");
	tell(kit, "ab012345678901234567890123456789");
	assert_int_equal(vly_kit_metric(kit, "calls"), 1);
	assert_int_equal(vly_kit_metric(kit, "none_such"), UINT64_MAX);
	assert_true(vly_kit_handler_metric(kit, 2, &metric));
	assert_string_equal(metric.handler, "wrapper");
	assert_string_equal(metric.name, "sizes_bytes");
	assert_int_equal(metric.type, VLY_METRIC_HISTOGRAM);
	assert_int_equal(metric.value, 3);
	assert_int_equal(metric.max, 32);
	assert_int_equal(metric.mean, (7 + 12 + 32) / 3);
	assert_int_equal(metric.p50, 12);
	assert_true(vly_kit_handler_metric(kit, 6, &metric));
	assert_string_equal(metric.name, "fired");
	assert_int_equal(metric.position, 2);
	assert_false(vly_kit_handler_metric(kit, 7, &metric));
	vly_kit_close(kit);
}

static const struct vly_metric nameless_metrics[] = {
	{"half", VLY_METRIC_COUNTER, NULL},
	{NULL, VLY_METRIC_COUNTER, NULL},
};

static const struct vly_handler_ops nameless = {
	.abi = VLY_HANDLER_ABI,
	.name = "nameless",
	.summary = "has a metric without a summary",
	.metrics = nameless_metrics,
	.on_burst = talker_on_burst,
};

static void what_cannot_be_opened_is_named(void **state)
{
	const struct vly_kit_config configs[] = {
		{.links = {{&nameless, NULL}}},
		{.links = {{&wrapper, "mark=a,colour=red"}}},
		{.links = {{NULL, "nosuch"}}},
		{.buffers = 0},
	};
	const char *const words[] = {"half", "colour", "nosuch", "no handler"};
	struct vly_kit *kit;

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		struct vly_error error = {""};

		assert_true(vly_kit_open(&kit, &configs[i], &error) < 0);
		assert_non_null(strstr(error.text, words[i]));
	}
}

// --- the kit's own eyes -------------------------------------------------------------------------

static void spill(void *state, struct vly_burst *burst)
{
	struct vly_dgram *dgram = burst->in[0];

	(void)state;
	vly_dgram_data(dgram)[dgram->capacity] = 0;
	vly_reply(dgram);
}

static void give_away_twice(void *state, struct vly_burst *burst)
{
	struct vly_dgram *dgram;

	(void)state;
	assert_int_equal(vly_alloc_large(burst, &dgram, 1), 1);
	assert_true(dgram->capacity >= VLY_DGRAM_BYTES_MAX);
	vly_send(burst, dgram);
	dgram->fate = 0xf8; // as it was before
	vly_send(burst, dgram);
	vly_consume(burst->in[0]);
}

static void what_no_handler_may_do_is_noticed(void **state)
{
	struct vly_handler_ops ops = nameless;
	const struct vly_kit_config config = {.links = {{&ops, NULL}, {NULL, "echo"}}};
	struct vly_kit *kit;

	(void)state;
	ops.metrics = NULL;
	ops.on_burst = spill;
	kit = open_kit(&config);
	tell(kit, "x");
	assert_non_null(strstr(vly_kit_complaint(kit), "capacity"));
	vly_kit_close(kit);
	ops.on_burst = give_away_twice;
	kit = open_kit(&config);
	tell(kit, "x");
	assert_non_null(strstr(vly_kit_complaint(kit), "given away"));
	vly_kit_close(kit);
}

static void a_pool_runs_dry_and_is_cleared(void **state)
{
	const struct vly_kit_config config = {.links = {{NULL, "echo"}}, .buffers = 2};
	struct vly_kit *kit = open_kit(&config);

	(void)state;
	assert_int_equal(vly_kit_receive(kit, "nowhere", "x", 1), -22);
	assert_int_equal(vly_kit_receive(kit, "10.0.0.1:1", "x", 1), 0);
	assert_int_equal(vly_kit_receive(kit, "10.0.0.1:1", "y", 1), 1);
	assert_int_equal(vly_kit_receive(kit, "10.0.0.1:1", "z", 1), -105);
	vly_kit_run(kit);
	assert_int_equal(vly_kit_outcome_of(kit, 1)->data[0], 'y');
	vly_kit_clear(kit);
	assert_null(vly_kit_outcome_at(kit, 0));
	assert_int_equal(vly_kit_receive(kit, "10.0.0.1:1", "z", 1), 2);
	vly_kit_close(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_pass_all_handlers_before),
		cmocka_unit_test(answers_can_be_stopped),
		cmocka_unit_test(a_full_list_of_sends_goes_out_in_order),
		cmocka_unit_test(the_nearest_handler_that_knows_tells_who_it_is),
		cmocka_unit_test(timers_fire_when_they_are_due),
		cmocka_unit_test(what_a_timer_sends_passes_the_handlers_before),
		cmocka_unit_test(metrics_are_told_by_name_and_position),
		cmocka_unit_test(what_cannot_be_opened_is_named),
		cmocka_unit_test(what_no_handler_may_do_is_noticed),
		cmocka_unit_test(a_pool_runs_dry_and_is_cleared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
