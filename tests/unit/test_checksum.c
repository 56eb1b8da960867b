// SPDX-License-Identifier: BSD-3-Clause
//
// The Internet checksum against the example of RFC 1071 and its corner cases.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stack/checksum.h"

// RFC 1071, section 3: 00 01 f2 03 f4 f5 f6 f7 adds up to ddf2.
static void test_rfc_example(void **state)
{
	static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	(void)state;
	assert_int_equal(vly_sum_fold(vly_sum(0, bytes, sizeof(bytes))), htobe16(0xddf2));
	assert_int_equal(vly_sum_finish(vly_sum(0, bytes, sizeof(bytes))), htobe16(0x220d));
}

// An odd byte is the high half of a word that ends with zero.
static void test_odd_length(void **state)
{
	static const uint8_t odd[] = {0x12, 0x34, 0x56};
	static const uint8_t even[] = {0x12, 0x34, 0x56, 0x00};

	(void)state;
	assert_int_equal(vly_sum_fold(vly_sum(0, odd, 3)), vly_sum_fold(vly_sum(0, even, 4)));
	assert_int_equal(vly_sum_fold(vly_sum(0, odd, 0)), 0);
}

static void test_carries_are_folded_to_the_end(void **state)
{
	(void)state;
	assert_int_equal(vly_sum_fold(UINT64_MAX), 0xffff);
	assert_int_equal(vly_sum_fold(0xffff0001fffeu), vly_sum_fold(0xffff + 1 + 0xfffe));
	assert_int_equal(vly_sum_fold(0x10000), 1);
	assert_int_equal(vly_sum_fold(0), 0);
}

static void test_verifies(void **state)
{
	uint8_t bytes[] = {0x45, 0x00, 0x00, 0x1c, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
			   0x00, 0x00, 0x0a, 0x00, 0x00, 0x02, 0x0a, 0x00, 0x00, 0x01};

	(void)state;
	assert_false(vly_sum_verifies(vly_sum(0, bytes, sizeof(bytes))));
	vly_raw16_put(bytes + 10, vly_sum_finish(vly_sum(0, bytes, sizeof(bytes))));
	assert_true(vly_sum_verifies(vly_sum(0, bytes, sizeof(bytes))));
	for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(vly_sum_verifies(vly_sum(0, bytes, sizeof(bytes))));
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_false(vly_sum_verifies(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc_example),
		cmocka_unit_test(test_odd_length),
		cmocka_unit_test(test_carries_are_folded_to_the_end),
		cmocka_unit_test(test_verifies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
