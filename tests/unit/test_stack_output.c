// SPDX-License-Identifier: BSD-3-Clause
//
// What leaves a stack: replies wherever the handler left the payload, sources and next hops,
// refusals, and what is left to the device.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "frames.h"
#include "one_stack.h"

static const char text[] = "ping";

static int open_stack(void **state)
{
	(void)state;
	stack = station_open(&(struct station){.routes = {"10.0.0.254", "fd00::fe"}});
	return 0;
}

static void deliver(struct frame *frame, const struct frame_spec *spec)
{
	enum vly_drop reason = VLY_DROP_COUNT;

	frame_build(frame, spec);
	if (vly_stack_input(stack, &frame->dgram, 0, &reason) != VLY_STACK_DELIVER)
		fail_msg("not delivered: %u", reason);
	frame->dgram.fate = VLY_FATE_REPLY;
}

static void assert_sent(struct frame *frame)
{
	const uint8_t *p;
	enum vly_drop reason = VLY_DROP_COUNT;
	const char *wrong;

	if (vly_stack_output(stack, &frame->dgram, 0, &reason) != VLY_STACK_TRANSMIT)
		fail_msg("not sent: %u", reason);
	p = vly_dgram_data(&frame->dgram);
	wrong = frame_is_wrong(p, frame->dgram.len);
	if (wrong)
		fail_msg("%s", wrong);
	assert_memory_equal(p + 6, frame_our_mac, 6);
	for (size_t i = 0; i < sizeof(frame->guard); i++)
		assert_int_equal(frame->guard[i], 0xa5);
}

static void assert_replied(struct frame *frame)
{
	assert_sent(frame);
	assert_memory_equal(vly_dgram_data(&frame->dgram), frame_peer_mac, 6);
}

static enum vly_drop refused(struct frame *frame)
{
	struct frame before = *frame;
	enum vly_drop reason = VLY_DROP_COUNT;

	assert_int_equal(vly_stack_output(stack, &frame->dgram, 0, &reason), VLY_STACK_REFUSED);
	assert_memory_equal(frame, &before, sizeof(before));
	return reason;
}

static void datagram_make(struct frame *frame, const char *local, const char *peer)
{
	frame_clear(frame);
	frame_ip(frame->dgram.peer.ip, peer);
	if (local)
		frame_ip(frame->dgram.local.ip, local);
	frame->dgram.peer.port = 53;
	frame->dgram.fate = VLY_FATE_SEND;
	memcpy(frame->bytes, text, sizeof(text));
	frame->dgram.len = sizeof(text);
}

static const char *const dsts[] = {"10.0.0.1", "fd00::1"};
static const size_t headers[] = {42, 62};

static void test_reply_in_place(void **state)
{
	struct frame frame;

	(void)state;
	for (int i = 0; i < 2; i++) {
		int32_t start = (int32_t)offsetof(struct frame, bytes);
		const uint8_t *p = frame.bytes;

		deliver(&frame, &(struct frame_spec){.dst = dsts[i],
						     .ttl = 3,
						     .tos = 3,
						     .payload = text,
						     .payload_len = 5});
		assert_replied(&frame);
		assert_int_equal(frame.dgram.data_offset, start);
		assert_int_equal(frame.dgram.len, headers[i] + 5);
		assert_int_equal(frame.dgram.capacity, FRAME_BYTES);
		assert_memory_equal(p + headers[i], text, 5);
		assert_int_equal(p[headers[i] - 8] << 8 | p[headers[i] - 7], 9000);
		assert_int_equal(p[headers[i] - 6] << 8 | p[headers[i] - 5], 1234);
		assert_int_equal(p[i ? 21 : 22], 64);
	}
}

static void test_payload_may_have_moved(void **state)
{
	struct frame frame;

	(void)state;
	for (int i = 0; i < 2; i++)
		for (int move = -40; move <= 100; move += 7) {
			uint8_t *data;

			deliver(&frame, &(struct frame_spec){
						.dst = dsts[i], .payload = text, .payload_len = 5});
			frame.dgram.data_offset += move;
			frame.dgram.capacity = (uint16_t)(frame.dgram.capacity - move);
			data = vly_dgram_data(&frame.dgram);
			memset(data, 0x5a, 9);
			frame.dgram.len = 9;
			if (frame.dgram.data_offset < (int32_t)offsetof(struct frame, bytes) + 14)
				continue;
			assert_replied(&frame);
			assert_ptr_equal(vly_dgram_data(&frame.dgram) + headers[i], data);
			assert_int_equal(data[0] + data[8], 2 * 0x5a);
		}
}

// Without the received Ethernet header the reply needs a neighbour.
static void test_payload_over_the_ethernet_header(void **state)
{
	struct vly_stack_poll out;
	enum vly_drop reason;
	struct frame frame;

	(void)state;
	deliver(&frame, &(struct frame_spec){.payload = text, .payload_len = 5});
	frame.dgram.data_offset = (int32_t)offsetof(struct frame, bytes) + 13;
	assert_int_equal(vly_stack_output(stack, &frame.dgram, 0, &reason), VLY_STACK_WAIT);
	vly_stack_poll(stack, NULL, 0, 1000000000000, &out);
	assert_int_equal(out.refused_count, 1);
}

static void test_options_are_not_echoed(void **state)
{
	static const uint8_t router_alert[4] = {0x94, 0x04, 0x00, 0x00};
	static const uint8_t destination[8] = {17, 0, 1, 4};
	struct frame frame;

	(void)state;
	deliver(&frame, &(struct frame_spec){.options = router_alert,
					     .options_len = 4,
					     .payload = text,
					     .payload_len = 5});
	assert_replied(&frame);
	assert_int_equal(frame.dgram.data_offset, offsetof(struct frame, bytes) + 4);
	deliver(&frame, &(struct frame_spec){.dst = "fd00::1",
					     .extension = 60,
					     .options = destination,
					     .options_len = 8,
					     .payload = text,
					     .payload_len = 5});
	assert_replied(&frame);
	assert_int_equal(frame.dgram.data_offset, offsetof(struct frame, bytes) + 8);
}

static void test_tag_goes_back(void **state)
{
	struct frame frame;

	(void)state;
	deliver(&frame,
		&(struct frame_spec){
			.is_tagged = true, .tci = 0xa000, .payload = text, .payload_len = 5});
	assert_replied(&frame);
	assert_int_equal(frame.bytes[14], 0xa0);
	assert_int_equal(frame.dgram.link & 0xff, 18);
}

// A reply to a broadcast comes from our own address.
static void test_reply_to_a_group(void **state)
{
	static const char *const groups[] = {"10.0.0.255", "255.255.255.255", "224.0.0.1",
					     "ff02::1", "ff02::1:ff00:1"};
	struct frame frame;

	(void)state;
	for (int i = 0; i < 5; i++) {
		uint8_t own[16];

		deliver(&frame,
			&(struct frame_spec){.dst_mac = frame_broadcast_mac, .dst = groups[i]});
		assert_replied(&frame);
		frame_ip(own, dsts[i > 2]);
		assert_memory_equal(frame.bytes + (i > 2 ? 22 : 26), own + (i > 2 ? 0 : 12),
				    i > 2 ? 16 : 4);
	}
}

static void test_checksums_left_to_the_device(void **state)
{
	struct vly_stack *offloading = station_open(&(struct station){
		.config.link.offloads_tx = VLY_FRAME_IP_CSUM | VLY_FRAME_UDP_CSUM});
	uint8_t pseudo[36] = {0};
	enum vly_drop reason;
	struct frame frame;

	(void)state;
	for (int i = 0; i < 2; i++) {
		size_t addrs = i ? 32 : 8;
		const uint8_t *udp = frame.bytes + headers[i] - 8;

		deliver(&frame,
			&(struct frame_spec){.dst = dsts[i], .payload = text, .payload_len = 5});
		assert_int_equal(vly_stack_output(offloading, &frame.dgram, 0, &reason),
				 VLY_STACK_TRANSMIT);
		assert_int_equal(frame.dgram.link,
				 i ? 14 | 40 << 8 | VLY_FRAME_UDP_CSUM | VLY_FRAME_IPV6
				   : 14 | 20 << 8 | VLY_FRAME_UDP_CSUM | VLY_FRAME_IP_CSUM);
		memcpy(pseudo, udp - addrs, addrs);
		pseudo[addrs + 1] = 17;
		pseudo[addrs + 3] = 13;
		assert_int_equal(udp[6] << 8 | udp[7], frame_sum(0, pseudo, addrs + 4));
		if (i == 0)
			assert_int_equal(frame.bytes[24] | frame.bytes[25], 0);
	}
	vly_stack_close(offloading);
}

// A sum of 0 goes out as ffff: 0 means that there is none.
static void test_checksum_zero_is_sent_as_ones(void **state)
{
	struct frame frame;

	(void)state;
	for (unsigned int word = 0; word < 0x10000; word++) {
		uint8_t payload[2] = {(uint8_t)(word >> 8), (uint8_t)word};

		deliver(&frame, &(struct frame_spec){.payload = payload, .payload_len = 2});
		assert_replied(&frame);
		if (frame.bytes[40] == 0xff && frame.bytes[41] == 0xff)
			return;
	}
	fail_msg("no payload gives that checksum");
}

static void test_refusals(void **state)
{
	static const char *const nowhere[] = {"127.0.0.1", "0.0.0.0", "10.0.0.1", "::1",
					      "::",        "fd00::1", "250.0.0.1"};
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		datagram_make(&frame, NULL, nowhere[i]);
		assert_int_equal(refused(&frame), VLY_DROP_TX_NO_ROUTE);
	}
	datagram_make(&frame, "10.0.0.1", "fd00::2");
	assert_int_equal(refused(&frame), VLY_DROP_TX_NO_ROUTE);
	datagram_make(&frame, "10.0.0.7", "10.0.0.2");
	assert_int_equal(refused(&frame), VLY_DROP_TX_REFUSED);
	datagram_make(&frame, NULL, "10.0.0.2");
	frame.dgram.peer.port = 0;
	assert_int_equal(refused(&frame), VLY_DROP_TX_REFUSED);
}

static void test_oversize(void **state)
{
	struct frame frame;

	(void)state;
	for (int i = 0; i < 2; i++) {
		deliver(&frame, &(struct frame_spec){.dst = dsts[i]});
		frame.dgram.capacity = 5;
		frame.dgram.len = 6;
		assert_int_equal(refused(&frame), VLY_DROP_TX_OVERSIZE);
		datagram_make(&frame, NULL, i ? "fd00::2" : "10.0.0.2");
		frame.dgram.data_offset =
			(int32_t)sizeof(struct vly_dgram) + (int32_t)headers[i] - 1;
		assert_int_equal(refused(&frame), VLY_DROP_TX_OVERSIZE);
	}
}

static void test_groups_need_no_neighbour(void **state)
{
	static const struct {
		const char *peer;
		const char *mac;
	} cases[] = {
		{"255.255.255.255", "ffffffffffff"},
		{"10.0.0.255", "ffffffffffff"},
		{"239.129.2.3", "01005e010203"},
		{"ff02::1:2:3", "333300020003"},
	};
	struct frame frame;
	uint8_t mac[6];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		datagram_make(&frame, NULL, cases[i].peer);
		frame.dgram.ttl = 5;
		assert_sent(&frame);
		frame_hex(mac, cases[i].mac);
		assert_memory_equal(vly_dgram_data(&frame.dgram), mac, 6);
		assert_int_equal(vly_dgram_data(&frame.dgram)[i == 3 ? 21 : 22], 5);
	}
}

// What the next hop is shows in the request for it.
static void assert_asks_for(const char *peer, const char *next)
{
	struct frame frame;
	struct frame spare;
	struct vly_dgram *spares[] = {&spare.dgram};
	struct vly_stack_poll out;
	enum vly_drop reason;
	uint8_t ip[16];
	const uint8_t *p;

	datagram_make(&frame, NULL, peer);
	frame_clear(&spare);
	frame_ip(ip, next);
	assert_int_equal(vly_stack_output(stack, &frame.dgram, 0, &reason), VLY_STACK_WAIT);
	assert_int_equal(vly_stack_poll(stack, spares, 1, 0, &out), 1);
	p = vly_dgram_data(&spare.dgram);
	if (p[13] == 0x06)
		assert_memory_equal(p + 38, ip + 12, 4);
	else
		assert_memory_equal(p + 14 + 40 + 8, ip, 16);
	vly_stack_poll(stack, NULL, 0, 1000000000000, &out);
	assert_int_equal(out.refused_count, 1);
}

static void test_next_hop(void **state)
{
	(void)state;
	assert_asks_for("10.0.0.9", "10.0.0.9");
	assert_asks_for("192.0.2.1", "10.0.0.254");
	assert_asks_for("fd00::9", "fd00::9");
	assert_asks_for("fe80::9", "fe80::9");
	assert_asks_for("2001:db8::1", "fd00::fe");
}

static void test_no_gateway(void **state)
{
	struct vly_stack *alone = station_open(&(struct station){.addrs = {"10.0.0.1/24"}});
	enum vly_drop reason;
	struct frame frame;

	(void)state;
	datagram_make(&frame, NULL, "192.0.2.1");
	assert_int_equal(vly_stack_output(alone, &frame.dgram, 0, &reason), VLY_STACK_REFUSED);
	assert_int_equal(reason, VLY_DROP_TX_NO_ROUTE);
	datagram_make(&frame, NULL, "fd00::2");
	assert_int_equal(vly_stack_output(alone, &frame.dgram, 0, &reason), VLY_STACK_REFUSED);
	assert_int_equal(reason, VLY_DROP_TX_NO_ROUTE);
	vly_stack_close(alone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reply_in_place),
		cmocka_unit_test(test_payload_may_have_moved),
		cmocka_unit_test(test_payload_over_the_ethernet_header),
		cmocka_unit_test(test_options_are_not_echoed),
		cmocka_unit_test(test_tag_goes_back),
		cmocka_unit_test(test_reply_to_a_group),
		cmocka_unit_test(test_checksums_left_to_the_device),
		cmocka_unit_test(test_checksum_zero_is_sent_as_ones),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_oversize),
		cmocka_unit_test(test_groups_need_no_neighbour),
		cmocka_unit_test(test_next_hop),
		cmocka_unit_test(test_no_gateway),
	};

	return cmocka_run_group_tests(tests, open_stack, close_stack);
}
