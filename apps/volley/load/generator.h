// SPDX-License-Identifier: BSD-3-Clause
//
// An open loop over one queue of a client port: datagrams leave when the schedule says so, whether
// answers come or not, and each latency counts from when its datagram was due. So a server that
// stops for a while is seen by all that would have been sent meanwhile, and so is a pause of the
// generator's own, which is recorded besides (lag). Used by one thread, which then owns the queue.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <volley/volley.h>

#include "histogram.h"
#include "load/arrivals.h"
#include "load/content.h"
#include "load/stamp.h"

struct generator;

// The clock that a run goes by, in nanoseconds, never going back. The argument is the config's.
typedef uint64_t generator_clock(void *arg);

struct generator_config {
	const struct vly_port *port;
	struct vly_queue *queue; // of that port
	struct vly_endpoint target;
	bool any_peer;                 // the target is a group, or everybody
	const struct vly_addr *locals; // where flows come from, flow_count of them; they take turns
	uint32_t flow_count;
	const struct content *content;
	struct stamp stamp;
	bool is_stamped; // else payloads go as they are, and answers are only counted
	bool is_one_way; // nobody answers
	uint64_t window; // datagrams whose answers are told from others'
	uint64_t timeout_ns;
	enum vly_idle idle;
	generator_clock *clock;
	void *clock_arg;
	const atomic_bool *interrupted;
};

// One run.
struct generator_run {
	struct arrivals_config arrivals; // duration_ns is the run's
	bool is_unlimited;               // no schedule: whatever the port takes
	uint64_t count;                  // datagrams at most; 0: no limit
};

// Of one run. What is sent and answered: sent == received + corrupt + truncated + lost.
struct generator_counts {
	uint64_t sent;
	uint64_t sent_bytes;       // of payload
	uint64_t received;         // the same bytes came back
	uint64_t received_sending; // of these, while datagrams were still being sent
	uint64_t corrupt;          // other bytes came back
	uint64_t truncated;        // fewer bytes came back
	uint64_t reordered;        // of the received: after a later one of the same flow
	uint64_t duplicate;        // further answers
	uint64_t late;             // to datagrams so old that they count as lost
	uint64_t unrecognised;     // from the target, with a stamp that is not of this run
	uint64_t stray;            // from elsewhere
	uint64_t refused;          // ICMP errors that said that nobody serves the port
	uint64_t unsent;           // due, but the generator did not come to it
	uint64_t no_buffer;        // turns that found the port without a free buffer
};

struct generator_result {
	struct generator_counts counts;
	uint64_t sending_ns;   // from the first one due until the last one could be sent
	uint64_t pause_max_ns; // longest time between two looks at the queue
	bool is_interrupted;
	bool has_clock_jumped;           // backwards: counts stand, but no time or rate can be told
	const struct histogram *latency; // from when it was due until its answer was there
	const struct histogram *lag;     // from when it was due until the port took it
};

// Opens a generator. The caller owns it, and what config points to lives as long. Returns 0,
// -ENOMEM, -ENOBUFS (the port has no buffer), -EMSGSIZE (its buffers are too small).
int generator_open(struct generator **generator, const struct generator_config *config,
		   struct vly_error *error);
void generator_close(struct generator *generator);

// Sends by the schedule, then waits for what is still to come: until all is answered, or nothing
// has been sent for timeout_ns. The histograms belong to the generator and are those of the last
// run.
struct generator_result generator_run(struct generator *generator, const struct generator_run *run);

// Whether it sent what it was asked to, but for a thousandth.
bool generator_has_kept_up(const struct generator_result *result);

// Sends a datagram now and then until anything comes back, at most for timeout_ns (one way: for a
// moment), so that neighbours are known and buffers warm. Returns whether anything came.
bool generator_knock(struct generator *generator);
