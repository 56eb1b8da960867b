// SPDX-License-Identifier: BSD-3-Clause
//
// Frames for tests, built byte by byte with a checksum of its own: nothing here is the stack's
// code, so that a mistake in the stack does not meet the same mistake here. A frame lies in a
// buffer behind its struct vly_dgram, as a backend would have it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <volley/dgram.h>

enum frame_sizes {
	FRAME_HEADROOM = 128,
	FRAME_BYTES = 2048,
	FRAME_GUARD = 64, // behind the buffer, to see who writes too far
};

// Our station, the other one, and addresses that both unit tests and frames agree on.
extern const uint8_t frame_our_mac[6];
extern const uint8_t frame_peer_mac[6];
extern const uint8_t frame_broadcast_mac[6];

struct frame {
	struct vly_dgram dgram;
	uint8_t headroom[FRAME_HEADROOM];
	uint8_t bytes[FRAME_BYTES];
	uint8_t guard[FRAME_GUARD];
} __attribute__((aligned(64)));

// What is to be built; what is 0 or NULL has the default that is named.
struct frame_spec {
	const uint8_t *dst_mac; // frame_our_mac
	const uint8_t *src_mac; // frame_peer_mac
	bool is_tagged;
	uint16_t tci;
	const char *src; // text; 10.0.0.2
	const char *dst; // 10.0.0.1
	uint8_t ttl;     // 64
	uint8_t tos;
	uint8_t protocol;          // 17; 1 and 58 get their checksum, too
	uint16_t fragment;         // IPv4: flags and offset
	const uint8_t *options;    // IPv4: options, a multiple of 4; IPv6: extension headers, whose
	size_t options_len;        // last one must name the protocol
	uint8_t extension;         // IPv6: the type of the first of them
	uint16_t src_port;         // 1234
	uint16_t dst_port;         // 9000
	bool has_no_checksum;      // UDP
	bool has_partial_checksum; // UDP: the pseudo-header's sum alone
	const void *payload;       // of UDP, or all that IP carries
	size_t payload_len;
};

// Builds the frame. Its length is frame->dgram.len.
void frame_build(struct frame *frame, const struct frame_spec *spec);

// Puts bytes into the buffer as the frame.
void frame_set(struct frame *frame, const void *bytes, size_t len);

// Makes it an empty datagram of FRAME_BYTES capacity, as an alloc would.
void frame_clear(struct frame *frame);

// Writes the IPv4 header's checksum anew after its bytes were changed; l2_len is 14 or 18.
void frame_fix_ip4(struct frame *frame, size_t l2_len);

// Writes hexadecimal digits, spaces allowed, as bytes. Returns how many.
size_t frame_hex(uint8_t *bytes, const char *text);

// The ARP packet, and the neighbour messages without Ethernet and IP, for frame_spec.payload.
void frame_arp(struct frame *frame, uint16_t operation, const uint8_t *sender_mac,
	       const char *sender, const char *target);
size_t frame_ndp(uint8_t *bytes, uint8_t type, uint8_t flags, const char *target, uint8_t option,
		 const uint8_t *mac);

// The Internet checksum of len bytes as RFC 1071 has it in its first example: 16 bits at a time,
// big-endian, folded at once. `sum` is what was summed before, not inverted.
uint16_t frame_sum(uint16_t sum, const uint8_t *bytes, size_t len);

// Whether IP header, transport and lengths of a frame are right, by this file's own reading.
// Returns NULL, or what is wrong.
const char *frame_is_wrong(const uint8_t *bytes, size_t len);

// The 16 bytes of an address, IPv4 mapped.
void frame_ip(uint8_t *ip, const char *text);
