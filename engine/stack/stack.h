// SPDX-License-Identifier: BSD-3-Clause
//
// The stack: from an Ethernet frame to a UDP payload and back, for backends that give frames.
// Pure: bytes, state and now_ns in, a verdict out; no port, queue, mbuf, clock or global. One
// stack belongs to one queue and its thread. The function that is fuzzed is the one that runs.
//
// A frame and a payload are the same struct vly_dgram: the stack moves data_offset and len from
// one to the other, in place.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <volley/dgram.h>
#include <volley/error.h>
#include <volley/ledger.h>
#include <volley/port.h>

#include "backend/backend.h"

struct vly_stack;

struct vly_stack_config {
	struct vly_link_info link;
	const struct vly_prefix *addrs; // at least one
	uint32_t addr_count;
	const struct vly_endpoint *listens; // ports served; none: client with `client_port`
	uint32_t listen_count;
	const struct vly_group *groups; // to receive, checked; ifindex means nothing here
	uint32_t group_count;
	uint16_t client_port; // when there are no listens
	uint16_t vlan;        // 802.1Q id to speak, 0: untagged
	uint8_t gateway4[4];  // next hop to what is on no prefix of ours; all zero: none
	uint8_t gateway6[16];
};

enum vly_stack_verdict {
	VLY_STACK_DELIVER,  // a UDP payload for us: peer, local, len, data_offset, ttl, tos,
			    // flow_hash and link are set
	VLY_STACK_REPLY,    // the buffer now holds an answer frame, ready to transmit as it is
	VLY_STACK_ABSORBED, // taken note of (an ARP reply, a neighbour advertisement); release it
	VLY_STACK_DROP,     // *reason says why; release it
};

// Memory for all of it is taken here. Returns 0, -EINVAL or -ENOMEM.
int vly_stack_open(struct vly_stack **stack, const struct vly_stack_config *config,
		   struct vly_error *error);
void vly_stack_close(struct vly_stack *stack);

// The address that a client's datagrams leave from, for the family of `peer` (NULL: the first).
struct vly_addr vly_stack_local(const struct vly_stack *stack, const struct vly_addr *peer);

// Reads one received frame. On entry frame->link holds VLY_FRAME_* of what the device verified.
enum vly_stack_verdict vly_stack_input(struct vly_stack *stack, struct vly_dgram *frame,
				       uint64_t now_ns, enum vly_drop *reason);

enum vly_stack_output_verdict {
	VLY_STACK_TRANSMIT, // dgram is now a frame with link set to VLY_FRAME_* for the device
	VLY_STACK_WAIT,     // its next hop is being asked for: the stack has kept the datagram, and
			    // gives it back through vly_stack_poll()
	VLY_STACK_REFUSED,  // *reason says why; the datagram is unchanged
};

// Builds the frame around a payload, in place. fate VLY_FATE_REPLY takes the way back from the
// frame that the payload came in (dgram->link), with no look-up; anything else is routed.
enum vly_stack_output_verdict vly_stack_output(struct vly_stack *stack, struct vly_dgram *dgram,
					       uint64_t now_ns, enum vly_drop *reason);

enum vly_stack_limits {
	VLY_STACK_POLL_MAX = 32, // datagrams of one poll, of each kind
};

// What a poll gives back: exactly one of the lists grows per datagram.
struct vly_stack_poll {
	struct vly_dgram *frames[VLY_STACK_POLL_MAX]; // ready to transmit
	uint32_t frame_count;
	struct vly_dgram *refused[VLY_STACK_POLL_MAX]; // given up, fate is the drop reason
	uint32_t refused_count;
};

// Time-driven work: datagrams whose neighbour answered or did not, and requests (ARP, neighbour
// solicitation) to send. `spare` are up to spare_count empty datagrams that the stack may turn
// into frames of its own (requests, announcements, unreachable messages), ready to transmit where
// they are; it takes them from the end and returns how many it took. out->frames has only
// datagrams that were kept.
uint32_t vly_stack_poll(struct vly_stack *stack, struct vly_dgram **spare, uint32_t spare_count,
			uint64_t now_ns, struct vly_stack_poll *out);

// Whether vly_stack_poll() has anything to do now; cheap, for each turn of the loop.
bool vly_stack_poll_is_due(const struct vly_stack *stack, uint64_t now_ns);
