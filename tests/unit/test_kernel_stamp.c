// SPDX-License-Identifier: BSD-3-Clause
//
// Receive timestamps: the kernel's through real sockets, a NIC's with clocks and delays of the
// test's own making.
#include "kernel_port.h"

#include "backend/kernel_stamp.h"
#include "prng.h"

enum {
	NAP_US = 20000,
	NAP_NS = 20000000,
	COUNT = 5,
};

static int send_some(struct port *port, struct vly_dgram **dgrams, uint64_t *before_ns)
{
	int peer = peer_open("127.0.0.1");

	peer_connect(peer, "127.0.0.1", port_number(port));
	usleep(NAP_US); // the kernel begins to stamp in its own time
	*before_ns = vly_clock_ns();
	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_equal(send(peer, "x", 1, 0), 1);
	usleep(NAP_US);
	port_receive(port, 0, dgrams, COUNT);
	return peer;
}

// What lay in the socket for a while was received when it came, not when it was taken.
static void test_software_stamps(void **state)
{
	static const char *const listens[] = {"127.0.0.1:0", ":0"};

	for (uint32_t k = 0; k < 2; k++) {
		struct vly_dgram *dgrams[COUNT];
		struct port port;
		uint64_t before_ns;
		int peer;

		port_open(&port, *state,
			  &(struct port_plan){.listens = {listens[k]},
					      .option = "timestamps=software"});
		peer = send_some(&port, dgrams, &before_ns);
		for (uint32_t i = 0; i < COUNT; i++) {
			assert_true(dgrams[i]->rx_ns + NAP_NS / 2 < vly_clock_ns());
			// The two clocks are compared to a few microseconds.
			assert_true(dgrams[i]->rx_ns + NAP_NS / 2 > before_ns);
			assert_true(i == 0 || dgrams[i]->rx_ns >= dgrams[i - 1]->rx_ns);
			// Nothing else was cut short; only a wildcard's interface is asked for.
			assert_true(dgrams[i]->link || k == 0);
			assert_int_equal(dgrams[i]->ttl, 64);
		}
		port_reply(&port, 0, dgrams, COUNT);
		close(peer);
		port_close(&port);
	}
}

static void test_no_stamps_by_default(void **state)
{
	struct vly_dgram *dgrams[COUNT];
	struct port port;
	uint64_t before_ns;
	int peer;

	port_open(&port, *state, &(struct port_plan){.listens = {"127.0.0.1:0"}});
	peer = send_some(&port, dgrams, &before_ns);
	assert_true(dgrams[0]->rx_ns > before_ns + NAP_NS / 2);
	port_release(&port, 0, dgrams, COUNT);
	close(peer);
	port_close(&port);
}

// No NIC here: the kernel's stamps then, and a line that says so.
static void test_hardware_falls_back(void **state)
{
	struct vly_dgram *dgrams[COUNT];
	struct port port;
	uint64_t before_ns;
	int peer;

	port_open(&port, *state,
		  &(struct port_plan){.listens = {"127.0.0.1:0"}, .option = "timestamps=hardware"});
	peer = send_some(&port, dgrams, &before_ns);
	assert_non_null(strstr(port.log_text, "hwstamp_ctl -i IF -r 1"));
	assert_true(dgrams[0]->rx_ns + NAP_NS / 2 < vly_clock_ns());
	port_release(&port, 0, dgrams, COUNT);
	close(peer);
	port_close(&port);
}

static void test_unknown_word(void **state)
{
	struct vly_error error = {""};
	struct port port;

	assert_int_equal(port_try(&port, *state,
				  &(struct port_plan){.listens = {"127.0.0.1:0"},
						      .option = "timestamps=sundial"},
				  &error),
			 -EINVAL);
	assert_non_null(strstr(error.text, "timestamps=sundial is none of off, software"));
}

// A NIC's clock, seconds off and 20 parts in a million fast, and a kernel that stamps 3 us later at
// least, usually more, and at times much more: the least delay is all that is not seen.
static void test_nic_clock_is_tied_to_ours(void **state)
{
	enum {
		STAMPS = 20000,
		STEP_NS = 50000,
		LEAST_NS = 3000,
		USUAL_NS = 2000,
		MUCH_NS = 300000,
		DRIFT_NS = 5000, // of two windows
		SETTLED = 100,
	};
	struct prng prng = prng_open();
	struct vly_kernel_stamps stamps = {.offset_ns = 0};
	uint64_t arrival_ns = 1000000000;

	(void)state;
	print_message("seed %llu\n", (unsigned long long)prng.seed);
	for (uint32_t i = 0; i < STAMPS; i++) {
		int64_t hardware_ns = (int64_t)(arrival_ns + arrival_ns / 50000) - 77000000000;
		uint64_t delay_ns = LEAST_NS + prng_below(&prng, USUAL_NS);
		uint64_t stamp_ns;

		if (prng_below(&prng, 10) == 0)
			delay_ns += prng_below(&prng, MUCH_NS);
		stamp_ns = vly_kernel_stamps_nic(&stamps, 3, arrival_ns + delay_ns, hardware_ns);
		if (i > SETTLED) {
			assert_true(stamp_ns + DRIFT_NS > arrival_ns + LEAST_NS);
			assert_true(stamp_ns < arrival_ns + LEAST_NS + USUAL_NS / 2 + DRIFT_NS);
		}
		arrival_ns += STEP_NS;
	}
	// Another NIC's clock is another one.
	assert_int_equal(vly_kernel_stamps_nic(&stamps, 4, arrival_ns, 5), arrival_ns);
	// After a silence nothing of before is believed.
	arrival_ns += 10000000000;
	assert_int_equal(vly_kernel_stamps_nic(&stamps, 3, arrival_ns, 5), arrival_ns);
}

int main(void)
{
	const struct CMUnitTest pure[] = {cmocka_unit_test(test_nic_clock_is_tied_to_ours)};
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_software_stamps),
		cmocka_unit_test(test_no_stamps_by_default),
		cmocka_unit_test(test_hardware_falls_back),
		cmocka_unit_test(test_unknown_word),
	};

	return cmocka_run_group_tests(pure, NULL, NULL) +
	       variants_run(tests, sizeof(tests) / sizeof(tests[0]));
}
