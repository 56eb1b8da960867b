// SPDX-License-Identifier: BSD-3-Clause
//
// What routers and hosts say of datagrams that we sent: a path's MTU is honoured, the rest counted.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "one_stack.h"
#include "pieces.h"
#include "stack/path.h"

enum {
	ETH = 14,
	SECOND = 1000000000,
};

static enum vly_drop reason;
static uint64_t now_ns;
static struct pieces pieces;

static const char *const dsts[] = {"10.0.0.1", "fd00::1"};
static const char *const routers[] = {"10.0.0.254", "fd00::fe"};
static const size_t ip_bytes[] = {20, 40};

static int open_stack(void **state)
{
	(void)state;
	now_ns = 1;
	stack = station_open(&(struct station){0});
	return 0;
}

// An echo's answer of that many bytes: what becomes of it. `sent` keeps the packet that left, or
// would have, as a router sees it.
static uint8_t sent[2048];
static size_t sent_len;

static enum vly_stack_output_verdict echo(int is_ipv6, uint16_t len)
{
	static struct frame frame; // what is split stays where it is until the frames are made
	enum vly_stack_output_verdict verdict;

	frame_build(&frame, &(struct frame_spec){.dst = dsts[is_ipv6]});
	assert_int_equal(vly_stack_input(stack, &frame.dgram, now_ns, &reason), VLY_STACK_DELIVER);
	frame.dgram.fate = VLY_FATE_REPLY;
	frame.dgram.len = len;
	verdict = vly_stack_output(stack, &frame.dgram, now_ns, &reason);
	if (verdict == VLY_STACK_TRANSMIT) {
		sent_len = frame.dgram.len - ETH;
		memcpy(sent, vly_dgram_data(&frame.dgram) + ETH, sent_len);
	}
	return verdict;
}

// How large the frames are that an echo's answer leaves in.
static size_t largest_frame(int is_ipv6, uint16_t len)
{
	size_t largest = 0;

	assert_int_equal(echo(is_ipv6, len), VLY_STACK_SPLIT);
	assert_null(pieces_take(&pieces, stack, 1500));
	for (uint32_t i = 0; i < pieces.count; i++)
		if (pieces.frames[i].dgram.len > largest)
			largest = pieces.frames[i].dgram.len;
	pieces_free(&pieces);
	return largest - ETH;
}

// An ICMP error that quotes `quoted` bytes of what was sent.
static enum vly_stack_verdict error(int is_ipv6, uint8_t type, uint8_t code, uint32_t rest,
				    size_t quoted)
{
	uint8_t message[1400] = {type,
				 code,
				 0,
				 0,
				 (uint8_t)(rest >> 24),
				 (uint8_t)(rest >> 16),
				 (uint8_t)(rest >> 8),
				 (uint8_t)rest};
	struct frame frame;

	memcpy(message + 8, sent, quoted);
	frame_build(&frame, &(struct frame_spec){.src = routers[is_ipv6],
						 .dst = dsts[is_ipv6],
						 .protocol = is_ipv6 ? 58 : 1,
						 .payload = message,
						 .payload_len = 8 + quoted});
	return vly_stack_input(stack, &frame.dgram, now_ns, &reason);
}

static enum vly_stack_verdict too_big(int is_ipv6, uint32_t mtu)
{
	return is_ipv6 ? error(1, 2, 0, mtu, sent_len < 1200 ? sent_len : 1200)
		       : error(0, 3, 4, mtu, 28);
}

// What one queue hears, another one sends by.
static void test_others_are_told(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct vly_stack *hearing = stack;
		struct vly_stack_news news;
		size_t largest;

		assert_int_equal(echo(i, 1400), VLY_STACK_TRANSMIT);
		assert_int_equal(too_big(i, 1300), VLY_STACK_ABSORBED);
		assert_true(vly_stack_poll_is_due(stack, now_ns));
		assert_int_equal(vly_stack_news_take(stack, &news, 1), 1);
		assert_int_equal(news.kind, VLY_STACK_NEWS_PATH);
		assert_int_equal(news.mtu, 1300);
		stack = station_open(&(struct station){0});
		assert_int_equal(echo(i, 1400), VLY_STACK_TRANSMIT);
		vly_stack_news_put(stack, &news, now_ns);
		largest = largest_frame(i, 1400);
		assert_int_equal(vly_stack_news_take(stack, &news, 1), 0);
		vly_stack_close(stack);
		stack = hearing;
		assert_in_range(largest, 1290, 1300);
	}
}

static void test_path_mtu_is_honoured(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		uint16_t fits = (uint16_t)(1300 - ip_bytes[i] - 8);

		assert_int_equal(echo(i, 1400), VLY_STACK_TRANSMIT);
		assert_int_equal(too_big(i, 1300), VLY_STACK_ABSORBED);
		assert_in_range(largest_frame(i, 1400), 1290, 1300);
		assert_int_equal(echo(i, (uint16_t)(fits + 1)), VLY_STACK_SPLIT);
		assert_int_equal(echo(i, fits), VLY_STACK_TRANSMIT);
	}
}

static void test_floors(void **state)
{
	static const uint32_t floors[] = {576, 1280};

	(void)state;
	for (int i = 0; i < 2; i++) {
		uint16_t fits = (uint16_t)(floors[i] - ip_bytes[i] - 8);

		assert_int_equal(echo(i, 1400), VLY_STACK_TRANSMIT);
		assert_int_equal(too_big(i, 100), VLY_STACK_ABSORBED);
		assert_int_equal(echo(i, (uint16_t)(fits + 1)), VLY_STACK_SPLIT);
		assert_int_equal(echo(i, fits), VLY_STACK_TRANSMIT);
	}
}

// It is forgotten after ten minutes.
static void test_ageing(void **state)
{
	struct vly_stack_poll out;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(echo(i, 1400), VLY_STACK_TRANSMIT);
		assert_int_equal(too_big(i, 1300), VLY_STACK_ABSORBED);
		now_ns += UINT64_C(600) * SECOND - 1;
		vly_stack_poll(stack, NULL, 0, now_ns, &out);
		assert_int_equal(echo(i, 1400), VLY_STACK_SPLIT);
		now_ns++;
		assert_true(vly_stack_poll_is_due(stack, now_ns));
		vly_stack_poll(stack, NULL, 0, now_ns, &out);
		assert_int_equal(echo(i, 1400), VLY_STACK_TRANSMIT);
	}
}

// Others are not concerned.
static void test_of_one_peer(void **state)
{
	struct frame frame;

	(void)state;
	assert_int_equal(echo(0, 1400), VLY_STACK_TRANSMIT);
	assert_int_equal(too_big(0, 1300), VLY_STACK_ABSORBED);
	frame_build(&frame, &(struct frame_spec){.src = "10.0.0.3"});
	assert_int_equal(vly_stack_input(stack, &frame.dgram, now_ns, &reason), VLY_STACK_DELIVER);
	frame.dgram.fate = VLY_FATE_REPLY;
	frame.dgram.len = 1472;
	assert_int_equal(vly_stack_output(stack, &frame.dgram, now_ns, &reason),
			 VLY_STACK_TRANSMIT);
}

// A router from before RFC 1191 does not say how much it takes.
static void test_mtu_is_not_said(void **state)
{
	(void)state;
	assert_int_equal(echo(0, 1472), VLY_STACK_TRANSMIT);
	assert_int_equal(too_big(0, 0), VLY_STACK_ABSORBED);
	assert_in_range(largest_frame(0, 1472), 1480, 1492);
	assert_int_equal(echo(0, 1464), VLY_STACK_TRANSMIT);
	assert_int_equal(too_big(0, 0), VLY_STACK_ABSORBED);
	assert_in_range(largest_frame(0, 1464), 998, 1006);
}

// Anybody can write such a message: it must quote what we could have sent.
static void test_lies(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		uint8_t good[2048];

		assert_int_equal(echo(i, 1400), VLY_STACK_TRANSMIT);
		memcpy(good, sent, sizeof(good));
		sent[i ? 23 : 15] ^= 1; // from another address
		assert_int_equal(too_big(i, 1300), VLY_STACK_DROP);
		memcpy(sent, good, sizeof(good));
		sent[ip_bytes[i] + 1] ^= 1; // from another port
		assert_int_equal(too_big(i, 1300), VLY_STACK_DROP);
		memcpy(sent, good, sizeof(good));
		sent[i ? 6 : 9] = 6; // TCP
		assert_int_equal(too_big(i, 1300), VLY_STACK_DROP);
		memcpy(sent, good, sizeof(good));
		sent[i ? 4 : 2] = 1; // shorter than what is too much
		assert_int_equal(too_big(i, 1300), VLY_STACK_DROP);
		memcpy(sent, good, sizeof(good));
		assert_int_equal(too_big(i, 1500), VLY_STACK_DROP); // no less than our link takes
		assert_int_equal(reason, VLY_DROP_ICMP);
		assert_int_equal(error(i, i ? 2 : 3, i ? 0 : 4, 1300, ip_bytes[i] + 7),
				 VLY_STACK_DROP);
		assert_int_equal(error(i, i ? 2 : 3, i ? 0 : 4, 1300, 0), VLY_STACK_DROP);
		assert_int_equal(echo(i, 1400), VLY_STACK_TRANSMIT);
		assert_int_equal(too_big(i, 1300), VLY_STACK_ABSORBED);
		assert_int_equal(too_big(i, 1300), VLY_STACK_DROP); // nothing new
		assert_int_equal(too_big(i, 1400), VLY_STACK_DROP); // it does not grow again
	}
}

static void test_errors_have_names(void **state)
{
	static const uint8_t unreachable[] = {3, 1};
	static const uint8_t exceeded[] = {11, 3};

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(echo(i, 100), VLY_STACK_TRANSMIT);
		assert_int_equal(error(i, unreachable[i], i ? 4 : 3, 0, 60), VLY_STACK_DROP);
		assert_int_equal(reason, VLY_DROP_RX_REFUSED);
		assert_int_equal(error(i, exceeded[i], 0, 0, 60), VLY_STACK_DROP);
		assert_int_equal(reason, VLY_DROP_RX_UNREACHABLE);
		sent[ip_bytes[i] + 1] ^= 1; // not ours
		assert_int_equal(error(i, unreachable[i], i ? 4 : 3, 0, 60), VLY_STACK_DROP);
		assert_int_equal(reason, VLY_DROP_ICMP);
	}
}

// However many paths are named, what we keep is bounded, and the newest is known.
static void test_bounded(void **state)
{
	(void)state;
	assert_int_equal(echo(0, 1400), VLY_STACK_TRANSMIT);
	for (uint32_t i = 0; i < 4 * VLY_PATH_SETS * VLY_PATH_WAYS; i++) {
		sent[16] = 172;
		sent[17] = 16;
		sent[18] = (uint8_t)(i >> 8);
		sent[19] = (uint8_t)i;
		now_ns++;
		assert_int_equal(too_big(0, 1300), VLY_STACK_ABSORBED);
		assert_int_equal(too_big(0, 1300), VLY_STACK_DROP);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_others_are_told, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_path_mtu_is_honoured, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_floors, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_ageing, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_of_one_peer, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_mtu_is_not_said, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_lies, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_errors_have_names, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_bounded, open_stack, close_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
