// SPDX-License-Identifier: BSD-3-Clause
//
// Membership of multicast groups: the routers are told on joining and leaving, in the version that
// they speak, and what nobody here has asked for is not received.
#include <errno.h>

#include "igmp.h"

static void test_joins_of_any_source(void **state)
{
	(void)state;
	open_with(any4, (struct vly_stack_config){0});
	assert_int_equal(begin(), 1);
	for (int i = 0; i < 2; i++) {
		assert_igmp(i ? 0 : 2, routers4, "224.0.0.22",
			    "22000000 00000001 04000000 ef010101");
		assert_int_equal(poll_at(S / 2), 0);
		assert_int_equal(poll_at(S), i ? 0 : 1);
	}
	assert_int_equal(next_due(S, 500 * (uint64_t)S), 500 * (uint64_t)S);
}

static void test_joins_of_any_source6(void **state)
{
	(void)state;
	open_with(any6, (struct vly_stack_config){0});
	assert_int_equal(begin(), 1);
	assert_mld(2, routers6, "ff02::16",
		   "8f000000 00000001 04000000 ff150000000000000000000000000001");
	assert_int_equal(poll_at(S), 1);
	assert_int_equal(poll_at(2 * (uint64_t)S), 0);
}

static void test_joins_of_sources(void **state)
{
	(void)state;
	open_with(from4, (struct vly_stack_config){0});
	assert_int_equal(begin(), 1);
	assert_igmp(2, routers4, "224.0.0.22",
		    "22000000 00000001 05000002 e8010101 0a000007 0a000008");
	vly_stack_close(stack);
	open_with(from6, (struct vly_stack_config){0});
	assert_int_equal(begin(), 1);
	assert_mld(2, routers6, "ff02::16",
		   "8f000000 00000001 05000001 ff350000000000000000000000000001"
		   "fd000000000000000000000000000007");
}

static void test_what_no_router_is_told(void **state)
{
	(void)state;
	open_with(all_hosts, (struct vly_stack_config){0});
	assert_int_equal(begin(), 0);
	assert_int_equal(igmp("224.0.0.1", general4, S), VLY_DROP_COUNT);
	assert_int_equal(mld(general6, S), VLY_DROP_COUNT);
	assert_int_equal(next_due(S, 30 * (uint64_t)S), 30 * (uint64_t)S);
	assert_false(vly_stack_leave(stack));
	vly_stack_close(stack);
	// The kernel has joined them.
	open_with(any4, (struct vly_stack_config){.asks_outside = true});
	assert_int_equal(poll_at(0), 0);
	assert_int_equal(igmp("224.0.0.1", general4, S), VLY_DROP_COUNT);
	assert_int_equal(poll_at(20 * (uint64_t)S), 0);
	assert_false(vly_stack_leave(stack));
}

// Another queue's stack has joined; the question reached this one, and no other.
static void test_a_quiet_stack_only_answers(void **state)
{
	(void)state;
	open_with(any4, (struct vly_stack_config){.is_quiet = true});
	assert_int_equal(poll_at(0), 0);
	assert_int_equal(igmp("224.0.0.1", general4, S), VLY_DROP_COUNT);
	assert_int_equal(poll_at(12 * (uint64_t)S), 1);
	assert_false(vly_stack_leave(stack));
}

static void test_nothing_before_the_addresses_are_ours(void **state)
{
	(void)state;
	open_with(any4, (struct vly_stack_config){.probe_ns = 4 * (uint64_t)S});
	assert_int_equal(poll_at(S), 2);
	assert_false(vly_stack_leave(stack)); // nobody knows
	vly_stack_close(stack);
	open_with(any4, (struct vly_stack_config){.probe_ns = 4 * (uint64_t)S});
	poll_at(S);
	assert_int_equal(poll_at(6 * (uint64_t)S), 3);
	assert_igmp(2, routers4, "224.0.0.22", "22000000 00000001 04000000 ef010101");
}

static void test_too_many_sources(void **state)
{
	struct vly_group many[17];
	struct vly_prefix own;
	struct vly_stack_config config = {
		.link = {.mtu = 1500}, .addrs = &own, .addr_count = 1, .groups = many};
	struct vly_error error;

	(void)state;
	memset(many, 0, sizeof(many));
	assert_int_equal(vly_prefix_parse(&own, "10.0.0.1/24", &error), 0);
	for (uint8_t i = 0; i < 17; i++) {
		frame_ip(many[i].ip, "232.1.1.1");
		frame_ip(many[i].source, "10.0.0.9");
		many[i].source[15] = (uint8_t)(10 + i);
	}
	config.group_count = 17;
	assert_int_equal(vly_stack_open(&stack, &config, &error), -EINVAL);
	assert_non_null(strstr(error.text, "16 sources of one"));
	config.group_count = 16;
	assert_int_equal(vly_stack_open(&stack, &config, &error), 0);
	vly_stack_close(stack);
}

static void test_leaving(void **state)
{
	uint64_t now_ns = 20 * (uint64_t)S;

	(void)state;
	open_with(any4, (struct vly_stack_config){0});
	begin();
	assert_true(vly_stack_leave(stack));
	assert_true(vly_stack_poll_is_due(stack, now_ns));
	assert_int_equal(poll_at(now_ns), 1);
	assert_igmp(0, routers4, "224.0.0.22", "22000000 00000001 03000000 ef010101");
	assert_int_equal(poll_at(now_ns + S), 0);
	vly_stack_close(stack);
	open_with(from6, (struct vly_stack_config){0});
	begin();
	assert_true(vly_stack_leave(stack));
	assert_int_equal(poll_at(now_ns), 1);
	assert_mld(0, routers6, "ff02::16",
		   "8f000000 00000001 06000001 ff350000000000000000000000000001"
		   "fd000000000000000000000000000007");
	vly_stack_close(stack);
	open_with(any4, (struct vly_stack_config){0});
	begin();
	assert_int_equal(igmp("224.0.0.1", "11640000 00000000", S), VLY_DROP_COUNT);
	assert_true(vly_stack_leave(stack));
	assert_int_equal(poll_at(now_ns), 1);
	assert_igmp(0, "01005e000002", "224.0.0.2", "17000000 ef010101");
	assert_false(vly_stack_leave(stack)); // it is told
	vly_stack_close(stack);
	open_with(any4, (struct vly_stack_config){0});
	begin();
	assert_int_equal(igmp("224.0.0.1", "11000000 00000000", S), VLY_DROP_COUNT);
	assert_true(vly_stack_leave(stack));
	assert_int_equal(poll_at(now_ns), 0); // IGMPv1 knows no leaving
}

// Returns the drop reason, or VLY_DROP_COUNT when it is delivered; then the answer, too, must come
// from our own address.
static enum vly_drop datagram(const char *src, const char *dst)
{
	struct frame frame;
	enum vly_drop reason = VLY_DROP_COUNT;
	bool is_6 = strchr(dst, ':') != NULL;
	uint8_t own[16];

	frame_build(&frame, &(struct frame_spec){.dst_mac = frame_broadcast_mac,
						 .src = src,
						 .dst = dst,
						 .payload = "x",
						 .payload_len = 1});
	if (vly_stack_input(stack, &frame.dgram, S, &reason) == VLY_STACK_DROP)
		return reason;
	frame.dgram.fate = VLY_FATE_REPLY;
	assert_int_equal(vly_stack_output(stack, &frame.dgram, S, &reason), VLY_STACK_TRANSMIT);
	frame_ip(own, is_6 ? "fd00::1" : "10.0.0.1");
	if (is_6)
		assert_memory_equal(vly_dgram_data(&frame.dgram) + L3 + 8, own, 16);
	else
		assert_memory_equal(vly_dgram_data(&frame.dgram) + L3 + 12, own + 12, 4);
	return VLY_DROP_COUNT;
}

static void test_what_is_received(void **state)
{
	static const char *const joined[] = {"239.1.1.1",
					     "ff15::1",
					     "232.1.1.1,source=10.0.0.7",
					     "232.1.1.1,source=10.0.0.8",
					     "ff35::1,source=fd00::7",
					     NULL};

	(void)state;
	open_with(joined, (struct vly_stack_config){0});
	assert_int_equal(datagram("10.0.0.9", "239.1.1.1"), VLY_DROP_COUNT);
	assert_int_equal(datagram("10.0.0.9", "239.1.1.2"), VLY_DROP_NOT_OUR_IP);
	assert_int_equal(datagram("10.0.0.7", "232.1.1.1"), VLY_DROP_COUNT);
	assert_int_equal(datagram("10.0.0.8", "232.1.1.1"), VLY_DROP_COUNT);
	assert_int_equal(datagram("10.0.0.9", "232.1.1.1"), VLY_DROP_NOT_OUR_IP);
	assert_int_equal(datagram("fd00::9", "ff15::1"), VLY_DROP_COUNT);
	assert_int_equal(datagram("fd00::9", "ff15::2"), VLY_DROP_NOT_OUR_IP);
	assert_int_equal(datagram("fd00::7", "ff35::1"), VLY_DROP_COUNT);
	assert_int_equal(datagram("fd00::9", "ff35::1"), VLY_DROP_NOT_OUR_IP);
	assert_int_equal(datagram("10.0.0.9", "10.0.0.255"), VLY_DROP_COUNT);
	assert_int_equal(datagram("fd00::9", "ff02::1"), VLY_DROP_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_joins_of_any_source, close_stack),
		cmocka_unit_test_teardown(test_joins_of_any_source6, close_stack),
		cmocka_unit_test_teardown(test_joins_of_sources, close_stack),
		cmocka_unit_test_teardown(test_what_no_router_is_told, close_stack),
		cmocka_unit_test_teardown(test_a_quiet_stack_only_answers, close_stack),
		cmocka_unit_test_teardown(test_nothing_before_the_addresses_are_ours, close_stack),
		cmocka_unit_test(test_too_many_sources),
		cmocka_unit_test_teardown(test_leaving, close_stack),
		cmocka_unit_test_teardown(test_what_is_received, close_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
