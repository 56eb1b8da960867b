// SPDX-License-Identifier: BSD-3-Clause
#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "frames.h"
#include "one_stack.h"
#include "stack/arp.h"

enum {
	REQUEST = 1,
	REPLY = 2,
};

static enum vly_stack_verdict input(struct frame *frame)
{
	enum vly_drop reason = VLY_DROP_COUNT;
	enum vly_stack_verdict verdict = vly_stack_input(stack, &frame->dgram, 1, &reason);

	if (verdict == VLY_STACK_DROP)
		assert_int_equal(reason, VLY_DROP_ARP);
	return verdict;
}

// Whether a datagram to that address goes out at once, and to that MAC.
static bool is_known(const char *ip, const uint8_t *mac)
{
	enum vly_drop reason;
	struct frame frame;
	struct vly_stack_poll out;

	frame_clear(&frame);
	frame_ip(frame.dgram.peer.ip, ip);
	frame.dgram.peer.port = 1;
	frame.dgram.fate = VLY_FATE_SEND;
	if (vly_stack_output(stack, &frame.dgram, 2, &reason) == VLY_STACK_TRANSMIT) {
		assert_memory_equal(vly_dgram_data(&frame.dgram), mac, 6);
		return true;
	}
	vly_stack_poll(stack, NULL, 0, 1000000000000, &out);
	assert_int_equal(out.refused_count, 1);
	return false;
}

static void test_decode(void **state)
{
	uint8_t bytes[64];
	size_t len = frame_hex(bytes,
			       "0001 0800 06 04 0001 020000000002 0a000002 000000000000 0a000001");
	struct vly_arp arp;

	(void)state;
	assert_int_equal(len, VLY_ARP_BYTES);
	assert_int_equal(vly_arp_decode(&arp, bytes, len), VLY_ARP_BYTES);
	assert_int_equal(arp.operation, VLY_ARP_REQUEST);
	assert_memory_equal(arp.sender_mac, frame_peer_mac, 6);
	assert_int_equal(arp.sender_raw, htobe32(0x0a000002));
	assert_int_equal(arp.target_raw, htobe32(0x0a000001));
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(vly_arp_decode(&arp, bytes, cut), -EBADMSG);
	for (size_t at = 0; at < 8; at++) { // every byte of the fixed part counts
		bytes[at] ^= 4;
		assert_int_equal(vly_arp_decode(&arp, bytes, len), -EBADMSG);
		bytes[at] ^= 4;
	}
	assert_int_equal(vly_arp_encode(&arp, bytes, VLY_ARP_BYTES - 1), -ENOSPC);
}

static void test_request_is_answered_and_learned(void **state)
{
	struct frame frame;
	const uint8_t *p = frame.bytes;
	uint8_t expected[64];
	size_t len = frame_hex(expected, "020000000002 020000000001 0806 0001 0800 06 04 0002"
					 "020000000001 0a000001 020000000002 0a000002");

	(void)state;
	assert_false(is_known("10.0.0.2", NULL));
	frame_arp(&frame, REQUEST, frame_peer_mac, "10.0.0.2", "10.0.0.1");
	assert_int_equal(input(&frame), VLY_STACK_REPLY);
	assert_int_equal(frame.dgram.len, len);
	assert_memory_equal(p, expected, len);
	assert_int_equal(frame.dgram.link, 14);
	assert_true(is_known("10.0.0.2", frame_peer_mac));
}

// RFC 5227: a probe is answered, but there is nobody yet to learn of.
static void test_probe_is_answered_and_not_learned(void **state)
{
	struct frame frame;

	(void)state;
	frame_arp(&frame, REQUEST, frame_peer_mac, "0.0.0.0", "10.0.0.1");
	assert_int_equal(input(&frame), VLY_STACK_REPLY);
	assert_int_equal(frame.bytes[14 + 7], REPLY);
}

static void test_gratuitous_arp_updates_who_is_known(void **state)
{
	static const uint8_t other_mac[6] = {2, 0, 0, 0, 0, 9};
	struct frame frame;

	(void)state;
	frame_arp(&frame, REQUEST, frame_peer_mac, "10.0.0.3", "10.0.0.3");
	assert_int_equal(input(&frame), VLY_STACK_DROP);
	assert_false(is_known("10.0.0.3", NULL));
	frame_arp(&frame, REQUEST, frame_peer_mac, "10.0.0.3", "10.0.0.1");
	assert_int_equal(input(&frame), VLY_STACK_REPLY);
	assert_true(is_known("10.0.0.3", frame_peer_mac));
	frame_arp(&frame, REQUEST, other_mac, "10.0.0.3", "10.0.0.3");
	assert_int_equal(input(&frame), VLY_STACK_ABSORBED);
	assert_true(is_known("10.0.0.3", other_mac));
}

static void test_no_business_of_ours(void **state)
{
	static const uint8_t group_mac[6] = {1, 0, 0, 0, 0, 9};
	struct frame frame;

	(void)state;
	frame_arp(&frame, REQUEST, frame_peer_mac, "10.0.0.4", "10.0.0.5");
	assert_int_equal(input(&frame), VLY_STACK_DROP);
	frame_arp(&frame, REQUEST, frame_our_mac, "10.0.0.4", "10.0.0.1"); // our MAC
	assert_int_equal(input(&frame), VLY_STACK_DROP);
	frame_arp(&frame, REQUEST, frame_peer_mac, "224.0.0.4", "10.0.0.1");
	assert_int_equal(input(&frame), VLY_STACK_DROP);
	frame_arp(&frame, REQUEST, frame_peer_mac, "10.0.0.4", "10.0.0.1");
	memcpy(frame.bytes + 22, group_mac, 6);
	assert_int_equal(input(&frame), VLY_STACK_DROP);
	frame_arp(&frame, REQUEST, frame_peer_mac, "10.0.0.4", "10.0.0.1");
	memset(frame.bytes + 22, 0, 6);
	assert_int_equal(input(&frame), VLY_STACK_DROP);
	frame_arp(&frame, REPLY + 1, frame_peer_mac, "10.0.0.4", "10.0.0.1");
	assert_int_equal(input(&frame), VLY_STACK_DROP);
	assert_false(is_known("10.0.0.4", NULL));
}

// Who is on no link of ours is answered, and not believed to be a neighbour.
static void test_stranger_is_not_learned(void **state)
{
	struct frame frame;

	(void)state;
	frame_arp(&frame, REQUEST, frame_peer_mac, "192.0.2.4", "10.0.0.1");
	assert_int_equal(input(&frame), VLY_STACK_REPLY);
}

static void test_truncated_at_every_length(void **state)
{
	struct frame frame;

	(void)state;
	for (uint16_t len = 14; len < 42; len++) {
		frame_arp(&frame, REQUEST, frame_peer_mac, "10.0.0.2", "10.0.0.1");
		frame.dgram.len = len;
		assert_int_equal(input(&frame), VLY_STACK_DROP);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_request_is_answered_and_learned),
		cmocka_unit_test(test_probe_is_answered_and_not_learned),
		cmocka_unit_test(test_gratuitous_arp_updates_who_is_known),
		cmocka_unit_test(test_no_business_of_ours),
		cmocka_unit_test(test_stranger_is_not_learned),
		cmocka_unit_test(test_truncated_at_every_length),
	};

	return cmocka_run_group_tests(tests, open_usual_stack, close_stack);
}
