// SPDX-License-Identifier: BSD-3-Clause
//
// An echo server that returns trains as they came: the datagrams of one peer that the kernel has
// joined (UDP_GRO) go back as one message, which it cuts again (UDP_SEGMENT). It never looks at a
// single datagram, so it does less than any server that must: the limit of what the kernel can do.
//
//     train_echo ADDRESS PORT [busy]
#include "echo.h"

int main(int argc, char **argv)
{
	struct server server = server_open(argc, argv);

	server_join_received(&server);
	server_ready(argv);
	for (;;)
		echo_train(&server);
}
