// SPDX-License-Identifier: BSD-3-Clause
//
// The kernel backends receive in several ways, and choose by what comes: one by one, many at once,
// trains, after a sleep or without one. Whichever follows which, a flow keeps its order and nothing
// is lost.
#include "kernel_port.h"

#include <netinet/udp.h>
#include <pthread.h>

#include "prng.h"

enum {
	BYTES = 100, // of each datagram: its number, and filling
	STEPS = 400,
	MANY = 40,
	FLOOD_SENDS = 1500,
	FLOOD_FLOWS = 2,
	PAUSE_US = 200,
	AHEAD = 400, // that any socket has room for: a train that is lost counts there as one
	SHORT_WAIT_NS = 50000,
};

// A peer that sends numbered datagrams; the port's side takes them in the order of their numbers.
struct flow {
	int fd;
	uint32_t sent;
	uint32_t taken;
};

static void number(uint8_t *data, uint32_t count, uint32_t first)
{
	memset(data, 0, (size_t)count * BYTES);
	for (uint32_t i = 0; i < count; i++, first++)
		memcpy(data + (size_t)i * BYTES, &first, sizeof(first));
}

static uint32_t number_of(const void *data)
{
	uint32_t value;

	memcpy(&value, data, sizeof(value));
	return value;
}

// `count` datagrams: as one message that the kernel may cut, or each by itself.
static void flow_send(struct flow *flow, uint32_t count, bool as_train)
{
	uint8_t data[MANY * BYTES];
	int segment = as_train ? BYTES : 0;

	number(data, count, flow->sent);
	assert_int_equal(setsockopt(flow->fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment)), 0);
	if (as_train)
		assert_int_equal(send(flow->fd, data, (size_t)count * BYTES, 0), count * BYTES);
	for (uint32_t i = 0; !as_train && i < count; i++)
		assert_int_equal(send(flow->fd, data + (size_t)i * BYTES, BYTES, 0), BYTES);
	flow->sent += count;
}

static uint32_t burst(struct port *port, struct vly_dgram **dgrams, uint32_t count)
{
	return port->backend->rx_burst(port->queues[0], dgrams, count, vly_clock_ns());
}

// Takes and answers what was sent, in bursts of any size, with and without waits in between.
static void flow_take(struct flow *flow, struct port *port, struct prng *prng)
{
	uint64_t end_ns = vly_clock_ns() + (uint64_t)PORT_LIMIT_S * 1000000000u;

	while (flow->taken < flow->sent) {
		struct vly_dgram *dgrams[VLY_BURST_MAX];
		uint32_t n = burst(port, dgrams, prng_between(prng, 1, VLY_BURST_MAX));

		for (uint32_t i = 0; i < n; i++, flow->taken++) {
			assert_int_equal(dgrams[i]->len, BYTES);
			assert_int_equal(number_of(vly_dgram_data(dgrams[i])), flow->taken);
		}
		port_reply(port, 0, dgrams, n);
		if (prng_below(prng, 2))
			port->backend->wait(port->queues[0], SHORT_WAIT_NS);
		assert_true(vly_clock_ns() < end_ns);
	}
	port_flush(port);
}

static void expect_answers(struct flow *flow, uint32_t first)
{
	for (; first < flow->sent; first++) {
		uint8_t answer[BYTES];

		assert_int_equal(recv(flow->fd, answer, sizeof(answer), 0), BYTES);
		assert_int_equal(number_of(answer), first);
	}
}

static void step(struct flow *flow, struct port *port, struct prng *prng)
{
	uint32_t first = flow->sent;
	struct vly_dgram *dgram;

	switch (prng_below(prng, 6)) {
	case 0: // a sleep in vain, which may leave a receive behind
		port->backend->wait(port->queues[0], SHORT_WAIT_NS);
		break;
	case 1: // one that is cut short
		port->backend->wake(port->queues[0]);
		port->backend->wait(port->queues[0], PORT_SLICE_NS);
		break;
	case 2: // a look in vain
		assert_int_equal(burst(port, &dgram, 1), 0);
		break;
	case 3:
		flow_send(flow, 1, false);
		break;
	case 4:
		flow_send(flow, prng_between(prng, 2, MANY), false);
		break;
	default:
		flow_send(flow, prng_between(prng, 2, MANY), true);
		break;
	}
	flow_take(flow, port, prng);
	expect_answers(flow, first);
}

static void test_any_way_after_any_other(void **state)
{
	struct prng prng = prng_open();
	struct flow flow = {.fd = peer_open("127.0.0.1")};
	struct vly_ledger ledger;
	struct port port;

	print_message("seed %llu\n", (unsigned long long)prng.seed);
	port_open(&port, *state, &(struct port_plan){.listens = {"127.0.0.1:0"}});
	peer_connect(flow.fd, "127.0.0.1", port_number(&port));
	for (uint32_t i = 0; i < STEPS; i++)
		step(&flow, &port, &prng);
	ledger = port_ledger(&port);
	assert_int_equal(ledger.received, flow.sent);
	assert_int_equal(ledger.sent, flow.sent);
	close(flow.fd);
	port_close(&port);
}

// --- under a flood ------------------------------------------------------------------------------

struct flood {
	struct flow flows[FLOOD_FLOWS];
	struct prng prng;
	_Atomic uint32_t received;
	_Atomic bool is_over;
};

// Goes on when the receiver is not too far behind, or so late that it never will be.
static void keep_pace(struct flood *flood)
{
	uint64_t end_ns = vly_clock_ns() + (uint64_t)PORT_LIMIT_S * 1000000000u;

	while (flood->flows[0].sent + flood->flows[1].sent - atomic_load(&flood->received) >
		       AHEAD &&
	       vly_clock_ns() < end_ns)
		usleep(PAUSE_US);
}

static void *flood(void *arg)
{
	struct flood *flood = arg;

	for (uint32_t i = 0; i < FLOOD_SENDS; i++) {
		struct flow *flow = &flood->flows[prng_below(&flood->prng, FLOOD_FLOWS)];

		keep_pace(flood);
		flow_send(flow, prng_between(&flood->prng, 1, MANY), prng_below(&flood->prng, 2));
		if (!prng_below(&flood->prng, 16))
			usleep(PAUSE_US);
	}
	atomic_store(&flood->is_over, true);
	return NULL;
}

// Takes a burst of either flow.
static uint32_t take_any(struct port *port, struct flood *flood, struct prng *prng)
{
	struct vly_dgram *dgrams[VLY_BURST_MAX];
	uint32_t n = burst(port, dgrams, prng_between(prng, 1, VLY_BURST_MAX));

	for (uint32_t i = 0; i < n; i++) {
		uint32_t value = number_of(vly_dgram_data(dgrams[i]));
		uint32_t f = 0;

		while (dgrams[i]->peer.port != peer_addr(flood->flows[f].fd).port)
			assert_true(++f < FLOOD_FLOWS);
		assert_int_equal(value, flood->flows[f].taken++);
	}
	atomic_fetch_add(&flood->received, n);
	port_release(port, 0, dgrams, n);
	return n;
}

static void test_order_under_a_flood(void **state)
{
	struct prng prng = prng_open();
	struct flood all = {.prng = prng_open()};
	struct vly_ledger ledger;
	struct port port;
	pthread_t thread;
	uint64_t end_ns = vly_clock_ns() + (uint64_t)PORT_LIMIT_S * 1000000000u;

	print_message("seed %llu\n", (unsigned long long)prng.seed);
	port_open(&port, *state, &(struct port_plan){.listens = {"127.0.0.1:0"}});
	for (uint32_t f = 0; f < FLOOD_FLOWS; f++) {
		all.flows[f].fd = peer_open("127.0.0.1");
		peer_connect(all.flows[f].fd, "127.0.0.1", port_number(&port));
	}
	assert_int_equal(pthread_create(&thread, NULL, flood, &all), 0);
	do {
		if (!take_any(&port, &all, &prng) && prng_below(&prng, 2))
			port.backend->wait(port.queues[0], SHORT_WAIT_NS);
	} while (!atomic_load(&all.is_over) && vly_clock_ns() < end_ns);
	pthread_join(thread, NULL);
	while (take_any(&port, &all, &prng) || vly_clock_ns() < end_ns) {
		if (atomic_load(&all.received) == all.flows[0].sent + all.flows[1].sent)
			break;
	}
	ledger = port_ledger(&port);
	assert_int_equal(ledger.received, all.flows[0].sent + all.flows[1].sent);
	assert_int_equal(ledger.dropped[VLY_DROP_RX_MISSED], 0);
	for (uint32_t f = 0; f < FLOOD_FLOWS; f++)
		close(all.flows[f].fd);
	port_close(&port);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_way_after_any_other),
		cmocka_unit_test(test_order_under_a_flood),
	};

	return variants_run(tests, sizeof(tests) / sizeof(tests[0]));
}
