// SPDX-License-Identifier: BSD-3-Clause
//
// An echo server on libuv, the event loop of Node.js, with what it offers for speed: several
// datagrams a receive (UV_UDP_RECVMMSG), and answers that are sent at once.
//
//     libuv_echo ADDRESS PORT
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

enum {
	DATAGRAM_BYTES = 65536, // what libuv counts for each
	DATAGRAMS = 20,         // the most that it takes at a time
};

static void give_buffer(uv_handle_t *handle, size_t size, uv_buf_t *buffer)
{
	(void)size;
	*buffer = uv_buf_init(handle->data, DATAGRAMS * DATAGRAM_BYTES);
}

static void echo(uv_udp_t *handle, ssize_t length, const uv_buf_t *buffer,
		 const struct sockaddr *peer, unsigned flags)
{
	uv_buf_t answer;

	if (length < 0 || !peer || flags & UV_UDP_MMSG_FREE)
		return;
	answer = uv_buf_init(buffer->base, (unsigned)length);
	uv_udp_try_send(handle, &answer, 1, peer);
}

static int check(int rc, const char *what)
{
	if (rc >= 0)
		return rc;
	fprintf(stderr, "libuv_echo: %s: %s\n", what, uv_strerror(rc));
	exit(1);
}

int main(int argc, char **argv)
{
	static char buffer[DATAGRAMS * DATAGRAM_BYTES];
	struct sockaddr_in address;
	uv_loop_t loop;
	uv_udp_t handle;

	if (argc < 3) {
		fprintf(stderr, "usage: libuv_echo ADDRESS PORT\n");
		return 2;
	}
	check(uv_ip4_addr(argv[1], atoi(argv[2]), &address), "not an address");
	check(uv_loop_init(&loop), "loop");
	check(uv_udp_init_ex(&loop, &handle, AF_INET | UV_UDP_RECVMMSG), "socket");
	handle.data = buffer;
	check(uv_udp_bind(&handle, (const struct sockaddr *)&address, 0), "bind");
	check(uv_udp_recv_start(&handle, give_buffer, echo), "receive");
	printf("ready: %s %s %s\n", argv[0], argv[1], argv[2]);
	fflush(stdout);
	return uv_run(&loop, UV_RUN_DEFAULT);
}
