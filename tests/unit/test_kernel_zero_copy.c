// SPDX-License-Identifier: BSD-3-Clause
//
// Sends without a copy: what is sent stays the kernel's until it says so, and no longer; what it
// may not pin is copied.
#include "kernel_port.h"

#include <netinet/udp.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "backend/uring.h"

enum {
	SKIPPED = 77,
	NOBODY = 65534,
	BYTES = 1000,
	SHORT_TRAIN = 2,
	LOCKED_STEP = 16384, // less than a train
	LOCKED_MAX = 1 << 20,
};

static const struct variant with_copy = {"uring", "uring", {NULL}, 0};
static const struct variant without_copy = {
	"uring, zero copy", "uring", {"zerocopy=on", "zerocopy-bytes=1"}, 2};

// A train to the port and back: such a train lies in one piece.
static void return_train(struct port *port, int peer, uint32_t count, uint32_t seed)
{
	struct vly_dgram *dgrams[VLY_BURST_MAX];
	uint8_t *data = malloc((size_t)count * BYTES);

	assert_non_null(data);
	for (uint32_t i = 0; i < count; i++)
		pattern(data + (size_t)i * BYTES, BYTES, seed + i);
	assert_int_equal(setsockopt(peer, SOL_UDP, UDP_SEGMENT, &(int){BYTES}, sizeof(int)), 0);
	assert_int_equal(send(peer, data, (size_t)count * BYTES, 0), count * BYTES);
	free(data);
	port_receive(port, 0, dgrams, count);
	port_reply(port, 0, dgrams, count);
}

static void expect_train(int peer, uint32_t count, uint32_t seed)
{
	uint8_t in[2 * BYTES];

	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(recv(peer, in, sizeof(in), 0), BYTES);
		assert_true(is_pattern(in, BYTES, seed + i));
	}
}

// Until the kernel has told of everything.
static void await_notifications(struct port *port)
{
	uint64_t end_ns = vly_clock_ns() + (uint64_t)PORT_LIMIT_S * 1000000000u;
	struct vly_dgram *dgram;

	while (port->queues[0]->uncopied_used) {
		assert_true(vly_clock_ns() < end_ns);
		assert_int_equal(
			port->backend->rx_burst(port->queues[0], &dgram, 1, vly_clock_ns()), 0);
	}
}

// Of the pool's blocks, those that lie ready to be received into.
static uint32_t blocks_ready(const struct vly_backend_queue *queue)
{
	return queue->receiver.armed - queue->receiver.used + queue->provided;
}

static void test_blocks_are_held(void **state)
{
	struct port port;
	int peer = peer_open("127.0.0.1");

	(void)state;
	port_open(&port, &without_copy, &(struct port_plan){.listens = {"127.0.0.1:0"}});
	peer_connect(peer, "127.0.0.1", port_number(&port));
	return_train(&port, peer, VLY_BURST_MAX, 1);
	assert_int_equal(port.queues[0]->uncopied_used, 1);
	assert_int_equal(port.queues[0]->pool.free_count + blocks_ready(port.queues[0]) + 1,
			 port.queues[0]->pool.count);
	expect_train(peer, VLY_BURST_MAX, 1);
	await_notifications(&port);
	assert_int_equal(port.queues[0]->pool.free_count + blocks_ready(port.queues[0]),
			 port.queues[0]->pool.count);
	close(peer);
	port_close(&port);
}

// As if so many were with the kernel as can be remembered: the next one is copied.
static void test_more_than_are_remembered(void **state)
{
	struct port port;
	int peer = peer_open("127.0.0.1");

	(void)state;
	port_open(&port, &without_copy, &(struct port_plan){.listens = {"127.0.0.1:0"}});
	peer_connect(peer, "127.0.0.1", port_number(&port));
	port.queues[0]->uncopied_used = UINT64_MAX;
	return_train(&port, peer, SHORT_TRAIN, 1);
	assert_true(port.queues[0]->uncopied_used == UINT64_MAX);
	expect_train(peer, SHORT_TRAIN, 1);
	port.queues[0]->uncopied_used = 0;
	return_train(&port, peer, SHORT_TRAIN, 2);
	assert_int_equal(port.queues[0]->uncopied_used, 1);
	expect_train(peer, SHORT_TRAIN, 2);
	close(peer);
	port_close(&port); // with a notification under way
}

static void test_copies_unless_asked(void **state)
{
	struct port port;
	int peer = peer_open("127.0.0.1");

	(void)state;
	port_open(&port, &with_copy, &(struct port_plan){.listens = {"127.0.0.1:0"}});
	peer_connect(peer, "127.0.0.1", port_number(&port));
	return_train(&port, peer, VLY_BURST_MAX, 1);
	assert_int_equal(port.queues[0]->uncopied_used, 0);
	expect_train(peer, VLY_BURST_MAX, 1);
	close(peer);
	port_close(&port);
}

// The least limit that leaves room for the ring leaves none for a train.
static int open_barely(struct port *port)
{
	struct vly_error error = {""};
	int rc = -ENOMEM;

	for (rlim_t bytes = LOCKED_STEP; rc == -ENOMEM && bytes < LOCKED_MAX;
	     bytes += LOCKED_STEP) {
		struct rlimit limit = {.rlim_cur = bytes, .rlim_max = LOCKED_MAX};

		if (setrlimit(RLIMIT_MEMLOCK, &limit))
			return -EPERM;
		rc = port_try(port, &without_copy, &(struct port_plan){.listens = {"127.0.0.1:0"}},
			      &error);
	}
	return rc;
}

static int send_unprivileged(void)
{
	struct rlimit limit = {.rlim_cur = LOCKED_MAX, .rlim_max = LOCKED_MAX};
	int peer = peer_open("127.0.0.1");
	struct port port;

	if (setrlimit(RLIMIT_MEMLOCK, &limit) || setuid(NOBODY))
		return SKIPPED;
	if (open_barely(&port))
		return 1;
	peer_connect(peer, "127.0.0.1", port_number(&port));
	return_train(&port, peer, VLY_BURST_MAX, 1);
	expect_train(peer, VLY_BURST_MAX, 1);
	if (port.queues[0]->features.zero_copy || !strstr(port.log_text, "ulimit -l"))
		return 2;
	port_close(&port);
	return 0;
}

// In a process of its own, which takes the limit with it.
static void test_nothing_may_be_pinned(void **state)
{
	int status = -1;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(send_unprivileged());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	needs(WEXITSTATUS(status) != SKIPPED, "no right to lower a limit, or to give up root's");
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks_are_held),
		cmocka_unit_test(test_more_than_are_remembered),
		cmocka_unit_test(test_copies_unless_asked),
		cmocka_unit_test(test_nothing_may_be_pinned),
	};

	if (!variant_works(&without_copy))
		return SKIPPED;
	return cmocka_run_group_tests_name("zero copy", tests, NULL, NULL);
}
