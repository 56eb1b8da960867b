// SPDX-License-Identifier: BSD-3-Clause
//
// The datagram: one UDP payload, in place in the buffer of the backend that received it, and what
// is known of it. The structure is exactly one cache line and lives at a constant offset inside
// that buffer (the private area of an mbuf, the slot header of a provided buffer), so no wrapper
// is ever allocated and nothing is copied on the way.
//
// Ownership: whoever holds the pointer owns the datagram, and exactly one place does. A handler
// owns what is in its burst until it returns; see handler.h for the fates.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "addr.h"

#ifdef __cplusplus
extern "C" {
#endif

enum vly_dgram_limits {
	VLY_DGRAM_BYTES_MAX = 65507, // the largest UDP payload over IPv4 (RFC 768 in RFC 791)
	VLY_CACHE_LINE_BYTES = 64,
	VLY_BURST_MAX = 64, // datagrams of one burst
};

// What becomes of a datagram, in its `fate`. Values below VLY_FATE_UNDECIDED are a drop with that
// reason (enum vly_drop in ledger.h).
enum vly_fate {
	VLY_FATE_UNDECIDED = 0xf0, // as delivered; if it stays so, dropped as `undecided`
	VLY_FATE_REPLY = 0xf1,     // send back to where it came from, in place
	VLY_FATE_SEND = 0xf2,      // send to `peer` from `local`
	VLY_FATE_PASS = 0xf3,      // to the next handler of the chain
	VLY_FATE_KEEP = 0xf4,      // the handler's, until it sends or releases it
	VLY_FATE_RELEASE = 0xf5,   // handled, nothing to send
};

// A datagram. It is touched by who owns it and by nobody else; between threads it goes through a
// ring. Addresses and ports are as in addr.h.
//
// When it was received: whatever took the time, rx_ns is CLOCK_MONOTONIC and never later
// than the moment of delivery; burst->now_ns may be a turn older:
//   presets                  when the burst was taken from the backend
//   -o timestamps=software   when the kernel took it from the device; stamped in CLOCK_REALTIME
//                            (SO_TIMESTAMPING, the kernel's networking/timestamping) and translated
//                            with what the two clocks differ by, measured each millisecond: a step
//                            of CLOCK_REALTIME falsifies what arrives within that millisecond
//   -o timestamps=hardware   when the NIC did, where it stamps; its clock is tied to the kernel's
//                            by the smallest delay of the last tenth of a second
// Datagrams of one received train (UDP_GRO) share the stamp of one of them.
struct vly_dgram {
	struct vly_addr peer;  // received: who sent it; to send: who gets it
	struct vly_addr local; // received: the address it came to (a group, if it was one; for a
			       // broadcast, ours); to send: from which (all zero, or a group: the
			       // backend's choice)
	uint32_t link;         // opaque to handlers, kept by replies. Kernel backends: interface
			       // index; frame backends: where the frame's own headers lie
	uint64_t rx_ns;        // when it was received, CLOCK_MONOTONIC nanoseconds: when its burst
			       // was, or as -o timestamps says (above)
	int32_t data_offset;   // from this structure to the first byte of the payload
	uint32_t flow_hash;    // symmetric: the same in both directions of a flow
	uint16_t len;          // bytes of payload, at most VLY_DGRAM_BYTES_MAX
	uint16_t capacity;     // bytes that fit from the first byte of the payload on
	uint8_t queue;         // the engine's queue it came by and leaves by
	uint8_t fate;          // enum vly_fate or enum vly_drop
	uint8_t ttl;           // hop limit received; 0: not known (vly_handler_ops, ignores); to
			       // send: 0 is the backend's default (64)
	uint8_t tos;           // traffic class (DSCP and ECN, RFC 2474, RFC 3168) received, known
			       // if `ttl` is; to send: as given. A reply leaves with the defaults
			       // of both, whatever was received; vly_send() it to choose them
};

// The payload: `len` bytes to read, `capacity` bytes to write, for as long as the datagram is
// owned. Its owner's thread.
static inline uint8_t *vly_dgram_data(const struct vly_dgram *dgram)
{
	return (uint8_t *)(uintptr_t)dgram + dgram->data_offset;
}

#ifdef __cplusplus
static_assert(sizeof(struct vly_dgram) == VLY_CACHE_LINE_BYTES, "one cache line");
}
#else
_Static_assert(sizeof(struct vly_dgram) == VLY_CACHE_LINE_BYTES, "one cache line");
#endif
