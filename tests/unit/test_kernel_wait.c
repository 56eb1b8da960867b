// SPDX-License-Identifier: BSD-3-Clause
//
// What a wait is taken for by the burst behind it.
#include "kernel_port.h"

enum {
	WAITING = 100,
	LATE_NS = 1000000,
	MUCH = 32,
	SLICES = 10,
};

// How many waits it takes to receive what was sent, where each burst finds its wait long past.
static uint32_t count_waits(struct port *port, int peer, uint32_t count)
{
	struct vly_dgram *dgrams[VLY_BURST_MAX];
	uint32_t received = 0;
	uint32_t waits = 0;

	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(send(peer, &i, sizeof(i), 0), sizeof(i));
	for (; received < count && waits < 2 * count; waits++) {
		uint32_t n;

		port->backend->wait(port->queues[0], PORT_SLICE_NS);
		n = port->backend->rx_burst(port->queues[0], dgrams, VLY_BURST_MAX,
					    vly_clock_ns() + LATE_NS);
		if (n)
			port_release(port, 0, dgrams, n);
		received += n;
	}
	assert_int_equal(received, count);
	return waits;
}

// On a slow machine a wait seems long for what had come before it, too. That must not make it a
// wait for each datagram.
static void test_long_waits_are_not_believed(void **state)
{
	struct port port;
	int peer = peer_open("127.0.0.1");

	port_open(&port, *state, &(struct port_plan){.listens = {"127.0.0.1:0"}});
	peer_connect(peer, "127.0.0.1", port_number(&port));
	count_waits(&port, peer, 1);
	assert_true(count_waits(&port, peer, WAITING) < WAITING / 2);
	close(peer);
	port_close(&port);
}

// After a burst in which much was found it looks again, but then it sleeps; also where its sockets
// are several, of which only those are asked that have something.
static void test_much_at_once_keeps_nobody_awake(void **state)
{
	static const struct port_plan plans[] = {
		{.listens = {"127.0.0.1:0"}},
		{.listens = {"127.0.0.1:0", "127.0.0.2:0"}},
	};

	for (uint32_t p = 0; p < 2; p++) {
		struct vly_dgram *dgrams[VLY_BURST_MAX];
		uint64_t start_ns;
		struct port port;
		int peer = peer_open("127.0.0.1");

		port_open(&port, *state, &plans[p]);
		peer_connect(peer, "127.0.0.1", port_number(&port));
		for (uint8_t round = 0; round < 2; round++) { // asks for one, and then for more
			for (uint8_t i = 1; i <= MUCH; i++)
				assert_int_equal(send(peer, dgrams, i, 0), i); // nothing joins
			port_receive(&port, 0, dgrams, MUCH);
			port_release(&port, 0, dgrams, MUCH);
		}
		start_ns = vly_clock_ns();
		for (uint32_t i = 0; i < SLICES; i++) {
			port.backend->wait(port.queues[0], PORT_SLICE_NS);
			assert_int_equal(port.backend->rx_burst(port.queues[0], dgrams,
								VLY_BURST_MAX, vly_clock_ns()),
					 0);
		}
		assert_true(vly_clock_ns() - start_ns >= (uint64_t)SLICES / 2 * PORT_SLICE_NS);
		close(peer);
		port_close(&port);
	}
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_long_waits_are_not_believed),
		cmocka_unit_test(test_much_at_once_keeps_nobody_awake),
	};

	return variants_run(tests, sizeof(tests) / sizeof(tests[0]));
}
