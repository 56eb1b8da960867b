// SPDX-License-Identifier: BSD-3-Clause
//
// An echo server on io_uring as its manual pages have it: one multishot recvmsg that takes its
// buffers from a ring (io_uring_prep_recvmsg_multishot(3), io_uring_setup_buf_ring(3)), a sendmsg
// for each answer, and a buffer that goes back when its answer has been sent.
//
//     uring_echo ADDRESS PORT
#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"

enum {
	ENTRIES = 256,
	BUFFERS = 1024,
	GROUP = 0,
	RECEIVE = BUFFERS, // user data: else the buffer whose answer has been sent
};

struct answer {
	struct msghdr msg;
	struct iovec iov;
};

struct echo {
	struct io_uring ring;
	struct io_uring_buf_ring *buffers;
	struct server server;
	struct msghdr shape; // how much room a received message has for name and control
	struct answer answers[BUFFERS];
	unsigned char memory[BUFFERS][SERVER_SMALL_BYTES];
};

static int check(int rc, const char *what)
{
	if (rc >= 0)
		return rc;
	fprintf(stderr, "uring_echo: %s: %s\n", what, strerror(-rc));
	exit(1);
}

static void give_back(struct echo *echo, unsigned buffer)
{
	io_uring_buf_ring_add(echo->buffers, echo->memory[buffer], SERVER_SMALL_BYTES,
			      (unsigned short)buffer, io_uring_buf_ring_mask(BUFFERS), 0);
	io_uring_buf_ring_advance(echo->buffers, 1);
}

static void open_ring(struct echo *echo)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN |
			 IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_CQSIZE,
		.cq_entries = 4 * BUFFERS,
	};
	struct io_uring_buf_reg reg = {.ring_entries = BUFFERS, .bgid = GROUP};
	size_t bytes = BUFFERS * sizeof(struct io_uring_buf);

	check(io_uring_queue_init_params(ENTRIES, &echo->ring, &params), "no ring");
	check(io_uring_register_files(&echo->ring, &echo->server.fd, 1), "register the socket");
	echo->buffers = aligned_alloc(4096, bytes);
	check(echo->buffers ? 0 : -ENOMEM, "buffers");
	memset(echo->buffers, 0, bytes);
	reg.ring_addr = (uintptr_t)echo->buffers;
	check(io_uring_register_buf_ring(&echo->ring, &reg, 0), "register the buffers");
	io_uring_buf_ring_init(echo->buffers);
	for (unsigned i = 0; i < BUFFERS; i++)
		give_back(echo, i);
	echo->shape.msg_namelen = sizeof(struct sockaddr_storage);
}

static struct io_uring_sqe *next_entry(struct echo *echo)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&echo->ring);

	while (!sqe) {
		io_uring_submit(&echo->ring);
		sqe = io_uring_get_sqe(&echo->ring);
	}
	return sqe;
}

static void receive(struct echo *echo)
{
	struct io_uring_sqe *sqe = next_entry(echo);

	io_uring_prep_recvmsg_multishot(sqe, 0, &echo->shape, 0);
	sqe->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
	sqe->buf_group = GROUP;
	sqe->user_data = RECEIVE;
}

static void answer(struct echo *echo, unsigned buffer, int bytes)
{
	struct io_uring_recvmsg_out *out =
		io_uring_recvmsg_validate(echo->memory[buffer], bytes, &echo->shape);
	struct answer *answer = &echo->answers[buffer];
	struct io_uring_sqe *sqe;

	if (!out) {
		give_back(echo, buffer);
		return;
	}
	answer->iov = (struct iovec){
		.iov_base = io_uring_recvmsg_payload(out, &echo->shape),
		.iov_len = io_uring_recvmsg_payload_length(out, bytes, &echo->shape),
	};
	answer->msg = (struct msghdr){
		.msg_name = io_uring_recvmsg_name(out),
		.msg_namelen = out->namelen,
		.msg_iov = &answer->iov,
		.msg_iovlen = 1,
	};
	sqe = next_entry(echo);
	io_uring_prep_sendmsg(sqe, 0, &answer->msg, 0);
	sqe->flags |= IOSQE_FIXED_FILE;
	sqe->user_data = buffer;
}

static void complete(struct echo *echo, const struct io_uring_cqe *cqe)
{
	if (cqe->user_data != RECEIVE) {
		give_back(echo, (unsigned)cqe->user_data);
		return;
	}
	if (cqe->flags & IORING_CQE_F_BUFFER)
		answer(echo, cqe->flags >> IORING_CQE_BUFFER_SHIFT, cqe->res);
	if (!(cqe->flags & IORING_CQE_F_MORE))
		receive(echo);
}

static void run(struct echo *echo)
{
	receive(echo);
	for (;;) {
		struct io_uring_cqe *cqes[ENTRIES];
		unsigned count;

		io_uring_submit_and_wait(&echo->ring, 1);
		count = io_uring_peek_batch_cqe(&echo->ring, cqes, ENTRIES);
		for (unsigned i = 0; i < count; i++)
			complete(echo, cqes[i]);
		io_uring_cq_advance(&echo->ring, count);
	}
}

int main(int argc, char **argv)
{
	struct echo *echo = calloc(1, sizeof(*echo));

	check(echo ? 0 : -ENOMEM, "memory");
	echo->server = server_open(argc, argv);
	open_ring(echo);
	server_ready(argv);
	run(echo);
}
