// SPDX-License-Identifier: BSD-3-Clause
//
// The exception path: what the stack leaves to the kernel.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/exception.h"
#include "frames.h"
#include "pieces.h"
#include "stations.h"

enum {
	LARGE = 60000,
	CHUNK = 1200, // of it in each frame
	UDP_BYTES = 8,
};

static void assert_left(struct vly_stack *stack, struct frame *frame, enum vly_drop expected)
{
	enum vly_drop reason = VLY_DROP_COUNT;
	struct frame before = *frame;

	assert_int_equal(vly_stack_input(stack, &frame->dgram, 1, &reason), VLY_STACK_DROP);
	assert_int_equal(reason, expected);
	assert_int_equal(frame->dgram.data_offset, before.dgram.data_offset);
	assert_int_equal(frame->dgram.len, before.dgram.len);
	assert_memory_equal(frame->bytes, before.bytes, before.dgram.len);
	assert_true(vly_exception_wants(&frame->dgram, reason));
}

// Nobody answers but the kernel, and nothing is said of closed ports.
static void test_stack_leaves_answers(void **state)
{
	struct vly_stack *stack = station_open(&(struct station){.config.has_kernel = true});
	struct vly_stack_poll out;
	uint8_t message[64];
	struct frame frame;
	struct vly_dgram *spare = &frame.dgram;

	(void)state;
	frame_arp(&frame, 1, frame_peer_mac, "10.0.0.2", "10.0.0.1");
	assert_left(stack, &frame, VLY_DROP_ARP);
	frame_build(&frame,
		    &(struct frame_spec){
			    .dst = "fd00::1",
			    .src = "fd00::2",
			    .ttl = 255,
			    .protocol = 58,
			    .payload = message,
			    .payload_len = frame_ndp(message, 135, 0, "fd00::1", 1, frame_peer_mac),
		    });
	assert_left(stack, &frame, VLY_DROP_NDP);
	frame_build(&frame, &(struct frame_spec){
				    .protocol = 1, .payload = "\10\0\0\0abcd", .payload_len = 8});
	assert_left(stack, &frame, VLY_DROP_ICMP);
	frame_build(&frame, &(struct frame_spec){.dst_port = 9});
	assert_left(stack, &frame, VLY_DROP_NO_LISTENER);
	frame_build(&frame,
		    &(struct frame_spec){.protocol = 6, .payload = message, .payload_len = 20});
	assert_left(stack, &frame, VLY_DROP_IP_PROTOCOL);
	frame_clear(&frame);
	assert_int_equal(vly_stack_poll(stack, &spare, 1, 2, &out), 0);
	vly_stack_close(stack);
}

// What the kernel answers the stack has heard: it asks for nobody.
static void test_stack_learns(void **state)
{
	struct vly_stack *stack = station_open(&(struct station){.config.has_kernel = true});
	enum vly_drop reason = VLY_DROP_COUNT;
	struct frame frame;

	(void)state;
	frame_arp(&frame, 1, frame_peer_mac, "10.0.0.2", "10.0.0.1");
	assert_left(stack, &frame, VLY_DROP_ARP);
	frame_clear(&frame);
	frame_ip(frame.dgram.peer.ip, "10.0.0.2");
	frame.dgram.peer.port = 9;
	frame.dgram.fate = VLY_FATE_SEND;
	assert_int_equal(vly_stack_output(stack, &frame.dgram, 2, &reason), VLY_STACK_TRANSMIT);
	vly_stack_close(stack);
}

// To port 9: the first fragment alone says that it is not ours, and it comes last.
static void receive_large(struct vly_stack *stack, const uint8_t *bytes, size_t len, uint32_t l4)
{
	struct vly_stack_whole whole;
	enum vly_drop reason;
	struct frame piece;
	uint32_t count = 0;

	for (uint32_t at = CHUNK; at < len - l4; at += CHUNK, count++) {
		uint32_t left = (uint32_t)len - l4 - at;

		piece_cut(&piece, bytes, len, 7, at, left < CHUNK ? left : CHUNK);
		assert_int_equal(vly_stack_input(stack, &piece.dgram, 1, &reason), VLY_STACK_HELD);
	}
	piece_cut(&piece, bytes, len, 7, 0, CHUNK);
	assert_int_equal(vly_stack_input(stack, &piece.dgram, 1, &reason), VLY_STACK_WHOLE);
	whole = vly_stack_take_whole(stack);
	assert_int_equal(whole.verdict, VLY_STACK_DROP);
	assert_int_equal(whole.reason, VLY_DROP_NO_LISTENER);
	assert_int_equal(whole.fragments, count + 1);
	assert_true(vly_exception_wants(whole.dgram, whole.reason));
}

// The kernel gets fragments that make the same bytes, headers and all.
static void test_stack_leaves_fragments(void **state)
{
	static uint8_t payload[LARGE];
	static uint8_t bytes[PIECES_BYTES];
	static struct pieces pieces;

	(void)state;
	for (uint32_t i = 0; i < LARGE; i++)
		payload[i] = (uint8_t)(i * 167 + (i >> 8));
	for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
		const struct station station = {.listens = {"[::]:9001"},
						.config.has_kernel = true};
		struct vly_stack *stack = station_open(&station);
		size_t len = piece_whole(bytes, is_ipv6, payload, LARGE);
		uint32_t l4 = (uint32_t)len - LARGE - UDP_BYTES;
		const char *wrong;

		receive_large(stack, bytes, len, l4);
		wrong = pieces_take(&pieces, stack, 1500);
		assert_string_equal(wrong ? wrong : "", "");
		assert_int_equal(pieces.len, len);
		// Length, identification and checksum of IPv4 are those of the whole.
		assert_memory_equal(pieces.packet, bytes, 16);
		if (!is_ipv6)
			memcpy(bytes + 24, pieces.packet + 24, 2);
		assert_memory_equal(pieces.packet + 20, bytes + 20, len - 20);
		pieces_free(&pieces);
		vly_stack_large_give(stack, vly_stack_take_whole(stack).dgram);
		assert_false(vly_stack_large_is_out(stack));
		vly_stack_close(stack);
	}
}

static void test_wants_no_lies(void **state)
{
	static const enum vly_drop lies[] = {VLY_DROP_FRAME_SHORT, VLY_DROP_IP_HEADER,
					     VLY_DROP_IP_CHECKSUM, VLY_DROP_IP_SOURCE,
					     VLY_DROP_UDP_LENGTH,  VLY_DROP_UDP_CHECKSUM};
	struct frame frame;

	(void)state;
	frame_build(&frame, &(struct frame_spec){.dst_mac = frame_peer_mac});
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		assert_false(vly_exception_wants(&frame.dgram, lies[i]));
	assert_false(vly_exception_wants(&frame.dgram, VLY_DROP_NOT_OUR_MAC));
	frame_build(&frame, &(struct frame_spec){.dst_mac = frame_broadcast_mac});
	assert_true(vly_exception_wants(&frame.dgram, VLY_DROP_NOT_OUR_MAC));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stack_leaves_answers),
		cmocka_unit_test(test_stack_learns),
		cmocka_unit_test(test_stack_leaves_fragments),
		cmocka_unit_test(test_wants_no_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
