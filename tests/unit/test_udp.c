// SPDX-License-Identifier: BSD-3-Clause
//
// UDP: the codec, delivery over both families, and every reason to drop.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "frames.h"
#include "stack/state.h"
#include "stack/udp.h"

#include "one_stack.h" // after what has parameters of that name

static const char text[] = "a volley of words";

static enum vly_drop dropped(struct frame *frame)
{
	enum vly_drop reason = VLY_DROP_COUNT;

	assert_int_equal(vly_stack_input(stack, &frame->dgram, 0, &reason), VLY_STACK_DROP);
	return reason;
}

static void assert_delivered(struct frame *frame)
{
	enum vly_drop reason = VLY_DROP_COUNT;

	assert_int_equal(vly_stack_input(stack, &frame->dgram, 0, &reason), VLY_STACK_DELIVER);
}

static void assert_payload(const struct frame *frame)
{
	assert_int_equal(frame->dgram.len, sizeof(text));
	assert_memory_equal(vly_dgram_data(&frame->dgram), text, sizeof(text));
}

static void assert_addr(const struct vly_addr *addr, const char *ip, uint16_t port)
{
	uint8_t expected[16];

	frame_ip(expected, ip);
	assert_memory_equal(addr->ip, expected, 16);
	assert_int_equal(addr->port, port);
}

static void test_decode(void **state)
{
	uint8_t bytes[32];
	size_t len = frame_hex(bytes, "04d2 2328 000a beef 6869");
	struct vly_udp udp;

	(void)state;
	assert_int_equal(vly_udp_decode(&udp, bytes, len), VLY_UDP_BYTES);
	assert_int_equal(udp.src_port, 1234);
	assert_int_equal(udp.dst_port, 9000);
	assert_int_equal(udp.len, 10);
	assert_int_equal(udp.checksum_raw, htobe16(0xbeef));
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(vly_udp_decode(&udp, bytes, cut), -EBADMSG);
	bytes[5] = 7;
	assert_int_equal(vly_udp_decode(&udp, bytes, len), -EBADMSG);
	assert_int_equal(vly_udp_encode(&udp, bytes, 7), -ENOSPC);
}

static void test_ipv4_is_delivered(void **state)
{
	struct frame frame;
	int32_t start;

	(void)state;
	frame_build(&frame,
		    &(struct frame_spec){
			    .payload = text, .payload_len = sizeof(text), .ttl = 7, .tos = 0xb8});
	start = frame.dgram.data_offset;
	assert_delivered(&frame);
	assert_payload(&frame);
	assert_addr(&frame.dgram.peer, "10.0.0.2", 1234);
	assert_addr(&frame.dgram.local, "10.0.0.1", 9000);
	assert_int_equal(frame.dgram.data_offset, start + 42);
	assert_int_equal(frame.dgram.capacity, FRAME_BYTES - 42);
	assert_int_equal(frame.dgram.ttl, 7);
	assert_int_equal(frame.dgram.tos, 0xb8);
	assert_int_not_equal(frame.dgram.flow_hash, 0);
}

static void test_ipv6_is_delivered(void **state)
{
	struct frame frame;

	(void)state;
	frame_build(&frame, &(struct frame_spec){.dst = "fd00::1",
						 .payload = text,
						 .payload_len = sizeof(text),
						 .ttl = 9,
						 .tos = 0xb8});
	assert_delivered(&frame);
	assert_payload(&frame);
	assert_addr(&frame.dgram.peer, "fd00::2", 1234);
	assert_addr(&frame.dgram.local, "fd00::1", 9000);
	assert_int_equal(frame.dgram.ttl, 9);
	assert_int_equal(frame.dgram.tos, 0xb8);
}

static void test_priority_tag_is_read_over(void **state)
{
	struct frame frame;

	(void)state;
	frame_build(&frame, &(struct frame_spec){.is_tagged = true,
						 .tci = 0xe000,
						 .payload = text,
						 .payload_len = sizeof(text)});
	assert_delivered(&frame);
	assert_payload(&frame);
}

static void test_empty_payload(void **state)
{
	struct frame frame;

	(void)state;
	frame_build(&frame, &(struct frame_spec){0});
	frame.dgram.len = 60; // padded to the least length of Ethernet
	assert_delivered(&frame);
	assert_int_equal(frame.dgram.len, 0);
}

static void test_padding_is_trimmed(void **state)
{
	struct frame frame;

	(void)state;
	frame_build(&frame, &(struct frame_spec){.payload = text, .payload_len = 3});
	frame.dgram.len = 60;
	assert_delivered(&frame);
	assert_int_equal(frame.dgram.len, 3);
	frame_build(&frame,
		    &(struct frame_spec){.dst = "fd00::1", .payload = text, .payload_len = 3});
	frame.dgram.len = (uint16_t)(frame.dgram.len + 9);
	assert_delivered(&frame);
	assert_int_equal(frame.dgram.len, 3);
}

// What IP carries beyond the UDP length is not payload, nor is it in the checksum.
static void test_udp_length_may_be_less_than_ip_length(void **state)
{
	static const char *const dsts[] = {"10.0.0.1", "fd00::1"};
	uint8_t inner[64] = {0x04, 0xd2, 0x23, 0x28, 0, 8 + 5, 0, 0, 'h', 'e', 'l', 'l', 'o', 1, 2};
	uint8_t pseudo[36] = {0};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct frame frame;
		size_t addrs = i ? 32 : 8;
		uint16_t sum;

		frame_build(&frame, &(struct frame_spec){.dst = dsts[i],
							 .payload = inner + 8,
							 .payload_len = 7});
		memcpy(pseudo, frame.bytes + (i ? 22 : 26), addrs);
		pseudo[addrs + 1] = 17;
		pseudo[addrs + 3] = 13;
		inner[6] = inner[7] = 0;
		sum = (uint16_t)~frame_sum(frame_sum(0, pseudo, addrs + 4), inner, 13);
		inner[6] = (uint8_t)(sum >> 8);
		inner[7] = (uint8_t)sum;
		memcpy(frame.bytes + (i ? 54 : 34), inner, 15);
		assert_delivered(&frame);
		assert_int_equal(frame.dgram.len, 5);
	}
}

static void test_bad_length(void **state)
{
	struct frame frame;

	(void)state;
	frame_build(&frame, &(struct frame_spec){.payload = text, .payload_len = 8});
	frame.bytes[14 + 20 + 5]++;
	assert_int_equal(dropped(&frame), VLY_DROP_UDP_LENGTH);
	frame_build(&frame, &(struct frame_spec){.payload = text, .payload_len = 8});
	frame.bytes[14 + 20 + 5] = 7;
	assert_int_equal(dropped(&frame), VLY_DROP_UDP_LENGTH);
	frame_build(&frame, &(struct frame_spec){.dst = "fd00::1", .payload = text});
	frame.bytes[14 + 40 + 5] = 0; // a jumbogram's length (RFC 2675)
	assert_int_equal(dropped(&frame), VLY_DROP_UDP_LENGTH);
}

static void test_every_flipped_bit_is_found(void **state)
{
	static const char *const dsts[] = {"10.0.0.1", "fd00::1"};
	struct frame frame;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct frame_spec spec = {
			.dst = dsts[i], .payload = text, .payload_len = sizeof(text)};
		size_t udp = i ? 54 : 34;

		for (size_t bit = 0; bit < 8 * (8 + sizeof(text)); bit++) {
			enum vly_drop reason;

			frame_build(&frame, &spec);
			frame.bytes[udp + bit / 8] ^= (uint8_t)(1u << bit % 8);
			reason = dropped(&frame);
			assert_true(reason == VLY_DROP_UDP_CHECKSUM ||
				    (reason == VLY_DROP_UDP_LENGTH && bit / 16 == 2));
		}
	}
}

static void test_what_the_device_verified_is_not_verified_again(void **state)
{
	struct frame frame;

	(void)state;
	frame_build(&frame, &(struct frame_spec){.payload = text, .payload_len = sizeof(text)});
	frame.bytes[60] ^= 1;
	frame.dgram.link = VLY_FRAME_UDP_CSUM | VLY_FRAME_IP_CSUM;
	assert_delivered(&frame);
	frame_build(&frame, &(struct frame_spec){.payload = text, .payload_len = sizeof(text)});
	frame.bytes[14 + 10] ^= 1;
	frame.dgram.link = VLY_FRAME_IP_CSUM;
	assert_delivered(&frame);
}

static void test_absent_checksum(void **state)
{
	struct frame_spec spec = {
		.has_no_checksum = true, .payload = text, .payload_len = sizeof(text)};
	struct frame frame;

	(void)state;
	frame_build(&frame, &spec);
	assert_delivered(&frame);
	spec.dst = "fd00::1";
	frame_build(&frame, &spec);
	assert_int_equal(dropped(&frame), VLY_DROP_UDP_CHECKSUM);
	frame_build(&frame, &spec);
	frame.dgram.link = VLY_FRAME_UDP_CSUM;
	assert_int_equal(dropped(&frame), VLY_DROP_UDP_CHECKSUM);
}

// A sender on the same machine may leave the checksum to a card: the field has the sum of the
// pseudo-header alone. It is taken where the link says that this happens, and nothing else is.
static void test_partial_checksum(void **state)
{
	static const char *const dsts[] = {"10.0.0.1", "fd00::1"};
	struct frame frame;

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		struct frame_spec spec = {.dst = dsts[i],
					  .payload = text,
					  .payload_len = sizeof(text),
					  .has_partial_checksum = true};

		stack->takes_partial = false;
		frame_build(&frame, &spec);
		assert_int_equal(dropped(&frame), VLY_DROP_UDP_CHECKSUM);
		stack->takes_partial = true;
		frame_build(&frame, &spec);
		assert_delivered(&frame);
		frame_build(&frame, &spec);
		frame.bytes[(i ? 54 : 34) + 7] ^= 1;
		assert_int_equal(dropped(&frame), VLY_DROP_UDP_CHECKSUM);
		stack->takes_partial = false;
	}
}

static void test_nobody_listens(void **state)
{
	struct frame frame;

	(void)state;
	frame_build(&frame, &(struct frame_spec){.dst_port = 9001});
	assert_int_equal(dropped(&frame), VLY_DROP_NO_LISTENER);
	frame_build(&frame, &(struct frame_spec){.dst = "fd00::1", .dst_port = 9000 + 128});
	assert_int_equal(dropped(&frame), VLY_DROP_NO_LISTENER);
}

static void test_the_devices_hash_is_kept(void **state)
{
	struct frame frame;

	(void)state;
	frame_build(&frame, &(struct frame_spec){0});
	frame.dgram.flow_hash = 77;
	assert_delivered(&frame);
	assert_int_equal(frame.dgram.flow_hash, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_ipv4_is_delivered),
		cmocka_unit_test(test_ipv6_is_delivered),
		cmocka_unit_test(test_priority_tag_is_read_over),
		cmocka_unit_test(test_empty_payload),
		cmocka_unit_test(test_padding_is_trimmed),
		cmocka_unit_test(test_udp_length_may_be_less_than_ip_length),
		cmocka_unit_test(test_bad_length),
		cmocka_unit_test(test_every_flipped_bit_is_found),
		cmocka_unit_test(test_what_the_device_verified_is_not_verified_again),
		cmocka_unit_test(test_absent_checksum),
		cmocka_unit_test(test_partial_checksum),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_the_devices_hash_is_kept),
	};

	return cmocka_run_group_tests(tests, open_usual_stack, close_stack);
}
