// SPDX-License-Identifier: BSD-3-Clause
//
// What a wait is taken for by the burst behind it.
#include "kernel_port.h"

enum {
	WAITING = 100,
	LATE_NS = 1000000,
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

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_long_waits_are_not_believed),
	};

	return variants_run(tests, sizeof(tests) / sizeof(tests[0]));
}
