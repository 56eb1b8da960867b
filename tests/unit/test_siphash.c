// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "handler/index.h"
#include "handler/siphash.h"

// The key 00 01 .. 0f, and texts 00 01 02 ..: appendix A of the paper (15 bytes), and the vectors
// of the reference implementation.
static void agrees_with_the_reference(void **state)
{
	static const struct {
		size_t len;
		uint64_t hash;
	} vectors[] = {
		{0, 0x726fdb47dd0e0e31}, {1, 0x74f839c593dc67fd},  {2, 0x0d6c8009d9a94f5a},
		{8, 0x93f5f5799a932462}, {15, 0xa129ca6149be45e5},
	};
	const struct vly_siphash_key key = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}};
	uint8_t text[16];

	(void)state;
	for (uint8_t i = 0; i < sizeof(text); i++)
		text[i] = i;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		assert_int_equal(vly_siphash(&key, text, vectors[i].len), vectors[i].hash);
}

static void makes_different_keys(void **state)
{
	struct vly_siphash_key a;
	struct vly_siphash_key b;

	(void)state;
	assert_int_equal(vly_siphash_key_make(&a), 0);
	assert_int_equal(vly_siphash_key_make(&b), 0);
	assert_memory_not_equal(&a, &b, sizeof(a));
}

static uint32_t index_count(const struct vly_index *index, uint64_t hash)
{
	uint32_t count = 0;

	for (uint32_t i = vly_index_first(index, hash); i != VLY_INDEX_END;
	     i = vly_index_next(index, i))
		count++;
	return count;
}

static void keeps_what_has_one_hash(void **state)
{
	struct vly_index index;

	(void)state;
	assert_int_equal(vly_index_open(&index, 10), 0);
	assert_int_equal(index_count(&index, 7), 0);
	for (uint32_t i = 0; i < 10; i++)
		vly_index_add(&index, i % 2 ? 7 : 7 + 16, i); // one bucket
	assert_int_equal(index_count(&index, 7), 10);
	vly_index_remove(&index, 7, 9); // first, last, middle
	vly_index_remove(&index, 7 + 16, 0);
	vly_index_remove(&index, 7, 5);
	assert_int_equal(index_count(&index, 7), 7);
	assert_int_equal(vly_index_first(&index, 7), 8);
	vly_index_close(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_reference),
		cmocka_unit_test(makes_different_keys),
		cmocka_unit_test(keeps_what_has_one_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
