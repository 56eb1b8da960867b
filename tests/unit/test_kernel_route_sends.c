// SPDX-License-Identifier: BSD-3-Clause
//
// The sockets that only send: that answers leave by them whole and in their order, and by the other
// socket where they cannot.
#include "route_port.h"

#include "prng.h"

enum {
	FLOWS = 6,
	BURSTS = 60, // enough for each flow to have a route
	TRAIN = 8,
	TRAIN_BYTES = 100,
	USED_S = 3,    // in which it was used, as it were
	UNUSED_S = 12, // by the end of which it was not
};

// --- what it does -------------------------------------------------------------------------------

static void echo(struct port *port, uint32_t count)
{
	struct vly_dgram *dgrams[VLY_BURST_MAX];

	port_receive(port, 0, dgrams, count);
	port_reply(port, 0, dgrams, count);
	port_flush(port);
}

static void send_train(int peer, uint32_t number)
{
	uint8_t data[TRAIN_BYTES];

	for (uint32_t i = 0; i < TRAIN; i++) {
		pattern(data, sizeof(data), number + i);
		assert_int_equal(send(peer, data, sizeof(data), 0), sizeof(data));
	}
}

static void hear_train(int peer, uint32_t number)
{
	uint8_t data[2 * TRAIN_BYTES];

	for (uint32_t i = 0; i < TRAIN; i++) {
		assert_int_equal(recv(peer, data, sizeof(data), 0), TRAIN_BYTES);
		assert_true(is_pattern(data, TRAIN_BYTES, number + i));
	}
}

// Joined answers are cut again, and none overtakes another, by a route or before there was one.
static void test_trains(void **state)
{
	struct port port;
	int peer;

	open_server(&port, *state, "127.0.0.1:0");
	peer = open_peer(&port, "127.0.0.1");
	for (uint32_t i = 0; i < ROUNDS; i++) {
		send_train(peer, i);
		echo(&port, TRAIN);
		hear_train(peer, i);
	}
	assert_int_equal(count_routes(&port), 1);
	assert_int_equal(port_ledger(&port).sent, ROUNDS * TRAIN);
	close_all(&port, &peer, 1);
}

// Growing, so that none joins another: a message each, of one flow.
static void test_order(void **state)
{
	static const uint8_t zeros[TRAIN + sizeof(uint32_t)];
	struct port port;
	int peer;

	open_server(&port, *state, "127.0.0.1:0");
	peer = open_peer(&port, "127.0.0.1");
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint8_t heard[2 * sizeof(zeros)];

		for (uint32_t k = 1; k <= TRAIN; k++)
			assert_int_equal(send(peer, zeros, k, 0), k);
		echo(&port, TRAIN);
		for (uint32_t k = 1; k <= TRAIN; k++)
			assert_int_equal(recv(peer, heard, sizeof(heard), 0), k);
	}
	assert_int_equal(count_routes(&port), 1);
	close_all(&port, &peer, 1);
}

// Bursts of several flows and sizes, at random: each peer gets its own in the order of sending.
static void mix(const struct variant *variant, const char *listen, const char *const hosts[2])
{
	struct prng prng = prng_open();
	struct port port;
	int peers[FLOWS];
	uint32_t sent[FLOWS] = {0};

	print_message("seed %llu\n", (unsigned long long)prng.seed);
	port_open(&port, variant, &(struct port_plan){.listens = {listen}});
	for (uint32_t f = 0; f < FLOWS; f++)
		peers[f] = peer_open(hosts[f % 2]);
	for (uint32_t round = 0; round < BURSTS; round++) {
		struct vly_dgram *dgrams[VLY_BURST_MAX];
		uint32_t count = prng_between(&prng, 1, VLY_BURST_MAX);
		uint32_t here[FLOWS] = {0};

		for (uint32_t i = 0; i < count; i++) {
			uint32_t f = prng_below(&prng, FLOWS);
			struct vly_addr to = peer_addr(peers[f]);
			uint16_t len = (uint16_t)(8 + 8 * prng_below(&prng, 3));

			dgrams[i] = port_make(&port, 0, &to, len);
			memset(vly_dgram_data(dgrams[i]), 0, len);
			memcpy(vly_dgram_data(dgrams[i]), &sent[f], sizeof(sent[f]));
			sent[f]++;
			here[f]++;
		}
		port_send(&port, 0, dgrams, count);
		port_flush(&port);
		for (uint32_t f = 0; f < FLOWS; f++) {
			for (uint32_t i = 0; i < here[f]; i++) {
				uint32_t number[6];

				assert_true(recv(peers[f], number, sizeof(number), 0) >= 8);
				assert_int_equal(number[0], sent[f] - here[f] + i);
			}
		}
	}
	for (uint32_t f = 0; f < FLOWS; f++)
		close(peers[f]);
	port_close(&port);
}

// By a socket for all; by one each.
static void test_mixed_bursts_keep_each_flow_in_order(void **state)
{
	static const char *const both[] = {"127.0.0.1", "::1"};

	mix(*state, "127.0.0.1:0", (const char *[]){both[0], both[0]});
	needs_ipv6();
	mix(*state, ":0", both);
}

// --- and when it does not -----------------------------------------------------------------------

// Every message leaves, and once; who had the route has none for the time being.
static void break_one(struct port *port, const int *peers, uint32_t count)
{
	uint64_t sent = port_ledger(port).sent;
	int route = -1;
	uint32_t routes = find_routes(port, &route);

	assert_int_equal(shutdown(route, SHUT_WR), 0);
	exchange_often(port, peers, count, ROUNDS);
	assert_int_equal(count_routes(port), routes - 1);
	assert_int_equal(port_ledger(port).sent, sent + (uint64_t)ROUNDS * count);
}

static void test_it_cannot_send(void **state)
{
	struct port port;
	int peers[PEERS];

	open_server(&port, *state, "127.0.0.1:0");
	for (uint32_t i = 0; i < PEERS; i++)
		peers[i] = open_peer(&port, "127.0.0.1");
	exchange_often(&port, peers, PEERS, ROUNDS);
	for (uint32_t i = 0; i < PEERS; i++)
		break_one(&port, peers, PEERS);
	close_all(&port, peers, PEERS);
}

static void test_it_cannot_send_one(void **state)
{
	struct port port;
	int peer;

	open_server(&port, *state, "127.0.0.1:0");
	peer = open_peer(&port, "127.0.0.1");
	exchange_often(&port, &peer, 1, ROUNDS);
	break_one(&port, &peer, 1);
	close_all(&port, &peer, 1);
}

static void test_unused_it_goes(void **state)
{
	struct port port;
	uint64_t now_ns = vly_clock_ns();
	int peer;

	open_server(&port, *state, "127.0.0.1:0");
	peer = open_peer(&port, "127.0.0.1");
	exchange_often(&port, &peer, 1, ROUNDS);
	for (uint32_t i = 1; i <= UNUSED_S; i++) {
		struct vly_dgram *dgram;

		if (i <= USED_S)
			assert_int_equal(count_routes(&port), 1);
		now_ns += 1000000000;
		port.backend->rx_burst(port.queues[0], &dgram, 1, now_ns);
		port_flush(&port);
	}
	assert_int_equal(count_routes(&port), 0);
	exchange_often(&port, &peer, 1, ROUNDS);
	assert_int_equal(count_routes(&port), 1);
	close_all(&port, &peer, 1);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trains),
		cmocka_unit_test(test_mixed_bursts_keep_each_flow_in_order),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_it_cannot_send),
		cmocka_unit_test(test_it_cannot_send_one),
		cmocka_unit_test(test_unused_it_goes),
	};

	return variants_run(tests, sizeof(tests) / sizeof(tests[0]));
}
