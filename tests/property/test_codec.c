// SPDX-License-Identifier: BSD-3-Clause
//
// Every codec, on random values: what is encoded decodes to the same, what decodes encodes to the
// same bytes, and neither touches a byte beyond what it was given. VLY_TEST_SEED reproduces.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "chance.h"
#include "frames.h"
#include "stack/arp.h"
#include "stack/eth.h"
#include "stack/icmp.h"
#include "stack/ip4.h"
#include "stack/ip6.h"
#include "stack/link.h"
#include "stack/ndp.h"
#include "stack/udp.h"

enum {
	ROUNDS = 100000,
	BYTES = 128,
};

static uint16_t random16(void)
{
	return (uint16_t)prng_next(&prng);
}

// The sum of random bytes at random places, against the naive one of RFC 1071.
static void test_checksum(void **state)
{
	static uint8_t bytes[4096];

	(void)state;
	for (int round = 0; round < ROUNDS / 10; round++) {
		size_t at = prng_below(&prng, 64);
		size_t len = prng_below(&prng, prng_once_in(&prng, 4) ? 4000 : 200);
		size_t even = prng_below(&prng, (uint32_t)len / 2 + 1) * 2;
		uint16_t expected;

		if (prng_once_in(&prng, 10))
			memset(bytes, 0xff, sizeof(bytes));
		else
			prng_fill(&prng, bytes, sizeof(bytes));
		expected = frame_sum(0, bytes + at, len);
		assert_int_equal(be16toh(vly_sum_fold(vly_sum(0, bytes + at, len))), expected);
		assert_int_equal(vly_sum_fold(vly_sum(vly_sum(0, bytes + at, even),
						      bytes + at + even, len - even)),
				 htobe16(expected));
	}
}

static void test_eth(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		uint8_t bytes[BYTES];
		uint8_t again[BYTES] = {0};
		struct vly_eth eth;
		int size;

		prng_fill(&prng, bytes, sizeof(bytes));
		if (prng_once_in(&prng, 2))
			memcpy(bytes + 12, "\x81\x00", 2);
		size = vly_eth_decode(&eth, bytes, prng_below(&prng, 40));
		if (size < 0)
			continue;
		assert_int_equal(vly_eth_encode(&eth, again, sizeof(again)), size);
		assert_memory_equal(again, bytes, (size_t)size);
		assert_int_equal(again[size], 0);
	}
}

static void test_ip4(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		uint8_t bytes[BYTES];
		uint8_t again[BYTES] = {0};
		uint8_t options[40];
		struct vly_ip4 in = {.options = options};
		struct vly_ip4 out;
		int size;

		prng_fill(&prng, options, sizeof(options));
		prng_fill(&prng, &in.src_raw, sizeof(in) - offsetof(struct vly_ip4, src_raw));
		in.header_len = (uint8_t)(20 + 4 * prng_below(&prng, 11));
		in.total_len = (uint16_t)prng_between(&prng, in.header_len, BYTES);
		size = vly_ip4_encode(&in, bytes, sizeof(bytes));
		assert_int_equal(size, in.header_len);
		vly_raw16_put(bytes + 10, 0);
		vly_raw16_put(bytes + 10, vly_sum_finish(vly_sum(0, bytes, in.header_len)));
		assert_true(vly_sum_verifies(vly_sum(0, bytes, in.header_len)));
		assert_int_equal(vly_ip4_decode(&out, bytes, sizeof(bytes)), size);
		assert_memory_equal(out.options, options, in.header_len - 20u);
		out.options = in.options;
		in.checksum_raw = out.checksum_raw;
		if (in.header_len == VLY_IP4_BYTES)
			assert_int_equal(vly_ip4_checksum(&in), out.checksum_raw);
		assert_memory_equal(&in.src_raw, &out.src_raw,
				    offsetof(struct vly_ip4, protocol) + 1 -
					    offsetof(struct vly_ip4, src_raw));
		assert_true(vly_ip4_encode(&out, again, sizeof(again)) == size);
		assert_memory_equal(again, bytes, (size_t)size);
	}
}

// Whatever is accepted of random bytes is inside them.
static void test_ip4_of_random_bytes(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		uint8_t bytes[BYTES];
		struct vly_ip4 ip;
		size_t len = prng_below(&prng, BYTES);
		int size;

		prng_fill(&prng, bytes, sizeof(bytes));
		bytes[0] = (uint8_t)(0x40 | (bytes[0] & 0xf));
		bytes[2] = 0;
		size = vly_ip4_decode(&ip, bytes, len);
		if (size < 0)
			continue;
		assert_in_range(ip.total_len, size, len);
		vly_ip4_options_are_harmless(ip.options, (size_t)size - VLY_IP4_BYTES);
	}
}

static void test_ip6(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		uint8_t bytes[BYTES];
		uint8_t again[BYTES] = {0};
		struct vly_ip6 ip;
		size_t len = prng_below(&prng, BYTES);
		int size;

		prng_fill(&prng, bytes, sizeof(bytes));
		bytes[0] = (uint8_t)(0x60 | (bytes[0] & 0xf));
		bytes[4] = 0;
		size = vly_ip6_decode(&ip, bytes, len);
		if (size < 0)
			continue;
		assert_true((size_t)ip.payload_len + VLY_IP6_BYTES <= len);
		assert_int_equal(vly_ip6_encode(&ip, again, sizeof(again)), size);
		assert_memory_equal(again, bytes, (size_t)size);
	}
}

static void test_ip6_extensions_of_random_bytes(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		uint8_t bytes[BYTES * 2] = {0};
		uint8_t next = prng_once_in(&prng, 2) ? VLY_IP6_HOP_BY_HOP : VLY_IP6_DESTINATION;
		size_t len = prng_below(&prng, sizeof(bytes));
		int size;

		for (size_t i = 0; i < len; i++) // small numbers, so that some are well-formed
			bytes[i] = (uint8_t)prng_below(&prng, 4);
		if (prng_once_in(&prng, 2))
			bytes[0] = VLY_IP6_DESTINATION;
		size = vly_ip6_skip_extensions(&next, bytes, len);
		if (size < 0)
			continue;
		assert_in_range(size, 8,
				len < VLY_IP6_EXTENSION_BYTES_MAX ? len
								  : VLY_IP6_EXTENSION_BYTES_MAX);
		assert_int_equal(size % 8, 0);
	}
}

static void test_udp(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		uint8_t bytes[BYTES];
		uint8_t again[BYTES];
		struct vly_udp udp;
		size_t len = prng_below(&prng, BYTES);
		int size;

		prng_fill(&prng, bytes, sizeof(bytes));
		bytes[4] = 0;
		size = vly_udp_decode(&udp, bytes, len);
		if (size < 0)
			continue;
		assert_in_range(udp.len, VLY_UDP_BYTES, len);
		assert_int_equal(vly_udp_encode(&udp, again, sizeof(again)), size);
		assert_memory_equal(again, bytes, (size_t)size);
	}
}

static void test_arp(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct vly_arp in = {.operation = (uint16_t)prng_between(&prng, 1, 2)};
		struct vly_arp out;
		uint8_t bytes[BYTES];
		uint8_t again[BYTES];

		memset(&out, 0, sizeof(out));
		prng_fill(&prng, in.sender_mac, 12);
		in.sender_raw = (uint32_t)prng_next(&prng);
		in.target_raw = (uint32_t)prng_next(&prng);
		assert_int_equal(vly_arp_encode(&in, bytes, sizeof(bytes)), VLY_ARP_BYTES);
		assert_int_equal(vly_arp_decode(&out, bytes, VLY_ARP_BYTES), VLY_ARP_BYTES);
		assert_int_equal(out.operation, in.operation);
		assert_memory_equal(out.sender_mac, in.sender_mac, 12);
		assert_int_equal(out.sender_raw, in.sender_raw);
		assert_int_equal(out.target_raw, in.target_raw);
		vly_arp_encode(&out, again, sizeof(again));
		assert_memory_equal(again, bytes, VLY_ARP_BYTES);
	}
}

static void test_icmp(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		uint8_t bytes[VLY_ICMP_BYTES];
		uint8_t again[VLY_ICMP_BYTES];
		struct vly_icmp icmp;

		prng_fill(&prng, bytes, sizeof(bytes));
		assert_int_equal(vly_icmp_decode(&icmp, bytes, sizeof(bytes)), VLY_ICMP_BYTES);
		assert_int_equal(vly_icmp_encode(&icmp, again, sizeof(again)), VLY_ICMP_BYTES);
		assert_memory_equal(again, bytes, sizeof(bytes));
	}
}

static void test_ndp(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct vly_ndp in = {.type = (uint8_t)prng_between(&prng, 135, 136)};
		struct vly_ndp out;
		uint8_t bytes[BYTES] = {0};
		int size;

		prng_fill(&prng, in.target, sizeof(in.target));
		in.target[0] &= 0xfe;
		in.flags = in.type == 136 ? (uint8_t)(random16() & 0xe0) : 0;
		in.has_mac = prng_once_in(&prng, 2);
		if (in.has_mac)
			prng_fill(&prng, in.mac, sizeof(in.mac));
		size = vly_ndp_encode(&in, bytes, sizeof(bytes));
		assert_int_equal(size, in.has_mac ? 32 : 24);
		assert_int_equal(vly_ndp_decode(&out, bytes, (size_t)size), size);
		assert_memory_equal(&out, &in, sizeof(in));
		// Any byte changed: read over or refused, and never read beyond.
		bytes[prng_below(&prng, (uint32_t)size)] = (uint8_t)random16();
		size = vly_ndp_decode(&out, bytes, prng_below(&prng, BYTES));
	}
}

static void test_link(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct vly_link in = {
			.start = random16(),
			.l2_len = prng_below(&prng, 32),
			.l3_len = prng_below(&prng, 256),
			.is_group = prng_once_in(&prng, 2),
			.is_ipv6 = prng_once_in(&prng, 2),
		};
		struct vly_link out;

		assert_true(vly_link_unpack(&out, vly_link_pack(&in)));
		assert_int_equal(out.start, in.start);
		assert_int_equal(out.l2_len, in.l2_len);
		assert_int_equal(out.l3_len, in.l3_len);
		assert_int_equal(out.is_group, in.is_group);
		assert_int_equal(out.is_ipv6, in.is_ipv6);
	}
	assert_false(vly_link_unpack(&(struct vly_link){0}, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_eth),
		cmocka_unit_test(test_ip4),
		cmocka_unit_test(test_ip4_of_random_bytes),
		cmocka_unit_test(test_ip6),
		cmocka_unit_test(test_ip6_extensions_of_random_bytes),
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_arp),
		cmocka_unit_test(test_icmp),
		cmocka_unit_test(test_ndp),
		cmocka_unit_test(test_link),
	};

	return cmocka_run_group_tests(tests, open_chance, tell_seed);
}
