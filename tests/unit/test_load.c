// SPDX-License-Identifier: BSD-3-Clause
//
// The parts of the load generator that stand alone: the schedule, the memory of what was sent, the
// stamp, and what datagrams hold.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <volley/volley.h>

#include "load/arrivals.h"
#include "load/content.h"
#include "load/sent.h"
#include "load/stamp.h"

enum {
	SECOND_NS = 1000000000,
};

// --- arrivals -----------------------------------------------------------------------------------

static struct arrivals begin(enum arrivals_kind kind, double from_pps, double to_pps)
{
	const struct arrivals_config config = {
		.kind = kind,
		.burst = 7,
		.from_pps = from_pps,
		.to_pps = to_pps,
		.duration_ns = SECOND_NS,
		.seed = 1,
	};
	struct arrivals arrivals;

	arrivals_begin(&arrivals, &config);
	return arrivals;
}

static uint64_t count_until(struct arrivals *arrivals, uint64_t end_ns)
{
	uint64_t count = 0;

	for (; arrivals_next_ns(arrivals) < end_ns; count++)
		arrivals_advance(arrivals);
	return count;
}

static void constant_arrivals_are_even(void **state)
{
	struct arrivals arrivals = begin(ARRIVALS_CONSTANT, 3000000, 3000000);

	(void)state;
	for (uint64_t i = 0; i < 3000000; i++) {
		uint64_t exact_ns = i * 1000 / 3;
		uint64_t next_ns = arrivals_next_ns(&arrivals);

		assert_true(next_ns + 1 >= exact_ns && next_ns <= exact_ns + 1);
		arrivals_advance(&arrivals);
	}
}

static void what_is_left_is_what_will_come(void **state)
{
	static const double rates[][2] = {{1000, 1000}, {12345, 12345}, {100, 10000}, {9000, 10}};
	static const enum arrivals_kind kinds[] = {ARRIVALS_CONSTANT, ARRIVALS_BURST};

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		struct arrivals arrivals = begin(kinds[i % 2], rates[i / 2][0], rates[i / 2][1]);
		uint64_t left, count;

		count_until(&arrivals, SECOND_NS / 3);
		arrivals_advance(&arrivals); // in the middle of a burst
		left = arrivals_left(&arrivals, SECOND_NS);
		count = count_until(&arrivals, SECOND_NS);
		// Of a ramp it is an estimate.
		if (i < 4)
			assert_int_equal(left, count);
		else
			assert_in_range(left, count - count / 20 - 7, count + count / 20 + 7);
		assert_int_equal(arrivals_left(&arrivals, SECOND_NS), 0);
	}
}

static void a_ramp_has_the_mean_of_its_ends(void **state)
{
	struct arrivals up = begin(ARRIVALS_CONSTANT, 1000, 99000);
	struct arrivals down = begin(ARRIVALS_CONSTANT, 99000, 1000);

	(void)state;
	assert_in_range(count_until(&up, SECOND_NS / 2), 12500, 13000); // 25500 a second
	assert_in_range(count_until(&up, SECOND_NS), 36900, 37500);     // 74500 a second
	assert_in_range(count_until(&down, SECOND_NS), 49800, 50200);
}

static void bursts_come_at_once(void **state)
{
	struct arrivals arrivals = begin(ARRIVALS_BURST, 7000, 7000);

	(void)state;
	for (uint64_t i = 0; i < 7000; i++) {
		assert_in_range(arrivals_next_ns(&arrivals), i / 7 * 1000000, i / 7 * 1000000 + 1);
		arrivals_advance(&arrivals);
	}
}

// Exponential gaps have a deviation as large as their mean.
static void poisson_gaps_are_exponential(void **state)
{
	struct arrivals arrivals = begin(ARRIVALS_POISSON, 1e6, 1e6);
	double sum = 0, squares = 0;

	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		double before_ns = arrivals.at_ns, gap_ns;

		arrivals_advance(&arrivals);
		gap_ns = arrivals.at_ns - before_ns;
		sum += gap_ns;
		squares += gap_ns * gap_ns;
	}
	assert_true(sum / 1e5 > 985 && sum / 1e5 < 1015);
	assert_true(squares / 1e5 > 1.92e6 && squares / 1e5 < 2.08e6);
}

// --- what was sent ------------------------------------------------------------------------------

static void answers_are_told_apart(void **state)
{
	struct sent sent;
	uint64_t due_ns = 0;

	(void)state;
	assert_int_equal(sent_open(&sent, 100, 2), 0);
	for (uint64_t i = 0; i < 10; i++)
		sent_put(&sent, 1000 + i);
	assert_int_equal(sent_take(&sent, 10, &due_ns), SENT_NEVER);
	assert_int_equal(sent_take(&sent, 4, &due_ns), SENT_ANSWERED);
	assert_int_equal(due_ns, 1004);
	assert_int_equal(sent_take(&sent, 4, &due_ns), SENT_DUPLICATE);
	assert_int_equal(sent_take(&sent, 3, &due_ns), SENT_ANSWERED); // of the other flow
	assert_int_equal(sent_take(&sent, 2, &due_ns), SENT_REORDERED);
	assert_int_equal(due_ns, 1002);
	assert_int_equal(sent_take(&sent, 2, &due_ns), SENT_DUPLICATE);
	sent_begin(&sent);
	sent_put(&sent, 5);
	assert_int_equal(sent_take(&sent, 9, &due_ns), SENT_EARLIER);
	assert_int_equal(sent_take(&sent, 10, &due_ns), SENT_ANSWERED);
	sent_close(&sent);
}

static void what_is_forgotten_is_late(void **state)
{
	struct sent sent;
	uint64_t due_ns;

	(void)state;
	assert_int_equal(sent_open(&sent, 100, 1), 0);
	for (uint64_t i = 0; i <= sent.mask + 1; i++)
		sent_put(&sent, i);
	assert_int_equal(sent_take(&sent, 0, &due_ns), SENT_LATE);
	assert_int_equal(sent_take(&sent, 1, &due_ns), SENT_LATE);
	assert_int_equal(sent_take(&sent, 2, &due_ns), SENT_ANSWERED);
	sent_close(&sent);
}

// A burst that goes around the end of the table is as if it were put one by one.
static void a_burst_is_put_around_the_end(void **state)
{
	struct sent sent;
	uint64_t due_ns = 0;
	uint64_t entries;

	(void)state;
	assert_int_equal(sent_open(&sent, 100, 1), 0);
	entries = sent.mask + 1;
	sent_put_many(&sent, 1, (uint32_t)entries - 3);
	sent_put_many(&sent, 2, 3); // up to the end
	sent_put_many(&sent, 3, 0);
	sent_put_many(&sent, 4, (uint32_t)entries - 2);
	sent_put_many(&sent, 5, 64); // around it
	assert_int_equal(sent.next, 2 * entries + 62);
	for (uint64_t i = sent.next - sent.mask; i < sent.next; i++) {
		assert_int_equal(sent_take(&sent, i, &due_ns), SENT_ANSWERED);
		assert_int_equal(due_ns, i < 2 * entries - 2 ? 4 : 5);
	}
	sent_close(&sent);
}

// What the quick way leaves to the other one is still there, untouched.
static void only_the_next_answer_goes_the_quick_way(void **state)
{
	struct sent sent;
	uint64_t due_ns = 0;

	(void)state;
	assert_int_equal(sent_open(&sent, 100, 1), 0);
	sent_put_many(&sent, 7, 10);
	sent_begin(&sent);
	sent_put_many(&sent, 8, 10);
	assert_false(sent_take_next(&sent, 9, &due_ns));  // of an earlier run
	assert_false(sent_take_next(&sent, 20, &due_ns)); // never sent
	assert_true(sent_take_next(&sent, 15, &due_ns));
	assert_int_equal(due_ns, 8);
	assert_false(sent_take_next(&sent, 15, &due_ns));
	assert_false(sent_take_next(&sent, 14, &due_ns));
	assert_int_equal(sent_take(&sent, 14, &due_ns), SENT_REORDERED);
	assert_int_equal(sent_take(&sent, 15, &due_ns), SENT_DUPLICATE);
	assert_int_equal(sent_take(&sent, 16, &due_ns), SENT_ANSWERED);
	sent_put_many(&sent, 9, (uint32_t)sent.mask);
	assert_false(sent_take_next(&sent, 19, &due_ns)); // forgotten
	assert_int_equal(sent_take(&sent, 19, &due_ns), SENT_LATE);
	sent_close(&sent);
}

// --- the stamp ----------------------------------------------------------------------------------

static void a_stamp_is_read_again_and_any_change_shows(void **state)
{
	(void)state;
	for (int is_sockperf = 0; is_sockperf < 2; is_sockperf++) {
		struct stamp stamp = stamp_make(is_sockperf);
		uint64_t sequence = 0;
		uint8_t payload[64] = {0};
		uint32_t bytes = stamp_bytes(&stamp, sizeof(payload));

		stamp_write(&stamp, payload, sizeof(payload), UINT64_C(0x123456789abc));
		assert_true(stamp_read(&stamp, payload, sizeof(payload), &sequence));
		assert_true(sequence == UINT64_C(0x123456789abc));
		for (uint32_t i = 0; i < bytes; i++) {
			for (uint32_t bit = 0; bit < 8; bit++) {
				payload[i] ^= (uint8_t)(1u << bit);
				// But for the flag that sockperf's server takes away, and the
				// length, which is compared with what came.
				if (!is_sockperf || i < 8 || i >= 14)
					assert_false(stamp_read(&stamp, payload, sizeof(payload),
								&sequence));
				payload[i] ^= (uint8_t)(1u << bit);
			}
		}
		assert_false(stamp_read(&stamp, payload, bytes - 1, &sequence));
	}
}

static void the_answer_of_sockperf_is_taken(void **state)
{
	static const uint8_t question[] = {0, 0, 0, 0, 0, 0, 1, 2, 0, 3, 0, 0, 0, 14};
	struct stamp stamp = stamp_make(true);
	uint64_t sequence = 0;
	uint8_t payload[STAMP_PLAIN_BYTES];

	(void)state;
	stamp_write(&stamp, payload, STAMP_SOCKPERF_BYTES, 0x102);
	assert_memory_equal(payload, question, sizeof(question));
	payload[9] = 2;
	assert_true(stamp_read(&stamp, payload, STAMP_SOCKPERF_BYTES, &sequence));
	assert_int_equal(sequence, 0x102);
}

// --- content ------------------------------------------------------------------------------------

static int open_text(struct content *content, const char *text, struct vly_error *error)
{
	char path[] = "/tmp/volley-sizes-XXXXXX";
	int fd = mkstemp(path);
	int rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	rc = content_open_sizes(content, path, 16, error);
	unlink(path);
	return rc;
}

static void sizes_come_from_a_file(void **state)
{
	struct vly_error error = {""};
	struct content content;

	(void)state;
	assert_int_equal(open_text(&content, "# three\n16\n\n 1400 # large\n65507", &error), 0);
	assert_int_equal(content.count, 3);
	assert_int_equal(content.sizes[1], 1400);
	assert_int_equal(content.size_min, 16);
	assert_int_equal(content.size_max, 65507);
	assert_int_equal(content_index(&content, 5), 2);
	content_close(&content);
}

static void bad_sizes_are_refused_by_their_line(void **state)
{
	static const char *const bad[] = {"15",  "64\n65508", "64\nx", "-1",
					  "1e3", "64 64",     "0x40",  "99999999999999999999"};
	struct vly_error error;
	struct content content;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(open_text(&content, bad[i], &error) < 0);
		assert_non_null(strstr(error.text, strchr(bad[i], '\n') ? ":2:" : ":1:"));
		content_close(&content);
	}
	assert_true(open_text(&content, "# nothing\n", &error) < 0);
	assert_non_null(strstr(error.text, "no size"));
	content_close(&content);
}

static void imix_is_the_simple_one(void **state)
{
	struct vly_error error = {""};
	struct content content;

	(void)state;
	assert_int_equal(content_open_imix(&content, &error), 0);
	assert_int_equal(content.count, 12);
	assert_true(content.size_mean > 307.8 && content.size_mean < 307.9);
	content_close(&content);
}

static void any_byte_that_differs_shows(void **state)
{
	enum {
		MOST = CONTENT_SHORT_BYTES + 8
	};
	uint8_t sent[MOST], came[MOST];

	(void)state;
	for (uint32_t i = 0; i < MOST; i++)
		sent[i] = came[i] = (uint8_t)(i * 7);
	for (uint32_t len = 0; len <= MOST; len++) {
		assert_true(content_is_same(sent, came, len));
		for (uint32_t i = 0; i < MOST; i++) {
			came[i] ^= 0x10;
			assert_int_equal(content_is_same(sent, came, len), i >= len);
			came[i] ^= 0x10;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constant_arrivals_are_even),
		cmocka_unit_test(what_is_left_is_what_will_come),
		cmocka_unit_test(a_ramp_has_the_mean_of_its_ends),
		cmocka_unit_test(bursts_come_at_once),
		cmocka_unit_test(poisson_gaps_are_exponential),
		cmocka_unit_test(answers_are_told_apart),
		cmocka_unit_test(what_is_forgotten_is_late),
		cmocka_unit_test(a_burst_is_put_around_the_end),
		cmocka_unit_test(only_the_next_answer_goes_the_quick_way),
		cmocka_unit_test(any_byte_that_differs_shows),
		cmocka_unit_test(a_stamp_is_read_again_and_any_change_shows),
		cmocka_unit_test(the_answer_of_sockperf_is_taken),
		cmocka_unit_test(sizes_come_from_a_file),
		cmocka_unit_test(bad_sizes_are_refused_by_their_line),
		cmocka_unit_test(imix_is_the_simple_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
