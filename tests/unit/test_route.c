// SPDX-License-Identifier: BSD-3-Clause
//
// Which way a datagram goes out, to neighbours given beforehand, asked for, or told of by others.
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
	TTL = 22, // where these stand in a frame
	SRC = 26,
	ARP_TARGET = 38,
};

static const uint8_t other_mac[6] = {2, 0, 0, 0, 0, 9};

static void datagram_make(struct frame *frame, const char *peer)
{
	frame_clear(frame);
	frame_ip(frame->dgram.peer.ip, peer);
	frame->dgram.peer.port = 53;
	frame->dgram.fate = VLY_FATE_SEND;
}

static enum vly_stack_output_verdict send_to(struct vly_stack *stack, struct frame *frame,
					     const char *peer, uint64_t now_ns)
{
	enum vly_drop reason;

	datagram_make(frame, peer);
	return vly_stack_output(stack, &frame->dgram, now_ns, &reason);
}

// That `peer` is reached by asking for `next`, or not at all (NULL).
static void assert_way(struct vly_stack *stack, const char *peer, const char *next)
{
	struct frame spare;
	struct frame frame;
	struct vly_dgram *spares[] = {&spare.dgram};
	struct vly_stack_poll out;
	uint8_t ip[16];

	frame_clear(&spare);
	if (!next) {
		assert_int_equal(send_to(stack, &frame, peer, S), VLY_STACK_REFUSED);
		return;
	}
	frame_ip(ip, next);
	assert_int_equal(send_to(stack, &frame, peer, S), VLY_STACK_WAIT);
	assert_int_equal(vly_stack_poll(stack, spares, 1, S, &out), 1);
	assert_memory_equal(vly_dgram_data(&spare.dgram) + ARP_TARGET, ip + 12, 4);
	vly_stack_poll(stack, NULL, 0, 1000 * (uint64_t)S, &out);
	assert_int_equal(out.refused_count, 1);
}

static void test_longest_prefix_wins(void **state)
{
	struct vly_stack *stack = station_open(
		&(struct station){.addrs = {"10.0.0.1/24", "10.2.0.1/16"},
				  .routes = {"10.0.0.254", "10.1.0.0/16@10.0.0.253",
					     "10.1.7.0/24@10.0.0.252", "10.0.0.128/25@10.0.0.5"}});

	(void)state;
	assert_way(stack, "192.0.2.1", "10.0.0.254");
	assert_way(stack, "10.1.9.9", "10.0.0.253");
	assert_way(stack, "10.1.7.9", "10.0.0.252");
	assert_way(stack, "10.0.0.9", "10.0.0.9");
	assert_way(stack, "10.0.0.200", "10.0.0.5");
	assert_way(stack, "10.2.9.9", "10.2.9.9");
	vly_stack_close(stack);
}

// The source is of the next hop's prefix, whatever stands first.
static void test_source_is_of_the_next_hop(void **state)
{
	struct vly_stack *stack =
		station_open(&(struct station){.addrs = {"10.0.0.1/24", "10.2.0.1/16"},
					       .routes = {"10.2.0.254"},
					       .neighbours = {"10.2.0.254@02:00:00:00:00:09"}});
	uint8_t ip[16];
	struct frame frame;

	(void)state;
	frame_ip(ip, "10.2.0.1");
	assert_int_equal(send_to(stack, &frame, "192.0.2.1", S), VLY_STACK_TRANSMIT);
	assert_memory_equal(vly_dgram_data(&frame.dgram), other_mac, 6);
	assert_memory_equal(vly_dgram_data(&frame.dgram) + SRC, ip + 12, 4);
	vly_stack_close(stack);
}

static void test_routes_can_be_exchanged(void **state)
{
	struct vly_stack *stack = station_open(&(struct station){.routes = {"10.0.0.254"}});
	struct vly_route route;
	struct vly_error error;

	(void)state;
	vly_route_parse(&route, "10.1.0.0/16@10.0.0.7", &error);
	assert_int_equal(vly_stack_set_routes(stack, &route, 1, &error), 0);
	assert_way(stack, "10.1.0.9", "10.0.0.7");
	assert_way(stack, "192.0.2.1", NULL);
	vly_route_parse(&route, "10.1.0.0/16@10.9.0.7", &error);
	assert_int_equal(vly_stack_set_routes(stack, &route, 1, &error), -EINVAL);
	assert_way(stack, "10.1.0.9", "10.0.0.7");
	vly_stack_close(stack);
}

static void test_refused_routes(void **state)
{
	static const char *const texts[] = {
		"10.9.0.1",             // on no prefix
		"10.0.0.1",             // ourselves
		"10.0.0.255",           // everybody
		"fd01::1",              // on no prefix
		"fd00::1",              // ourselves
		"10.9.0.0/16@10.9.0.1", // only on its own
	};
	struct vly_stack *stack = station_open(&(struct station){.is_client = false});
	struct vly_error error;
	struct vly_route route;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(vly_route_parse(&route, texts[i], &error), 0);
		if (vly_stack_set_routes(stack, &route, 1, &error) != -EINVAL)
			fail_msg("%s", texts[i]);
		assert_memory_equal(error.text, "stack: ", 7);
	}
	vly_stack_close(stack);
}

static void test_static_neighbour(void **state)
{
	struct vly_stack *stack = station_open(&(struct station){
		.neighbours = {"10.0.0.2@02:00:00:00:00:09", "fd00::2@02:00:00:00:00:09"}});
	struct frame frame;
	enum vly_drop reason;

	(void)state;
	frame_arp(&frame, 1, frame_peer_mac, "10.0.0.2", "10.0.0.1");
	assert_int_equal(vly_stack_input(stack, &frame.dgram, S, &reason), VLY_STACK_REPLY);
	assert_int_equal(send_to(stack, &frame, "10.0.0.2", 9000 * (uint64_t)S),
			 VLY_STACK_TRANSMIT);
	assert_memory_equal(vly_dgram_data(&frame.dgram), other_mac, 6);
	assert_int_equal(send_to(stack, &frame, "fd00::2", 9000 * (uint64_t)S), VLY_STACK_TRANSMIT);
	assert_memory_equal(vly_dgram_data(&frame.dgram), other_mac, 6);
	assert_false(vly_stack_poll_is_due(stack, 9000 * (uint64_t)S));
	vly_stack_close(stack);
}

// Two stacks of one port: one asks, and the answer comes by the other.
static void test_answer_by_another_queue(void **state)
{
	struct vly_stack *asking = station_open(&(struct station){.is_client = false});
	struct vly_stack *hearing = station_open(&(struct station){.config = {.is_quiet = true}});
	struct vly_stack_news news[2];
	struct vly_stack_poll out;
	enum vly_drop reason;
	struct frame waiting;
	struct frame spare;
	struct frame reply;
	struct vly_dgram *spares[] = {&spare.dgram};

	(void)state;
	frame_clear(&spare);
	frame_arp(&reply, 2, other_mac, "10.0.0.9", "10.0.0.1");
	assert_int_equal(vly_stack_input(hearing, &reply.dgram, S, &reason), VLY_STACK_DROP);
	assert_int_equal(vly_stack_news_take(hearing, news, 2), 0);
	assert_int_equal(send_to(asking, &waiting, "10.0.0.9", S), VLY_STACK_WAIT);
	assert_int_equal(vly_stack_poll(asking, spares, 1, S, &out), 1);
	assert_int_equal(vly_stack_news_take(asking, news, 2), 1);
	assert_int_equal(news[0].kind, VLY_STACK_NEWS_ASKED);
	vly_stack_news_put(hearing, &news[0], S);

	frame_arp(&reply, 2, other_mac, "10.0.0.9", "10.0.0.1");
	assert_int_equal(vly_stack_input(hearing, &reply.dgram, S, &reason), VLY_STACK_ABSORBED);
	assert_int_equal(vly_stack_news_take(hearing, news, 2), 1);
	assert_int_equal(news[0].kind, VLY_STACK_NEWS_ANSWERED);
	vly_stack_news_put(asking, &news[0], S);
	assert_true(vly_stack_poll_is_due(asking, S));
	vly_stack_poll(asking, NULL, 0, S, &out);
	assert_int_equal(out.frame_count, 1);
	assert_memory_equal(vly_dgram_data(&waiting.dgram), other_mac, 6);
	// What was told is not told on.
	assert_int_equal(vly_stack_news_take(asking, news, 2), 0);
	vly_stack_close(asking);
	vly_stack_close(hearing);
}

// Neighbours that others know: nothing is asked on the wire, nothing announced.
static void test_neighbours_from_outside(void **state)
{
	struct vly_stack *stack =
		station_open_fresh(&(struct station){.config = {.asks_outside = true}});
	struct vly_stack_news news;
	struct vly_stack_poll out;
	struct frame first;
	struct frame second;
	struct frame spare;
	struct vly_dgram *spares[] = {&spare.dgram};

	(void)state;
	frame_clear(&spare);
	assert_int_equal(vly_stack_poll(stack, spares, 1, S, &out), 0);
	assert_int_equal(send_to(stack, &first, "10.0.0.9", S), VLY_STACK_WAIT);
	assert_int_equal(send_to(stack, &second, "10.0.0.8", S), VLY_STACK_WAIT);
	assert_int_equal(vly_stack_poll(stack, spares, 1, S, &out), 0);
	assert_int_equal(vly_stack_news_take(stack, &news, 1), 1);
	assert_int_equal(news.kind, VLY_STACK_NEWS_ASKED);
	assert_int_equal(news.ip[15], 9);
	news.kind = VLY_STACK_NEWS_ANSWERED;
	memcpy(news.mac, other_mac, 6);
	vly_stack_news_put(stack, &news, S);
	vly_stack_poll(stack, NULL, 0, S, &out);
	assert_int_equal(out.frame_count, 1);
	assert_memory_equal(vly_dgram_data(&first.dgram), other_mac, 6);
	assert_int_equal(vly_stack_news_take(stack, &news, 1), 1);
	assert_int_equal(news.ip[15], 8);
	news.kind = VLY_STACK_NEWS_GONE;
	vly_stack_news_put(stack, &news, S);
	vly_stack_poll(stack, NULL, 0, S, &out);
	assert_int_equal(out.refused_count, 1);
	assert_int_equal(out.refused[0]->fate, VLY_DROP_TX_NO_NEIGHBOUR);
	// Half a minute later who is sent to is asked for again.
	assert_int_equal(send_to(stack, &first, "10.0.0.9", 40 * (uint64_t)S), VLY_STACK_TRANSMIT);
	assert_int_equal(vly_stack_poll(stack, spares, 1, 40 * (uint64_t)S, &out), 0);
	assert_int_equal(vly_stack_news_take(stack, &news, 1), 1);
	assert_int_equal(news.kind, VLY_STACK_NEWS_ASKED);
	vly_stack_close(stack);
}

// What is sent has the hop limit and traffic class that the handler gave it; a reply, whose fields
// hold what was received, the usual ones, also when it is routed like any other.
static void test_hop_limit_and_class(void **state)
{
	struct vly_stack *stack =
		station_open(&(struct station){.neighbours = {"10.0.0.2@02:00:00:00:00:09"}});
	const uint8_t *p;
	enum vly_drop reason;
	struct frame frame;

	(void)state;
	for (int is_reply = 0; is_reply < 2; is_reply++) {
		datagram_make(&frame, "10.0.0.2");
		frame.dgram.ttl = 7;
		frame.dgram.tos = 0xb8;
		frame.dgram.fate = is_reply ? VLY_FATE_REPLY : VLY_FATE_SEND;
		assert_int_equal(vly_stack_output(stack, &frame.dgram, S, &reason),
				 VLY_STACK_TRANSMIT);
		p = vly_dgram_data(&frame.dgram);
		assert_int_equal(p[TTL], is_reply ? 64 : 7);
		assert_int_equal(p[15], is_reply ? 0 : 0xb8);
	}
	vly_stack_close(stack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_longest_prefix_wins),
		cmocka_unit_test(test_source_is_of_the_next_hop),
		cmocka_unit_test(test_routes_can_be_exchanged),
		cmocka_unit_test(test_refused_routes),
		cmocka_unit_test(test_static_neighbour),
		cmocka_unit_test(test_answer_by_another_queue),
		cmocka_unit_test(test_neighbours_from_outside),
		cmocka_unit_test(test_hop_limit_and_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
