// SPDX-License-Identifier: BSD-3-Clause
//
// Several queues on one port: which of them gets what, as the program in the kernel has it.
#include "kernel_port.h"

enum {
	QUEUES = 4,
	FLOWS = 64,
	EACH = 400,
	NOBODY = UINT8_MAX,
};

struct flows {
	struct port port;
	int peers[FLOWS];
	uint8_t queue[FLOWS]; // where each arrived first
};

static void flows_open(struct flows *flows, const struct variant *variant, const char *host,
		       const char *option)
{
	port_open(&flows->port, variant,
		  &(struct port_plan){.listens = {":0"}, .queues = QUEUES, .option = option});
	assert_int_equal(flows->port.queue_count, QUEUES);
	memset(flows->queue, NOBODY, sizeof(flows->queue));
	for (uint32_t i = 0; i < FLOWS; i++) {
		flows->peers[i] = peer_open(host);
		peer_connect(flows->peers[i], host, port_number(&flows->port));
	}
}

static void flows_close(struct flows *flows)
{
	for (uint32_t i = 0; i < FLOWS; i++)
		close(flows->peers[i]);
	port_close(&flows->port);
}

// One datagram of each flow; each must come by the queue that it came by before.
static void send_all(struct flows *flows)
{
	uint64_t end_ns = vly_clock_ns() + (uint64_t)PORT_LIMIT_S * 1000000000u;
	uint32_t received = 0;

	for (uint8_t i = 0; i < FLOWS; i++)
		assert_int_equal(send(flows->peers[i], &i, 1, 0), 1);
	while (received < FLOWS) {
		for (uint8_t q = 0; q < QUEUES; q++) {
			struct vly_dgram *dgrams[FLOWS];
			uint32_t n = flows->port.backend->rx_burst(flows->port.queues[q], dgrams,
								   FLOWS, vly_clock_ns());

			for (uint32_t i = 0; i < n; i++) {
				uint8_t flow = *vly_dgram_data(dgrams[i]);

				assert_true(flows->queue[flow] == NOBODY ||
					    flows->queue[flow] == q);
				flows->queue[flow] = q;
			}
			port_release(&flows->port, q, dgrams, n);
			received += n;
		}
		if (vly_clock_ns() > end_ns)
			fail_msg("%u datagrams of %u came", received, FLOWS);
	}
}

// A socket of somebody else's on the same port.
static int stranger_open(uint16_t number)
{
	struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = htons(number)};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	int on = 1;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	return fd;
}

static void flows_stay(const struct variant *variant, const char *host)
{
	uint32_t used = 0;
	struct flows flows;
	char byte;
	int stranger;

	flows_open(&flows, variant, host, NULL);
	send_all(&flows);
	for (uint32_t i = 0; i < FLOWS; i++)
		used |= 1u << flows.queue[i];
	assert_int_equal(used, (1u << QUEUES) - 1); // every queue has some
	stranger = stranger_open(port_number(&flows.port));
	send_all(&flows);
	assert_int_equal(recv(stranger, &byte, 1, 0), -1); // and gets nothing
	close(stranger);
	send_all(&flows);
	flows_close(&flows);
}

static void test_flows_stay_whoever_joins(void **state)
{
	flows_stay(*state, "127.0.0.1");
	needs_ipv6();
	flows_stay(*state, "::1");
}

static void test_one_peer_is_spread(void **state)
{
	uint64_t end_ns = vly_clock_ns() + (uint64_t)PORT_LIMIT_S * 1000000000u;
	uint32_t received[QUEUES] = {0};
	uint32_t total = 0;
	struct port port;
	int peer = peer_open("127.0.0.1");

	port_open(&port, *state,
		  &(struct port_plan){
			  .listens = {"127.0.0.1:0"}, .queues = QUEUES, .option = "spread=on"});
	peer_connect(peer, "127.0.0.1", port_number(&port));
	for (uint32_t i = 0; i < EACH; i++)
		assert_int_equal(send(peer, &i, sizeof(i), 0), sizeof(i));
	while (total < EACH) {
		for (uint32_t q = 0; q < QUEUES; q++) {
			struct vly_dgram *dgrams[FLOWS];
			uint32_t n = port.backend->rx_burst(port.queues[q], dgrams, FLOWS,
							    vly_clock_ns());

			port_release(&port, q, dgrams, n);
			received[q] += n;
			total += n;
		}
		assert_true(vly_clock_ns() < end_ns);
	}
	for (uint32_t q = 0; q < QUEUES; q++)
		assert_true(received[q] > EACH / QUEUES / 3);
	close(peer);
	port_close(&port);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flows_stay_whoever_joins),
		cmocka_unit_test(test_one_peer_is_spread),
	};

	return variants_run(tests, sizeof(tests) / sizeof(tests[0]));
}
