// SPDX-License-Identifier: BSD-3-Clause
//
// One datagram in flight, and when that ends: trains, handlers that want the hop limit, wakes.
#include "lone_port.h"

#include <netinet/udp.h>

enum {
	ROUNDS = 100,
	SEGMENT = 100,
	COUNT = 40,
	TRAINS = 4,
	TTL_SENT = 33,
	TOS_SENT = 0x2a, // DSCP 10, and ECN 10: able to, ECT(0)
};

// Each gets its own, whoever was answered before, and whatever was written into a header.
static void test_peers_in_turn(void **state)
{
	struct port port;
	int peers[2];

	open_lone(&port, *state, NULL);
	for (uint32_t i = 0; i < 2; i++)
		peers[i] = open_peer(&port);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		int peer = peers[i / 3 % 2];
		struct vly_dgram *dgram = ask(&port, peer, i);

		answer(&port, peer, dgram, i);
		dgram = ask(&port, peer, i);
		memset(&dgram->peer, 0xff, sizeof(dgram->peer));
		memset(&dgram->local, 0xff, sizeof(dgram->local));
		port_release(&port, 0, &dgram, 1);
	}
	assert_int_equal(port_ledger(&port).received, 2 * ROUNDS);
	for (uint32_t i = 0; i < 2; i++)
		close(peers[i]);
	port_close(&port);
}

static void send_train(int fd, uint32_t first)
{
	_Alignas(8) uint8_t control[64] = {0};
	uint8_t data[COUNT * SEGMENT] = {0};
	struct iovec iov = {.iov_base = data, .iov_len = sizeof(data)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control};
	struct cmsghdr *cmsg = (struct cmsghdr *)(void *)control;
	uint16_t segment = SEGMENT;

	for (uint32_t i = 0; i < COUNT; i++)
		memcpy(data + (size_t)i * SEGMENT, &(uint32_t){first + i}, sizeof(first));
	cmsg->cmsg_level = SOL_UDP;
	cmsg->cmsg_type = UDP_SEGMENT;
	cmsg->cmsg_len = CMSG_LEN(sizeof(segment));
	memcpy(CMSG_DATA(cmsg), &segment, sizeof(segment));
	msg.msg_controllen = CMSG_SPACE(sizeof(segment));
	assert_int_equal(sendmsg(fd, &msg, 0), sizeof(data));
}

static void receive_trains(struct port *port, uint32_t count, uint32_t first)
{
	for (uint32_t i = 0; i < count; i++) {
		struct vly_dgram *dgram;

		port_receive(port, 0, &dgram, 1);
		assert_int_equal(dgram->len, SEGMENT);
		assert_memory_equal(vly_dgram_data(dgram), &(uint32_t){first + i}, sizeof(first));
		port_release(port, 0, &dgram, 1);
	}
}

// A train that comes before the kernel has been asked to join is cut by it; the next are whole.
// Lone ones before, between and behind them are not mixed up with them.
static void test_trains_between_lone_ones(void **state)
{
	struct vly_dgram *dgrams[VLY_BURST_MAX];
	struct port port;
	uint32_t number = 0;
	uint32_t n = 0;
	int peer;

	open_lone(&port, *state, NULL);
	peer = open_peer(&port);
	for (uint32_t i = 0; i < TRAINS; i++, number += COUNT) {
		answer(&port, peer, ask(&port, peer, number), number);
		send_train(peer, number);
		receive_trains(&port, COUNT, number);
	}
	send_train(peer, number);
	for (uint32_t i = 0; i < ROUNDS && !n; i++) {
		usleep(1000);
		n = port.backend->rx_burst(port.queues[0], dgrams, VLY_BURST_MAX, vly_clock_ns());
	}
	if (joins(*state))
		assert_int_equal(n, COUNT);
	port_release(&port, 0, dgrams, n);
	receive_trains(&port, COUNT - n, number + n);
	answer(&port, peer, ask(&port, peer, number), number);
	assert_int_equal(port_ledger(&port).received, (TRAINS + 1) * (COUNT + 1));
	close(peer);
	port_close(&port);
}

// Several of one size that nobody has joined: more are asked for at a time, none overtakes.
static void test_many_after_lone_ones(void **state)
{
	struct port port;
	int peer;

	open_lone(&port, *state, NULL);
	peer = open_peer(&port);
	for (uint32_t round = 0; round < ROUNDS; round += 10) {
		answer(&port, peer, ask(&port, peer, round), round);
		for (uint32_t i = 0; i < round; i++)
			assert_int_equal(send(peer, &i, sizeof(i), 0), sizeof(i));
		for (uint32_t i = 0; i < round; i++) {
			struct vly_dgram *dgram;

			port_receive(&port, 0, &dgram, 1);
			answer(&port, peer, dgram, i);
		}
	}
	close(peer);
	port_close(&port);
}

// From the moment on that a handler wants them.
static void test_class_when_wanted(void **state)
{
	struct port port;
	int ttl = TTL_SENT;
	int tos = TOS_SENT;
	int peer;

	open_lone(&port, *state, NULL);
	peer = open_peer(&port);
	setsockopt(peer, SOL_IP, IP_TTL, &ttl, sizeof(ttl));
	setsockopt(peer, SOL_IP, IP_TOS, &tos, sizeof(tos));
	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct vly_dgram *dgram;
		bool is_wanted = i / 5 % 2;

		port.backend->ask_class(port.inner, is_wanted);
		dgram = ask(&port, peer, i);
		assert_int_equal(dgram->ttl, is_wanted ? TTL_SENT : 0);
		assert_int_equal(dgram->tos, is_wanted ? TOS_SENT : 0);
		answer(&port, peer, dgram, i);
	}
	close(peer);
	port_close(&port);
}

// A stamp of the kernel's is as old as the datagram, not as the burst. It begins to stamp a moment
// after it was asked to.
static void test_stamps_when_wanted(void **state)
{
	struct port port;
	bool is_stamped = false;
	int peer;

	open_lone(&port, *state, "timestamps=software");
	peer = open_peer(&port);
	for (uint32_t i = 0; i < ROUNDS && !is_stamped; i++) {
		struct vly_dgram *dgram;
		uint64_t sent_ns;

		assert_int_equal(send(peer, "x", 1, 0), 1);
		sent_ns = vly_clock_ns();
		usleep(20000);
		port_receive(&port, 0, &dgram, 1);
		is_stamped = dgram->rx_ns <= sent_ns;
		port_release(&port, 0, &dgram, 1);
	}
	assert_true(is_stamped);
	close(peer);
	port_close(&port);
}

static void test_wakes_between_lone_ones(void **state)
{
	struct port port;
	int peer;

	open_lone(&port, *state, NULL);
	peer = open_peer(&port);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct vly_dgram *dgram;

		answer(&port, peer, ask(&port, peer, i), i);
		port.backend->wake(port.queues[0]);
		assert_int_equal(port.backend->rx_burst(port.queues[0], &dgram, 1, vly_clock_ns()),
				 0);
	}
	assert_int_equal(port_ledger(&port).received, ROUNDS);
	close(peer);
	port_close(&port);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peers_in_turn),
		cmocka_unit_test(test_trains_between_lone_ones),
		cmocka_unit_test(test_many_after_lone_ones),
		cmocka_unit_test(test_class_when_wanted),
		cmocka_unit_test(test_stamps_when_wanted),
		cmocka_unit_test(test_wakes_between_lone_ones),
	};

	return variants_run(tests, sizeof(tests) / sizeof(tests[0]));
}
