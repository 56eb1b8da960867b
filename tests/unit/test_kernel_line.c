// SPDX-License-Identifier: BSD-3-Clause
//
// The connected socket that a peer gets which has one datagram in flight: who gets it, that nothing
// is lost, counted twice or overtaken by it, and that it goes when it is of no use any more.
#include "lone_port.h"

#include <pthread.h>

enum {
	STREAK = 256,
	ROUNDS = 300,     // more than the streak
	STRANGERS = 100,  // more than any credit lasts
	BURST_LIMIT = 20, // datagrams at a time
	STREAMED = 4000,
	SPELL = 500,
	TTL_SENT = 33,
	FLOOD_BYTES = 1024,
	FLOOD = 200,
	PEERS = 3,
};

// The port that the line is connected to; 0: there is none.
static uint16_t line_peer(const struct port *port)
{
	for (int fd = 3; fd < PORT_FILES; fd++) {
		struct vly_addr local;
		struct vly_addr remote;

		// A route (kernel_route.h) has the port, too, but a group's address.
		if (socket_ends(fd, &local, &remote) && local.port == port_number(port) &&
		    !vly_addr_is_multicast(&local) && remote.port)
			return remote.port;
	}
	return 0;
}

// Whether the variant receives from one socket by plain calls, and does not join from the start.
static bool has_lines(const struct variant *variant)
{
	for (uint32_t i = 0; i < variant->option_count; i++) {
		if (strcmp(variant->options[i], "multishot=on") == 0 ||
		    strcmp(variant->options[i], "sqpoll=on") == 0 ||
		    strcmp(variant->options[i], "zerocopy=on") == 0)
			return false;
	}
	return true;
}

// Asked for many, it learns that there is but one.
static void find_nothing(struct port *port)
{
	struct vly_dgram *dgrams[VLY_BURST_MAX];

	assert_int_equal(
		port->backend->rx_burst(port->queues[0], dgrams, VLY_BURST_MAX, vly_clock_ns()), 0);
}

static void ping(struct port *port, int peer, uint32_t number)
{
	find_nothing(port);
	answer(port, peer, ask_so(port, peer, number, false), number);
}

// Alone for so long that it has the line.
static void be_alone(struct port *port, int peer)
{
	for (uint32_t i = 0; i < ROUNDS; i++)
		ping(port, peer, i);
}

static int open_alone(struct port *port, const struct variant *variant, const char *option)
{
	int peer;

	open_lone(port, variant, option);
	peer = open_peer(port);
	be_alone(port, peer);
	assert_int_equal(line_peer(port), has_lines(variant) ? peer_addr(peer).port : 0);
	return peer;
}

static void close_both(struct port *port, int peer)
{
	close(peer);
	port_close(port);
}

static void test_who_is_alone_gets_it(void **state)
{
	struct port port;
	int peer = open_alone(&port, *state, NULL);

	assert_int_equal(port_ledger(&port).received, ROUNDS);
	assert_int_equal(port_ledger(&port).sent, ROUNDS);
	close_both(&port, peer);
}

static void test_nobody_gets_it_unasked(void **state)
{
	struct port port;
	int peer;

	open_lone(&port, *state, "connect=off");
	peer = open_peer(&port);
	be_alone(&port, peer);
	assert_int_equal(line_peer(&port), 0);
	close_both(&port, peer);
}

// A thread that does not spin asks one socket only.
static void test_it_goes_with_the_spinning(void **state)
{
	struct port port;
	int peer = open_alone(&port, *state, NULL);

	if (port.backend->look)
		port.backend->look(port.queues[0], 1);
	be_alone(&port, peer);
	assert_int_equal(line_peer(&port), has_lines(*state) ? port_number(&port) : 0);
	close_both(&port, peer);
}

// Others are answered beside the line, and take it away when they are many; then it is the next's.
static void test_strangers(void **state)
{
	struct port port;
	int peer = open_alone(&port, *state, NULL);
	int stranger = open_peer(&port);

	for (uint32_t i = 0; i < STRANGERS; i++) {
		ping(&port, stranger, i);
		ping(&port, peer, i);
	}
	assert_int_equal(line_peer(&port), has_lines(*state) ? port_number(&port) : 0);
	be_alone(&port, stranger);
	assert_int_equal(line_peer(&port), has_lines(*state) ? peer_addr(stranger).port : 0);
	ping(&port, peer, 0);
	close(stranger);
	close_both(&port, peer);
}

// Some at a time, whenever: in order, each once.
static void test_some_at_a_time(void **state)
{
	struct port port;
	int peer = open_alone(&port, *state, NULL);

	for (uint32_t n = 1; n < BURST_LIMIT; n++) {
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(send(peer, &i, sizeof(i), 0), sizeof(i));
		for (uint32_t i = 0; i < n; i++) {
			struct vly_dgram *dgram;

			port_collect(&port, 0, &dgram, 1, false);
			answer(&port, peer, dgram, i);
		}
		if (n % 5 == 0)
			be_alone(&port, peer);
	}
	close_both(&port, peer);
}

// A wait is for all sockets, so it ends the line.
static void test_waits(void **state)
{
	struct port port;
	int peer = open_alone(&port, *state, NULL);

	for (uint32_t i = 0; i < STRANGERS; i++)
		answer(&port, peer, ask_so(&port, peer, i, true), i);
	for (uint32_t i = 0; i < PEERS; i++) {
		find_nothing(&port);
		port.backend->wait(port.queues[0], 1);
	}
	assert_int_equal(line_peer(&port), has_lines(*state) ? port_number(&port) : 0);
	assert_int_equal(port_ledger(&port).received, ROUNDS + STRANGERS);
	close_both(&port, peer);
}

static void test_class_when_wanted(void **state)
{
	struct port port;
	int peer = open_alone(&port, *state, NULL);
	int ttl = TTL_SENT;
	struct vly_dgram *dgram;

	setsockopt(peer, SOL_IP, IP_TTL, &ttl, sizeof(ttl));
	port.backend->ask_class(port.inner, true);
	find_nothing(&port);
	dgram = ask_so(&port, peer, 0, false);
	assert_int_equal(dgram->ttl, TTL_SENT);
	answer(&port, peer, dgram, 0);
	port.backend->ask_class(port.inner, false);
	be_alone(&port, peer);
	close_both(&port, peer);
}

// What its host reports of a peer that is gone concerns nobody else, and is no error of ours.
static void test_peer_that_goes(void **state)
{
	struct port port;
	int peer = open_alone(&port, *state, NULL);
	struct vly_dgram *dgrams[2];
	struct vly_ledger ledger;
	int other = open_peer(&port);

	for (uint32_t i = 0; i < 2; i++) {
		find_nothing(&port);
		dgrams[i] = ask_so(&port, peer, i, false);
	}
	close(peer);
	for (uint32_t i = 0; i < 2; i++)
		port_reply(&port, 0, &dgrams[i], 1);
	be_alone(&port, other);
	ledger = port_ledger(&port);
	assert_int_equal(ledger.sent, 2 * ROUNDS + 2);
	assert_int_equal(ledger.received, 2 * ROUNDS + 2);
	close_both(&port, other);
}

// They are told where they are asked for.
static void test_refusals_count_when_asked_for(void **state)
{
	struct port port;
	int peer = open_alone(&port, *state, "icmp-errors=on");
	struct vly_dgram *dgram;

	find_nothing(&port);
	dgram = ask_so(&port, peer, 0, false);
	close(peer);
	port_reply(&port, 0, &dgram, 1);
	for (uint32_t i = 0; i < ROUNDS && !port_ledger(&port).dropped[VLY_DROP_RX_REFUSED]; i++) {
		find_nothing(&port);
		usleep(1000);
	}
	assert_int_equal(port_ledger(&port).dropped[VLY_DROP_RX_REFUSED], 1);
	port_close(&port);
}

// What the line had no room for is known as what the other socket had not.
static void test_losses_are_counted(void **state)
{
	struct port port;
	int peer = open_alone(&port, *state, "rcvbuf=4k");
	uint64_t wanted = ROUNDS + FLOOD;
	uint8_t data[FLOOD_BYTES] = {0};

	for (uint32_t i = 0; i < FLOOD; i++)
		assert_int_equal(send(peer, data, sizeof(data), 0), sizeof(data));
	for (uint32_t i = 0; i < ROUNDS && port_ledger(&port).received < wanted; i++) {
		struct vly_dgram *dgrams[VLY_BURST_MAX];
		uint32_t n = port.backend->rx_burst(port.queues[0], dgrams, VLY_BURST_MAX,
						    vly_clock_ns());

		port_release(&port, 0, dgrams, n);
		usleep(n ? 0 : 1000);
	}
	assert_int_equal(port_ledger(&port).received, wanted);
	assert_true(port_ledger(&port).dropped[VLY_DROP_RX_MISSED] > 0);
	close_both(&port, peer);
}

// Each socket at a broadcast address gets a copy: there is no line.
static void test_broadcast_address(void **state)
{
	struct port port;
	int on = 1;
	int peer;

	port_open(&port, *state, &(struct port_plan){.listens = {"127.255.255.255:0"}});
	port.backend->ask_class(port.inner, false);
	if (port.backend->look)
		port.backend->look(port.queues[0], LONE_LOOKS);
	peer = peer_open("127.0.0.1");
	setsockopt(peer, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	peer_connect(peer, "127.255.255.255", port_number(&port));
	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct vly_dgram *dgram;

		find_nothing(&port);
		assert_int_equal(send(peer, "b", 1, 0), 1);
		port_collect(&port, 0, &dgram, 1, false);
		port_release(&port, 0, &dgram, 1);
	}
	find_nothing(&port);
	assert_int_equal(line_peer(&port), 0);
	assert_int_equal(port_ledger(&port).received, ROUNDS);
	close_both(&port, peer);
}

// --- both ends at once --------------------------------------------------------------------------

// A peer with one to four datagrams in flight, in spells that are long enough for the line to come
// and to go.
static void *stream(void *arg)
{
	int fd = *(int *)arg;
	uint32_t answered = 0;

	for (uint32_t next = 0; answered < STREAMED;) {
		uint32_t window = next / SPELL % 2 ? 4 : 1;
		uint32_t number;

		while (next < STREAMED && next - answered < window) {
			if (send(fd, &next, sizeof(next), 0) != sizeof(next))
				return "send";
			next++;
		}
		if (recv(fd, &number, sizeof(number), 0) != sizeof(number))
			return "no answer";
		if (number != answered)
			return "out of order";
		answered++;
	}
	return NULL;
}

static void echo_in_order(struct port *port, uint32_t count)
{
	uint64_t last_ns = vly_clock_ns();

	for (uint32_t number = 0; number < count;) {
		struct vly_dgram *dgrams[VLY_BURST_MAX];
		uint32_t n = port->backend->rx_burst(port->queues[0], dgrams, VLY_BURST_MAX,
						     vly_clock_ns());

		for (uint32_t i = 0; i < n; i++, number++)
			assert_memory_equal(vly_dgram_data(dgrams[i]), &number, sizeof(number));
		port_reply(port, 0, dgrams, n);
		last_ns = n ? vly_clock_ns() : last_ns;
		assert_true(vly_clock_ns() - last_ns < (uint64_t)PORT_LIMIT_S * 1000000000u);
	}
	port_flush(port);
}

static void test_order_while_it_comes_and_goes(void **state)
{
	struct port port;
	pthread_t thread;
	void *failure;
	int peer;

	open_lone(&port, *state, joins(*state) ? "gro=off" : NULL); // joined once, there is no line
	peer = open_peer(&port);
	assert_int_equal(pthread_create(&thread, NULL, stream, &peer), 0);
	echo_in_order(&port, STREAMED);
	pthread_join(thread, &failure);
	assert_null(failure);
	assert_int_equal(port_ledger(&port).received, STREAMED);
	close_both(&port, peer);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_is_alone_gets_it),
		cmocka_unit_test(test_nobody_gets_it_unasked),
		cmocka_unit_test(test_it_goes_with_the_spinning),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_some_at_a_time),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_class_when_wanted),
		cmocka_unit_test(test_peer_that_goes),
		cmocka_unit_test(test_refusals_count_when_asked_for),
		cmocka_unit_test(test_losses_are_counted),
		cmocka_unit_test(test_broadcast_address),
		cmocka_unit_test(test_order_while_it_comes_and_goes),
	};

	return variants_run(tests, sizeof(tests) / sizeof(tests[0]));
}
