// SPDX-License-Identifier: BSD-3-Clause
//
// An echo server that lets one call do the work of many: recvmmsg takes what is there, at most 32
// datagrams, and sendmmsg returns all of them. The best that can be had of plain sockets when the
// datagrams come from many peers.
//
//     mmsg_echo ADDRESS PORT [busy]
#include "echo.h"

int main(int argc, char **argv)
{
	struct server server = server_open(argc, argv);

	server_ready(argv);
	for (;;)
		echo_batch(&server);
}
