// SPDX-License-Identifier: BSD-3-Clause
//
// Prometheus' text format: what is escaped, what a name may be, that buckets are cumulative and
// numbers exact.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "metrics/text.h"

struct page {
	char *text;
	size_t size;
	FILE *out;
};

static void begin(struct page *page)
{
	page->text = NULL;
	page->out = open_memstream(&page->text, &page->size);
	assert_non_null(page->out);
}

static void expect(struct page *page, const char *text)
{
	assert_int_equal(fclose(page->out), 0);
	assert_string_equal(page->text, text);
	free(page->text);
}

static void escapes_labels_and_help(void **state)
{
	const struct metrics_label labels[] = {
		{"path", .text = "C:\\x\n\"q\""}, {"n", .number = UINT64_MAX}, {0}};
	struct page page;

	(void)state;
	begin(&page);
	metrics_family(page.out, "a_total", "counter", "back\\slash, new\nline, \"quotes\"");
	metrics_sample(page.out, "a_total", labels, UINT64_MAX);
	metrics_sample(page.out, "b", NULL, 0);
	expect(&page, "# HELP a_total back\\\\slash, new\\nline, \"quotes\"\n"
		      "# TYPE a_total counter\n"
		      "a_total{path=\"C:\\\\x\\n\\\"q\\\"\",n=\"18446744073709551615\"} "
		      "18446744073709551615\n"
		      "b 0\n");
}

// One byte that is no UTF-8, and Prometheus takes nothing of the page.
static void replaces_what_is_no_utf8(void **state)
{
	static const char *const texts[][2] = {{"\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9"},
					       {"\xe9t\xe9", "?t?"},
					       {"\xc3", "?"},
					       {"\xed\xa0\x80", "???"},
					       {"\xc0\x80", "??"}};

	(void)state;
	for (uint32_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char wanted[64];
		struct page page;

		begin(&page);
		metrics_sample(page.out, "a",
			       (struct metrics_label[]){{"l", .text = texts[i][0]}, {0}}, 1);
		snprintf(wanted, sizeof(wanted), "a{l=\"%s\"} 1\n", texts[i][1]);
		expect(&page, wanted);
	}
}

static void names_have_letters_digits_and_underscores(void **state)
{
	static const struct {
		const char *words[4];
		const char *name;
	} rows[] = {
		{{"volley_handler", "chat", "messages", NULL}, "volley_handler_chat_messages"},
		{{"a", "my-handler.so", NULL}, "a_my_handler_so"},
		{{"9lives", NULL}, "_lives"},
		{{"a", "9", NULL}, "a_9"},
		{{"\xc3\xa9", NULL}, "__"},
	};
	char name[METRICS_NAME_BYTES];
	char longest[2 * METRICS_NAME_BYTES];

	(void)state;
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(metrics_name(name, rows[i].words), rows[i].name);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	metrics_name(name, (const char *const[]){longest, longest, NULL});
	assert_int_equal(strlen(name), METRICS_NAME_BYTES - 1);
}

static void buckets_are_cumulative(void **state)
{
	// 0, 1, 1, 3, 1000
	static const uint64_t below[] = {1, 3, 4, 4};
	const struct metrics_histogram histogram = {
		.below = below, .first = 0, .last = 3, .count = 5, .total = 1005};
	struct page page;

	(void)state;
	begin(&page);
	metrics_sample_histogram(page.out, "h", NULL, &histogram);
	expect(&page, "h_bucket{le=\"0\"} 1\n"
		      "h_bucket{le=\"1\"} 3\n"
		      "h_bucket{le=\"3\"} 4\n"
		      "h_bucket{le=\"7\"} 4\n"
		      "h_bucket{le=\"+Inf\"} 5\n"
		      "h_sum 1005\n"
		      "h_count 5\n");
}

// Nanoseconds become seconds without a rounding that would let a sum go backwards.
static void seconds_are_exact(void **state)
{
	static const uint64_t below[] = {0, 0, 0, 0, 0, 0, 0, 2};
	const struct metrics_histogram histogram = {.below = below,
						    .first = 7,
						    .last = 7,
						    .count = 2,
						    .total = UINT64_C(12000000000000000001),
						    .unit = METRICS_NS};
	struct page page;

	(void)state;
	begin(&page);
	metrics_sample_ns(page.out, "t", NULL, 1500000000);
	metrics_sample_histogram(page.out, "h", (struct metrics_label[]){{"w", .number = 3}, {0}},
				 &histogram);
	expect(&page, "t 1.500000000\n"
		      "h_bucket{w=\"3\",le=\"0.000000127\"} 2\n"
		      "h_bucket{w=\"3\",le=\"+Inf\"} 2\n"
		      "h_sum{w=\"3\"} 12000000000.000000001\n"
		      "h_count{w=\"3\"} 2\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes_labels_and_help),
		cmocka_unit_test(replaces_what_is_no_utf8),
		cmocka_unit_test(names_have_letters_digits_and_underscores),
		cmocka_unit_test(buckets_are_cumulative),
		cmocka_unit_test(seconds_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
