// SPDX-License-Identifier: BSD-3-Clause
//
// Two whole stacks on one wire, and what goes out of one: the way a datagram takes and comes back.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "frames.h"
#include "stations.h"

enum {
	SPARES = 8,
	SECOND_NS = 1000000000,
};

static const char question[] = "who is there?";
static const char answer[] = "a server with a longer answer";

static struct vly_stack *client_open(uint16_t vlan)
{
	struct station station = {
		.addrs = {"10.0.0.2/24", "fd00::2/64"},
		.is_client = true,
		.config = {.vlan = vlan, .link.mac = {2, 0, 0, 0, 0, 2}},
	};

	return station_open(&station);
}

static struct vly_stack *server_open(uint16_t vlan)
{
	return station_open(&(struct station){.config = {.vlan = vlan}});
}

static void datagram_make(struct frame *frame, const char *peer)
{
	frame_clear(frame);
	frame_ip(frame->dgram.peer.ip, peer);
	frame->dgram.peer.port = 9000;
	frame->dgram.len = sizeof(question);
	frame->dgram.fate = VLY_FATE_SEND;
	memcpy(frame->bytes, question, sizeof(question));
}

static void assert_right(const struct vly_dgram *dgram)
{
	const char *wrong = frame_is_wrong(vly_dgram_data(dgram), dgram->len);

	if (wrong)
		fail_msg("%s", wrong);
}

static enum vly_stack_verdict give(struct vly_stack *stack, struct vly_dgram *dgram)
{
	enum vly_drop reason = VLY_DROP_COUNT;
	enum vly_stack_verdict verdict;

	assert_right(dgram);
	dgram->link = 0;
	dgram->flow_hash = 0;
	verdict = vly_stack_input(stack, dgram, 5, &reason);
	if (verdict == VLY_STACK_DROP)
		fail_msg("dropped: %u", reason);
	return verdict;
}

// The client asks for its neighbour: one request, one answer, and out comes the datagram.
static void resolve(struct vly_stack *client, struct vly_stack *server, struct frame *held)
{
	struct frame spare;
	struct vly_dgram *spares[] = {&spare.dgram};
	struct vly_stack_poll out;

	frame_clear(&spare);
	assert_true(vly_stack_poll_is_due(client, 5));
	assert_int_equal(vly_stack_poll(client, spares, 1, 5, &out), 1);
	assert_int_equal(out.frame_count, 0);
	assert_false(vly_stack_poll_is_due(client, 5));
	assert_int_equal(give(server, &spare.dgram), VLY_STACK_REPLY);
	assert_int_equal(give(client, &spare.dgram), VLY_STACK_ABSORBED);
	assert_true(vly_stack_poll_is_due(client, 5));
	assert_int_equal(vly_stack_poll(client, NULL, 0, 5, &out), 0);
	assert_int_equal(out.refused_count, 0);
	assert_int_equal(out.frame_count, 1);
	assert_ptr_equal(out.frames[0], &held->dgram);
	assert_false(vly_stack_poll_is_due(client, 5));
}

static void reply(struct vly_stack *server, struct frame *frame)
{
	enum vly_drop reason;
	struct vly_dgram *dgram = &frame->dgram;

	assert_memory_equal(vly_dgram_data(dgram), question, sizeof(question));
	memcpy(vly_dgram_data(dgram), answer, sizeof(answer));
	dgram->len = sizeof(answer);
	dgram->fate = VLY_FATE_REPLY;
	assert_int_equal(vly_stack_output(server, dgram, 5, &reason), VLY_STACK_TRANSMIT);
}

static void exchange(const char *peer, uint16_t vlan)
{
	struct vly_stack *client = client_open(vlan);
	struct vly_stack *server = server_open(vlan);
	enum vly_drop reason;
	struct frame frame;

	datagram_make(&frame, peer);
	assert_int_equal(vly_stack_output(client, &frame.dgram, 5, &reason), VLY_STACK_WAIT);
	resolve(client, server, &frame);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(give(server, &frame.dgram), VLY_STACK_DELIVER);
		assert_int_equal(frame.dgram.peer.port, 40000);
		reply(server, &frame);
		assert_int_equal(give(client, &frame.dgram), VLY_STACK_DELIVER);
		assert_int_equal(frame.dgram.len, sizeof(answer));
		assert_memory_equal(vly_dgram_data(&frame.dgram), answer, sizeof(answer));
		assert_int_equal(frame.dgram.peer.port, 9000);
		datagram_make(&frame, peer);
		assert_int_equal(vly_stack_output(client, &frame.dgram, 5, &reason),
				 VLY_STACK_TRANSMIT);
	}
	vly_stack_close(client);
	vly_stack_close(server);
}

static void test_ipv4_there_and_back(void **state)
{
	(void)state;
	exchange("10.0.0.1", 0);
	exchange("10.0.0.1", 100);
}

static void test_ipv6_there_and_back(void **state)
{
	(void)state;
	exchange("fd00::1", 0);
	exchange("fd00::1", 100);
}

// Asks three times, a second apart, and then gives the datagram up.
static void unanswered(const char *peer)
{
	struct vly_stack *client = client_open(0);
	struct vly_stack_poll out;
	enum vly_drop reason;
	struct frame frame;
	struct frame spare;
	struct vly_dgram *spares[] = {&spare.dgram};
	uint64_t now_ns = 5;

	datagram_make(&frame, peer);
	assert_int_equal(vly_stack_output(client, &frame.dgram, now_ns, &reason), VLY_STACK_WAIT);
	for (int i = 0; i < 3; i++, now_ns += SECOND_NS) {
		assert_true(vly_stack_poll_is_due(client, now_ns));
		frame_clear(&spare);
		assert_int_equal(vly_stack_poll(client, spares, 1, now_ns, &out), 1);
		assert_int_equal(out.refused_count, 0);
		assert_right(&spare.dgram);
		assert_false(vly_stack_poll_is_due(client, now_ns + SECOND_NS - 1));
	}
	assert_true(vly_stack_poll_is_due(client, now_ns));
	assert_int_equal(vly_stack_poll(client, spares, 1, now_ns, &out), 0);
	assert_int_equal(out.refused_count, 1);
	assert_ptr_equal(out.refused[0], &frame.dgram);
	assert_int_equal(frame.dgram.fate, VLY_DROP_TX_NO_NEIGHBOUR);
	assert_false(vly_stack_poll_is_due(client, now_ns + 1000 * (uint64_t)SECOND_NS));
	vly_stack_close(client);
}

static void test_who_does_not_answer_is_given_up(void **state)
{
	(void)state;
	unanswered("10.0.0.77");
	unanswered("fd00::77");
}

// The first polls after opening announce each address once, as far as there are empty datagrams.
static void test_announces_itself(void **state)
{
	struct vly_stack *stack = station_open_fresh(&(struct station){0});
	struct vly_stack_poll out;
	struct frame spare;
	struct vly_dgram *spares[] = {&spare.dgram};

	(void)state;
	assert_true(vly_stack_poll_is_due(stack, 0));
	assert_int_equal(vly_stack_poll(stack, NULL, 0, 0, &out), 0);
	assert_false(vly_stack_poll_is_due(stack, 0));
	assert_true(vly_stack_poll_is_due(stack, SECOND_NS));
	for (int i = 0; i < 2; i++) {
		frame_clear(&spare);
		assert_int_equal(vly_stack_poll(stack, spares, 1, SECOND_NS, &out), 1);
		assert_right(&spare.dgram);
		assert_int_equal(vly_dgram_data(&spare.dgram)[0], i ? 0x33 : 0xff);
	}
	assert_int_equal(vly_stack_poll(stack, spares, 1, SECOND_NS, &out), 0);
	assert_false(vly_stack_poll_is_due(stack, UINT64_MAX - 1));
	vly_stack_close(stack);
}

static void test_order_is_kept_while_waiting(void **state)
{
	struct vly_stack *client = client_open(0);
	struct vly_stack *server = server_open(0);
	static struct frame frames[40];
	struct frame spare;
	struct vly_dgram *spares[] = {&spare.dgram};
	struct vly_stack_poll out;
	enum vly_drop reason;

	(void)state;
	for (int i = 0; i < 40; i++) {
		datagram_make(&frames[i], "10.0.0.1");
		assert_int_equal(vly_stack_output(client, &frames[i].dgram, 5, &reason),
				 VLY_STACK_WAIT);
	}
	frame_clear(&spare);
	assert_int_equal(vly_stack_poll(client, spares, 1, 5, &out), 1);
	give(server, &spare.dgram);
	give(client, &spare.dgram);
	vly_stack_poll(client, spares, 0, 5, &out);
	assert_int_equal(out.frame_count, 32);
	for (int i = 0; i < 32; i++)
		assert_ptr_equal(out.frames[i], &frames[i].dgram);
	assert_true(vly_stack_poll_is_due(client, 5));
	datagram_make(&frames[0], "10.0.0.1");
	assert_int_equal(vly_stack_output(client, &frames[0].dgram, 5, &reason), VLY_STACK_WAIT);
	vly_stack_poll(client, spares, 0, 5, &out);
	assert_int_equal(out.frame_count, 9);
	assert_ptr_equal(out.frames[0], &frames[32].dgram);
	assert_ptr_equal(out.frames[8], &frames[0].dgram);
	vly_stack_close(client);
	vly_stack_close(server);
}

// At most 64 wait for one neighbour; the others are refused at once and left as they were.
static void test_waiting_is_bounded(void **state)
{
	struct vly_stack *client = client_open(0);
	static struct frame frames[65];
	struct vly_stack_poll out;
	enum vly_drop reason = VLY_DROP_COUNT;
	uint32_t refused = 0;

	(void)state;
	for (int i = 0; i < 64; i++) {
		datagram_make(&frames[i], "10.0.0.9");
		assert_int_equal(vly_stack_output(client, &frames[i].dgram, 5, &reason),
				 VLY_STACK_WAIT);
	}
	datagram_make(&frames[64], "10.0.0.9");
	assert_int_equal(vly_stack_output(client, &frames[64].dgram, 5, &reason),
			 VLY_STACK_REFUSED);
	assert_int_equal(reason, VLY_DROP_TX_NO_NEIGHBOUR);
	assert_int_equal(frames[64].dgram.len, sizeof(question));
	for (int i = 0; i < 3; i++) {
		vly_stack_poll(client, NULL, 0, 3600u * (uint64_t)SECOND_NS, &out);
		assert_int_equal(out.frame_count, 0);
		refused += out.refused_count;
	}
	assert_int_equal(refused, 64);
	vly_stack_close(client);
}

static void test_local(void **state)
{
	struct vly_addr peer = {.port = 1};
	struct vly_stack *stack = server_open(0);
	struct vly_addr addr = vly_stack_local(stack, NULL);
	uint8_t ip[16];

	(void)state;
	frame_ip(ip, "10.0.0.1");
	assert_memory_equal(addr.ip, ip, 16);
	assert_int_equal(addr.port, 9000);
	frame_ip(peer.ip, "fd00::5");
	addr = vly_stack_local(stack, &peer);
	frame_ip(ip, "fd00::1");
	assert_memory_equal(addr.ip, ip, 16);
	vly_stack_close(stack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4_there_and_back),
		cmocka_unit_test(test_ipv6_there_and_back),
		cmocka_unit_test(test_who_does_not_answer_is_given_up),
		cmocka_unit_test(test_announces_itself),
		cmocka_unit_test(test_order_is_kept_while_waiting),
		cmocka_unit_test(test_waiting_is_bounded),
		cmocka_unit_test(test_local),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
