// SPDX-License-Identifier: BSD-3-Clause
//
// Datagrams that arrive in fragments (RFC 791, RFC 8200 section 4.5), for both families.
//
// DPDK's librte_ip_frag does not do: it keeps at most 8 fragments of a packet (the largest datagram
// over Ethernet has 45), knows overlaps only as a sum of lengths that comes out wrong, and chains
// mbufs, while handlers get one piece. Here each fragment's bytes are copied to their place in a
// large buffer at once, and the frame is free again.
//
// What an attacker can do is bounded: so many datagrams at a time, fewer of one source, each a
// buffer of the pool and for a limited time. The oldest makes room, as an honest sender's fragments
// come one right after the other. Any contradiction ends the datagram, with all that still comes of
// it: fragments that overlap (RFC 5722), two different ends, something beyond the end. One that
// repeats, byte for byte, is only dropped itself.
//
// RFC 1858's tiny first fragments hide nothing from us: what is no last fragment has a multiple of
// 8 bytes and at least 8, which is all of a UDP header.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <volley/dgram.h>
#include <volley/ledger.h>

#include "stack/eth.h"

enum vly_reassembly_limits {
	VLY_REASSEMBLY_MAX = 64,      // datagrams at a time
	VLY_REASSEMBLY_EACH_MAX = 16, // of one source
	VLY_FRAGMENT_UNIT = 8,
	VLY_REASSEMBLY_UNITS = 65536 / VLY_FRAGMENT_UNIT,
	VLY_REASSEMBLY_HEAD_BYTES = 184, // of the first fragment, kept for the ICMP message
};

// As Linux has them (net.ipv4.ipfrag_time, net.ipv6.ip6frag_time); the latter is RFC 8200's own.
enum vly_reassembly_times {
	VLY_REASSEMBLY_IP4_NS = 30000000000,
	VLY_REASSEMBLY_IP6_NS = 60000000000,
};

// A fragment as its headers have it.
struct vly_fragment {
	uint32_t id;
	uint32_t offset; // bytes
	uint32_t len;
	uint8_t protocol; // what the first header behind it is
	bool has_more;    // it is not the last
};

enum vly_reassembly_state {
	VLY_REASSEMBLY_FREE,
	VLY_REASSEMBLY_OPEN,
	VLY_REASSEMBLY_REJECTED, // no buffer any more; drops what still comes
};

// A datagram being put together.
struct vly_reassembly {
	uint8_t src[16]; // IPv4 mapped
	uint8_t dst[16];
	uint32_t id;
	uint8_t protocol; // part of the name in IPv4 only (RFC 8200, section 4.5)
	uint8_t state;    // enum vly_reassembly_state
	uint8_t ttl;
	uint8_t tos;
	bool has_first;
	bool is_group;
	bool is_congested;       // a fragment was marked so (RFC 3168, section 5.3)
	uint8_t next;            // first header of the contents, as the first fragment says
	uint8_t head_len;        // bytes of `head`
	uint32_t serial;         // in order of beginning
	uint32_t fragments;      // whose bytes are here
	uint32_t bytes;          // that are here
	uint32_t reach;          // the highest end of any
	uint32_t total;          // 0: the last one has not come
	struct vly_eth eth;      // of the first
	struct vly_dgram *whole; // the buffer
	uint64_t deadline_ns;
	uint8_t head[VLY_REASSEMBLY_HEAD_BYTES];   // of the first, from its IP header on
	uint64_t units[VLY_REASSEMBLY_UNITS / 64]; // a bit for each unit that is here
};

struct vly_reassembly_table {
	uint32_t count;
	uint32_t serial;
	uint32_t tags[VLY_REASSEMBLY_MAX]; // a hash of each name, never 0; 0: free
	uint32_t lost[VLY_DROP_COUNT];     // fragments that had been kept, by what became of them
	bool has_lost;
	struct vly_reassembly entries[VLY_REASSEMBLY_MAX];
};

struct vly_large;
struct vly_packet;

// Takes a fragment's bytes, which are packet->l4. Returns the datagram when it is complete: the
// caller reads it and then calls vly_reassembly_end(). NULL when it is not, with *reason
// VLY_DROP_COUNT, or when the fragment was of no use, with the reason.
struct vly_reassembly *vly_reassembly_add(struct vly_reassembly_table *table,
					  struct vly_large *large, const struct vly_packet *packet,
					  const struct vly_fragment *fragment,
					  enum vly_drop *reason);

// Forgets it. Its fragments are counted as lost for `reason`, or not if that is VLY_DROP_COUNT;
// then the buffer is the caller's.
void vly_reassembly_end(struct vly_reassembly_table *table, struct vly_large *large,
			struct vly_reassembly *entry, enum vly_drop reason);

// The next one that has waited too long, or NULL; then *due_ns is lowered to when one will have.
struct vly_reassembly *vly_reassembly_expired(struct vly_reassembly_table *table, uint64_t now_ns,
					      uint64_t *due_ns);
