// SPDX-License-Identifier: BSD-3-Clause
//
// What a stack may be opened with, and how neighbours age once it runs.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "frames.h"
#include "stations.h"

enum {
	S = 1000000000,
};

static struct vly_prefix prefix_of(const char *text)
{
	struct vly_prefix prefix = {.bits = 0};
	struct vly_error error;

	if (vly_prefix_parse(&prefix, text, &error) < 0)
		fail_msg("%s", error.text);
	return prefix;
}

static int try_open(const struct vly_stack_config *config)
{
	struct vly_stack *stack;
	struct vly_error error = {""};
	int result = vly_stack_open(&stack, config, &error);

	if (result == 0)
		vly_stack_close(stack);
	else
		assert_memory_equal(error.text, "stack: ", 7);
	return result;
}

static void test_refused_addresses(void **state)
{
	static const char *const texts[] = {"127.0.0.1/8",        "224.0.0.1/24", "0.0.0.0/0",
					    "255.255.255.255/32", "::1/128",      "::/0",
					    "ff02::1/16"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct vly_prefix prefix = prefix_of(texts[i]);
		struct vly_stack_config config = {
			.link.mtu = 1500, .addrs = &prefix, .addr_count = 1};

		assert_int_equal(try_open(&config), -EINVAL);
	}
}

// A listen of many ports serves these, and no others.
static void test_listen_span(void **state)
{
	static const struct {
		uint16_t port;
		bool is_served;
	} cases[] = {{8999, false}, {9000, true}, {9001, true}, {9999, true}, {10000, false}};
	struct vly_stack *stack = station_open(&(struct station){.config.listen_span = 1000});

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct frame_spec spec = {
			.dst_port = cases[i].port, .payload = "x", .payload_len = 1};
		enum vly_drop reason = VLY_DROP_COUNT;
		struct frame frame;

		frame_build(&frame, &spec);
		if (cases[i].is_served) {
			assert_int_equal(vly_stack_input(stack, &frame.dgram, 1, &reason),
					 VLY_STACK_DELIVER);
			assert_int_equal(frame.dgram.local.port, cases[i].port);
		} else {
			assert_int_equal(vly_stack_input(stack, &frame.dgram, 1, &reason),
					 VLY_STACK_DROP);
			assert_int_equal(reason, VLY_DROP_NO_LISTENER);
		}
	}
	vly_stack_close(stack);
}

static void test_refused_configurations(void **state)
{
	struct vly_prefix prefix = prefix_of("10.0.0.1/24");
	struct vly_endpoint elsewhere = {.addr = {.port = 9000}};
	const struct vly_stack_config good = {
		.link.mtu = 1500, .addrs = &prefix, .addr_count = 1, .client_port = 1};
	struct vly_stack_config config = good;

	(void)state;
	assert_int_equal(try_open(&config), 0);
	config.addr_count = 0;
	assert_int_equal(try_open(&config), -EINVAL);
	config.addr_count = VLY_ADDRS_MAX + 1;
	assert_int_equal(try_open(&config), -EINVAL);
	config = good;
	config.link.mtu = 575;
	assert_int_equal(try_open(&config), -EINVAL);
	config = good;
	config.link.mac[0] = 1;
	assert_int_equal(try_open(&config), -EINVAL);
	config = good;
	config.vlan = 4095;
	assert_int_equal(try_open(&config), -EINVAL);
	config = good;
	config.listens = &elsewhere;
	config.listen_count = VLY_LISTENS_MAX + 1;
	assert_int_equal(try_open(&config), -EINVAL);
	config.listen_count = 1;
	frame_ip(elsewhere.addr.ip, "10.0.0.2");
	assert_int_equal(try_open(&config), -EINVAL);
	frame_ip(elsewhere.addr.ip, "10.0.0.1");
	assert_int_equal(try_open(&config), 0);
}

static enum vly_stack_output_verdict send_at(struct vly_stack *stack, struct frame *frame,
					     uint64_t now_ns)
{
	enum vly_drop reason;

	frame_clear(frame);
	frame_ip(frame->dgram.peer.ip, "10.0.0.2");
	frame->dgram.peer.port = 53;
	frame->dgram.fate = VLY_FATE_SEND;
	return vly_stack_output(stack, &frame->dgram, now_ns, &reason);
}

static uint32_t poll_at(struct vly_stack *stack, struct frame *spare, uint64_t now_ns)
{
	struct vly_dgram *spares[] = {&spare->dgram};
	struct vly_stack_poll out;

	frame_clear(spare);
	return vly_stack_poll(stack, spares, 1, now_ns, &out);
}

static void hear_from_peer(struct vly_stack *stack, uint64_t now_ns)
{
	struct vly_stack_poll out;
	enum vly_drop reason;
	struct frame frame;

	frame_arp(&frame, 1, frame_peer_mac, "10.0.0.2", "10.0.0.1");
	assert_int_equal(vly_stack_input(stack, &frame.dgram, now_ns, &reason), VLY_STACK_REPLY);
	assert_true(vly_stack_poll_is_due(stack, now_ns)); // there are news to be told
	vly_stack_poll(stack, NULL, 0, now_ns, &out);
}

// After half a minute who is sent to is asked again, at the MAC it had, and goes on being sent to.
// Three requests without an answer, and it is forgotten.
static void test_neighbours_age(void **state)
{
	struct vly_stack *stack = station_open(&(struct station){.is_client = false});
	struct vly_stack_poll out;
	struct frame frame;
	struct frame spare;
	uint64_t now_ns = 40 * (uint64_t)S;

	(void)state;
	hear_from_peer(stack, S);
	assert_int_equal(send_at(stack, &frame, 30 * (uint64_t)S), VLY_STACK_TRANSMIT);
	assert_false(vly_stack_poll_is_due(stack, 30 * (uint64_t)S));
	for (int i = 0; i < 3; i++, now_ns += S) {
		assert_int_equal(send_at(stack, &frame, now_ns), VLY_STACK_TRANSMIT);
		assert_true(vly_stack_poll_is_due(stack, now_ns));
		assert_int_equal(poll_at(stack, &spare, now_ns), 1);
		assert_memory_equal(vly_dgram_data(&spare.dgram), frame_peer_mac, 6);
		assert_false(vly_stack_poll_is_due(stack, now_ns));
	}
	assert_int_equal(poll_at(stack, &spare, now_ns), 0);
	assert_int_equal(send_at(stack, &frame, now_ns), VLY_STACK_WAIT);
	vly_stack_poll(stack, NULL, 0, now_ns + 100 * (uint64_t)S, &out);
	assert_int_equal(out.refused_count, 1);
	vly_stack_close(stack);
}

static void test_an_answer_keeps_a_neighbour(void **state)
{
	struct vly_stack *stack = station_open(&(struct station){.is_client = false});
	struct frame frame;
	struct frame spare;
	uint64_t now_ns = 40 * (uint64_t)S;

	(void)state;
	hear_from_peer(stack, S);
	assert_int_equal(send_at(stack, &frame, now_ns), VLY_STACK_TRANSMIT);
	assert_int_equal(poll_at(stack, &spare, now_ns), 1);
	hear_from_peer(stack, now_ns);
	assert_int_equal(poll_at(stack, &spare, now_ns), 0);
	assert_false(vly_stack_poll_is_due(stack, now_ns + 29 * (uint64_t)S));
	assert_int_equal(send_at(stack, &frame, now_ns + 29 * (uint64_t)S), VLY_STACK_TRANSMIT);
	assert_false(vly_stack_poll_is_due(stack, now_ns + 29 * (uint64_t)S));
	vly_stack_close(stack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_addresses),
		cmocka_unit_test(test_listen_span),
		cmocka_unit_test(test_refused_configurations),
		cmocka_unit_test(test_neighbours_age),
		cmocka_unit_test(test_an_answer_keeps_a_neighbour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
