// SPDX-License-Identifier: BSD-3-Clause
//
// ICMP errors: counted by name, fatal to nothing, and never the fault of another datagram.
#include "kernel_port.h"

enum {
	ROUNDS = 20,
	WAITS = 10,
};

// An address where nobody listens.
static struct vly_addr closed_addr(const char *host)
{
	int fd = peer_open(host);
	struct vly_addr addr = peer_addr(fd);

	close(fd);
	return addr;
}

static void send_byte(struct port *port, const struct vly_addr *to, uint8_t byte)
{
	struct vly_dgram *dgram = port_make(port, 0, to, 1);

	*vly_dgram_data(dgram) = byte;
	port_send(port, 0, &dgram, 1);
	port_flush(port);
}

// Receives nothing until so many refusals have been counted.
static void await_refusals(struct port *port, uint64_t count)
{
	uint64_t end_ns = vly_clock_ns() + (uint64_t)PORT_LIMIT_S * 1000000000u;
	struct vly_dgram *dgram;

	while (port_ledger(port).dropped[VLY_DROP_RX_REFUSED] < count) {
		if (vly_clock_ns() > end_ns)
			fail_msg("%lu refusals of %lu",
				 (unsigned long)port_ledger(port).dropped[VLY_DROP_RX_REFUSED],
				 (unsigned long)count);
		assert_int_equal(
			port->backend->rx_burst(port->queues[0], &dgram, 1, vly_clock_ns()), 0);
		port->backend->wait(port->queues[0], PORT_SLICE_NS);
	}
	assert_int_equal(port_ledger(port).dropped[VLY_DROP_RX_REFUSED], count);
}

static void client_is_refused(const struct variant *variant, const char *host)
{
	struct vly_addr closed = closed_addr(host);
	int peer = peer_open(host);
	struct vly_addr open = peer_addr(peer);
	struct vly_ledger ledger;
	struct port port;
	uint64_t start_ns;
	uint8_t byte;

	port_open(&port, variant, &(struct port_plan){.queues = 1});
	for (uint8_t i = 0; i < ROUNDS; i++) {
		send_byte(&port, &closed, i);
		send_byte(&port, &open, i);
		assert_int_equal(recv(peer, &byte, 1, 0), 1);
		assert_int_equal(byte, i);
		await_refusals(&port, i + 1u);
	}
	// What has been counted wakes nobody any more.
	start_ns = vly_clock_ns();
	for (uint32_t i = 0; i < WAITS; i++) {
		struct vly_dgram *dgram;

		assert_int_equal(port.backend->rx_burst(port.queues[0], &dgram, 1, vly_clock_ns()),
				 0);
		port.backend->wait(port.queues[0], PORT_SLICE_NS);
	}
	assert_true(vly_clock_ns() - start_ns >= (uint64_t)WAITS / 2 * PORT_SLICE_NS);
	ledger = port_ledger(&port);
	assert_int_equal(ledger.sent, 2 * ROUNDS);
	assert_int_equal(ledger.received, ROUNDS);
	assert_int_equal(ledger.dropped[VLY_DROP_TX_REFUSED], 0);
	close(peer);
	port_close(&port);
}

static void test_client_is_refused(void **state)
{
	client_is_refused(*state, "127.0.0.1");
	needs_ipv6();
	client_is_refused(*state, "::1");
}

// Bursts that go to both: those to the open one all arrive, in their order, whatever fails beside.
static void test_bursts_survive_refusals(void **state)
{
	struct vly_addr closed = closed_addr("127.0.0.1");
	int peer = peer_open("127.0.0.1");
	struct vly_addr open = peer_addr(peer);
	struct vly_ledger ledger;
	struct port port;

	port_open(&port, *state, &(struct port_plan){.queues = 1});
	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct vly_dgram *dgrams[VLY_BURST_MAX];

		for (uint32_t i = 0; i < VLY_BURST_MAX; i++) {
			// Sizes that grow cannot be joined: a message each.
			dgrams[i] = port_make(&port, 0, i % 2 ? &open : &closed, (uint16_t)(i + 8));
			memcpy(vly_dgram_data(dgrams[i]), &i, sizeof(i));
		}
		port_send(&port, 0, dgrams, VLY_BURST_MAX);
		port_flush(&port);
		for (uint32_t i = 1; i < VLY_BURST_MAX; i += 2) {
			uint8_t in[VLY_BURST_MAX + 8];

			assert_int_equal(recv(peer, in, sizeof(in), 0), i + 8);
			assert_memory_equal(in, &i, sizeof(i));
		}
	}
	await_refusals(&port, ROUNDS * VLY_BURST_MAX / 2);
	ledger = port_ledger(&port);
	assert_int_equal(ledger.sent, ROUNDS * VLY_BURST_MAX);
	assert_int_equal(ledger.dropped[VLY_DROP_TX_REFUSED], 0);
	close(peer);
	port_close(&port);
}

// A burst of one datagram for each of several peers, which have no order to keep among them: the
// ring gets all of them at once. What fails of them is counted as such, and the others arrive,
// once.
static void test_failures_among_others(void **state)
{
	enum {
		PEERS = 8
	};
	struct vly_dgram *dgrams[PEERS];
	struct vly_ledger ledger;
	struct port port;
	int peers[PEERS];
	uint32_t failed = 0;

	port_open(&port, *state, &(struct port_plan){.queues = 1});
	for (uint32_t i = 0; i < PEERS; i++) {
		struct vly_addr to;

		peers[i] = peer_open("127.0.0.1");
		to = peer_addr(peers[i]);
		dgrams[i] = port_make(&port, 0, &to, 1);
		*vly_dgram_data(dgrams[i]) = (uint8_t)i;
		if (i % 3 == 1) {
			dgrams[i]->len = UINT16_MAX; // longer than any over IPv4
			failed++;
		}
	}
	port_send(&port, 0, dgrams, PEERS);
	port_flush(&port);
	for (uint32_t i = 0; i < PEERS; i++) {
		uint8_t bytes[2];

		if (i % 3 != 1) {
			assert_int_equal(recv(peers[i], bytes, sizeof(bytes), 0), 1);
			assert_int_equal(bytes[0], i);
		}
		assert_int_equal(recv(peers[i], bytes, sizeof(bytes), MSG_DONTWAIT), -1);
		close(peers[i]);
	}
	ledger = port_ledger(&port);
	assert_int_equal(ledger.sent, PEERS - failed);
	assert_int_equal(ledger.dropped[VLY_DROP_TX_OVERSIZE], failed);
	port_close(&port);
}

// Asks and goes away before the answer; returns how many refusals the server counts in the end.
static uint64_t server_is_refused(const struct variant *variant, const char *option)
{
	struct port port;
	uint64_t refused;
	int witness = peer_open("127.0.0.1");

	port_open(&port, variant,
		  &(struct port_plan){.listens = {"127.0.0.1:0"}, .option = option});
	peer_connect(witness, "127.0.0.1", port_number(&port));
	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct vly_dgram *dgram;
		int peer = peer_open("127.0.0.1");
		char byte;

		peer_connect(peer, "127.0.0.1", port_number(&port));
		assert_int_equal(send(peer, "x", 1, 0), 1);
		port_receive(&port, 0, &dgram, 1);
		close(peer);
		port_reply(&port, 0, &dgram, 1);
		// Somebody else's answer is not hurt by it.
		assert_int_equal(send(witness, "y", 1, 0), 1);
		port_receive(&port, 0, &dgram, 1);
		port_reply(&port, 0, &dgram, 1);
		port_flush(&port);
		assert_int_equal(recv(witness, &byte, 1, 0), 1);
	}
	refused = port_ledger(&port).dropped[VLY_DROP_RX_REFUSED];
	assert_int_equal(port_ledger(&port).sent, 2 * ROUNDS);
	close(witness);
	port_close(&port);
	return refused;
}

static void test_server_counts_if_asked(void **state)
{
	assert_int_equal(server_is_refused(*state, "icmp-errors=on"), ROUNDS);
	assert_int_equal(server_is_refused(*state, NULL), 0);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_client_is_refused),
		cmocka_unit_test(test_bursts_survive_refusals),
		cmocka_unit_test(test_failures_among_others),
		cmocka_unit_test(test_server_counts_if_asked),
	};

	return variants_run(tests, sizeof(tests) / sizeof(tests[0]));
}
