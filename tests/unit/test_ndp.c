// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "frames.h"
#include "one_stack.h"
#include "stack/ndp.h"

enum {
	SOLICITATION = 135,
	ADVERTISEMENT = 136,
	SOURCE_MAC = 1,
	TARGET_MAC = 2,
	SOLICITED = 0x40,
	OVERRIDE = 0x20,
	L4 = 54,
};

static const uint8_t other_mac[6] = {2, 0, 0, 0, 0, 9};

struct message {
	uint8_t type;
	uint8_t flags;
	const char *target;
	uint8_t option;
	const uint8_t *mac;
	const char *src; // fd00::2
	const char *dst; // solicitation: the solicited-node group; advertisement: fd00::1
	uint8_t ttl;     // 255
};

static void message_make(struct frame *frame, struct message message)
{
	uint8_t bytes[64];
	const char *dst = message.type == SOLICITATION ? "ff02::1:ff00:1" : "fd00::1";
	size_t len = frame_ndp(bytes, message.type, message.flags, message.target, message.option,
			       message.mac);

	frame_build(frame, &(struct frame_spec){.dst_mac = frame_broadcast_mac,
						.src = message.src,
						.dst = message.dst ? message.dst : dst,
						.ttl = message.ttl ? message.ttl : 255,
						.protocol = 58,
						.payload = bytes,
						.payload_len = len});
}

static enum vly_stack_verdict input(struct frame *frame)
{
	enum vly_drop reason = VLY_DROP_COUNT;
	enum vly_stack_verdict verdict = vly_stack_input(stack, &frame->dgram, 1, &reason);

	if (verdict == VLY_STACK_DROP)
		assert_int_equal(reason, VLY_DROP_NDP);
	return verdict;
}

static enum vly_stack_verdict input_of(struct message message)
{
	struct frame frame;

	message_make(&frame, message);
	return input(&frame);
}

// The MAC that a datagram to that address goes out to, or NULL while it is not known.
static const uint8_t *mac_of(const char *ip)
{
	static struct frame frame;
	enum vly_drop reason;
	struct vly_stack_poll out;

	frame_clear(&frame);
	frame_ip(frame.dgram.peer.ip, ip);
	frame.dgram.peer.port = 1;
	frame.dgram.fate = VLY_FATE_SEND;
	if (vly_stack_output(stack, &frame.dgram, 2, &reason) == VLY_STACK_TRANSMIT)
		return vly_dgram_data(&frame.dgram);
	vly_stack_poll(stack, NULL, 0, 1000000000000, &out);
	assert_int_equal(out.refused_count, 1);
	return NULL;
}

// Leaves a datagram that waits for fd00::N, so that the neighbour is being asked for.
static void ask_for(struct frame *waiting, const char *ip)
{
	enum vly_drop reason;

	frame_clear(waiting);
	frame_ip(waiting->dgram.peer.ip, ip);
	waiting->dgram.peer.port = 1;
	waiting->dgram.fate = VLY_FATE_SEND;
	assert_int_equal(vly_stack_output(stack, &waiting->dgram, 1, &reason), VLY_STACK_WAIT);
}

static void test_decode(void **state)
{
	uint8_t bytes[64];
	size_t len = frame_ndp(bytes, ADVERTISEMENT, 0xe0, "fd00::2", TARGET_MAC, frame_peer_mac);
	struct vly_ndp ndp;

	(void)state;
	assert_int_equal(vly_ndp_decode(&ndp, bytes, len), len);
	assert_int_equal(ndp.flags, VLY_NDP_ROUTER | VLY_NDP_SOLICITED | VLY_NDP_OVERRIDE);
	assert_true(ndp.has_mac);
	assert_memory_equal(ndp.mac, frame_peer_mac, 6);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(vly_ndp_decode(&ndp, bytes, cut), cut == 24 ? 24 : -EBADMSG);
	bytes[25] = 0; // an option of no length
	assert_int_equal(vly_ndp_decode(&ndp, bytes, len), -EBADMSG);
	bytes[25] = 2; // one that is longer than the message
	assert_int_equal(vly_ndp_decode(&ndp, bytes, len), -EBADMSG);
	bytes[25] = 1;
	bytes[24] = 14; // a nonce: not known
	assert_int_equal(vly_ndp_decode(&ndp, bytes, len), len);
	assert_false(ndp.has_mac);
	bytes[1] = 1;
	assert_int_equal(vly_ndp_decode(&ndp, bytes, len), -EBADMSG);
	assert_int_equal(vly_ndp_encode(&ndp, bytes, VLY_NDP_BYTES - 1), -ENOSPC);
	ndp.has_mac = true;
	assert_int_equal(vly_ndp_encode(&ndp, bytes, VLY_NDP_BYTES_MAX - 1), -ENOSPC);
}

static void assert_advertises(const struct frame *frame, uint8_t flags)
{
	uint8_t expected[64];
	const uint8_t *p = frame->bytes;
	size_t len =
		frame_ndp(expected, ADVERTISEMENT, flags, "fd00::1", TARGET_MAC, frame_our_mac);

	assert_null(frame_is_wrong(p, frame->dgram.len));
	assert_int_equal(frame->dgram.len, L4 + len);
	memcpy(expected + 2, p + L4 + 2, 2);
	assert_memory_equal(p + L4, expected, len);
	assert_int_equal(p[21], 255);
	assert_memory_equal(p + 6, frame_our_mac, 6);
}

static void test_solicitation_is_answered_and_learned(void **state)
{
	struct frame frame;

	(void)state;
	assert_null(mac_of("fd00::2"));
	message_make(&frame, (struct message){.type = SOLICITATION,
					      .target = "fd00::1",
					      .option = SOURCE_MAC,
					      .mac = frame_peer_mac});
	assert_int_equal(input(&frame), VLY_STACK_REPLY);
	assert_advertises(&frame, SOLICITED | OVERRIDE);
	assert_memory_equal(frame.bytes, frame_peer_mac, 6);
	assert_memory_equal(mac_of("fd00::2"), frame_peer_mac, 6);
}

static void test_unicast_solicitation_without_a_mac(void **state)
{
	struct frame frame;

	(void)state;
	message_make(&frame, (struct message){.type = SOLICITATION,
					      .target = "fd00::1",
					      .dst = "fd00::1",
					      .src = "fd00::3"});
	assert_int_equal(input(&frame), VLY_STACK_REPLY);
	assert_advertises(&frame, SOLICITED | OVERRIDE);
	assert_memory_equal(frame.bytes, frame_peer_mac, 6);
	assert_null(mac_of("fd00::3"));
}

// Who looks for duplicates asks from ::, and everybody gets the answer.
static void test_duplicate_detection_is_answered(void **state)
{
	static const uint8_t all_nodes[6] = {0x33, 0x33, 0, 0, 0, 1};
	struct frame frame;

	(void)state;
	message_make(&frame,
		     (struct message){.type = SOLICITATION, .target = "fd00::1", .src = "::"});
	assert_int_equal(input(&frame), VLY_STACK_REPLY);
	assert_advertises(&frame, OVERRIDE);
	assert_memory_equal(frame.bytes, all_nodes, 6);
	assert_int_equal(
		input_of((struct message){
			.type = SOLICITATION, .target = "fd00::1", .src = "::", .dst = "fd00::1"}),
		VLY_STACK_DROP);
	assert_int_equal(input_of((struct message){.type = SOLICITATION,
						   .target = "fd00::1",
						   .src = "::",
						   .option = SOURCE_MAC,
						   .mac = frame_peer_mac}),
			 VLY_STACK_DROP);
}

static void test_no_room_for_the_answer(void **state)
{
	struct frame frame;

	(void)state;
	message_make(&frame, (struct message){.type = SOLICITATION, .target = "fd00::1"});
	frame.dgram.capacity = frame.dgram.len;
	assert_int_equal(input(&frame), VLY_STACK_DROP);
}

static void test_what_is_discarded(void **state)
{
	static const struct message messages[] = {
		{.type = SOLICITATION, .target = "fd00::5"},             // not ours
		{.type = SOLICITATION, .target = "ff02::1"},             // a group
		{.type = SOLICITATION, .target = "fd00::1", .ttl = 254}, // through a router
		{.type = ADVERTISEMENT, .target = "fd00::2", .ttl = 254},
		{.type = ADVERTISEMENT, .target = "ff02::1"},
		{.type = ADVERTISEMENT, .target = "fd00::2", .flags = SOLICITED, .dst = "ff02::1"},
		{.type = ADVERTISEMENT, .target = "fd00::2", .src = "::"},
		{.type = ADVERTISEMENT, .target = "fd00::7", .flags = SOLICITED}, // not asked for
		{.type = ADVERTISEMENT, .target = "2001:db8::1", .flags = SOLICITED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (input_of(messages[i]) != VLY_STACK_DROP)
			fail_msg("message %zu", i);
}

static void test_advertisement_ends_the_asking(void **state)
{
	struct frame waiting;
	struct vly_stack_poll out;

	(void)state;
	ask_for(&waiting, "fd00::4");
	assert_int_equal(input_of((struct message){.type = ADVERTISEMENT,
						   .flags = SOLICITED,
						   .target = "fd00::4",
						   .option = TARGET_MAC,
						   .mac = other_mac}),
			 VLY_STACK_ABSORBED);
	assert_true(vly_stack_poll_is_due(stack, 1));
	vly_stack_poll(stack, NULL, 0, 1, &out);
	assert_int_equal(out.frame_count, 1);
	assert_memory_equal(vly_dgram_data(&waiting.dgram), other_mac, 6);
}

// Without the override flag a MAC that is known stays (RFC 4861, section 7.2.5).
static void test_override(void **state)
{
	struct message news = {
		.type = ADVERTISEMENT, .target = "fd00::2", .option = TARGET_MAC, .mac = other_mac};

	(void)state;
	input_of((struct message){.type = SOLICITATION,
				  .target = "fd00::1",
				  .option = SOURCE_MAC,
				  .mac = frame_peer_mac});
	assert_int_equal(input_of(news), VLY_STACK_DROP);
	assert_memory_equal(mac_of("fd00::2"), frame_peer_mac, 6);
	news.flags = OVERRIDE;
	assert_int_equal(input_of(news), VLY_STACK_ABSORBED);
	assert_memory_equal(mac_of("fd00::2"), other_mac, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_solicitation_is_answered_and_learned),
		cmocka_unit_test(test_unicast_solicitation_without_a_mac),
		cmocka_unit_test(test_duplicate_detection_is_answered),
		cmocka_unit_test(test_no_room_for_the_answer),
		cmocka_unit_test(test_what_is_discarded),
		cmocka_unit_test(test_advertisement_ends_the_asking),
		cmocka_unit_test(test_override),
	};

	return cmocka_run_group_tests(tests, open_usual_stack, close_stack);
}
