// SPDX-License-Identifier: BSD-3-Clause
//
// pcapng as written here (draft-ietf-opsawg-pcapng): a section with one interface of LINKTYPE_RAW,
// so that a packet begins with its IP header, which is made of what is known of a datagram. Pure
// functions over bytes, in the machine's byte order, as the format allows.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <volley/addr.h>

enum vly_pcapng_limits {
	VLY_PCAPNG_BEGIN_BYTES = 256,   // room for what a file begins with
	VLY_PCAPNG_AROUND_BYTES = 160,  // room for what a packet has around its payload
	VLY_PCAPNG_HEADERS_BYTES = 48,  // IPv6 and UDP
	VLY_PCAPNG_NAME_BYTES_MAX = 64, // of an interface, longer ones are cut
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
	enum vly_pcapng_direction direction;
	uint32_t missed; // before this one
	uint8_t ttl;     // 0: 64
	uint8_t tos;
	uint16_t len;      // of the payload on the wire
	uint16_t captured; // of it, what is there
};

// Writes what a file begins with: the section's and the interface's block. Returns its length, at
// most VLY_PCAPNG_BEGIN_BYTES.
uint32_t vly_pcapng_begin(uint8_t *bytes, const char *interface, uint32_t snap_bytes);

// Writes a packet's block. `bytes` takes packet->captured + VLY_PCAPNG_AROUND_BYTES; returns its
// length, a multiple of 4. The UDP checksum is right if the whole payload is there, else 0.
uint32_t vly_pcapng_packet(uint8_t *bytes, const struct vly_pcapng_packet *packet,
			   const uint8_t *payload);
