// SPDX-License-Identifier: BSD-3-Clause
//
// The ledger: every datagram that a backend has seen, or that a handler has made, ends in exactly
// one counter. At any quiet moment
//
//     received + originated + from_kernel ==
//         sent + released + answered + to_kernel + sum of dropped[]
//
// and vly_ledger_is_balanced() says whether it does. Counts are of datagrams (of frames, where a
// frame held none), since the engine was opened.
//
// Where we put fragments together ourselves (dpdk), each that comes is received. All but one of a
// datagram end as answered, absorbed by it, and the one goes on as the datagram; those of which no
// datagram becomes are dropped one by one. A datagram that leaves in fragments is sent once.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Why a datagram was dropped. The order groups them along the path; names are stable, numbers
// are not. vly_drop_name() gives the name that --json and the metrics use.
enum vly_drop {
	// before the engine could see it
	VLY_DROP_RX_MISSED,    // the NIC's or the kernel's receive queue was full
			       // (of a train that the kernel had joined, it counts one)
	VLY_DROP_RX_NO_BUFFER, // no free buffer in the queue's pool
	VLY_DROP_RX_TRUNCATED, // larger than a receive buffer
	VLY_DROP_RX_ERROR,     // the device or the kernel reported an error instead of a datagram
	// An ICMP error instead of a datagram, which the kernel backends count for a client, and
	// for a server with -o icmp-errors; dpdk always. What it concerns was counted as sent.
	VLY_DROP_RX_REFUSED,     // nobody serves the port it went to
	VLY_DROP_RX_UNREACHABLE, // it did not get there
	// the stack, from the outside inwards
	VLY_DROP_FRAME_SHORT,        // ends before its headers do
	VLY_DROP_NOT_OUR_MAC,        // for another station
	VLY_DROP_VLAN,               // of another VLAN, or tagged more often than we read
	VLY_DROP_ETHERTYPE,          // neither ARP, IPv4 nor IPv6
	VLY_DROP_ARP,                // malformed, or no business of ours
	VLY_DROP_IP_HEADER,          // bad version, header length, total length
	VLY_DROP_IP_CHECKSUM,        // IPv4 header checksum
	VLY_DROP_IP_OPTION,          // an option or extension header we refuse
	VLY_DROP_IP_SOURCE,          // a source no honest host has (multicast, our own, loopback)
	VLY_DROP_NOT_OUR_IP,         // for an address that is not ours
	VLY_DROP_IP_PROTOCOL,        // a transport we do not speak
	VLY_DROP_FRAGMENT,           // a fragment that cannot be part of anything
	VLY_DROP_FRAGMENT_OVERLAP,   // it, or another of its datagram, contradicts the others
	VLY_DROP_FRAGMENT_DUPLICATE, // the same once more
	VLY_DROP_FRAGMENT_LIMIT,     // its datagram had to make room for a later one
	VLY_DROP_FRAGMENT_TIMEOUT,   // the others of its datagram did not come
	VLY_DROP_ICMP,               // malformed, or a type we do not act on
	VLY_DROP_NDP,                // malformed, or failing RFC 4861's validation
	VLY_DROP_IGMP,               // IGMP or MLD: malformed, or not a router's question
	VLY_DROP_ADDR_CONFLICT,      // another station claims an address of ours
	VLY_DROP_UDP_LENGTH,         // the UDP length does not fit the IP length
	VLY_DROP_UDP_CHECKSUM,       // does not verify, or absent where IPv6 wants one
	VLY_DROP_NO_LISTENER,        // for a port nobody serves
	VLY_DROP_KERNEL_FULL,        // for the kernel by the exception path, which took no more
	// the engine and its handlers
	VLY_DROP_RING_FULL,    // the worker's ring had no room
	VLY_DROP_RING_OLDEST,  // waited longest for a worker that was too slow
	VLY_DROP_NO_HANDLER,   // the last handler of the chain passed it on
	VLY_DROP_HANDLER,      // a handler dropped it
	VLY_DROP_UNDECIDED,    // a handler left it without a fate
	VLY_DROP_RATE_LIMITED, // over a limit
	VLY_DROP_UNAUTHORISED, // sender not known, or its proof does not hold
	VLY_DROP_MALFORMED,    // the payload is not of the handler's protocol
	VLY_DROP_UNRELEASED,   // kept by a handler until the engine closed
	VLY_DROP_STOPPING,     // given to an engine that no longer sends
	// on the way out
	VLY_DROP_TX_NO_BUFFER,    // no free buffers for the frames of a large one
	VLY_DROP_TX_OVERSIZE,     // larger than the path takes
	VLY_DROP_TX_NO_ROUTE,     // no way to that address, or of a family the port has not
	VLY_DROP_TX_NO_NEIGHBOUR, // the next hop did not answer
	VLY_DROP_TX_FULL,         // the transmit queue stayed full
	VLY_DROP_TX_REFUSED,      // the kernel or the peer refused it
	VLY_DROP_COUNT,
};

struct vly_ledger {
	uint64_t received;   // taken from the wire, and what was known to be lost before
	uint64_t originated; // made by handlers or clients with an alloc call
	uint64_t sent;       // accepted by the wire. Over the kernel's sockets also what a full
			     // queue of the device (qdisc) drops, where Linux does not tell:
			     // volley-backends(1), icmp-errors
	uint64_t released;   // handled with nothing to send
	uint64_t answered;   // answered or absorbed by the stack: ARP, NDP, ICMP, fragments
	// By the exception path (vly_port_config.exception):
	uint64_t to_kernel;   // not ours, and handed to the kernel
	uint64_t from_kernel; // taken from the kernel, to be sent
	uint64_t dropped[VLY_DROP_COUNT];
};

// "ring_full" and so on; "unknown" for a number that is none. Any thread.
const char *vly_drop_name(uint32_t drop);

// What a user would want to read beside the name, one clause. Any thread.
const char *vly_drop_text(uint32_t drop);

// Datagrams that ended well: sent + released. Any thread.
uint64_t vly_ledger_handled(const struct vly_ledger *ledger);

// The sum of dropped[]. Any thread.
uint64_t vly_ledger_dropped(const struct vly_ledger *ledger);

// Whether the equation above holds. While traffic flows it need not: what is on its way has not
// ended yet. Any thread.
bool vly_ledger_is_balanced(const struct vly_ledger *ledger);

// Adds what `more` holds to `sum`. Any thread that owns `sum`.
void vly_ledger_add(struct vly_ledger *sum, const struct vly_ledger *more);

#ifdef __cplusplus
}
#endif
