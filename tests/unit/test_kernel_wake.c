// SPDX-License-Identifier: BSD-3-Clause
//
// The datagram that ends a wait in recvmsg is nobody's, whether it comes or is lost: what is
// received, and what is missed, is what the peers have sent.
#include "kernel_port.h"

#include "backend/socket.h"

enum {
	WAKES = 3,
	FLOOD = 100,
	FLOOD_BYTES = 1024,
	LATER_NS = 1000000000, // after which losses are asked for again
};

static const struct variant small_buffer = {"socket", "socket", {"rcvbuf=4k"}, 1};

static int open_with_peer(struct port *port)
{
	int peer = peer_open("127.0.0.1");

	port_open(port, &small_buffer, &(struct port_plan){.listens = {"127.0.0.1:0"}});
	peer_connect(peer, "127.0.0.1", port_number(port));
	return peer;
}

// As long as the thread that has slept in recvmsg has not run again, every wake sends one.
static void wake_often(struct port *port)
{
	atomic_store(&port->queues[0]->sleep, VLY_SOCKET_RECEIVING);
	for (uint32_t i = 0; i < WAKES; i++)
		port->backend->wake(port->queues[0]);
	atomic_store(&port->queues[0]->sleep, VLY_SOCKET_AWAKE);
}

// More than the socket has room for.
static void flood(int peer)
{
	uint8_t data[FLOOD_BYTES] = {0};

	for (uint32_t i = 0; i < FLOOD; i++)
		assert_int_equal(send(peer, data, sizeof(data), 0), sizeof(data));
}

// Takes all there is, of which a wake makes an empty burst; the losses, too, are known then.
static void drain(struct port *port)
{
	struct vly_dgram *dgrams[VLY_BURST_MAX];
	uint64_t now_ns = vly_clock_ns();

	for (uint32_t empty = 0; empty <= 2 * WAKES; now_ns += LATER_NS) {
		uint32_t n =
			port->backend->rx_burst(port->queues[0], dgrams, VLY_BURST_MAX, now_ns);

		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(dgrams[i]->len, FLOOD_BYTES);
		port_release(port, 0, dgrams, n);
		empty = n ? 0 : empty + 1;
	}
}

static void expect(struct port *port, uint32_t received)
{
	drain(port);
	assert_int_equal(port_ledger(port).received, received);
}

static void test_lost_wakes_are_nobodys(void **state)
{
	struct port port;
	int peer = open_with_peer(&port);

	(void)state;
	flood(peer);
	wake_often(&port);
	expect(&port, FLOOD);
	assert_in_range(port_ledger(&port).dropped[VLY_DROP_RX_MISSED], 1, FLOOD - 1);
	flood(peer);
	expect(&port, 2 * FLOOD);
	close(peer);
	port_close(&port);
}

static void test_wakes_that_come_are_nobodys(void **state)
{
	struct port port;
	int peer = open_with_peer(&port);

	(void)state;
	wake_often(&port);
	expect(&port, 0);
	flood(peer);
	expect(&port, FLOOD);
	close(peer);
	port_close(&port);
}

// Known as missed or not yet: what may still come is not counted before.
static void test_wakes_between_losses(void **state)
{
	struct port port;
	int peer = open_with_peer(&port);

	(void)state;
	wake_often(&port);
	flood(peer);
	wake_often(&port);
	expect(&port, FLOOD);
	close(peer);
	port_close(&port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost_wakes_are_nobodys),
		cmocka_unit_test(test_wakes_that_come_are_nobodys),
		cmocka_unit_test(test_wakes_between_losses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
