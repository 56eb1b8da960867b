// SPDX-License-Identifier: BSD-3-Clause
//
// Duplicate address detection: what is probed is not ours yet, a claim by another station is news,
// and later ones are answered, but not each.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "frames.h"
#include "one_stack.h"

enum {
	S = 1000000000,
	SPARES = 4,
	ARP_SENDER = 28,
	ARP_TARGET = 38,
	SOLICITATION = 135,
	ADVERTISEMENT = 136,
	TARGET_MAC = 2,
};

static struct frame spares[SPARES];
// Probes for four seconds, so once a second in the first three.
static int open_stack(void **state)
{
	(void)state;
	stack = station_open_fresh(&(struct station){.config = {.probe_ns = 4 * (uint64_t)S}});
	return 0;
}

static uint32_t poll_at(uint64_t now_ns)
{
	struct vly_dgram *list[SPARES];
	struct vly_stack_poll out;

	for (int i = 0; i < SPARES; i++) {
		frame_clear(&spares[i]);
		list[i] = &spares[i].dgram;
	}
	return vly_stack_poll(stack, list, SPARES, now_ns, &out);
}

static enum vly_drop dropped(struct frame *frame, uint64_t now_ns)
{
	enum vly_drop reason = VLY_DROP_COUNT;

	if (vly_stack_input(stack, &frame->dgram, now_ns, &reason) != VLY_STACK_DROP)
		return VLY_DROP_COUNT;
	return reason;
}

static void assert_conflict(const char *ip, const uint8_t *mac)
{
	struct vly_stack_news news;
	uint8_t expected[16];

	frame_ip(expected, ip);
	do
		assert_int_equal(vly_stack_news_take(stack, &news, 1), 1);
	while (news.kind != VLY_STACK_NEWS_CONFLICT);
	assert_memory_equal(news.ip, expected, 16);
	assert_memory_equal(news.mac, mac, 6);
}

static void neighbour_message(struct frame *frame, uint8_t type, const char *src, const char *dst)
{
	uint8_t bytes[64];
	bool is_advertised = type == ADVERTISEMENT;
	size_t len = frame_ndp(bytes, type, 0, "fd00::1", is_advertised ? TARGET_MAC : 0,
			       is_advertised ? frame_peer_mac : NULL);

	frame_build(frame, &(struct frame_spec){.dst_mac = frame_broadcast_mac,
						.src = src,
						.dst = dst,
						.ttl = 255,
						.protocol = 58,
						.payload = bytes,
						.payload_len = len});
}

static void test_three_probes_then_ours(void **state)
{
	static const uint8_t zero[16];
	struct frame frame;

	(void)state;
	assert_true(vly_stack_is_probing(stack));
	for (uint64_t i = 0; i < 3; i++) {
		const uint8_t *p = vly_dgram_data(&spares[SPARES - 1].dgram);

		assert_int_equal(poll_at(S + i * S), 2);
		p = vly_dgram_data(&spares[SPARES - 1].dgram);
		assert_memory_equal(p, frame_broadcast_mac, 6);
		assert_memory_equal(p + ARP_SENDER, zero, 4);
		assert_int_equal(p[ARP_TARGET + 3], 1);
		p = vly_dgram_data(&spares[SPARES - 2].dgram);
		assert_null(frame_is_wrong(p, spares[SPARES - 2].dgram.len));
		assert_memory_equal(p + 22, zero, 16);
		assert_int_equal(p[54], SOLICITATION);
		assert_int_equal(spares[SPARES - 2].dgram.len, 14 + 40 + 24);
		assert_int_equal(poll_at(S + i * S), 0);
	}
	// Until then nothing is ours, not even a question for it.
	frame_build(&frame, &(struct frame_spec){.payload_len = 0});
	assert_int_equal(dropped(&frame, 4 * (uint64_t)S), VLY_DROP_NOT_OUR_IP);
	frame_arp(&frame, 1, frame_peer_mac, "10.0.0.2", "10.0.0.1");
	assert_int_equal(dropped(&frame, 4 * (uint64_t)S), VLY_DROP_ARP);
	assert_int_equal(poll_at(5 * (uint64_t)S), 2); // the announcements
	assert_false(vly_stack_is_probing(stack));
	frame_arp(&frame, 1, frame_peer_mac, "10.0.0.2", "10.0.0.1");
	assert_int_equal(dropped(&frame, 5 * (uint64_t)S), VLY_DROP_COUNT);
}

static void test_a_quiet_stack_only_waits(void **state)
{
	struct vly_stack *loud = stack;

	(void)state;
	stack = station_open_fresh(
		&(struct station){.config = {.probe_ns = 4 * (uint64_t)S, .is_quiet = true}});
	assert_int_equal(poll_at(S), 0);
	assert_true(vly_stack_is_probing(stack));
	assert_int_equal(poll_at(5 * (uint64_t)S), 0);
	assert_false(vly_stack_is_probing(stack));
	vly_stack_close(stack);
	stack = loud;
}

// The one who has it answers, or another probes it at the same time.
static void test_conflicts_while_probing(void **state)
{
	struct frame frame;

	(void)state;
	poll_at(S);
	frame_arp(&frame, 2, frame_peer_mac, "10.0.0.1", "0.0.0.0");
	assert_int_equal(dropped(&frame, S), VLY_DROP_ADDR_CONFLICT);
	assert_conflict("10.0.0.1", frame_peer_mac);
	frame_arp(&frame, 1, frame_peer_mac, "0.0.0.0", "10.0.0.1");
	assert_int_equal(dropped(&frame, S), VLY_DROP_ADDR_CONFLICT);
	assert_conflict("10.0.0.1", frame_peer_mac);
	neighbour_message(&frame, ADVERTISEMENT, "fd00::1", "ff02::1");
	assert_int_equal(dropped(&frame, S), VLY_DROP_ADDR_CONFLICT);
	assert_conflict("fd00::1", frame_peer_mac);
	neighbour_message(&frame, SOLICITATION, "::", "ff02::1:ff00:1");
	assert_int_equal(dropped(&frame, S), VLY_DROP_ADDR_CONFLICT);
	assert_conflict("fd00::1", frame_peer_mac);
	// Our own probe, come back.
	frame_arp(&frame, 1, frame_our_mac, "0.0.0.0", "10.0.0.1");
	assert_int_equal(dropped(&frame, S), VLY_DROP_ARP);
}

static void test_later_claims_are_defended(void **state)
{
	struct frame frame;
	uint64_t now_ns = 20 * (uint64_t)S;

	(void)state;
	poll_at(S);
	poll_at(6 * (uint64_t)S);
	assert_int_equal(poll_at(now_ns), 0);
	for (int i = 0; i < 3; i++) {
		frame_arp(&frame, 1, frame_peer_mac, "10.0.0.1", "10.0.0.1");
		assert_int_equal(dropped(&frame, now_ns), VLY_DROP_ADDR_CONFLICT);
		assert_conflict("10.0.0.1", frame_peer_mac);
		assert_int_equal(poll_at(now_ns), i ? 0 : 2);
	}
	neighbour_message(&frame, ADVERTISEMENT, "fd00::1", "ff02::1");
	assert_int_equal(dropped(&frame, now_ns), VLY_DROP_ADDR_CONFLICT);
	assert_int_equal(poll_at(now_ns), 0);
	frame_arp(&frame, 1, frame_peer_mac, "10.0.0.1", "10.0.0.1");
	assert_int_equal(dropped(&frame, now_ns + 10 * (uint64_t)S), VLY_DROP_ADDR_CONFLICT);
	assert_int_equal(poll_at(now_ns + 10 * (uint64_t)S), 2);
	// A probe of somebody else is answered.
	frame_arp(&frame, 1, frame_peer_mac, "0.0.0.0", "10.0.0.1");
	assert_int_equal(dropped(&frame, now_ns), VLY_DROP_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_three_probes_then_ours, open_stack,
						close_stack),
		cmocka_unit_test_setup_teardown(test_a_quiet_stack_only_waits, open_stack,
						close_stack),
		cmocka_unit_test_setup_teardown(test_conflicts_while_probing, open_stack,
						close_stack),
		cmocka_unit_test_setup_teardown(test_later_claims_are_defended, open_stack,
						close_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
