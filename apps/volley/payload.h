// SPDX-License-Identifier: BSD-3-Clause
//
// The payload of a measuring datagram. It begins with 8 bytes that are the same all along (the
// session) and 8 bytes of sequence number; below 16 bytes the sequence number comes first, as much
// of it as fits. Then, if they are asked for, 16 bytes for the server's times (handler/echo.c). The
// rest is a pattern.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <volley/volley.h>

enum payload_limits {
	PAYLOAD_WORD_BYTES = 8,
	PAYLOAD_HEADER_BYTES = 2 * PAYLOAD_WORD_BYTES,
	PAYLOAD_TIMES_BYTES = 2 * PAYLOAD_WORD_BYTES,
};

struct payload {
	uint32_t size_bytes;
	bool asks_times; // size_bytes has room for them
	uint8_t session[PAYLOAD_WORD_BYTES];
	uint8_t bytes[VLY_DGRAM_BYTES_MAX];
};

// What a server says of its part of a round trip.
struct payload_times {
	bool told;
	uint64_t kernel_ns;  // from rx_ns (dgram.h) to its handlers
	uint64_t handler_ns; // in them
};

void payload_begin(struct payload *payload, uint32_t size_bytes, bool asks_times);

// Makes payload->bytes those of datagram `sequence`.
void payload_number(struct payload *payload, uint64_t sequence);

// Whether a datagram is long enough to have a sequence number.
bool payload_has_sequence(const struct payload *payload, const struct vly_dgram *dgram);

// The whole number, from as many low bytes as were sent: the latest one up to `newest` with these
// bytes. The datagram has it.
uint64_t payload_sequence(const struct payload *payload, const struct vly_dgram *dgram,
			  uint64_t newest);

// Whether it answers a datagram of this session, as far as it can be told. It has a sequence
// number.
bool payload_is_of_session(const struct payload *payload, const struct vly_dgram *dgram);

// Takes the server's times out of an answer, so that it is the same again as what was sent.
struct payload_times payload_take_times(const struct payload *payload,
					const struct vly_dgram *dgram);

// Whether the datagram is payload->bytes.
bool payload_is_same(const struct payload *payload, const struct vly_dgram *dgram);
