// SPDX-License-Identifier: BSD-3-Clause
//
// Datagrams larger than a frame through a port of the dpdk backend: however many frames they leave
// in, each is counted once, and no buffer is lost.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <volley/volley.h>

enum {
	BUFFERS = 1023,
	LARGE = BUFFERS / 16,
	FRAMES = 45, // of the largest datagram
};

static struct vly_port *port;
static struct vly_queue *queue;
static struct vly_dgram *taken[BUFFERS];

static int open_port(void **state)
{
	static const char *const options[] = {"hugepages=off"};
	struct vly_error error = {""};
	struct vly_prefix prefix;
	struct vly_port_config config = {
		.backend = "dpdk",
		.device = "vdev:net_null0", // takes everything, and gives frames of zeros
		.addrs = &prefix,
		.addr_count = 1,
		.options = options,
		.option_count = 1,
		.buffers = BUFFERS,
	};
	int rc;

	(void)state;
	assert_int_equal(vly_prefix_parse(&prefix, "10.0.0.1/24", &error), 0);
	rc = vly_port_open(&port, &config, &error);
	if (rc)
		print_error("%s\n", error.text);
	assert_int_equal(rc, 0);
	queue = vly_port_queue(port, 0);
	return 0;
}

static int close_port(void **state)
{
	(void)state;
	vly_port_close(port);
	return 0;
}

// To everybody on the link: needs no neighbour.
static struct vly_dgram *large_make(uint16_t len)
{
	struct vly_dgram *dgram;

	assert_int_equal(vly_alloc_large_burst(queue, &dgram, 1), 1);
	assert_int_equal(dgram->capacity, VLY_DGRAM_BYTES_MAX);
	memset(dgram->peer.ip + 10, 0xff, 6);
	dgram->peer.port = 9;
	dgram->len = len;
	memset(vly_dgram_data(dgram), 0x5a, len);
	return dgram;
}

// All of the pool that is left.
static uint32_t drain(void)
{
	uint32_t count = 0;
	uint32_t got;

	while (count < BUFFERS &&
	       (got = vly_alloc_burst(queue, taken + count,
				      BUFFERS - count < VLY_BURST_MAX ? BUFFERS - count
								      : VLY_BURST_MAX)))
		count += got;
	return count;
}

static void give_back(uint32_t count)
{
	for (uint32_t i = 0; i < count; i += VLY_BURST_MAX)
		vly_release_burst(queue, taken + i,
				  count - i < VLY_BURST_MAX ? count - i : VLY_BURST_MAX);
}

static void test_sent_once(void **state)
{
	uint32_t before = drain();
	struct vly_ledger ledger;

	(void)state;
	give_back(before);
	for (int i = 0; i < 100; i++) {
		struct vly_dgram *dgram = large_make(i % 2 ? VLY_DGRAM_BYTES_MAX : 100);

		assert_int_equal(vly_tx_burst(queue, &dgram, 1, 1), 1);
	}
	vly_port_ledger(port, &ledger);
	assert_int_equal(ledger.sent, 100);
	assert_int_equal(ledger.originated, 100);
	assert_true(vly_ledger_is_balanced(&ledger));
	assert_int_equal(drain(), before);
	give_back(before);
}

// No buffers for all of its frames: it is dropped whole, by name, and those it had go back.
static void test_no_buffers_for_its_frames(void **state)
{
	struct vly_dgram *dgram = large_make(VLY_DGRAM_BYTES_MAX);
	uint32_t count = drain();
	struct vly_ledger ledger;

	(void)state;
	give_back(FRAMES - 1);
	assert_int_equal(vly_tx_burst(queue, &dgram, 1, 1), 1);
	vly_port_ledger(port, &ledger);
	assert_int_equal(ledger.dropped[VLY_DROP_TX_NO_BUFFER], 1);
	assert_int_equal(ledger.sent, 0);
	assert_true(vly_ledger_is_balanced(&ledger));
	memmove(taken, taken + FRAMES - 1, (count - FRAMES + 1) * sizeof(taken[0]));
	give_back(count - FRAMES + 1);
	assert_int_equal(drain(), count);
	give_back(count);
}

static void test_large_ones_are_few_and_come_back(void **state)
{
	struct vly_dgram *dgrams[LARGE + 1];

	(void)state;
	for (int round = 0; round < 3; round++) {
		assert_int_equal(vly_alloc_large_burst(queue, dgrams, LARGE + 1), LARGE);
		vly_release_burst(queue, dgrams, LARGE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sent_once, open_port, close_port),
		cmocka_unit_test_setup_teardown(test_no_buffers_for_its_frames, open_port,
						close_port),
		cmocka_unit_test_setup_teardown(test_large_ones_are_few_and_come_back, open_port,
						close_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
