// SPDX-License-Identifier: BSD-3-Clause
//
// The measure to beat: a UDP echo server as most people write it. One socket, one datagram and two
// system calls at a time. With `busy` it spins instead of sleeping in the kernel, to stand beside
// servers that do so too.
//
//     plain_echo ADDRESS PORT [busy]
#include "server.h"

static void echo(const struct server *server)
{
	static char payload[SERVER_PAYLOAD_BYTES];
	struct sockaddr_storage peer;

	for (;;) {
		socklen_t peer_bytes = sizeof(peer);
		ssize_t length = recvfrom(server->fd, payload, sizeof(payload), server->flags,
					  (struct sockaddr *)&peer, &peer_bytes);

		if (length >= 0)
			sendto(server->fd, payload, (size_t)length, 0, (struct sockaddr *)&peer,
			       peer_bytes);
	}
}

int main(int argc, char **argv)
{
	struct server server = server_open(argc, argv);

	server_ready(argv);
	echo(&server);
}
