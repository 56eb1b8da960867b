// SPDX-License-Identifier: BSD-3-Clause
//
// An echo server that lets one call do the work of many: recvmmsg takes what is there, at most 32
// datagrams, and sendmmsg returns all of them. The best that can be had of plain sockets when the
// datagrams come from many peers.
//
//     mmsg_echo ADDRESS PORT [busy]
#include <stddef.h>

#include "server.h"

struct batch {
	struct mmsghdr msgs[SERVER_BATCH];
	struct iovec iovs[SERVER_BATCH];
	struct sockaddr_storage peers[SERVER_BATCH];
	char payloads[SERVER_BATCH][SERVER_SMALL_BYTES];
};

static void prepare(struct batch *batch, int count)
{
	for (int i = 0; i < count; i++) {
		batch->iovs[i] = (struct iovec){.iov_base = batch->payloads[i],
						.iov_len = SERVER_SMALL_BYTES};
		batch->msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &batch->peers[i],
			.msg_namelen = sizeof(batch->peers[i]),
			.msg_iov = &batch->iovs[i],
			.msg_iovlen = 1,
		};
	}
}

// One that cannot be sent is left out; those behind it are sent.
static void send_all(const struct server *server, struct batch *batch, int count)
{
	int done = 0;

	while (done < count) {
		int n = sendmmsg(server->fd, batch->msgs + done, (unsigned)(count - done), 0);

		done += n > 0 ? n : 1;
	}
}

static void echo(const struct server *server)
{
	static struct batch batch;
	int used = SERVER_BATCH;

	for (;;) {
		int n;

		prepare(&batch, used);
		n = recvmmsg(server->fd, batch.msgs, SERVER_BATCH, server->flags | MSG_WAITFORONE,
			     NULL);
		used = n > 0 ? n : 0;
		for (int i = 0; i < used; i++)
			batch.iovs[i].iov_len = batch.msgs[i].msg_len;
		send_all(server, &batch, used);
	}
}

int main(int argc, char **argv)
{
	struct server server = server_open(argc, argv);

	server_ready(argv);
	echo(&server);
}
