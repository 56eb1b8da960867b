// SPDX-License-Identifier: BSD-3-Clause
//
// A server of a kernel backend, and peers that it answers again and again: by a socket each that
// only sends (kernel_route.h).
#pragma once

#include "kernel_port.h"

enum {
	WARM = 32,   // answers until a peer has a route
	ROUNDS = 80, // more than that, also where it grows cold meanwhile
	PEERS = 3,
};

// How many sockets of the port only send; *fd is one of them.
static inline uint32_t find_routes(const struct port *port, int *fd)
{
	uint32_t count = 0;

	for (int i = 3; i < PORT_FILES; i++) {
		struct vly_addr local;
		struct vly_addr remote;

		if (!socket_ends(i, &local, &remote) || local.port != port_number(port) ||
		    !vly_addr_is_multicast(&local))
			continue;
		assert_int_not_equal(remote.port, 0);
		count++;
		*fd = i;
	}
	return count;
}

static inline uint32_t count_routes(const struct port *port)
{
	int fd;

	return find_routes(port, &fd);
}

static inline int open_peer(const struct port *port, const char *host)
{
	int peer = peer_open(host);

	peer_connect(peer, host, port_number(port));
	return peer;
}

static inline void ask(int peer, uint32_t number)
{
	assert_int_equal(send(peer, &number, sizeof(number), 0), sizeof(number));
}

static inline void hear(int peer, uint32_t number)
{
	uint32_t answer = UINT32_MAX;

	assert_int_equal(recv(peer, &answer, sizeof(answer), 0), sizeof(answer));
	assert_int_equal(answer, number);
}

// One of each peer asks, and all are answered at once.
static inline void exchange(struct port *port, const int *peers, uint32_t count, uint32_t number)
{
	struct vly_dgram *dgrams[PEERS];

	for (uint32_t i = 0; i < count; i++)
		ask(peers[i], number);
	port_collect(port, 0, dgrams, count, false);
	port_reply(port, 0, dgrams, count);
	port_flush(port);
	for (uint32_t i = 0; i < count; i++)
		hear(peers[i], number);
}

static inline void exchange_often(struct port *port, const int *peers, uint32_t count,
				  uint32_t rounds)
{
	for (uint32_t i = 0; i < rounds; i++)
		exchange(port, peers, count, i);
}

static inline void open_server(struct port *port, const struct variant *variant, const char *listen)
{
	port_open(port, variant, &(struct port_plan){.listens = {listen}});
}

static inline void close_all(struct port *port, const int *peers, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		close(peers[i]);
	port_close(port);
}
