// SPDX-License-Identifier: BSD-3-Clause
//
// Datagrams that come in fragments: in any order, with whatever an attacker makes of them.
#include "prng.h"
#include "reassembly.h"

static void test_in_order(void **state)
{
	(void)state;
	for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
		size_t len = is_ipv6 ? LARGEST - 20 : LARGEST;
		uint32_t count = 0;

		make_packet(is_ipv6, len);
		for (uint32_t at = 0; at < len + 8; at += CHUNK, count++) {
			enum vly_stack_verdict verdict = give(7, at, CHUNK);

			assert_int_equal(verdict,
					 at + CHUNK < len + 8 ? VLY_STACK_HELD : VLY_STACK_WHOLE);
		}
		assert_whole(count, len);
		assert_nothing_out();
	}
}

static void test_any_order_and_size(void **state)
{
	struct prng prng = prng_open();

	(void)state;
	for (int round = 0; round < 200; round++) {
		uint32_t units = 1 + prng_below(&prng, 60);
		uint32_t order[64];
		size_t len = 5000 + prng_below(&prng, 2000);
		uint32_t chunk = units * 8;
		uint32_t count = (uint32_t)(len + 8 + chunk - 1) / chunk;

		if (count > 64)
			continue;
		make_packet(round % 2, len);
		for (uint32_t i = 0; i < count; i++) {
			uint32_t j = prng_below(&prng, i + 1);

			order[i] = order[j];
			order[j] = i;
		}
		for (uint32_t i = 0; i < count; i++)
			assert_int_equal(give((uint32_t)round, order[i] * chunk, chunk),
					 i + 1 < count ? VLY_STACK_HELD : VLY_STACK_WHOLE);
		assert_whole(count, len);
	}
	assert_nothing_out();
}

static void test_duplicate(void **state)
{
	(void)state;
	for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
		make_packet(is_ipv6, 3000);
		assert_int_equal(give(1, 0, CHUNK), VLY_STACK_HELD);
		assert_dropped(give(1, 0, CHUNK), VLY_DROP_FRAGMENT_DUPLICATE);
		assert_int_equal(give(1, 2 * CHUNK, CHUNK), VLY_STACK_HELD);
		assert_dropped(give(1, 2 * CHUNK, CHUNK), VLY_DROP_FRAGMENT_DUPLICATE);
		assert_int_equal(give(1, CHUNK, CHUNK), VLY_STACK_WHOLE);
		assert_whole(3, 3000);
	}
}

// RFC 5722: with the datagram goes all that came of it and all that still comes.
static void test_overlap(void **state)
{
	(void)state;
	for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
		make_packet(is_ipv6, 6000);
		assert_int_equal(give(1, 0, CHUNK), VLY_STACK_HELD);
		assert_int_equal(give(1, 2 * CHUNK, CHUNK), VLY_STACK_HELD);
		assert_dropped(give(1, CHUNK - 8, CHUNK), VLY_DROP_FRAGMENT_OVERLAP);
		assert_nothing_out();
		assert_dropped(give(1, CHUNK, CHUNK), VLY_DROP_FRAGMENT_OVERLAP);
		poll();
		assert_int_equal(polled.lost[VLY_DROP_FRAGMENT_OVERLAP], 2);
		// Another of the same sender is not concerned.
		assert_int_equal(give(2, 0, CHUNK), VLY_STACK_HELD);
		now_ns += UINT64_C(61) * SECOND;
		poll();
		assert_int_equal(polled.lost[VLY_DROP_FRAGMENT_TIMEOUT], 1);
		// The name may be used again.
		make_packet(is_ipv6, 1500);
		assert_int_equal(give(1, 0, CHUNK), VLY_STACK_HELD);
		assert_int_equal(give(1, CHUNK, CHUNK), VLY_STACK_WHOLE);
		assert_whole(2, 1500);
	}
}

// The same place with other bytes is no duplicate.
static void test_overlap_of_other_bytes(void **state)
{
	(void)state;
	make_packet(false, 3000);
	assert_int_equal(give(1, 0, CHUNK), VLY_STACK_HELD);
	packet[100] ^= 1;
	assert_dropped(give(1, 0, CHUNK), VLY_DROP_FRAGMENT_OVERLAP);
}

// Teardrop: the second fragment ends inside the first.
static void test_teardrop(void **state)
{
	(void)state;
	make_packet(false, 64);
	assert_int_equal(give(1, 0, 48), VLY_STACK_HELD);
	packet_len = L4_IP4 + 36; // so that it says that it is the last
	packet[60] ^= 1;
	assert_dropped(give(1, 24, 12), VLY_DROP_FRAGMENT_OVERLAP);
	assert_nothing_out();
}

static void test_contradicting_ends(void **state)
{
	(void)state;
	make_packet(true, 4000);
	assert_int_equal(give(1, 2 * CHUNK, CHUNK), VLY_STACK_HELD);
	make_packet(true, 2000);
	assert_dropped(give(1, CHUNK, CHUNK), VLY_DROP_FRAGMENT_OVERLAP); // a last one before it
	make_packet(true, 2000);
	assert_int_equal(give(2, CHUNK, CHUNK), VLY_STACK_HELD);
	make_packet(true, 4000);
	assert_dropped(give(2, 2 * CHUNK, 8),
		       VLY_DROP_FRAGMENT_OVERLAP); // something behind the end
	poll();
	assert_int_equal(polled.lost[VLY_DROP_FRAGMENT_OVERLAP], 2);
}

// RFC 6946: one that is whole by itself has nothing to do with others of its name.
static void test_atomic(void **state)
{
	struct frame frame;

	(void)state;
	make_packet(true, 3000);
	assert_int_equal(give(9, 0, CHUNK), VLY_STACK_HELD);
	make_packet(true, 1000);
	piece_cut(&frame, packet, packet_len, 9, 0, 1008);
	assert_int_equal(input(&frame), VLY_STACK_DELIVER);
	assert_int_equal(frame.dgram.len, 1000);
	assert_memory_equal(vly_dgram_data(&frame.dgram), payload, 1000);
	frame.dgram.fate = VLY_FATE_REPLY;
	assert_int_equal(vly_stack_output(stack, &frame.dgram, now_ns, &reason),
			 VLY_STACK_TRANSMIT);
	assert_null(frame_is_wrong(vly_dgram_data(&frame.dgram), frame.dgram.len));
	make_packet(true, 3000);
	assert_int_equal(give(9, CHUNK, CHUNK), VLY_STACK_HELD);
	assert_int_equal(give(9, 2 * CHUNK, CHUNK), VLY_STACK_WHOLE);
	assert_whole(3, 3000);
}

// A fragment header inside of a fragment, and neighbour discovery in fragments (RFC 6980).
static void test_what_may_not_be_in_fragments(void **state)
{
	uint8_t message[40] = {44, 0, 0, 0, 0, 0, 0, 1}; // an atomic fragment's header
	struct frame frame;

	(void)state;
	message[8] = 44;
	frame_build(&frame, &(struct frame_spec){.dst = "fd00::1",
						 .options = message,
						 .options_len = 16,
						 .extension = 44});
	assert_dropped(input(&frame), VLY_DROP_FRAGMENT);
	message[0] = 58;
	memset(message + 8, 0, 32);
	frame_ndp(message + 8, 135, 0, "fd00::1", 1, frame_peer_mac);
	frame_build(&frame, &(struct frame_spec){.dst = "fd00::1",
						 .ttl = 255,
						 .protocol = 58,
						 .payload = message + 8,
						 .payload_len = 32});
	assert_int_equal(input(&frame), VLY_STACK_REPLY);
	frame_build(&frame, &(struct frame_spec){.dst = "fd00::1",
						 .ttl = 255,
						 .protocol = 58,
						 .payload = message + 8,
						 .payload_len = 32});
	memcpy(packet, frame.bytes, frame.dgram.len);
	packet_len = frame.dgram.len;
	assert_int_equal(give(3, 0, 16), VLY_STACK_HELD);
	assert_int_equal(give(3, 16, 16), VLY_STACK_WHOLE);
	assert_int_equal(vly_stack_take_whole(stack).verdict, VLY_STACK_DROP);
	assert_int_equal(vly_stack_take_whole(stack).reason, VLY_DROP_NDP);
	vly_stack_large_give(stack, vly_stack_take_whole(stack).dgram);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_in_order, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_any_order_and_size, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_duplicate, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_overlap, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_overlap_of_other_bytes, open_stack,
						close_stack),
		cmocka_unit_test_setup_teardown(test_teardrop, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_contradicting_ends, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_atomic, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_what_may_not_be_in_fragments, open_stack,
						close_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
