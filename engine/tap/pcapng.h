// SPDX-License-Identifier: BSD-3-Clause
//
// pcapng as written here (draft-ietf-opsawg-pcapng): a section with interfaces of LINKTYPE_RAW, so
// that a packet begins with its IP header, which is made of what is known of a datagram. All
// interfaces have one link type and one snapshot length, as libpcap wants it of a file. Pure
// functions over bytes, in the machine's byte order, as the format allows.
//
// Why a packet was dropped is a comment: the format's own epb_verdict knows the verdicts of
// hardware, of TC and of XDP only.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <volley/addr.h>
#include <volley/ledger.h>

enum vly_pcapng_limits {
	VLY_PCAPNG_SECTION_BYTES = 64,    // room for a section's block
	VLY_PCAPNG_INTERFACE_BYTES = 256, // for an interface's
	VLY_PCAPNG_AROUND_BYTES = 448,    // for what a packet has around its payload
	VLY_PCAPNG_HEADERS_BYTES = 48,    // IPv6 and UDP
	VLY_PCAPNG_TEXT_BYTES_MAX = 96,   // of a name, longer ones are cut
	VLY_PCAPNG_COMMENT_BYTES_MAX = 128,
};

// Values of epb_flags.
enum vly_pcapng_direction {
	VLY_PCAPNG_INBOUND = 1,
	VLY_PCAPNG_OUTBOUND = 2,
};

struct vly_pcapng_packet {
	struct vly_addr source;
	struct vly_addr target; // of the same family; decides which
	uint64_t time_ns;       // since 1970
	uint64_t id;            // the same of what is seen twice (epb_packetid); 0: none
	enum vly_pcapng_direction direction;
	uint32_t interface; // the number of its block in the file, from 0
	uint32_t queue;
	uint32_t missed;  // before this one
	uint8_t drop;     // enum vly_drop; VLY_DROP_COUNT: it was not dropped
	bool has_headers; // the payload begins with an IP header: none is made
	uint8_t ttl;      // 0: 64
	uint8_t tos;
	uint16_t len;      // of the payload on the wire
	uint16_t captured; // of it, what is there
};

// Write what a file begins with, and an interface that packets then name. Return the block's
// length, at most VLY_PCAPNG_SECTION_BYTES and VLY_PCAPNG_INTERFACE_BYTES.
uint32_t vly_pcapng_section(uint8_t *bytes);
uint32_t vly_pcapng_interface(uint8_t *bytes, const char *name, const char *description,
			      uint32_t snap_bytes);

// Writes a packet's block. `bytes` takes packet->captured + VLY_PCAPNG_AROUND_BYTES; returns its
// length, a multiple of 4. The UDP checksum is right if the whole payload is there, else 0.
uint32_t vly_pcapng_packet(uint8_t *bytes, const struct vly_pcapng_packet *packet,
			   const uint8_t *payload);
