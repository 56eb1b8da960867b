// SPDX-License-Identifier: BSD-3-Clause
//
// The kernel backends at their limits: ports in use, pools that run dry, datagrams that nobody
// takes, waits that are woken, several queues.
#include "kernel_port.h"

#include <pthread.h>

enum {
	POOL = 16,
	FLOOD = 200,
	REOPENS = 5,
	NAP_US = 20000,
	SHORT_NAP_US = 500, // less than a tick of the kernel's
	LONG_WAIT_NS = 1000000000,
	WAITS = 8,
};

// --- opening ------------------------------------------------------------------------------------

static void test_port_in_use(void **state)
{
	const struct variant *variant = *state;
	struct vly_error error = {""};
	struct port port;
	char text[64];
	char expected[160];
	int other = peer_open("127.0.0.1");
	uint16_t number = peer_addr(other).port;

	snprintf(text, sizeof(text), "127.0.0.1:%u", number);
	snprintf(expected, sizeof(expected), "%s: %s is in use; see: ss -ulpn sport = :%u",
		 variant->backend, text, number);
	assert_int_equal(port_try(&port, variant, &(struct port_plan){.listens = {text}}, &error),
			 -EADDRINUSE);
	assert_string_equal(error.text, expected);
	// Several queues share a port among themselves, and with nobody else.
	assert_int_equal(port_try(&port, variant,
				  &(struct port_plan){.listens = {text}, .queues = 2}, &error),
			 -EADDRINUSE);
	close(other);
}

static void test_address_of_nobody(void **state)
{
	struct vly_error error = {""};
	struct port port;

	assert_int_equal(
		port_try(&port, *state, &(struct port_plan){.listens = {"192.0.2.1:4000"}}, &error),
		-EADDRNOTAVAIL);
	assert_non_null(strstr(error.text, "192.0.2.1:4000 is not an address of this machine"));
	assert_non_null(strstr(error.text, "listen on :4000"));
}

// The port is free again as soon as close() has returned.
static void test_reopening_at_once(void **state)
{
	char text[64];
	int guard = peer_open("127.0.0.1");

	snprintf(text, sizeof(text), "127.0.0.1:%u", peer_addr(guard).port);
	close(guard);
	for (uint32_t i = 0; i < REOPENS; i++) {
		struct vly_dgram *dgram;
		struct port port;

		port_open(&port, *state, &(struct port_plan){.listens = {text}});
		assert_int_equal(port.backend->rx_burst(port.queues[0], &dgram, 1, vly_clock_ns()),
				 0);
		port_close(&port);
	}
}

// Hop limit and traffic class, where nobody wants them.
static void test_class_is_not_asked_for(void **state)
{
	struct vly_dgram *dgram;
	struct port port;
	int peer = peer_open("127.0.0.1");

	port_open(&port, *state, &(struct port_plan){.listens = {":0"}});
	peer_connect(peer, "127.0.0.1", port_number(&port));
	for (int i = 0; i < 4; i++) {
		port.backend->ask_class(port.inner, i % 2);
		assert_int_equal(send(peer, "x", 1, 0), 1);
		port_receive(&port, 0, &dgram, 1);
		assert_int_equal(dgram->ttl != 0, i % 2);
		port_release(&port, 0, &dgram, 1);
	}
	close(peer);
	port_close(&port);
}

// --- limits -------------------------------------------------------------------------------------

static void test_pool_runs_dry_and_recovers(void **state)
{
	struct vly_dgram *dgrams[FLOOD];
	struct port port;
	uint32_t total = 0;
	int peer = peer_open("127.0.0.1");

	port_open(&port, *state, &(struct port_plan){.listens = {"127.0.0.1:0"}, .buffers = POOL});
	peer_connect(peer, "127.0.0.1", port_number(&port));
	for (uint32_t i = 0; i < FLOOD; i++)
		assert_int_equal(send(peer, &i, sizeof(i), 0), sizeof(i));
	while (total < FLOOD) {
		uint32_t want = FLOOD - total < POOL ? FLOOD - total : POOL;
		struct vly_dgram *more;

		port_receive(&port, 0, dgrams, want);
		if (want == POOL) {
			assert_int_equal(
				port.backend->rx_burst(port.queues[0], &more, 1, vly_clock_ns()),
				0);
			assert_int_equal(port.backend->alloc_burst(port.queues[0], &more, 1), 0);
		}
		for (uint32_t i = 0; i < want; i++)
			assert_memory_equal(vly_dgram_data(dgrams[i]), &(uint32_t){total + i}, 4);
		port_release(&port, 0, dgrams, want);
		total += want;
	}
	close(peer);
	port_close(&port);
}

// While there is no block to receive into, a wait sleeps though datagrams lie in the socket.
static void test_dry_pool_does_not_spin(void **state)
{
	struct vly_dgram *dgrams[POOL];
	struct port port;
	uint64_t start_ns;
	int peer = peer_open("127.0.0.1");

	port_open(&port, *state, &(struct port_plan){.listens = {"127.0.0.1:0"}, .buffers = POOL});
	peer_connect(peer, "127.0.0.1", port_number(&port));
	for (uint32_t i = 0; i < 2 * POOL; i++)
		assert_int_equal(send(peer, &i, sizeof(i), 0), sizeof(i));
	port_receive(&port, 0, dgrams, POOL);
	assert_int_equal(port.backend->rx_burst(port.queues[0], dgrams, 1, vly_clock_ns()), 0);
	port.backend->wait(port.queues[0], 0); // what was pending from before has come out now
	start_ns = vly_clock_ns();
	for (uint32_t i = 0; i < WAITS; i++)
		port.backend->wait(port.queues[0], PORT_SLICE_NS);
	assert_true(vly_clock_ns() - start_ns >= (uint64_t)WAITS / 2 * PORT_SLICE_NS);
	port_release(&port, 0, dgrams, POOL);
	port_receive(&port, 0, dgrams, POOL);
	port_release(&port, 0, dgrams, POOL);
	close(peer);
	port_close(&port);
}

// What can never be sent is counted by its reason, and what is behind it in the burst is sent.
static void test_unsendable(void **state)
{
	struct port port;
	struct vly_dgram *dgrams[4];
	struct vly_ledger ledger;
	struct vly_addr to;
	struct vly_addr bad;
	char byte;
	int peer = peer_open("127.0.0.1");

	port_open(&port, *state, &(struct port_plan){.listens = {"127.0.0.1:0"}});
	to = peer_addr(peer);
	bad = endpoint_of("[::1]:9").addr;
	dgrams[0] = port_make(&port, 0, &bad, 1); // of a family that the port has not
	bad = to;
	bad.port = 0;
	dgrams[1] = port_make(&port, 0, &bad, 1);
	dgrams[2] = port_make(&port, 0, &to, 1);
	dgrams[2]->len = 65535; // no UDP datagram over IPv4 is so long
	dgrams[3] = port_make(&port, 0, &to, 1);
	port_send(&port, 0, dgrams, 4);
	port_flush(&port);
	assert_int_equal(recv(peer, &byte, 1, 0), 1);
	ledger = port_ledger(&port);
	assert_int_equal(ledger.dropped[VLY_DROP_TX_NO_ROUTE], 1);
	assert_int_equal(ledger.dropped[VLY_DROP_TX_REFUSED], 1);
	assert_int_equal(ledger.dropped[VLY_DROP_TX_OVERSIZE], 1);
	assert_int_equal(ledger.sent, 1);
	close(peer);
	port_close(&port);
}

// What the kernel had no room for is received and lost at once, by name.
static void test_overrun_is_counted(void **state)
{
	enum {
		SENT = 5000,
		BURST = 16
	};
	struct vly_dgram *dgrams[BURST];
	struct vly_ledger ledger;
	struct port port;
	uint8_t data[1000] = {0};
	uint64_t now_ns = vly_clock_ns();
	uint64_t end_ns = now_ns + (uint64_t)PORT_LIMIT_S * 1000000000u;
	int peer = peer_open("127.0.0.1");

	port_open(&port, *state,
		  &(struct port_plan){.listens = {"127.0.0.1:0"}, .option = "rcvbuf=64k"});
	peer_connect(peer, "127.0.0.1", port_number(&port));
	for (uint32_t i = 0; i < SENT; i++)
		send(peer, data, sizeof(data), 0);
	do {
		uint32_t n = port.backend->rx_burst(port.queues[0], dgrams, BURST, now_ns);

		port_release(&port, 0, dgrams, n);
		if (!n)
			port.backend->flush(port.queues[0]);
		now_ns += LONG_WAIT_NS; // the losses are asked for now and then
		ledger = port_ledger(&port);
	} while (ledger.received < SENT && vly_clock_ns() < end_ns);
	assert_int_equal(ledger.received, SENT);
	assert_true(ledger.dropped[VLY_DROP_RX_MISSED] > 0);
	close(peer);
	port_close(&port);
}

// --- waiting ------------------------------------------------------------------------------------

static void *wake_at_once(void *arg)
{
	struct port *port = arg;

	usleep(SHORT_NAP_US);
	port->backend->wake(port->queues[0]);
	return NULL;
}

static void *wake_soon(void *arg)
{
	struct port *port = arg;

	usleep(NAP_US);
	port->backend->wake(port->queues[0]);
	return NULL;
}

// Waits long with a wake on its way; returns how long it took.
static uint64_t wait_for_wake(struct port *port)
{
	uint64_t start_ns = vly_clock_ns();
	struct vly_dgram *dgram;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, wake_soon, port), 0);
	port->backend->wait(port->queues[0], LONG_WAIT_NS);
	pthread_join(thread, NULL);
	// The wake itself is no datagram.
	assert_int_equal(port->backend->rx_burst(port->queues[0], &dgram, 1, vly_clock_ns()), 0);
	return vly_clock_ns() - start_ns;
}

static void test_wake_ends_a_wait(void **state)
{
	struct port port;
	struct vly_dgram *dgram;
	int peer = peer_open("127.0.0.1");

	port_open(&port, *state, &(struct port_plan){.listens = {"127.0.0.1:0"}});
	peer_connect(peer, "127.0.0.1", port_number(&port));
	assert_true(wait_for_wake(&port) < LONG_WAIT_NS);
	// A wake while nobody waits ends the next wait.
	port.backend->wake(port.queues[0]);
	assert_true(wait_for_wake(&port) < LONG_WAIT_NS);
	port_close(&port);

	// Right after a datagram the wait may be another one.
	port_open(&port, *state, &(struct port_plan){.listens = {"127.0.0.1:0"}});
	close(peer);
	peer = peer_open("127.0.0.1");
	peer_connect(peer, "127.0.0.1", port_number(&port));
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(send(peer, "x", 1, 0), 1);
		port.backend->wait(port.queues[0], LONG_WAIT_NS);
		port_receive(&port, 0, &dgram, 1);
		port_release(&port, 0, &dgram, 1);
	}
	for (uint32_t i = 0; i < 3; i++)
		assert_true(wait_for_wake(&port) < LONG_WAIT_NS);
	close(peer);
	port_close(&port);
}

// Right after a datagram the wait may be another one, which ends otherwise; but what ends it is
// never delivered, nor counted.
static void test_wake_is_no_datagram(void **state)
{
	for (uint32_t i = 0; i < WAITS; i++) {
		struct vly_dgram *dgrams[2];
		struct vly_ledger ledger;
		struct port port;
		pthread_t thread;
		int peer = peer_open("127.0.0.1");

		port_open(&port, *state, &(struct port_plan){.listens = {"127.0.0.1:0"}});
		peer_connect(peer, "127.0.0.1", port_number(&port));
		assert_int_equal(send(peer, "x", 1, 0), 1);
		port.backend->wait(port.queues[0], LONG_WAIT_NS);
		port_receive(&port, 0, dgrams, 1);
		port_release(&port, 0, dgrams, 1);
		assert_int_equal(pthread_create(&thread, NULL, wake_at_once, &port), 0);
		port.backend->wait(port.queues[0], LONG_WAIT_NS);
		pthread_join(thread, NULL);
		for (uint32_t k = 0; k < 3; k++)
			assert_int_equal(
				port.backend->rx_burst(port.queues[0], dgrams, 2, vly_clock_ns()),
				0);
		ledger = port_ledger(&port);
		assert_int_equal(ledger.received, 1);
		close(peer);
		port_close(&port);
	}
}

static void test_wait_ends_in_time(void **state)
{
	struct port port;
	uint64_t start_ns;

	port_open(&port, *state, &(struct port_plan){.listens = {"127.0.0.1:0"}});
	start_ns = vly_clock_ns();
	port.backend->wait(port.queues[0], PORT_SLICE_NS);
	assert_true(vly_clock_ns() - start_ns >= PORT_SLICE_NS / 2);
	assert_true(vly_clock_ns() - start_ns < LONG_WAIT_NS);
	port_close(&port);
}

// --- queues -------------------------------------------------------------------------------------

static void test_queues_share_a_port(void **state)
{
	enum {
		PEERS = 16
	};
	struct port port;
	int peers[PEERS];
	uint32_t received[2] = {0, 0};
	uint64_t end_ns = vly_clock_ns() + (uint64_t)PORT_LIMIT_S * 1000000000u;

	port_open(&port, *state, &(struct port_plan){.listens = {"127.0.0.1:0"}, .queues = 2});
	assert_int_equal(port.queue_count, 2);
	for (uint32_t i = 0; i < PEERS; i++) {
		peers[i] = peer_open("127.0.0.1");
		peer_connect(peers[i], "127.0.0.1", port_number(&port));
		assert_int_equal(send(peers[i], &i, sizeof(i), 0), sizeof(i));
	}
	while (received[0] + received[1] < PEERS) {
		for (uint32_t q = 0; q < 2; q++) {
			struct vly_dgram *dgrams[PEERS];
			uint32_t n = port.backend->rx_burst(port.queues[q], dgrams, PEERS,
							    vly_clock_ns());

			port_reply(&port, q, dgrams, n);
			received[q] += n;
		}
		assert_true(vly_clock_ns() < end_ns);
	}
	port_flush(&port);
	for (uint32_t i = 0; i < PEERS; i++) {
		uint32_t number = UINT32_MAX;

		assert_int_equal(recv(peers[i], &number, sizeof(number), 0), sizeof(number));
		assert_int_equal(number, i);
		close(peers[i]);
	}
	port_close(&port);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_port_in_use),
		cmocka_unit_test(test_address_of_nobody),
		cmocka_unit_test(test_reopening_at_once),
		cmocka_unit_test(test_class_is_not_asked_for),
		cmocka_unit_test(test_pool_runs_dry_and_recovers),
		cmocka_unit_test(test_dry_pool_does_not_spin),
		cmocka_unit_test(test_unsendable),
		cmocka_unit_test(test_overrun_is_counted),
		cmocka_unit_test(test_wake_ends_a_wait),
		cmocka_unit_test(test_wake_is_no_datagram),
		cmocka_unit_test(test_wait_ends_in_time),
		cmocka_unit_test(test_queues_share_a_port),
	};

	return variants_run(tests, sizeof(tests) / sizeof(tests[0]));
}
