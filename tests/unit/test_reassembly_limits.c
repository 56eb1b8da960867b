// SPDX-License-Identifier: BSD-3-Clause
//
// Fragments that are wrong by themselves, too many, or too late, and what is seen of the whole.
#include "reassembly.h"

static void test_malformed(void **state)
{
	struct frame frame;

	(void)state;
	for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
		make_packet(is_ipv6, 100);
		assert_dropped(give(1, 0, 20), VLY_DROP_FRAGMENT); // no multiple of 8
		assert_dropped(give(1, 0, 4), VLY_DROP_FRAGMENT);  // half a header (RFC 1858)
		assert_dropped(give(1, 0, 0), VLY_DROP_FRAGMENT);
		assert_dropped(give(1, 104, 0), VLY_DROP_FRAGMENT);
		// The ping of death: it would end behind what an IP packet can be.
		piece_cut(&frame, packet, packet_len, 1, 0, 16);
		if (is_ipv6)
			memcpy(frame.bytes + 56, "\xff\xf9", 2);
		else
			memcpy(frame.bytes + 20, "\x3f\xff", 2);
		frame_fix_ip4(&frame, 14);
		assert_dropped(input(&frame), VLY_DROP_FRAGMENT);
	}
	assert_nothing_out();
}

// RFC 1858: the smallest first fragment there can be holds the whole UDP header.
static void test_tiny_first(void **state)
{
	(void)state;
	make_packet(false, 100);
	assert_int_equal(give(1, 0, 8), VLY_STACK_HELD);
	assert_int_equal(give(1, 8, 100), VLY_STACK_WHOLE);
	assert_whole(2, 100);
}

static void test_names_are_apart(void **state)
{
	(void)state;
	make_packet(false, 2000);
	assert_int_equal(give(1, 0, CHUNK), VLY_STACK_HELD);
	assert_int_equal(give(2, 0, CHUNK), VLY_STACK_HELD);
	packet[14 + 15] = 3; // from 10.0.0.3
	assert_int_equal(give(1, CHUNK, CHUNK), VLY_STACK_HELD);
	packet[14 + 15] = 2;
	packet[14 + 9] = 1; // of ICMP
	assert_int_equal(give(1, CHUNK, CHUNK), VLY_STACK_HELD);
	packet[14 + 9] = 17;
	assert_int_equal(give(1, CHUNK, CHUNK), VLY_STACK_WHOLE);
	assert_whole(2, 2000);
}

static void test_checksum_is_of_the_whole(void **state)
{
	(void)state;
	make_packet(false, 2000);
	packet[1700] ^= 1;
	assert_int_equal(give(1, 0, CHUNK), VLY_STACK_HELD);
	assert_int_equal(give(1, CHUNK, CHUNK), VLY_STACK_WHOLE);
	assert_int_equal(vly_stack_take_whole(stack).verdict, VLY_STACK_DROP);
	assert_int_equal(vly_stack_take_whole(stack).reason, VLY_DROP_UDP_CHECKSUM);
	vly_stack_large_give(stack, vly_stack_take_whole(stack).dgram);
}

// One host has 16 of the 64 places: its oldest makes room.
static void test_limit_of_a_source(void **state)
{
	(void)state;
	make_packet(false, 2000);
	packet[14 + 15] = 9;
	assert_int_equal(give(1000, 0, CHUNK), VLY_STACK_HELD);
	packet[14 + 15] = 2;
	for (uint32_t id = 0; id < VLY_REASSEMBLY_EACH_MAX + 10; id++)
		assert_int_equal(give(id, 0, CHUNK), VLY_STACK_HELD);
	poll();
	assert_int_equal(polled.lost[VLY_DROP_FRAGMENT_LIMIT], 10);
	make_packet(false, 2000);
	assert_int_equal(give(10, CHUNK, CHUNK), VLY_STACK_WHOLE);
	assert_whole(2, 2000);
	packet[14 + 15] = 9; // the other host's is still there; its checksum is of the first
	assert_int_equal(give(1000, CHUNK, CHUNK), VLY_STACK_WHOLE);
	vly_stack_large_give(stack, vly_stack_take_whole(stack).dgram);
}

static void test_limit_of_all(void **state)
{
	(void)state;
	make_packet(false, 2000);
	for (uint32_t i = 0; i < VLY_REASSEMBLY_MAX + 10; i++) {
		packet[14 + 15] = (uint8_t)(10 + i);
		assert_int_equal(give(1, 0, CHUNK), VLY_STACK_HELD);
	}
	poll();
	assert_int_equal(polled.lost[VLY_DROP_FRAGMENT_LIMIT], 10);
}

static void test_no_buffer(void **state)
{
	struct vly_dgram *all[81];
	uint32_t count = 0;

	(void)state;
	while ((all[count] = vly_stack_large_take(stack)))
		count++;
	assert_int_equal(count, 80);
	make_packet(false, 2000);
	assert_dropped(give(1, 0, CHUNK), VLY_DROP_RX_NO_BUFFER);
	while (count)
		vly_stack_large_give(stack, all[--count]);
	assert_int_equal(give(1, 0, CHUNK), VLY_STACK_HELD);
}

// Time exceeded in reassembly goes to who sent the first fragment, and quotes it.
static void test_timeout(void **state)
{
	static const uint32_t seconds[] = {30, 60};
	static const uint8_t types[] = {11, 3};

	(void)state;
	for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
		size_t l4 = is_ipv6 ? 54 : L4_IP4;
		const uint8_t *p;

		make_packet(is_ipv6, 4000);
		assert_int_equal(give(1, 0, CHUNK), VLY_STACK_HELD);
		assert_int_equal(give(1, CHUNK, CHUNK), VLY_STACK_HELD);
		assert_int_equal(give(2, CHUNK, CHUNK), VLY_STACK_HELD); // without the first
		now_ns += (uint64_t)seconds[is_ipv6] * SECOND - 1;
		poll();
		assert_int_equal(polled.lost[VLY_DROP_FRAGMENT_TIMEOUT], 0);
		assert_int_equal(taken, 0);
		assert_false(vly_stack_poll_is_due(stack, now_ns));
		now_ns++;
		assert_true(vly_stack_poll_is_due(stack, now_ns));
		poll();
		assert_int_equal(polled.lost[VLY_DROP_FRAGMENT_TIMEOUT], 3);
		assert_int_equal(taken, 1);
		p = vly_dgram_data(spare[3]);
		assert_null(frame_is_wrong(p, spare[3]->len));
		assert_memory_equal(p, frame_peer_mac, 6);
		assert_int_equal(p[l4], types[is_ipv6]);
		assert_int_equal(p[l4 + 1], 1);
		assert_int_equal(p[l4 + 8] >> 4, is_ipv6 ? 6 : 4);
		assert_memory_equal(p + l4 + 8 + (is_ipv6 ? 48 : 20), packet + l4, 100);
		assert_nothing_out();
		poll();
		assert_int_equal(polled.lost[VLY_DROP_FRAGMENT_TIMEOUT], 0);
	}
}

// 100 a second at most, after a burst of 16.
static void test_timeouts_are_rate_limited(void **state)
{
	uint32_t messages = 0;

	(void)state;
	make_packet(false, 2000);
	for (uint32_t i = 0; i < 60; i++) {
		packet[14 + 15] = (uint8_t)(10 + i);
		assert_int_equal(give(1, 0, CHUNK), VLY_STACK_HELD);
	}
	now_ns += UINT64_C(30) * SECOND;
	do {
		poll();
		messages += taken;
	} while (taken);
	assert_int_equal(messages, 16);
}

static void test_congestion_is_not_lost(void **state)
{
	static const uint8_t first[] = {2, 0};
	static const uint8_t seen[] = {3, 0}; // what cannot speak of it is not told (RFC 3168)

	(void)state;
	for (int i = 0; i < 2; i++) {
		make_packet(false, 2000);
		packet[15] = first[i];
		assert_int_equal(give(1, 0, CHUNK), VLY_STACK_HELD);
		packet[15] = 3;
		assert_int_equal(give(1, CHUNK, CHUNK), VLY_STACK_WHOLE);
		assert_int_equal(vly_stack_take_whole(stack).dgram->tos, seen[i]);
		assert_whole(2, 2000);
	}
}

static void test_nobody_serves_it(void **state)
{
	(void)state;
	make_packet(false, 2000);
	packet[L4_IP4 + 2] ^= 1; // another port, with a checksum that makes up for it
	packet[L4_IP4 + 0] ^= 1;
	assert_int_equal(give(1, 0, CHUNK), VLY_STACK_HELD);
	assert_int_equal(give(1, CHUNK, CHUNK), VLY_STACK_WHOLE);
	assert_int_equal(vly_stack_take_whole(stack).verdict, VLY_STACK_DROP);
	assert_int_equal(vly_stack_take_whole(stack).reason, VLY_DROP_NO_LISTENER);
	poll();
	assert_null(frame_is_wrong(vly_dgram_data(spare[3]), spare[3]->len));
	assert_int_equal(vly_dgram_data(spare[3])[L4_IP4], 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_malformed, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_tiny_first, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_names_are_apart, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_checksum_is_of_the_whole, open_stack,
						close_stack),
		cmocka_unit_test_setup_teardown(test_limit_of_a_source, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_limit_of_all, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_no_buffer, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_timeout, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_timeouts_are_rate_limited, open_stack,
						close_stack),
		cmocka_unit_test_setup_teardown(test_congestion_is_not_lost, open_stack,
						close_stack),
		cmocka_unit_test_setup_teardown(test_nobody_serves_it, open_stack, close_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
