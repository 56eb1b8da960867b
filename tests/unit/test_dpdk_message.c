// SPDX-License-Identifier: BSD-3-Clause
//
// Vhost-user messages through the relay: whole or not at all, each with its own descriptors, and
// nothing that a broken server says does more than end the connection.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/dpdk_message.h"

enum {
	HEADER = 12,
	SHORT_MS = 20,
	GET_FEATURES = 1,
	SET_MEM_TABLE = 5,
	SET_PROTOCOL_FEATURES = 16,
};

// Us in the middle of two: what `left` sends, `right` receives.
struct middle {
	int left;
	int right;
	struct vly_vhost_way way;
};

static int middle_open(void **state)
{
	static struct middle middle;
	int in[2];
	int out[2];

	memset(&middle, 0, sizeof(middle));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, in), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, out), 0);
	middle.left = in[0];
	middle.way.from = in[1];
	middle.way.to = out[0];
	middle.right = out[1];
	*state = &middle;
	return 0;
}

static int middle_close(void **state)
{
	struct middle *middle = *state;

	vly_vhost_drop(&middle->way);
	close(middle->left);
	close(middle->right);
	close(middle->way.from);
	close(middle->way.to);
	return 0;
}

static bool pass(struct vly_vhost_way *way)
{
	int rc = vly_vhost_take(way);

	return rc == 1 ? vly_vhost_give(way) : rc == 0;
}

static uint32_t make(uint8_t *bytes, uint32_t request, uint32_t payload)
{
	const uint32_t header[] = {request, 1, payload};

	memcpy(bytes, header, HEADER);
	for (uint32_t i = 0; i < payload; i++)
		bytes[HEADER + i] = (uint8_t)(request + i);
	return HEADER + payload;
}

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(VLY_VHOST_FDS * sizeof(int))];
};

static void send_with(int to, const uint8_t *bytes, uint32_t len, const int *fds, uint32_t count)
{
	union control control;
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (count) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	}
	assert_int_equal(sendmsg(to, &msg, 0), len);
}

// Receives exactly these bytes with so many descriptors, which are files like `file`.
static void expect(int from, const uint8_t *bytes, uint32_t len, uint32_t count, int file)
{
	union control control;
	uint8_t in[VLY_VHOST_BYTES];
	struct iovec iov = {.iov_base = in, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	const struct cmsghdr *header;
	struct stat sent;
	struct stat came;

	assert_int_equal(recvmsg(from, &msg, 0), len);
	assert_memory_equal(in, bytes, len);
	header = CMSG_FIRSTHDR(&msg);
	assert_int_equal(header ? (header->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0, count);
	assert_int_equal(fstat(file, &sent), 0);
	for (uint32_t i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
		assert_int_equal(fstat(fd, &came), 0);
		assert_int_equal(came.st_ino, sent.st_ino);
		close(fd);
	}
}

// Two are there to read at once, and only the second has descriptors: so it stays.
static void test_descriptors_stay_with_their_message(void **state)
{
	struct middle *middle = *state;
	uint8_t plain[64];
	uint8_t with[VLY_VHOST_BYTES];
	uint32_t plain_len = make(plain, SET_PROTOCOL_FEATURES, 8);
	uint32_t with_len = make(with, SET_MEM_TABLE, 264);
	int fds[VLY_VHOST_FDS];

	for (uint32_t i = 0; i < VLY_VHOST_FDS; i++)
		fds[i] = middle->left;
	for (uint32_t round = 0; round < 3; round++) {
		send_with(middle->left, plain, plain_len, NULL, 0);
		send_with(middle->left, with, with_len, fds, round == 2 ? VLY_VHOST_FDS : 8);
		for (uint32_t i = 0; i < 4; i++) // header and payload of each
			assert_true(pass(&middle->way));
		expect(middle->right, plain, plain_len, 0, middle->left);
		expect(middle->right, with, with_len, round == 2 ? VLY_VHOST_FDS : 8, middle->left);
	}
}

// Byte by byte: nothing leaves before the message is whole.
static void test_pieces(void **state)
{
	struct middle *middle = *state;
	uint8_t bytes[64];
	uint8_t in[64];
	uint32_t len = make(bytes, GET_FEATURES, 20);

	for (uint32_t i = 0; i < len; i++) {
		assert_int_equal(recv(middle->right, in, sizeof(in), 0), -1);
		send_with(middle->left, bytes + i, 1, &middle->left, i == 0);
		assert_true(pass(&middle->way));
		assert_true(pass(&middle->way)); // there is no more, and that is no end
	}
	expect(middle->right, bytes, len, 1, middle->left);
}

static void test_a_message_too_long(void **state)
{
	struct middle *middle = *state;
	uint8_t bytes[VLY_VHOST_BYTES];

	assert_int_equal(make(bytes, SET_MEM_TABLE, VLY_VHOST_BYTES - HEADER), VLY_VHOST_BYTES);
	send_with(middle->left, bytes, VLY_VHOST_BYTES, NULL, 0);
	assert_true(pass(&middle->way));
	assert_true(pass(&middle->way));
	expect(middle->right, bytes, VLY_VHOST_BYTES, 0, middle->left);
	memcpy(bytes + 8, &(uint32_t){VLY_VHOST_BYTES - HEADER + 1}, 4);
	send_with(middle->left, bytes, HEADER, NULL, 0);
	assert_false(pass(&middle->way));
}

static void test_who_hangs_up_or_reads_nothing(void **state)
{
	struct middle *middle = *state;
	uint8_t bytes[VLY_VHOST_BYTES];
	uint32_t len = make(bytes, SET_MEM_TABLE, VLY_VHOST_BYTES - HEADER);
	bool is_well = true;

	for (uint32_t i = 0; i < 10000 && is_well; i++) {
		send_with(middle->left, bytes, len, NULL, 0);
		is_well = pass(&middle->way) && pass(&middle->way);
	}
	assert_false(is_well);
	shutdown(middle->left, SHUT_RDWR);
	middle->way.have = 0;
	assert_false(pass(&middle->way));
}

// What the server at `left` says is there before it is asked.
static int ask_with(struct middle *middle, uint32_t request, uint32_t payload)
{
	uint8_t bytes[64];
	uint32_t len = make(bytes, request, payload);
	int rc;

	bytes[4] |= 4; // it is an answer
	send_with(middle->left, bytes, len, &middle->left, 1);
	rc = vly_vhost_ask(middle->way.from, -1, SHORT_MS);
	assert_int_equal(recv(middle->left, bytes, sizeof(bytes), 0), HEADER);
	assert_int_equal(bytes[0], GET_FEATURES);
	return rc;
}

static void test_question(void **state)
{
	struct middle *middle = *state;
	int stop[2];

	assert_int_equal(ask_with(middle, GET_FEATURES, 8), 0);
	assert_int_equal(ask_with(middle, GET_FEATURES, 9), -EPROTO);
	assert_int_equal(ask_with(middle, SET_MEM_TABLE, 8), -EPROTO);
	assert_int_equal(vly_vhost_ask(middle->way.from, -1, SHORT_MS), -ETIMEDOUT);
	assert_int_equal(pipe(stop), 0);
	assert_int_equal(write(stop[1], "", 1), 1);
	assert_int_equal(vly_vhost_ask(middle->way.from, stop[0], -1), -ECANCELED);
	close(stop[0]);
	close(stop[1]);
	send_with(middle->left, (const uint8_t *)"HTTP/1.1 400 no\r\n", 17, NULL, 0);
	assert_int_equal(vly_vhost_ask(middle->way.from, -1, SHORT_MS), -EPROTO);
	shutdown(middle->left, SHUT_WR);
	while (recv(middle->way.from, (char[64]){0}, 64, 0) > 0)
		;
	assert_int_equal(vly_vhost_ask(middle->way.from, -1, SHORT_MS), -ECONNRESET);
}

// Which messages wait for an answer, what is one, and how one is given in another's place.
static void test_answers(void **state)
{
	static const uint32_t always[] = {GET_FEATURES, 11, 15, 17, 40};
	struct middle *middle = *state;
	struct vly_vhost_way *way = &middle->way;

	make(way->bytes, SET_MEM_TABLE, 264);
	assert_int_equal(vly_vhost_question(way), 0);
	way->bytes[4] |= 8; // the flag by which the driver wants to be told that it was done
	assert_int_equal(vly_vhost_question(way), SET_MEM_TABLE);
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
		make(way->bytes, always[i], 8);
		assert_int_equal(vly_vhost_question(way), always[i]);
		assert_false(vly_vhost_is_answer(way, always[i])); // without its flag
		way->bytes[4] |= 4;
		assert_true(vly_vhost_is_answer(way, always[i]));
		assert_false(vly_vhost_is_answer(way, SET_MEM_TABLE));
		assert_false(vly_vhost_is_answer(way, 0));
		way->bytes[4] = 4 | 2; // of another version
		assert_false(vly_vhost_is_answer(way, always[i]));
		make(way->bytes, always[i], 4);
		way->bytes[4] |= 4;
		assert_false(vly_vhost_is_answer(way, always[i]));

		assert_true(vly_vhost_answer(way, always[i]));
		assert_int_equal(recv(middle->left, way->bytes, sizeof(way->bytes), 0), HEADER + 8);
		assert_true(vly_vhost_is_answer(way, always[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_descriptors_stay_with_their_message,
						middle_open, middle_close),
		cmocka_unit_test_setup_teardown(test_pieces, middle_open, middle_close),
		cmocka_unit_test_setup_teardown(test_a_message_too_long, middle_open, middle_close),
		cmocka_unit_test_setup_teardown(test_who_hangs_up_or_reads_nothing, middle_open,
						middle_close),
		cmocka_unit_test_setup_teardown(test_question, middle_open, middle_close),
		cmocka_unit_test_setup_teardown(test_answers, middle_open, middle_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
