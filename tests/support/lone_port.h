// SPDX-License-Identifier: BSD-3-Clause
//
// A port of a kernel backend and peers with one datagram in flight.
#pragma once

#include "kernel_port.h"

enum {
	LONE_LOOKS = 8,
	LONE_NUMBER = 7,
};

// Whether trains are received as one.
static inline bool joins(const struct variant *variant)
{
	return !variant->option_count || strcmp(variant->options[0], "gro=off") != 0;
}

// A server at one address, whose handlers want nothing but the payload; it spins.
static inline void open_lone(struct port *port, const struct variant *variant, const char *option)
{
	port_open(port, variant, &(struct port_plan){.listens = {"127.0.0.1:0"}, .option = option});
	port->backend->ask_class(port->inner, false);
	port->backend->number(port->queues[0], LONE_NUMBER);
	if (port->backend->look)
		port->backend->look(port->queues[0], LONE_LOOKS);
}

static inline int open_peer(const struct port *port)
{
	int peer = peer_open("127.0.0.1");

	peer_connect(peer, "127.0.0.1", port_number(port));
	return peer;
}

// Has the peer ask, and receives that, by a wait or spinning.
static inline struct vly_dgram *ask_so(struct port *port, int peer, uint32_t number, bool may_wait)
{
	struct vly_addr from = peer_addr(peer);
	struct vly_dgram *dgram;
	uint64_t before_ns = vly_clock_ns();

	assert_int_equal(send(peer, &number, sizeof(number), 0), sizeof(number));
	port_collect(port, 0, &dgram, 1, may_wait);
	assert_int_equal(dgram->len, sizeof(number));
	assert_true(dgram->capacity >= VLY_DGRAM_BYTES_MAX);
	assert_memory_equal(vly_dgram_data(dgram), &number, sizeof(number));
	assert_memory_equal(&dgram->peer, &from, sizeof(from));
	assert_int_equal(dgram->local.port, port_number(port));
	assert_int_equal(dgram->fate, VLY_FATE_UNDECIDED);
	assert_int_equal(dgram->queue, LONE_NUMBER);
	assert_in_range(dgram->rx_ns, before_ns, vly_clock_ns());
	return dgram;
}

static inline struct vly_dgram *ask(struct port *port, int peer, uint32_t number)
{
	return ask_so(port, peer, number, true);
}

static inline void answer(struct port *port, int peer, struct vly_dgram *dgram, uint32_t number)
{
	uint32_t answered = UINT32_MAX;

	port_reply(port, 0, &dgram, 1);
	port_flush(port);
	assert_int_equal(recv(peer, &answered, sizeof(answered), 0), sizeof(answered));
	assert_int_equal(answered, number);
}
