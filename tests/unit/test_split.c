// SPDX-License-Identifier: BSD-3-Clause
//
// Datagrams that leave in several frames: of every size, in place of origin and from large buffers.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "one_stack.h"
#include "pieces.h"

enum {
	MTU = 1500,
	LARGEST = 65507,
	SECOND = 1000000000,
};

static enum vly_drop reason;
static struct pieces pieces;
static uint8_t payload[LARGEST];

static int open_stack(void **state)
{
	(void)state;
	stack = station_open(&(struct station){.config.large_count = 8});
	for (uint32_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 131 + (i >> 7));
	return 0;
}

// The peer makes itself known.
static void meet(void)
{
	struct frame frame;
	uint8_t message[32];
	size_t len = frame_ndp(message, 136, 0x60, "fd00::2", 2, frame_peer_mac);

	frame_arp(&frame, 1, frame_peer_mac, "10.0.0.2", "10.0.0.1");
	assert_int_equal(vly_stack_input(stack, &frame.dgram, 0, &reason), VLY_STACK_REPLY);
	len = frame_ndp(message, 135, 0, "fd00::1", 1, frame_peer_mac);
	frame_build(&frame, &(struct frame_spec){.dst = "fd00::1",
						 .ttl = 255,
						 .protocol = 58,
						 .payload = message,
						 .payload_len = len});
	assert_int_equal(vly_stack_input(stack, &frame.dgram, 0, &reason), VLY_STACK_REPLY);
}

static struct vly_dgram *large_make(const char *peer, size_t len)
{
	struct vly_dgram *dgram = vly_stack_large_take(stack);

	assert_non_null(dgram);
	assert_int_equal(dgram->capacity, LARGEST);
	frame_ip(dgram->peer.ip, peer);
	dgram->peer.port = 53;
	dgram->fate = VLY_FATE_SEND;
	dgram->len = (uint16_t)len;
	memcpy(vly_dgram_data(dgram), payload, len);
	return dgram;
}

// What was split last makes the datagram again.
static void assert_split(size_t len, uint32_t mtu, uint32_t frames)
{
	const char *wrong = pieces_take(&pieces, stack, mtu);

	if (wrong)
		fail_msg("%s", wrong);
	assert_int_equal(pieces.count, frames);
	assert_int_equal(pieces.len, pieces.transport + 8u + len);
	assert_memory_equal(pieces.packet, frame_peer_mac, 6);
	assert_memory_equal(pieces.packet + 6, frame_our_mac, 6);
	assert_memory_equal(pieces.packet + pieces.transport + 8, payload, len);
	pieces_free(&pieces);
}

static const char *const peers[] = {"10.0.0.2", "fd00::2"};
static const uint32_t headers[] = {20, 40};
static const uint32_t chunks[] = {1480, 1448};

static void test_every_size(void **state)
{
	(void)state;
	meet();
	for (size_t len = 0; len <= LARGEST; len += len < 3200 ? 1 : 991)
		for (int i = 0; i < 2; i++) {
			struct vly_dgram *dgram = large_make(peers[i], len);
			bool is_one = headers[i] + 8 + len <= MTU;
			size_t count = is_one ? 1 : (len + 8 + chunks[i] - 1) / chunks[i];

			assert_int_equal(vly_stack_output(stack, dgram, 0, &reason),
					 VLY_STACK_SPLIT);
			assert_split(len, MTU, (uint32_t)count);
			vly_stack_large_give(stack, dgram);
		}
	assert_false(vly_stack_large_is_out(stack));
}

static void test_largest(void **state)
{
	(void)state;
	meet();
	for (int i = 0; i < 2; i++) {
		struct vly_dgram *dgram = large_make(peers[i], LARGEST);

		assert_int_equal(vly_stack_output(stack, dgram, 0, &reason), VLY_STACK_SPLIT);
		assert_split(LARGEST, MTU, i ? 46 : 45);
		dgram->len = LARGEST + 1;
		assert_int_equal(vly_stack_output(stack, dgram, 0, &reason), VLY_STACK_REFUSED);
		assert_int_equal(reason, VLY_DROP_TX_OVERSIZE);
		vly_stack_large_give(stack, dgram);
	}
}

// A reply that its handler made longer than a frame, in the buffer of a frame.
static void test_reply_grows(void **state)
{
	static const char *const dsts[] = {"10.0.0.1", "fd00::1"};
	struct frame frame;

	(void)state;
	for (int i = 0; i < 2; i++) {
		frame_build(&frame, &(struct frame_spec){
					    .dst = dsts[i], .payload = "ping", .payload_len = 4});
		assert_int_equal(vly_stack_input(stack, &frame.dgram, 0, &reason),
				 VLY_STACK_DELIVER);
		frame.dgram.fate = VLY_FATE_REPLY;
		frame.dgram.len = 1900;
		memcpy(vly_dgram_data(&frame.dgram), payload, 1900);
		assert_int_equal(vly_stack_output(stack, &frame.dgram, 0, &reason),
				 VLY_STACK_SPLIT);
		assert_split(1900, MTU, 2);
	}
}

// A large datagram is answered where it lies, back to where it came from.
static void test_reply_to_fragments(void **state)
{
	static uint8_t packet[PIECES_BYTES];
	struct vly_stack_whole whole;
	struct frame piece;

	(void)state;
	for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
		size_t packet_len = piece_whole(packet, is_ipv6, payload, 60000);
		enum vly_stack_verdict verdict = VLY_STACK_HELD;

		for (uint32_t at = 0; at < 60008; at += 1400) {
			assert_int_equal(verdict, VLY_STACK_HELD);
			piece_cut(&piece, packet, packet_len, 77, at,
				  at + 1400 < 60008 ? 1400 : 60008 - at);
			verdict = vly_stack_input(stack, &piece.dgram, 0, &reason);
		}
		assert_int_equal(verdict, VLY_STACK_WHOLE);
		whole = vly_stack_take_whole(stack);
		assert_int_equal(whole.verdict, VLY_STACK_DELIVER);
		whole.dgram->fate = VLY_FATE_REPLY;
		for (size_t len = 60000; len > 0; len /= 7) { // or with less
			whole.dgram->len = (uint16_t)len;
			assert_int_equal(vly_stack_output(stack, whole.dgram, 0, &reason),
					 VLY_STACK_SPLIT);
			assert_split(len, MTU,
				     (uint32_t)(headers[is_ipv6] + 8 + len <= MTU
							? 1
							: (len + 8 + chunks[is_ipv6] - 1) /
								  chunks[is_ipv6]));
		}
		vly_stack_large_give(stack, whole.dgram);
	}
}

static void put16(uint8_t *p, size_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

// A ping in fragments is answered in fragments.
static void test_large_ping(void **state)
{
	static uint8_t packet[PIECES_BYTES];
	struct frame piece;
	struct vly_stack_whole whole;

	(void)state;
	for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
		size_t l4 = is_ipv6 ? 54 : 34;
		size_t packet_len = piece_whole(packet, is_ipv6, payload, 20000);
		uint8_t tail[4] = {0, 58, (uint8_t)(20008 >> 8), (uint8_t)20008};
		enum vly_stack_verdict verdict = VLY_STACK_HELD;

		packet[is_ipv6 ? 20 : 23] = is_ipv6 ? 58 : 1;
		memset(packet + l4, 0, 8);
		packet[l4] = is_ipv6 ? 128 : 8;
		packet[l4 + 5] = 7;
		put16(packet + l4 + 2,
		      (uint16_t)~frame_sum(
			      is_ipv6 ? frame_sum(frame_sum(0, packet + 22, 32), tail, 4) : 0,
			      packet + l4, 20008));
		for (uint32_t at = 0; at < 20008; at += 1400) {
			assert_int_equal(verdict, VLY_STACK_HELD);
			piece_cut(&piece, packet, packet_len, 77, at,
				  at + 1400 < 20008 ? 1400 : 20008 - at);
			verdict = vly_stack_input(stack, &piece.dgram, 0, &reason);
		}
		assert_int_equal(verdict, VLY_STACK_WHOLE);
		whole = vly_stack_take_whole(stack);
		assert_int_equal(whole.verdict, VLY_STACK_REPLY);
		assert_split(20000, MTU, 14);
		assert_int_equal(pieces.packet[l4], is_ipv6 ? 129 : 0);
		assert_int_equal(pieces.packet[l4 + 5], 7);
		vly_stack_large_give(stack, whole.dgram);
	}
}

// Waits for its neighbour whole, and leaves behind what waited before it and before what did after.
static void test_waits_for_its_neighbour(void **state)
{
	struct frame before;
	struct frame after;
	struct vly_dgram *dgram = large_make(peers[0], 5000);
	struct vly_stack_poll out;

	(void)state;
	frame_clear(&before);
	frame_ip(before.dgram.peer.ip, peers[0]);
	before.dgram.peer.port = 53;
	before.dgram.fate = VLY_FATE_SEND;
	after = before;
	assert_int_equal(vly_stack_output(stack, &before.dgram, 0, &reason), VLY_STACK_WAIT);
	assert_int_equal(vly_stack_output(stack, dgram, 0, &reason), VLY_STACK_WAIT);
	assert_int_equal(vly_stack_output(stack, &after.dgram, 0, &reason), VLY_STACK_WAIT);
	meet();
	vly_stack_poll(stack, NULL, 0, 1, &out);
	assert_int_equal(out.frame_count, 1);
	assert_ptr_equal(out.frames[0], &before.dgram);
	assert_ptr_equal(out.split, dgram);
	assert_split(5000, MTU, 4);
	vly_stack_large_give(stack, dgram);
	assert_true(vly_stack_poll_is_due(stack, 1));
	vly_stack_poll(stack, NULL, 0, 1, &out);
	assert_int_equal(out.frame_count, 1);
	assert_ptr_equal(out.frames[0], &after.dgram);
	assert_null(out.split);
}

static void test_names_differ(void **state)
{
	struct vly_dgram *dgram = large_make(peers[0], 3000);
	uint16_t last = 0;

	(void)state;
	meet();
	for (int i = 0; i < 100; i++) {
		const uint8_t *p;

		assert_int_equal(vly_stack_output(stack, dgram, 0, &reason), VLY_STACK_SPLIT);
		assert_null(pieces_take(&pieces, stack, MTU));
		p = vly_dgram_data(&pieces.frames[0].dgram) + 18;
		if (i > 0)
			assert_int_equal((uint16_t)(p[0] << 8 | p[1]), (uint16_t)(last + 1));
		last = (uint16_t)(p[0] << 8 | p[1]);
		pieces_free(&pieces);
	}
	vly_stack_large_give(stack, dgram);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_size, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_largest, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_reply_grows, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_reply_to_fragments, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_large_ping, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_waits_for_its_neighbour, open_stack,
						close_stack),
		cmocka_unit_test_setup_teardown(test_names_differ, open_stack, close_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
