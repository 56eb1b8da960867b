// SPDX-License-Identifier: BSD-3-Clause
//
// A closed loop over one queue of a client port: one datagram out, its answer back, measured and
// compared byte by byte. Used by one thread, which then owns the queue.
//
// By what is in a payload (payload.h), answers to other datagrams than the one in flight are told
// from its own; without any payload, every empty datagram counts as the answer.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <volley/volley.h>

struct exchange;

// A round trip, and whose part was what. Without the server's times its kernel's and handler's are
// part of the wire's, and so is in any case the way through both kernels while sending.
struct exchange_times {
	uint64_t rtt_ns;
	uint64_t kernel_ns;  // from rx_ns (dgram.h) to the program, at both ends
	uint64_t handler_ns; // at the server
	uint64_t wire_ns;    // the rest
	bool told;           // the server told its part
};

struct exchange_config {
	const struct vly_port *port;
	struct vly_queue *queue; // of that port
	struct vly_endpoint target;
	uint32_t size_bytes;  // of the payload
	uint64_t interval_ns; // from one sending to the next, at least
	uint64_t timeout_ns;  // for each datagram
	bool asks_times;      // of the server
	bool any_peer;        // the target is a group, or everybody: whoever answers first
	enum vly_idle idle;
	const atomic_bool *interrupted; // set: gives what is in flight a last moment
};

// sent == received + lost + corrupt + refused. The others are no answers to what was in flight.
struct exchange_counts {
	uint64_t sent;
	uint64_t received;  // the same bytes came back in time
	uint64_t lost;      // nothing came back in time
	uint64_t corrupt;   // something else came back
	uint64_t refused;   // ICMP said that nobody serves that port
	uint64_t late;      // answers to datagrams already lost
	uint64_t duplicate; // further answers
	uint64_t stray;     // from elsewhere, or of no datagram of ours
};

// Opens a loop. The caller owns it. Returns 0, -ENOMEM, -EMSGSIZE (the port's buffers are too
// small for size_bytes) or -ENOBUFS (it has none).
int exchange_open(struct exchange **exchange, const struct exchange_config *config,
		  struct vly_error *error);
void exchange_close(struct exchange *exchange);

// Waits until the interval is over, sends one datagram and waits for its answer, or the timeout.
// Returns whether it was received; then the round trip is in *times.
bool exchange_once(struct exchange *exchange, struct exchange_times *times);

// What was counted since it was opened or forgotten.
const struct exchange_counts *exchange_counts(const struct exchange *exchange);
void exchange_forget_counts(struct exchange *exchange);
