// SPDX-License-Identifier: BSD-3-Clause
//
// Hop limit and traffic class, of which the kernel is asked while it receives: what was received
// before has none, and what has a hop limit has a class.
#include "lone_port.h"

#include <netinet/udp.h>
#include <pthread.h>

enum {
	TTL_SENT = 33,
	TOS_SENT = 0x48,
	TRAIN = 10,
	BYTES = 100,
	EACH = 200, // datagrams with and without
};

static int open_marking_peer(const struct port *port)
{
	int ttl = TTL_SENT;
	int tos = TOS_SENT;
	int peer = open_peer(port);

	assert_int_equal(setsockopt(peer, SOL_IP, IP_TTL, &ttl, sizeof(ttl)), 0);
	assert_int_equal(setsockopt(peer, SOL_IP, IP_TOS, &tos, sizeof(tos)), 0);
	return peer;
}

// Both as they were sent, or not known.
static bool has_class(const struct vly_dgram *dgram)
{
	if (!dgram->ttl)
		return false;
	assert_int_equal(dgram->ttl, TTL_SENT);
	assert_int_equal(dgram->tos, TOS_SENT);
	return true;
}

static void send_train(int peer)
{
	uint8_t data[TRAIN * BYTES] = {0};
	int segment = BYTES;

	assert_int_equal(setsockopt(peer, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment)), 0);
	assert_int_equal(send(peer, data, sizeof(data), 0), sizeof(data));
}

// A handler that wants them has come when one of a train has been delivered: of the others they are
// not known if they were received with it, and of what comes after them they are.
static void test_what_was_received_before(void **state)
{
	struct vly_dgram *dgrams[TRAIN];
	struct port port;
	bool is_known = false;
	int peer;

	open_lone(&port, *state, NULL);
	peer = open_marking_peer(&port);
	for (uint32_t round = 0; round < 2; round++) { // after the first, trains are joined
		port.backend->ask_class(port.inner, false);
		send_train(peer);
		port_collect(&port, 0, dgrams, 1, false);
		assert_false(has_class(dgrams[0]));
		port.backend->ask_class(port.inner, true);
		port_collect(&port, 0, dgrams + 1, TRAIN - 1, false);
		is_known = has_class(dgrams[1]);
		for (uint32_t i = 2; i < TRAIN; i++) {
			assert_true(has_class(dgrams[i]) >= is_known);
			is_known = has_class(dgrams[i]);
		}
		port_release(&port, 0, dgrams, TRAIN);
	}
	assert_true(is_known != joins(*state)); // as one message, it was all received before
	send_train(peer);
	port_collect(&port, 0, dgrams, TRAIN, false);
	for (uint32_t i = 0; i < TRAIN; i++)
		assert_true(has_class(dgrams[i]));
	port_release(&port, 0, dgrams, TRAIN);
	close(peer);
	port_close(&port);
}

struct switcher {
	struct port *port;
	_Atomic bool is_over;
};

static void *switch_often(void *arg)
{
	struct switcher *switcher = arg;

	for (uint32_t i = 0; !atomic_load(&switcher->is_over); i++) {
		switcher->port->backend->ask_class(switcher->port->inner, true);
		usleep(i % 64);
		switcher->port->backend->ask_class(switcher->port->inner, false);
		usleep(i % 32);
	}
	return NULL;
}

static void test_no_limit_without_class(void **state)
{
	struct port port;
	struct switcher switcher = {.port = &port};
	uint64_t end_ns = vly_clock_ns() + (uint64_t)PORT_LIMIT_S * 1000000000u;
	uint32_t known = 0;
	pthread_t thread;
	int peer;

	open_lone(&port, *state, NULL);
	peer = open_marking_peer(&port);
	assert_int_equal(pthread_create(&thread, NULL, switch_often, &switcher), 0);
	for (uint32_t i = 0; known < EACH || i - known < EACH; i++) {
		struct vly_dgram *dgram = ask_so(&port, peer, i, false);

		known += has_class(dgram);
		answer(&port, peer, dgram, i);
		assert_true(vly_clock_ns() < end_ns);
	}
	atomic_store(&switcher.is_over, true);
	pthread_join(thread, NULL);
	close(peer);
	port_close(&port);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_received_before),
		cmocka_unit_test(test_no_limit_without_class),
	};

	return variants_run(tests, sizeof(tests) / sizeof(tests[0]));
}
