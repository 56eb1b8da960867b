// SPDX-License-Identifier: BSD-3-Clause
//
// The direct way of the io_uring backend: who takes it, and the one receive that a wait leaves with
// the ring.
#include "kernel_port.h"

#include "backend/uring.h"

enum {
	SKIPPED = 77,
	SHORT_WAIT_NS = 1000000,
	LONG_WAIT_NS = 1000000000,
	REOPENS = 20,
	SENT = 10,
};

static const struct variant plain = {"uring", "uring", {NULL}, 0};
static const struct variant multishot = {"uring, multishot", "uring", {"multishot=on"}, 1};
static const struct variant sqpoll = {"uring, sqpoll", "uring", {"sqpoll=on"}, 1};
static const struct variant shared = {"uring, shared", "uring", {"shared=on"}, 1};

static void expect_way(const struct variant *variant, const struct port_plan *plan, bool is_direct)
{
	struct vly_dgram *dgram;
	struct port port;

	port_open(&port, variant, plan);
	for (uint32_t q = 0; q < port.queue_count; q++) {
		assert_int_equal(port.backend->rx_burst(port.queues[q], &dgram, 1, vly_clock_ns()),
				 0);
		assert_int_equal(port.queues[q]->is_direct, is_direct);
		assert_int_equal(port.queues[q]->provided > 0, !is_direct);
	}
	port_close(&port);
}

static void test_who_is_received_from_directly(void **state)
{
	const struct port_plan one = {.listens = {"127.0.0.1:0"}};
	const struct port_plan client = {.queues = 2};
	const struct port_plan queues = {.listens = {"127.0.0.1:0"}, .queues = 2};
	const struct port_plan several = {.listens = {"127.0.0.1:0", "127.0.0.2:0"}};

	(void)state;
	expect_way(&plain, &one, true);
	expect_way(&plain, &client, true);
	expect_way(&plain, &queues, true);
	expect_way(&shared, &one, true);
	expect_way(&plain, &several, false);
	expect_way(&multishot, &one, false);
	expect_way(&sqpoll, &one, false);
}

// Blocks that are free, or lie ready to be received into.
static uint32_t blocks_of(const struct vly_backend_queue *queue)
{
	return queue->pool.free_count + queue->receiver.armed - queue->receiver.used +
	       queue->provided;
}

static void test_a_wait_leaves_one_receive(void **state)
{
	struct vly_dgram *dgrams[2];
	struct port port;
	struct vly_backend_queue *queue;
	int peer = peer_open("127.0.0.1");

	(void)state;
	port_open(&port, &plain, &(struct port_plan){.listens = {"127.0.0.1:0"}});
	queue = port.queues[0];
	peer_connect(peer, "127.0.0.1", port_number(&port));
	assert_false(queue->is_awaited);
	for (uint32_t i = 0; i < 3; i++) {
		port.backend->wait(queue, SHORT_WAIT_NS);
		assert_true(queue->is_awaited);
	}
	// The first of two completes it; the other is received past the ring, and after it.
	assert_int_equal(send(peer, "a", 1, 0), 1);
	assert_int_equal(send(peer, "b", 1, 0), 1);
	port_receive(&port, 0, dgrams, 2);
	assert_false(queue->is_awaited);
	assert_int_equal(*vly_dgram_data(dgrams[0]), 'a');
	assert_int_equal(*vly_dgram_data(dgrams[1]), 'b');
	assert_int_equal(blocks_of(queue), queue->pool.count - 2);
	port_release(&port, 0, dgrams, 2);
	assert_int_equal(blocks_of(queue), queue->pool.count);
	close(peer);
	port_close(&port);
}

// What a wait has received lies there for the next burst, which asks for nothing then.
static void test_a_wait_receives(void **state)
{
	struct vly_dgram *dgram;
	struct port port;
	int peer = peer_open("127.0.0.1");

	(void)state;
	port_open(&port, &plain, &(struct port_plan){.listens = {"127.0.0.1:0"}});
	peer_connect(peer, "127.0.0.1", port_number(&port));
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(send(peer, "x", 1, 0), 1);
		port.backend->wait(port.queues[0], LONG_WAIT_NS);
		assert_int_equal(vly_kernel_trains_count(&port.queues[0]->trains), 1);
		assert_int_equal(port.backend->rx_burst(port.queues[0], &dgram, 1, vly_clock_ns()),
				 1);
		port_release(&port, 0, &dgram, 1);
	}
	close(peer);
	port_close(&port);
}

// Closing takes the receive back, and with it the address.
static void test_closing_with_a_receive_left(void **state)
{
	char text[64];
	int guard = peer_open("127.0.0.1");

	(void)state;
	snprintf(text, sizeof(text), "127.0.0.1:%u", peer_addr(guard).port);
	close(guard);
	for (uint32_t i = 0; i < REOPENS; i++) {
		struct port port;
		int peer = peer_open("127.0.0.1");

		port_open(&port, &plain, &(struct port_plan){.listens = {text}});
		peer_connect(peer, "127.0.0.1", port_number(&port));
		port.backend->wait(port.queues[0], SHORT_WAIT_NS);
		assert_true(port.queues[0]->is_awaited);
		for (uint32_t k = 0; k < (i % 2) * SENT; k++)
			assert_int_equal(send(peer, "x", 1, 0), 1);
		close(peer);
		port_close(&port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_is_received_from_directly),
		cmocka_unit_test(test_a_wait_leaves_one_receive),
		cmocka_unit_test(test_a_wait_receives),
		cmocka_unit_test(test_closing_with_a_receive_left),
	};

	if (!variant_works(&plain))
		return SKIPPED;
	return cmocka_run_group_tests_name("direct way", tests, NULL, NULL);
}
