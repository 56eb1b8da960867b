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
	NOWHERE_HIGH = 0x594c56e8, // 232.86.76.89 as the kernel prints it, here and backwards
	NOWHERE_LOW = 0xe8564c59,
};

static inline uint32_t count_in(const char *path, uint16_t port, const char *format)
{
	FILE *file = fopen(path, "re");
	char line[512];
	uint32_t count = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		unsigned first = 0;
		unsigned local = 0;

		if (sscanf(line, format, &first, &local) == 2 && local == port &&
		    (first == NOWHERE_HIGH || first == NOWHERE_LOW || (first & 0xffff) == 0x3eff ||
		     first >> 16 == 0xff3e))
			count++;
	}
	fclose(file);
	return count;
}

// Routes from a port, of both families, as the kernel has them.
static inline uint32_t count_routes(const struct port *port)
{
	uint16_t number = port_number(port);

	return count_in("/proc/self/net/udp", number, "%*d: %8x:%x") +
	       count_in("/proc/self/net/udp6", number, "%*d: %8x%*24x:%x");
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
