// SPDX-License-Identifier: BSD-3-Clause
//
// The kernel backends on a path that segments do not fit and on one that is slow, in a network of
// the test's own.
#include "route_port.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>

enum {
	FLOWS = 8,
	MTU = 1500,
};

// The thread's own network with a loopback of the size of an Ethernet. Returns the way back, or -1
// where that is not allowed.
static int small_network(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	int before = open("/proc/thread-self/ns/net", O_RDONLY);
	int fd;

	if (before < 0 || unshare(CLONE_NEWNET)) {
		if (before >= 0)
			close(before);
		return -1;
	}
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	request.ifr_mtu = MTU;
	assert_int_equal(ioctl(fd, SIOCSIFMTU, &request), 0);
	assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &request), 0);
	request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
	return before;
}

static void send_equal(struct port *port, int peer, uint16_t len)
{
	enum {
		COUNT = 20
	};
	static uint8_t in[PEER_BYTES];
	struct vly_dgram *dgrams[COUNT];
	struct vly_addr to = peer_addr(peer);

	for (uint32_t i = 0; i < COUNT; i++) {
		dgrams[i] = port_make(port, 0, &to, len);
		pattern(vly_dgram_data(dgrams[i]), len, i);
	}
	port_send(port, 0, dgrams, COUNT);
	port_flush(port);
	for (uint32_t i = 0; i < COUNT; i++) {
		assert_int_equal(recv(peer, in, sizeof(in), 0), len);
		assert_true(is_pattern(in, len, i));
	}
}

static void leave(struct port *port, int peer, int before)
{
	close(peer);
	port_close(port);
	assert_int_equal(setns(before, CLONE_NEWNET), 0);
	close(before);
}

// Larger than the MTU: the kernel sends fragments, but no segments. One by one then, once told.
static void test_segments_larger_than_the_path(void **state)
{
	struct port port;
	int before = small_network();
	int peer;

	needs(before >= 0, "no network of its own");
	peer = peer_open("127.0.0.1");
	port_open(&port, *state, &(struct port_plan){.queues = 1});
	port.log_lines = 0;
	for (uint32_t i = 0; i < 3; i++) {
		send_equal(&port, peer, 3000);
		send_equal(&port, peer, 1200);
	}
	assert_true(port.log_lines <= 1);
	if (port.log_lines)
		assert_non_null(strstr(port.log_text, "segmentation offload does not work"));
	else
		assert_non_null(strstr(port.backend->detail(port.inner), "gso off"));
	leave(&port, peer, before);
}

// A slow loopback that keeps the order. Its device hands each datagram to the core that sends at
// the moment: a thread that moves, or another core's timer that empties the queue, and two cores
// deliver one flow at a time. So one core is told to receive for all.
static bool can_slow_down(const char *queue)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "{ tc qdisc replace dev lo root tbf rate 200mbit burst 20k %s && "
		 "unshare -m sh -c 'mount -t sysfs none /sys && "
		 "echo 1 >/sys/class/net/lo/queues/rx-0/rps_cpus'; } >/dev/null 2>&1",
		 queue);
	return system(command) == 0;
}

// A plain socket in that network, which has room for all that comes. *before is the way back.
static int open_behind_it(const char *host, int *before)
{
	int room = 1 << 24;
	int peer;

	*before = small_network();
	needs(*before >= 0 && can_slow_down("latency 1s"),
	      "no network of its own, tc, or receive packet steering");
	peer = peer_open(host);
	assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)), 0);
	return peer;
}

// Sends a burst, however often it finds no room; returns how often.
static uint32_t insist(struct port *port, struct vly_dgram **dgrams)
{
	uint32_t refusals = 0;

	for (uint32_t taken = 0; taken < VLY_BURST_MAX;) {
		uint32_t n = port->backend->tx_burst(port->queues[0], dgrams + taken,
						     VLY_BURST_MAX - taken, vly_clock_ns());

		refusals += n < VLY_BURST_MAX - taken;
		taken += n;
	}
	return refusals;
}

// Datagrams 0 to count - 1 come in this order. Where not, says which came late, and which never.
static void expect_in_order(int peer, uint32_t count)
{
	static uint8_t in[PEER_BYTES];
	uint32_t expected = 0;
	uint32_t late = 0;
	uint32_t came = 0;

	for (; came < count && recv(peer, in, sizeof(in), 0) >= 8; came++) {
		uint32_t number = UINT32_MAX;

		memcpy(&number, in, sizeof(number));
		if (number > expected)
			print_message("after %u datagrams: number %u where %u was expected\n", came,
				      number, expected);
		if (number < expected) {
			print_message("after %u datagrams: number %u, overtaken\n", came, number);
			late++;
		} else {
			expected = number + 1;
		}
	}
	if (late || came < count)
		fail_msg("of %u datagrams %u were overtaken, %u lost", count, late, count - came);
}

// Bursts of one flow, of sizes that cannot be joined, to a device that is slower than we are: the
// send buffer is full again and again, and nothing overtakes.
static void test_full_queue_keeps_the_order(void **state)
{
	enum {
		BURSTS = 40,
	};
	struct port port;
	struct vly_addr to;
	uint32_t sent = 0;
	uint32_t refusals = 0;
	int before;
	int peer = open_behind_it("127.0.0.1", &before);

	to = peer_addr(peer);
	port_open(&port, *state, &(struct port_plan){.queues = 1, .option = "sndbuf=4k"});
	for (uint32_t b = 0; b < BURSTS; b++) {
		struct vly_dgram *dgrams[VLY_BURST_MAX];

		for (uint32_t i = 0; i < VLY_BURST_MAX; i++, sent++) {
			// Large ones that find no room between small ones that do.
			dgrams[i] = port_make(&port, 0, &to, i % 2 ? 1400 : (uint16_t)(8 + i));
			memcpy(vly_dgram_data(dgrams[i]), &sent, sizeof(sent));
		}
		refusals += insist(&port, dgrams);
	}
	port_flush(&port);
	assert_true(refusals > 0);
	expect_in_order(peer, sent);
	assert_int_equal(port_ledger(&port).sent, sent);
	leave(&port, peer, before);
}

// Each flow's numbers come in turn, and all of them do.
static void expect_each_in_order(int peer, uint32_t per_flow)
{
	static uint8_t in[PEER_BYTES];
	uint32_t expected[FLOWS] = {0};
	uint32_t words[2] = {0};

	for (uint32_t came = 0; came < FLOWS * per_flow; came++) {
		assert_true(recv(peer, in, sizeof(in), 0) >= (ssize_t)sizeof(words));
		memcpy(words, in, sizeof(words));
		assert_in_range(words[0], 0, FLOWS - 1);
		assert_int_equal(words[1], expected[words[0]]++);
	}
}

// Bursts of several flows, by a socket for all and then by one each: what the kernel gives back,
// again and again, while nothing is received, is kept or counted, never taken for sent, and
// overtakes nothing.
static void test_full_queue_loses_nothing(void **state)
{
	enum {
		BURSTS = 30,
	};
	struct port port;
	struct vly_addr to;
	uint64_t refusals = 0;
	uint32_t number = 0;
	int before;
	int peer = open_behind_it("0.0.0.0", &before);

	to = peer_addr(peer);
	to.ip[12] = 127;
	port_open(&port, *state,
		  &(struct port_plan){.listens = {"127.0.0.1:0"}, .option = "sndbuf=4k"});
	for (uint32_t b = 0; b < BURSTS; b++, number += VLY_BURST_MAX / FLOWS) {
		struct vly_dgram *dgrams[VLY_BURST_MAX];

		for (uint32_t i = 0; i < VLY_BURST_MAX; i++) {
			uint32_t words[2] = {i % FLOWS, number + i / FLOWS};

			to.ip[15] = (uint8_t)(1 + words[0]);
			dgrams[i] = port_make(&port, 0, &to, i / FLOWS % 2 ? 1400 : 100);
			memcpy(vly_dgram_data(dgrams[i]), words, sizeof(words));
		}
		refusals += insist(&port, dgrams);
	}
	port_flush(&port);
	assert_true(refusals > BURSTS);
	assert_int_equal(count_routes(&port), FLOWS);
	expect_each_in_order(peer, number);
	assert_int_equal(port_ledger(&port).sent, number * FLOWS);
	leave(&port, peer, before);
}

// A socket is not told what the device's queue drops, but by a route or with ICMP errors it is, and
// sends it again.
static void overfill_device(const struct variant *variant, const char *option)
{
	enum {
		BURSTS = 10,
	};
	struct port port;
	struct vly_addr to;
	uint32_t sent = 0;
	int before;
	int peer = open_behind_it("127.0.0.1", &before);

	to = peer_addr(peer);
	port_open(&port, variant,
		  &(struct port_plan){.listens = {"127.0.0.1:0"}, .option = option});
	for (; sent < WARM; sent++) {
		struct vly_dgram *dgram = port_make(&port, 0, &to, 8);

		memcpy(vly_dgram_data(dgram), &sent, sizeof(sent));
		port_send(&port, 0, &dgram, 1);
	}
	assert_int_equal(count_routes(&port), option ? 0 : 1);
	assert_true(can_slow_down("limit 20k"));
	for (uint32_t b = 0; b < BURSTS; b++) {
		struct vly_dgram *dgrams[VLY_BURST_MAX];

		for (uint32_t i = 0; i < VLY_BURST_MAX; i++, sent++) { // growing: none joins
			dgrams[i] = port_make(&port, 0, &to, (uint16_t)(1000 + i));
			memcpy(vly_dgram_data(dgrams[i]), &sent, sizeof(sent));
		}
		insist(&port, dgrams);
	}
	port_flush(&port);
	expect_in_order(peer, sent);
	assert_int_equal(port_ledger(&port).sent, sent);
	leave(&port, peer, before);
}

static void test_what_a_device_drops_is_told(void **state)
{
	overfill_device(*state, NULL);
	overfill_device(*state, "icmp-errors=on");
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segments_larger_than_the_path),
		cmocka_unit_test(test_full_queue_keeps_the_order),
		cmocka_unit_test(test_full_queue_loses_nothing),
		cmocka_unit_test(test_what_a_device_drops_is_told),
	};

	return variants_run(tests, sizeof(tests) / sizeof(tests[0]));
}
