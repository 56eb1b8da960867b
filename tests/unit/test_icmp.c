// SPDX-License-Identifier: BSD-3-Clause
//
// Ping is answered in place; unserved ports are, at a limited rate, told so.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "frames.h"
#include "one_stack.h"
#include "stack/icmp.h"

enum {
	MS = 1000000,
};

static const char *const dsts[] = {"10.0.0.1", "fd00::1"};
static const uint8_t protocols[] = {1, 58};

static enum vly_stack_verdict input(struct frame *frame, uint64_t now_ns)
{
	enum vly_drop reason = VLY_DROP_COUNT;
	enum vly_stack_verdict verdict = vly_stack_input(stack, &frame->dgram, now_ns, &reason);

	if (verdict == VLY_STACK_DROP && reason != VLY_DROP_NO_LISTENER)
		assert_int_equal(reason, VLY_DROP_ICMP);
	return verdict;
}

static void ping_make(struct frame *frame, int family, struct frame_spec spec, uint8_t type,
		      size_t len)
{
	uint8_t message[64];

	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 37);
	message[0] = type;
	message[1] = 0;
	if (!spec.dst)
		spec.dst = dsts[family];
	spec.protocol = protocols[family];
	spec.payload = message;
	spec.payload_len = len;
	frame_build(frame, &spec);
}

static void test_ping_is_answered(void **state)
{
	(void)state;
	for (int family = 0; family < 2; family++)
		for (size_t len = 8; len < 60; len++) {
			uint8_t type = family ? 128 : 8;
			size_t l4 = family ? 54 : 34;
			struct frame request;
			struct frame frame;

			ping_make(&request, family, (struct frame_spec){.ttl = 3}, type, len);
			frame = request;
			assert_int_equal(input(&frame, 0), VLY_STACK_REPLY);
			assert_null(frame_is_wrong(frame.bytes, frame.dgram.len));
			assert_int_equal(frame.dgram.len, l4 + len);
			assert_memory_equal(frame.bytes, frame_peer_mac, 6);
			assert_memory_equal(frame.bytes + 6, frame_our_mac, 6);
			assert_int_equal(frame.bytes[l4], family ? 129 : 0);
			assert_memory_equal(frame.bytes + l4 + 4, request.bytes + l4 + 4, len - 4);
			assert_int_equal(frame.bytes[family ? 21 : 22], 64);
		}
}

// A reply of zeros alone has a checksum of ffff: a sum of 0 verifies nowhere.
static void test_ping_of_zeros(void **state)
{
	static const uint8_t message[12] = {8};
	struct frame frame;

	(void)state;
	frame_build(&frame,
		    &(struct frame_spec){.protocol = 1, .payload = message, .payload_len = 12});
	assert_int_equal(input(&frame, 0), VLY_STACK_REPLY);
	assert_null(frame_is_wrong(frame.bytes, frame.dgram.len));
}

static void test_ping_with_options_and_tag(void **state)
{
	static const uint8_t options[4] = {0x94, 0x04, 0x00, 0x00};
	struct frame frame;

	(void)state;
	ping_make(&frame, 0,
		  (struct frame_spec){.options = options, .options_len = 4, .is_tagged = true}, 8,
		  20);
	assert_int_equal(input(&frame, 0), VLY_STACK_REPLY);
	assert_int_equal(frame.dgram.data_offset, offsetof(struct frame, bytes) + 4);
	assert_null(frame_is_wrong(vly_dgram_data(&frame.dgram), frame.dgram.len));
	assert_int_equal(frame.dgram.len, 18 + 20 + 20);
}

static void test_groups_are_not_answered(void **state)
{
	struct frame frame;

	(void)state;
	ping_make(&frame, 0, (struct frame_spec){.dst = "10.0.0.255"}, 8, 20);
	assert_int_equal(input(&frame, 0), VLY_STACK_DROP);
	ping_make(&frame, 1, (struct frame_spec){.dst = "ff02::1"}, 128, 20);
	assert_int_equal(input(&frame, 0), VLY_STACK_DROP);
}

static void test_what_is_dropped(void **state)
{
	static const uint8_t types4[] = {0, 3, 4, 5, 11, 12, 13, 17};
	static const uint8_t types6[] = {1, 2, 3, 4, 129, 131, 132, 133, 134, 137, 143};
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(types4); i++) {
		ping_make(&frame, 0, (struct frame_spec){0}, types4[i], 28);
		assert_int_equal(input(&frame, 0), VLY_STACK_DROP);
	}
	for (size_t i = 0; i < sizeof(types6); i++) {
		ping_make(&frame, 1, (struct frame_spec){0}, types6[i], 28);
		assert_int_equal(input(&frame, 0), VLY_STACK_DROP);
	}
	for (int family = 0; family < 2; family++) {
		for (size_t len = 0; len < 8; len++) {
			ping_make(&frame, family, (struct frame_spec){0}, family ? 128 : 8, len);
			assert_int_equal(input(&frame, 0), VLY_STACK_DROP);
		}
		for (size_t bit = 0; bit < 8 * 20; bit++) {
			ping_make(&frame, family, (struct frame_spec){0}, family ? 128 : 8, 20);
			frame.bytes[(family ? 54 : 34) + bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_int_equal(input(&frame, 0), VLY_STACK_DROP);
		}
	}
}

static uint32_t poll_one(struct frame *spare, uint64_t now_ns)
{
	struct vly_dgram *spares[] = {&spare->dgram};
	struct vly_stack_poll out;

	frame_clear(spare);
	return vly_stack_poll(stack, spares, 1, now_ns, &out);
}

static void test_unserved_port_is_told(void **state)
{
	(void)state;
	for (int family = 0; family < 2; family++) {
		size_t l4 = family ? 54 : 34;
		struct frame request;
		struct frame frame;
		struct frame spare;

		frame_build(&request, &(struct frame_spec){.dst = dsts[family],
							   .dst_port = 33434,
							   .payload = "traceroute",
							   .payload_len = 10});
		frame = request;
		assert_int_equal(input(&frame, MS), VLY_STACK_DROP);
		assert_true(vly_stack_poll_is_due(stack, MS));
		assert_int_equal(poll_one(&spare, MS), 1);
		assert_int_equal(poll_one(&frame, MS), 0);
		assert_false(vly_stack_poll_is_due(stack, MS));
		const uint8_t *p = vly_dgram_data(&spare.dgram);

		assert_null(frame_is_wrong(p, spare.dgram.len));
		assert_memory_equal(p, frame_peer_mac, 6);
		assert_int_equal(p[l4], family ? 1 : 3);
		assert_int_equal(p[l4 + 1], family ? 4 : 3);
		assert_memory_equal(p + l4 + 8, request.bytes + 14, request.dgram.len - 14);
		assert_int_equal(spare.dgram.len, l4 + 8 + request.dgram.len - 14);
	}
}

// A burst of 16, and then one each 10 ms.
static void test_complaints_are_limited(void **state)
{
	struct frame frame;
	struct frame spare;
	uint32_t sent = 0;

	(void)state;
	for (uint64_t now_ns = 1000u * (uint64_t)MS; now_ns < 2000u * (uint64_t)MS; now_ns += MS)
		for (int i = 0; i < 20; i++) {
			frame_build(&frame, &(struct frame_spec){.dst_port = 5});
			input(&frame, now_ns);
			sent += poll_one(&spare, now_ns);
		}
	assert_in_range(sent, 110, 120);
}

static void test_groups_are_not_complained_to(void **state)
{
	struct frame frame;

	(void)state;
	frame_build(&frame, &(struct frame_spec){.dst_port = 5, .dst = "10.0.0.255"});
	input(&frame, 10000u * (uint64_t)MS);
	frame_build(&frame, &(struct frame_spec){.dst_port = 5, .dst = "ff02::1"});
	input(&frame, 10000u * (uint64_t)MS);
	assert_false(vly_stack_poll_is_due(stack, 10000u * (uint64_t)MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ping_is_answered),
		cmocka_unit_test(test_ping_of_zeros),
		cmocka_unit_test(test_ping_with_options_and_tag),
		cmocka_unit_test(test_groups_are_not_answered),
		cmocka_unit_test(test_what_is_dropped),
		cmocka_unit_test(test_unserved_port_is_told),
		cmocka_unit_test(test_complaints_are_limited),
		cmocka_unit_test(test_groups_are_not_complained_to),
	};

	return cmocka_run_group_tests(tests, open_usual_stack, close_stack);
}
