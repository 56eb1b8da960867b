// SPDX-License-Identifier: BSD-3-Clause
//
// Ethernet, IPv4 and IPv6 inwards: what is let through to a transport, and every reason to drop.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "frames.h"
#include "one_stack.h"
#include "stack/ip4.h"
#include "stack/ip6.h"

static int open_stack(void **state)
{
	(void)state;
	stack = station_open(&(struct station){
		.addrs = {"10.0.0.1/24", "10.9.0.1/31", "fd00::1/64"},
		.listens = {":9000", "10.0.0.1:9001", "239.1.2.3:9002", "[ff05::7]:9002"},
	});
	return 0;
}

// VLY_DROP_COUNT when it was delivered.
static enum vly_drop input(struct frame *frame)
{
	enum vly_drop reason = VLY_DROP_COUNT;

	if (vly_stack_input(stack, &frame->dgram, 0, &reason) == VLY_STACK_DELIVER)
		assert_int_equal(reason, VLY_DROP_COUNT);
	return reason;
}

static enum vly_drop input_of(struct frame_spec spec)
{
	struct frame frame;

	frame_build(&frame, &spec);
	return input(&frame);
}

static void test_ethernet(void **state)
{
	static const uint8_t bridge_group[6] = {0x01, 0x80, 0xc2};
	static const uint8_t other[6] = {2, 0, 0, 0, 0, 7};
	struct frame frame;

	(void)state;
	assert_int_equal(input_of((struct frame_spec){.dst_mac = other}), VLY_DROP_NOT_OUR_MAC);
	assert_int_equal(input_of((struct frame_spec){.dst_mac = bridge_group}),
			 VLY_DROP_NOT_OUR_MAC);
	assert_int_equal(input_of((struct frame_spec){.src_mac = bridge_group}),
			 VLY_DROP_IP_SOURCE);
	assert_int_equal(input_of((struct frame_spec){.is_tagged = true, .tci = 5}), VLY_DROP_VLAN);
	frame_build(&frame, &(struct frame_spec){.is_tagged = true});
	memcpy(frame.bytes + 16, "\x81\x00", 2);
	assert_int_equal(input(&frame), VLY_DROP_VLAN);
	frame_build(&frame, &(struct frame_spec){0});
	memcpy(frame.bytes + 12, "\x88\xa8", 2);
	assert_int_equal(input(&frame), VLY_DROP_VLAN);
	memcpy(frame.bytes + 12, "\x88\xcc", 2);
	assert_int_equal(input(&frame), VLY_DROP_ETHERTYPE);
	memcpy(frame.bytes + 12, "\x00\x40", 2); // a length: IEEE 802.3
	assert_int_equal(input(&frame), VLY_DROP_ETHERTYPE);
}

static void test_our_vlan(void **state)
{
	struct vly_stack *plain = stack;

	(void)state;
	stack = station_open(&(struct station){.config.vlan = 5});
	assert_int_equal(input_of((struct frame_spec){.is_tagged = true, .tci = 0x2005}),
			 VLY_DROP_COUNT);
	assert_int_equal(input_of((struct frame_spec){.is_tagged = true, .tci = 6}), VLY_DROP_VLAN);
	assert_int_equal(input_of((struct frame_spec){.is_tagged = true}), VLY_DROP_VLAN);
	assert_int_equal(input_of((struct frame_spec){0}), VLY_DROP_VLAN);
	vly_stack_close(stack);
	stack = plain;
}

static void test_ip4_header(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		enum vly_drop reason;
	} cases[] = {
		{14, 0x55, VLY_DROP_IP_HEADER}, // version 5
		{14, 0x44, VLY_DROP_IP_HEADER}, // 16 bytes of header
		{14, 0x4f, VLY_DROP_IP_HEADER}, // more header than total length
		{17, 19, VLY_DROP_IP_HEADER},   // total length less than the header
		{16, 0xff, VLY_DROP_IP_HEADER}, // more than the frame has
		{23, 6, VLY_DROP_IP_PROTOCOL},  // TCP
		{30, 11, VLY_DROP_NOT_OUR_IP},  // 11.0.0.1
		{33, 2, VLY_DROP_NOT_OUR_IP},   // 10.0.0.2
		{33, 0, VLY_DROP_NOT_OUR_IP},   // 10.0.0.0
		{26, 224, VLY_DROP_IP_SOURCE},  {26, 127, VLY_DROP_IP_SOURCE},
		{26, 0, VLY_DROP_IP_SOURCE},    {26, 255, VLY_DROP_IP_SOURCE},
		{29, 1, VLY_DROP_IP_SOURCE},   // our own
		{29, 255, VLY_DROP_IP_SOURCE}, // our broadcast address
	};
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		frame_build(&frame, &(struct frame_spec){.payload = "12345678", .payload_len = 8});
		frame.bytes[cases[i].at] = cases[i].value;
		frame_fix_ip4(&frame, 14);
		frame.dgram.link = VLY_FRAME_UDP_CSUM;
		assert_int_equal(input(&frame), cases[i].reason);
	}
	assert_int_equal(input_of((struct frame_spec){.src = "0.0.0.0", .dst = "255.255.255.255"}),
			 VLY_DROP_IP_SOURCE); // a DHCP client
}

static void test_ip4_every_flipped_header_bit_is_found(void **state)
{
	struct frame frame;

	(void)state;
	for (size_t bit = 0; bit < 20 * 8; bit++) {
		enum vly_drop reason;

		frame_build(&frame, &(struct frame_spec){.payload = "12345678", .payload_len = 8});
		frame.bytes[14 + bit / 8] ^= (uint8_t)(1u << bit % 8);
		reason = input(&frame);
		assert_true(reason == VLY_DROP_IP_CHECKSUM || reason == VLY_DROP_IP_HEADER ||
			    reason == VLY_DROP_FRAME_SHORT);
	}
}

static void test_ip4_options(void **state)
{
	static const struct {
		const char *options;
		enum vly_drop reason;
	} cases[] = {
		{"01010101", VLY_DROP_COUNT},
		{"94040000", VLY_DROP_COUNT},         // router alert
		{"0707040000000000", VLY_DROP_COUNT}, // record route, end of list
		{"00ffffff", VLY_DROP_COUNT},         // what follows the end does not matter
		{"83070400000000 00", VLY_DROP_IP_OPTION},
		{"89070400000000 00", VLY_DROP_IP_OPTION},
		{"01010107", VLY_DROP_IP_OPTION}, // no length
		{"07010101", VLY_DROP_IP_OPTION}, // length below 2
		{"07050000", VLY_DROP_IP_OPTION}, // beyond the header
	};
	uint8_t options[40];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = frame_hex(options, cases[i].options);

		assert_int_equal(
			input_of((struct frame_spec){.options = options, .options_len = len}),
			cases[i].reason);
	}
}

static void test_ip6_header(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		enum vly_drop reason;
	} cases[] = {
		{14, 0x40, VLY_DROP_IP_HEADER}, {18, 0xff, VLY_DROP_IP_HEADER},
		{20, 6, VLY_DROP_IP_PROTOCOL},  {20, 59, VLY_DROP_IP_PROTOCOL},
		{20, 50, VLY_DROP_IP_PROTOCOL}, {20, 43, VLY_DROP_IP_OPTION},
		{20, 44, VLY_DROP_FRAGMENT},    {22, 0xff, VLY_DROP_IP_SOURCE},
		{37, 1, VLY_DROP_IP_SOURCE}, // our own
		{53, 2, VLY_DROP_NOT_OUR_IP},
	};
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		frame_build(&frame, &(struct frame_spec){.dst = "fd00::1"});
		frame.bytes[cases[i].at] = cases[i].value;
		assert_int_equal(input(&frame), cases[i].reason);
	}
	assert_int_equal(input_of((struct frame_spec){.src = "::1", .dst = "fd00::1"}),
			 VLY_DROP_IP_SOURCE);
	assert_int_equal(input_of((struct frame_spec){.src = "::", .dst = "fd00::1"}),
			 VLY_DROP_IP_SOURCE);
	assert_int_equal(input_of((struct frame_spec){.src = "::ffff:10.0.0.2", .dst = "fd00::1"}),
			 VLY_DROP_IP_SOURCE);
	assert_int_equal(input_of((struct frame_spec){.dst = "::ffff:10.0.0.1"}),
			 VLY_DROP_NOT_OUR_IP);
}

static void test_ip6_extensions(void **state)
{
	static const struct {
		uint8_t first;
		const char *headers;
		enum vly_drop reason;
	} cases[] = {
		{0, "11 00 0104 00000000", VLY_DROP_COUNT},
		{60, "11 00 0000 00000000", VLY_DROP_COUNT},
		{0, "3c 00 0104 00000000 11 01 0104 00000000 0106 000000000000", VLY_DROP_COUNT},
		{60, "11 00 1e04 00000000", VLY_DROP_COUNT},     // unknown, to be skipped
		{60, "11 00 5e04 00000000", VLY_DROP_IP_OPTION}, // unknown, to be discarded
		{0, "11 00 c204 00010000", VLY_DROP_IP_OPTION},  // jumbo payload
		{60, "00 00 0104 00000000 11 00 0104 00000000", VLY_DROP_IP_OPTION}, // order
		{0, "2b 00 0104 00000000", VLY_DROP_IP_OPTION},                      // then routing
		{60, "2c 00 0104 00000000", VLY_DROP_FRAGMENT},
		{60, "06 00 0104 00000000", VLY_DROP_IP_PROTOCOL},
		{60, "11 00 0105 00000000", VLY_DROP_IP_HEADER}, // option beyond its header
		{60, "11 00 0000 00000001", VLY_DROP_IP_HEADER}, // option without a length
		{60, "11 09 0104 00000000", VLY_DROP_IP_HEADER}, // header beyond the packet
		{60,
		 "3c000104000000003c000104000000003c000104000000003c000104000000001100010400000000",
		 VLY_DROP_IP_OPTION}, // five
	};
	uint8_t headers[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = frame_hex(headers, cases[i].headers);
		enum vly_drop reason = input_of((struct frame_spec){.dst = "fd00::1",
								    .extension = cases[i].first,
								    .options = headers,
								    .options_len = len});

		if (reason != cases[i].reason)
			fail_msg("case %zu: %u", i, reason);
	}
}

static void test_extensions_are_bounded(void **state)
{
	static uint8_t headers[136] = {17, 16, 1, 132};

	(void)state;
	assert_int_equal(
		input_of((struct frame_spec){
			.dst = "fd00::1", .extension = 60, .options = headers, .options_len = 136}),
		VLY_DROP_IP_OPTION);
	headers[1] = 15;
	headers[3] = 124;
	assert_int_equal(
		input_of((struct frame_spec){
			.dst = "fd00::1", .extension = 60, .options = headers, .options_len = 128}),
		VLY_DROP_COUNT);
}

static void test_groups(void **state)
{
	static const struct {
		const char *dst;
		uint16_t port;
		enum vly_drop reason;
	} cases[] = {
		{"10.0.0.255", 9000, VLY_DROP_COUNT},
		{"10.0.0.255", 9001, VLY_DROP_NO_LISTENER}, // listens at the unicast address only
		{"10.0.0.1", 9001, VLY_DROP_COUNT},
		{"10.9.0.1", 9000, VLY_DROP_COUNT},
		{"10.9.0.1", 9001, VLY_DROP_NO_LISTENER},
		{"10.9.0.0", 9000, VLY_DROP_NOT_OUR_IP},
		{"255.255.255.255", 9000, VLY_DROP_COUNT},
		{"224.0.0.1", 9000, VLY_DROP_COUNT},
		{"224.0.0.2", 9000, VLY_DROP_NOT_OUR_IP},
		{"239.1.2.3", 9002, VLY_DROP_COUNT},
		{"239.1.2.4", 9002, VLY_DROP_NOT_OUR_IP},
		{"ff02::1", 9000, VLY_DROP_COUNT},
		{"ff02::2", 9000, VLY_DROP_NOT_OUR_IP},
		{"ff02::1:ff00:1", 9000, VLY_DROP_COUNT},
		{"ff02::1:ff00:2", 9000, VLY_DROP_NOT_OUR_IP},
		{"ff05::7", 9002, VLY_DROP_COUNT},
		{"fd00::1", 9002, VLY_DROP_NO_LISTENER},
		{"fd00::1", 9001, VLY_DROP_NO_LISTENER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum vly_drop reason = input_of((struct frame_spec){.dst_mac = frame_broadcast_mac,
								    .dst = cases[i].dst,
								    .dst_port = cases[i].port});

		if (reason != cases[i].reason)
			fail_msg("%s: %u", cases[i].dst, reason);
	}
}

// However short a frame is cut, it is dropped, and nothing is read beyond it.
static void test_truncated_at_every_length(void **state)
{
	static const uint8_t extension[8] = {17, 0, 1, 4};
	static const uint8_t options[4] = {1, 1, 1, 1};
	const struct frame_spec specs[] = {
		{.payload = "12345678", .payload_len = 8},
		{.options = options, .options_len = 4, .is_tagged = true},
		{.dst = "fd00::1", .payload = "12345678", .payload_len = 8},
		{.dst = "fd00::1", .extension = 60, .options = extension, .options_len = 8},
	};
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		frame_build(&frame, &specs[i]);
		for (uint16_t len = frame.dgram.len; len-- > 0;) {
			frame.dgram.len = len;
			assert_int_not_equal(input(&frame), VLY_DROP_COUNT);
		}
	}
}

static void test_codecs_stay_inside_their_capacity(void **state)
{
	struct vly_ip4 ip4 = {.header_len = 20};
	struct vly_ip6 ip6 = {.hop_limit = 1};
	uint8_t bytes[64];

	(void)state;
	assert_int_equal(vly_ip4_encode(&ip4, bytes, 19), -ENOSPC);
	assert_int_equal(vly_ip6_encode(&ip6, bytes, 39), -ENOSPC);
	ip4.header_len = 16;
	assert_int_equal(vly_ip4_encode(&ip4, bytes, 64), -EINVAL);
	ip4.header_len = 22;
	assert_int_equal(vly_ip4_encode(&ip4, bytes, 64), -EINVAL);
	ip4.header_len = 64;
	assert_int_equal(vly_ip4_encode(&ip4, bytes, 64), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ethernet),
		cmocka_unit_test(test_our_vlan),
		cmocka_unit_test(test_ip4_header),
		cmocka_unit_test(test_ip4_every_flipped_header_bit_is_found),
		cmocka_unit_test(test_ip4_options),
		cmocka_unit_test(test_ip6_header),
		cmocka_unit_test(test_ip6_extensions),
		cmocka_unit_test(test_extensions_are_bounded),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_truncated_at_every_length),
		cmocka_unit_test(test_codecs_stay_inside_their_capacity),
	};

	return cmocka_run_group_tests(tests, open_stack, close_stack);
}
