// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "frames.h"
#include "stack/eth.h"

static void test_untagged(void **state)
{
	uint8_t bytes[32];
	size_t len = frame_hex(bytes, "020000000001 020000000002 0800");
	struct vly_eth eth = {.type = 0};

	(void)state;
	assert_int_equal(vly_eth_decode(&eth, bytes, len), VLY_ETH_BYTES);
	assert_memory_equal(eth.dst, frame_our_mac, 6);
	assert_memory_equal(eth.src, frame_peer_mac, 6);
	assert_int_equal(eth.type, VLY_ETHERTYPE_IPV4);
	assert_false(eth.is_tagged);
	assert_int_equal(eth.tci, 0);
}

static void test_tagged(void **state)
{
	uint8_t bytes[32];
	size_t len = frame_hex(bytes, "020000000001 020000000002 8100 a064 86dd");
	struct vly_eth eth = {.type = 0};

	(void)state;
	assert_int_equal(vly_eth_decode(&eth, bytes, len), VLY_ETH_BYTES_MAX);
	assert_true(eth.is_tagged);
	assert_int_equal(eth.tci, 0xa064);
	assert_int_equal(eth.type, VLY_ETHERTYPE_IPV6);
}

static void test_short_at_every_length(void **state)
{
	uint8_t bytes[32];
	size_t len = frame_hex(bytes, "020000000001 020000000002 8100 0064 0800");
	struct vly_eth eth = {.type = 0};

	(void)state;
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(vly_eth_decode(&eth, bytes, cut), -ENODATA);
}

static void test_encode_stays_inside_its_capacity(void **state)
{
	struct vly_eth eth = {.type = VLY_ETHERTYPE_ARP, .tci = 5, .is_tagged = true};
	uint8_t bytes[VLY_ETH_BYTES_MAX + 1];

	(void)state;
	for (size_t capacity = 0; capacity < VLY_ETH_BYTES_MAX; capacity++) {
		memset(bytes, 0xa5, sizeof(bytes));
		assert_int_equal(vly_eth_encode(&eth, bytes, capacity), -ENOSPC);
		for (size_t i = 0; i < sizeof(bytes); i++)
			assert_int_equal(bytes[i], 0xa5);
	}
	assert_int_equal(vly_eth_encode(&eth, bytes, sizeof(bytes)), VLY_ETH_BYTES_MAX);
	assert_int_equal(bytes[VLY_ETH_BYTES_MAX], 0xa5);
	eth.is_tagged = false;
	assert_int_equal(vly_eth_encode(&eth, bytes, sizeof(bytes)), VLY_ETH_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_untagged),
		cmocka_unit_test(test_tagged),
		cmocka_unit_test(test_short_at_every_length),
		cmocka_unit_test(test_encode_stays_inside_its_capacity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
