// SPDX-License-Identifier: BSD-3-Clause
//
// sim: an in-memory wire, with loss, duplication, reordering and delay from one seed. With listens,
// simulated peers at its other end send numbered datagrams and check what comes back; without, the
// wire is an echo: whatever a client sends returns after the delay. No thread, no lock, no system
// call: everything happens in the burst calls of the queue's owner, so a seed reproduces a run.
#pragma once

#include <stdint.h>

#include "backend/backend.h"

enum vly_sim_limits {
	VLY_SIM_PAYLOAD_BYTES = 2048,
	VLY_SIM_BUFFERS_DEFAULT = 2048,
	VLY_SIM_PEERS_MAX = 65536,
	VLY_SIM_HEADER_BYTES = 16, // peer (4), check (4), sequence (8) at the payload's start
};

// What the peers know: the truth to hold an engine's ledger against.
struct vly_sim_report {
	uint64_t sent;       // by the peers, what the wire then lost included
	uint64_t duplicated; // by the wire, on the way in
	uint64_t lost_in;    // by the wire, before the engine
	uint64_t lost_out;   // by the wire, behind the engine
	uint64_t answers;    // that reached a peer
	uint64_t disordered; // answers of a flow that came after a later one
	uint64_t corrupt;    // answers whose bytes are not those sent
	uint64_t foreign;    // datagrams that are no answer to anything
};

struct vly_sim_config {
	uint64_t peers;    // flows of each queue
	uint64_t count;    // datagrams to send in all, 0: for ever
	uint64_t rate_pps; // 0: as fast as they are taken
	uint64_t size_bytes;
	uint64_t seed;
	uint64_t loss_ppm;
	uint64_t duplicate_ppm;
	uint64_t reorder_ppm;
	uint64_t delay_ns;
	uint64_t jitter_ns;     // uniform, added to the delay
	uint64_t tx_refuse_ppm; // tx_burst takes nothing, as a full device
	bool ordered_wire;      // true when nothing of the above can reorder or duplicate
};

struct vly_sim_peer {
	struct vly_addr addr;
	uint64_t next_sequence;
	uint64_t answered_sequence; // the highest answer seen, plus one
};

// The peers of one queue.
struct vly_sim_peers {
	const struct vly_sim_config *config;
	struct vly_sim_peer *peers;
	struct vly_addr server;
	uint64_t left; // datagrams still to send; UINT64_MAX: for ever
	uint64_t start_ns;
	uint64_t sent_by_rate;
	struct vly_sim_report report;
};

int vly_sim_peers_open(struct vly_sim_peers *peers, const struct vly_sim_config *config,
		       uint32_t queue, uint32_t queue_count, const struct vly_addr *server);
void vly_sim_peers_close(struct vly_sim_peers *peers);

// How many datagrams may be sent now, at most `count`.
uint32_t vly_sim_peers_due(struct vly_sim_peers *peers, uint32_t count, uint64_t now_ns);

// Fills the next datagram of a peer; `pick` is a random number.
void vly_sim_peers_fill(struct vly_sim_peers *peers, struct vly_dgram *dgram, uint64_t pick);

// Checks what the engine sent to a peer.
void vly_sim_peers_check(struct vly_sim_peers *peers, const struct vly_dgram *dgram);

// The sum over the queues of a sim port. Exact when no thread uses them any more.
void vly_sim_report_read(const struct vly_backend_port *port, struct vly_sim_report *report);
