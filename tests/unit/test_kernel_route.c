// SPDX-License-Identifier: BSD-3-Clause
//
// The sockets that only send: who gets one, and that it goes when it is of no use.
#include "route_port.h"

#include <fcntl.h>
#include <sys/resource.h>

#include "backend/kernel_route.h"

enum {
	CROWD = 200, // so many that some find all places taken that they may have
	STRANGERS = 300,
	FEW_FILES = 64, // more than a test has open
	PEER_PORT = 10000,
	CLASS = 0x28,
};

static void test_who_comes_again_gets_one(void **state)
{
	struct port port;
	int peers[PEERS];

	open_server(&port, *state, "127.0.0.1:0");
	for (uint32_t i = 0; i < PEERS; i++)
		peers[i] = open_peer(&port, "127.0.0.1");
	exchange_often(&port, peers, PEERS, WARM - 1);
	assert_int_equal(count_routes(&port), 0);
	exchange_often(&port, peers, PEERS, ROUNDS);
	assert_int_equal(count_routes(&port), PEERS);
	assert_int_equal(port_ledger(&port).sent, (WARM - 1 + ROUNDS) * PEERS);
	close_all(&port, peers, PEERS);
}

static void test_who_is_alone_gets_one(void **state)
{
	struct port port;
	int peer;

	open_server(&port, *state, "127.0.0.1:0");
	peer = open_peer(&port, "127.0.0.1");
	exchange_often(&port, &peer, 1, ROUNDS);
	assert_int_equal(count_routes(&port), 1);
	close_all(&port, &peer, 1);
}

static void test_both_families(void **state)
{
	static const char *const listens[] = {":0", "[::1]:0", "127.0.0.1:0"};
	static const char *const hosts[] = {"::1", "127.0.0.1"};

	needs_ipv6();
	for (uint32_t l = 0; l < 3; l++) {
		uint32_t first = l == 2;
		uint32_t count = l ? 1 : 2;
		struct port port;
		int peers[2];

		open_server(&port, *state, listens[l]);
		for (uint32_t i = 0; i < count; i++)
			peers[i] = open_peer(&port, hosts[first + i]);
		exchange_often(&port, peers, count, ROUNDS);
		assert_int_equal(count_routes(&port), count);
		close_all(&port, peers, count);
	}
}

static void test_several_queues(void **state)
{
	static const char *const listens[] = {":0", "127.0.0.1:0"};

	for (uint32_t l = 0; l < 2; l++) {
		struct port port;
		int peer;

		port_open(&port, *state,
			  &(struct port_plan){.listens = {listens[l]}, .queues = PORT_QUEUES});
		peer = open_peer(&port, "127.0.0.1");
		for (uint32_t i = 0; i < ROUNDS; i++) {
			struct vly_dgram *dgram;
			uint32_t q = 0;

			ask(peer, i);
			while (!port.backend->rx_burst(port.queues[q], &dgram, 1, vly_clock_ns()))
				q = (q + 1) % port.queue_count;
			port_reply(&port, q, &dgram, 1);
			port_flush(&port);
			hear(peer, i);
		}
		assert_int_equal(count_routes(&port), 1);
		close_all(&port, &peer, 1);
	}
}

static void test_nobody_gets_one_unasked(void **state)
{
	struct port port;
	int peer;

	port_open(&port, *state,
		  &(struct port_plan){.listens = {"127.0.0.1:0"}, .option = "connect=off"});
	peer = open_peer(&port, "127.0.0.1");
	exchange_often(&port, &peer, 1, ROUNDS);
	assert_int_equal(count_routes(&port), 0);
	close_all(&port, &peer, 1);
}

// The routes would have the answer come from 127.0.0.1, which the peer does not hear.
static void test_not_from_another_address(void **state)
{
	struct port port;
	int peer = peer_open("127.0.0.1");

	open_server(&port, *state, ":0");
	peer_connect(peer, "127.0.0.2", port_number(&port));
	exchange_often(&port, &peer, 1, ROUNDS);
	assert_int_equal(count_routes(&port), 0);
	close_all(&port, &peer, 1);
}

static void test_not_with_a_class_of_its_own(void **state)
{
	struct port port;
	struct vly_addr addr;
	int peer;

	open_server(&port, *state, "127.0.0.1:0");
	peer = open_peer(&port, "127.0.0.1");
	addr = peer_addr(peer);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct vly_dgram *dgram = port_make(&port, 0, &addr, sizeof(i));

		memcpy(vly_dgram_data(dgram), &i, sizeof(i));
		dgram->tos = CLASS;
		port_send(&port, 0, &dgram, 1);
		port_flush(&port);
		hear(peer, i);
	}
	assert_int_equal(count_routes(&port), 0);
	close_all(&port, &peer, 1);
}

// --- the table ----------------------------------------------------------------------------------

struct table {
	struct vly_kernel_options options;
	struct vly_kernel_routes routes;
	struct vly_kernel_socket sock;
};

static void open_table(struct table *table, uint32_t queues)
{
	memset(table, 0, sizeof(*table));
	table->options.connects = true;
	table->sock.fd = peer_open("127.0.0.1");
	table->sock.bound = peer_addr(table->sock.fd);
	vly_kernel_routes_open(&table->routes, &table->options, queues);
}

static void close_table(struct table *table)
{
	vly_kernel_routes_close(&table->routes);
	assert_int_equal(table->routes.count, 0);
	close(table->sock.fd);
}

// The route of that peer, after so many answers in a batch.
static struct vly_kernel_route *answer_often(struct table *table, uint32_t peer, uint32_t times)
{
	struct vly_dgram dgram = {.peer = table->sock.bound, .fate = VLY_FATE_REPLY};
	struct vly_kernel_route *route = NULL;

	dgram.peer.port = (uint16_t)(PEER_PORT + peer);
	for (uint32_t i = 0; i < times; i++)
		route = vly_kernel_routes_get(&table->routes, &table->sock, &dgram);
	return route;
}

static void test_strangers_displace_nobody(void **state)
{
	static struct table table;
	static struct vly_kernel_route *known[CROWD];
	uint32_t count = 0;

	(void)state;
	open_table(&table, 1);
	for (uint32_t i = 0; i < CROWD; i++) {
		vly_kernel_routes_begin(&table.routes);
		known[i] = answer_often(&table, i, WARM + 4);
		count += known[i] != NULL;
	}
	assert_in_range(count, CROWD / 2, CROWD);
	assert_int_equal(table.routes.count, count);
	for (uint32_t i = CROWD; i < CROWD + STRANGERS; i++) {
		vly_kernel_routes_begin(&table.routes);
		assert_null(answer_often(&table, i, 1));
	}
	assert_int_equal(table.routes.count, count);
	for (uint32_t i = 0; i < CROWD; i++) {
		if (known[i])
			assert_ptr_equal(answer_often(&table, i, 1), known[i]);
	}
	close_table(&table);
}

// Of all queues together; and one is opened in a batch.
static void test_a_quarter_of_the_files(void **state)
{
	static struct table table;
	struct rlimit limit;
	struct rlimit few;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	few = limit;
	few.rlim_cur = FEW_FILES;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	open_table(&table, 2);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (uint32_t i = 0; i < FEW_FILES; i++) {
		vly_kernel_routes_begin(&table.routes);
		answer_often(&table, i, WARM);
		assert_null(answer_often(&table, FEW_FILES + i, WARM));
	}
	assert_int_equal(table.routes.count, FEW_FILES / 4 / 2);
	close_table(&table);
}

// What a batch has found it still has when it is sent, however many others come.
static void test_none_goes_in_its_batch(void **state)
{
	static struct table table;
	const struct vly_kernel_route *route;
	int fd;

	(void)state;
	open_table(&table, 1);
	vly_kernel_routes_begin(&table.routes);
	route = answer_often(&table, 0, WARM);
	assert_non_null(route);
	for (uint64_t s = 1; route->warmth > 1; s++)
		vly_kernel_routes_age(&table.routes, s * 2000000000);
	fd = route->fd;
	vly_kernel_routes_begin(&table.routes);
	assert_ptr_equal(answer_often(&table, 0, 1), route);
	for (uint32_t i = 1; i <= 8 * VLY_KERNEL_ROUTES; i++)
		answer_often(&table, i, PEERS); // warmer than it
	assert_ptr_equal(answer_often(&table, 0, 1), route);
	assert_int_equal(route->fd, fd);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close_table(&table);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_comes_again_gets_one),
		cmocka_unit_test(test_who_is_alone_gets_one),
		cmocka_unit_test(test_both_families),
		cmocka_unit_test(test_several_queues),
		cmocka_unit_test(test_nobody_gets_one_unasked),
		cmocka_unit_test(test_not_from_another_address),
		cmocka_unit_test(test_not_with_a_class_of_its_own),
	};
	const struct CMUnitTest of_the_table[] = {
		cmocka_unit_test(test_strangers_displace_nobody),
		cmocka_unit_test(test_a_quarter_of_the_files),
		cmocka_unit_test(test_none_goes_in_its_batch),
	};

	return cmocka_run_group_tests(of_the_table, NULL, NULL) +
	       variants_run(tests, sizeof(tests) / sizeof(tests[0]));
}
