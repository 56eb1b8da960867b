// SPDX-License-Identifier: BSD-3-Clause
//
// How a connected socket for one peer begins and ends, step by step: what lies in the other socket
// then, and in this one, is received in the order in which it was sent.
#include "lone_port.h"

#include "backend/kernel_line.h"

enum {
	STREAK = 256,
	LOOKS = 8,
	SOON = 6,                       // bursts after which a stranger has been heard
	KEPT = 2 * VLY_KERNEL_MESSAGES, // in the line when it ends: more than a receive takes
};

struct bed {
	struct vly_kernel_sockets sockets;
	struct vly_kernel_receiver receiver;
	struct vly_kernel_options options;
	struct vly_ledger_block ledger;
	struct sockaddr_in name; // the peer's
	int peer;
	int stranger;
};

static int open_socket(struct sockaddr_in *name, const struct sockaddr_in *to)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t bytes = sizeof(*name);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	if (to)
		assert_int_equal(connect(fd, (const struct sockaddr *)to, sizeof(*to)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)name, &bytes), 0);
	return fd;
}

static struct bed *open_bed(void)
{
	struct bed *bed = aligned_alloc(128, (sizeof(*bed) / 128 + 1) * 128);
	struct sockaddr_in own;
	struct sockaddr_in other;

	assert_non_null(bed);
	memset(bed, 0, sizeof(*bed));
	bed->sockets.count = 1;
	bed->sockets.list[0].fd = open_socket(&own, NULL);
	vly_kernel_addr_read(&bed->sockets.list[0].bound, &own);
	bed->sockets.line.options = &bed->options;
	bed->receiver.ledger = &bed->ledger;
	bed->receiver.looks = LOOKS;
	bed->receiver.lone.name_bytes = sizeof(bed->receiver.lone.name);
	bed->peer = open_socket(&bed->name, &own);
	bed->stranger = open_socket(&other, &own);
	return bed;
}

static void close_bed(struct bed *bed)
{
	vly_kernel_sockets_close(&bed->sockets);
	close(bed->peer);
	close(bed->stranger);
	free(bed);
}

static void say(int fd, uint8_t byte)
{
	assert_int_equal(send(fd, &byte, 1, 0), 1);
}

static uint8_t hear(struct bed *bed)
{
	uint8_t byte[VLY_KERNEL_PAYLOAD_BYTES];

	assert_int_equal(vly_kernel_line_receive(&bed->sockets, &bed->receiver, byte), 1);
	return byte[0];
}

static void dial(struct bed *bed)
{
	bed->sockets.line.streak = STREAK;
	vly_kernel_line_dial(&bed->sockets, &bed->name);
	assert_int_equal(bed->sockets.line.state, VLY_KERNEL_LINE_NEW);
}

static struct bed *open_line(void)
{
	struct bed *bed = open_bed();

	dial(bed);
	say(bed->peer, 1);
	assert_int_equal(hear(bed), 1);
	assert_int_equal(bed->sockets.line.state, VLY_KERNEL_LINE_OPEN);
	return bed;
}

static void test_what_was_sent_before_it_comes_first(void **state)
{
	struct bed *bed = open_bed();

	(void)state;
	say(bed->peer, 1);
	say(bed->peer, 2);
	dial(bed);
	say(bed->peer, 3);
	for (uint8_t i = 1; i <= 3; i++)
		assert_int_equal(hear(bed), i);
	assert_int_equal(bed->sockets.line.state, VLY_KERNEL_LINE_OPEN);
	close_bed(bed);
}

static void test_a_stranger_is_heard_soon(void **state)
{
	struct bed *bed = open_line();
	uint32_t bursts = 0;

	(void)state;
	say(bed->stranger, 's');
	do {
		say(bed->peer, 'p');
		assert_true(bursts++ < SOON);
	} while (hear(bed) != 's');
	close_bed(bed);
}

static void test_no_wait_while_it_is_used(void **state)
{
	struct bed *bed = open_line();
	struct vly_kernel_line *line = &bed->sockets.line;
	struct sockaddr_in other;
	socklen_t bytes = sizeof(other);

	(void)state;
	assert_false(vly_kernel_line_may_wait(line));
	assert_int_equal(line->state, VLY_KERNEL_LINE_OLD);
	assert_int_equal(getpeername(line->sock.fd, (struct sockaddr *)&other, &bytes), 0);
	assert_int_equal(ntohs(other.sin_port), bed->sockets.list[0].bound.port);
	line->state = VLY_KERNEL_LINE_IDLE;
	assert_true(vly_kernel_line_may_wait(line));
	close_bed(bed);
}

static void test_what_comes_too_late_is_found(void **state)
{
	struct bed *bed = open_line();
	struct vly_kernel_line *line = &bed->sockets.line;

	(void)state;
	line->state = VLY_KERNEL_LINE_IDLE;
	vly_kernel_line_ask_missed(line, &bed->ledger);
	assert_int_equal(line->state, VLY_KERNEL_LINE_IDLE);
	say(bed->peer, 2);
	vly_kernel_line_ask_missed(line, &bed->ledger);
	assert_int_equal(line->state, VLY_KERNEL_LINE_OLD);
	close_bed(bed);
}

// Of a whole port, in every variant: given up with some in it, before one that comes after.
static void test_what_it_has_comes_before_the_rest(void **state)
{
	struct port port;
	int peer;

	open_lone(&port, *state, NULL);
	peer = open_peer(&port);
	for (uint32_t i = 0; i <= STREAK + 1; i++) {
		struct vly_dgram *none[VLY_BURST_MAX];
		uint32_t n =
			port.backend->rx_burst(port.queues[0], none, VLY_BURST_MAX, vly_clock_ns());

		assert_int_equal(n, 0);
		answer(&port, peer, ask_so(&port, peer, i, false), i);
	}
	for (uint32_t i = 0; i < KEPT; i++)
		assert_int_equal(send(peer, &i, sizeof(i), 0), sizeof(i));
	if (port.backend->look)
		port.backend->look(port.queues[0], 1);
	for (uint32_t i = 0; i <= KEPT; i++) {
		struct vly_dgram *dgram;

		port_collect(&port, 0, &dgram, 1, false);
		assert_memory_equal(vly_dgram_data(dgram), &i, sizeof(i));
		port_release(&port, 0, &dgram, 1);
		if (i == 0) {
			uint32_t last = KEPT;

			assert_int_equal(send(peer, &last, sizeof(last), 0), sizeof(last));
		}
	}
	close(peer);
	port_close(&port);
}

int main(void)
{
	const struct CMUnitTest steps[] = {
		cmocka_unit_test(test_what_was_sent_before_it_comes_first),
		cmocka_unit_test(test_a_stranger_is_heard_soon),
		cmocka_unit_test(test_no_wait_while_it_is_used),
		cmocka_unit_test(test_what_comes_too_late_is_found),
	};
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_it_has_comes_before_the_rest),
	};

	return cmocka_run_group_tests(steps, NULL, NULL) + variants_run(tests, 1);
}
