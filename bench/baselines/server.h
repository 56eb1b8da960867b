// SPDX-License-Identifier: BSD-3-Clause
//
// What the servers of this folder have in common: the command line, one UDP socket, and the line
// that says that it is open. None of them knows anything of Volley.
#pragma once

#include <stdint.h>
#include <sys/socket.h>

enum {
	SERVER_BATCH = 32,            // messages of one call, where a server takes several
	SERVER_PAYLOAD_BYTES = 65535, // more than any datagram
	SERVER_BUFFER_BYTES = 4 << 20,
	// For answers to datagrams that fit the MTU of Ethernet.
	SERVER_SMALL_BYTES = 2048,
};

struct server {
	int fd;
	int flags; // of its receives: MSG_DONTWAIT with `busy`, else 0
};

// Reads "NAME ADDRESS PORT [busy]" and opens the socket, with SERVER_BUFFER_BYTES for what waits in
// it. Ends the process with a line that says why if it cannot.
struct server server_open(int argc, char **argv);

// Says that requests are welcome.
void server_ready(char **argv);

// Switches on UDP_GRO, or ends the process.
void server_join_received(const struct server *server);

// The size of the datagrams that the kernel has joined into this message; 0 if there is but one.
uint16_t server_segment(struct msghdr *msg);
