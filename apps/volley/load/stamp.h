// SPDX-License-Identifier: BSD-3-Clause
//
// The first bytes of a measuring datagram: which run it is of, its number, and a check over both,
// so that an answer is told from another's, and an altered number from a reordering. Behind them
// comes whatever the content says.
//
//     plain      session 4, check 4, number 8                         little-endian
//     sockperf   number 8, flags 2, length 4 (big-endian), and where they fit session 4, check 4
//
// sockperf's server answers only what begins with its own header, and takes the "from a client" out
// of the flags.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum stamp_limits {
	STAMP_PLAIN_BYTES = 16,
	STAMP_SOCKPERF_BYTES = 14,
	STAMP_SOCKPERF_CHECK_BYTES = STAMP_SOCKPERF_BYTES + 8,
};

struct stamp {
	bool is_sockperf;
	uint32_t session; // random
};

// A new session.
struct stamp stamp_make(bool is_sockperf);

// Bytes of a payload that the stamp takes of `len`, which are at least those of the format.
uint32_t stamp_bytes(const struct stamp *stamp, uint32_t len);

void stamp_write(const struct stamp *stamp, uint8_t *payload, uint32_t len, uint64_t sequence);

// Finds the number in an answer of `len` bytes. False: it has none, or the stamp is not ours, or
// not as it was sent.
bool stamp_read(const struct stamp *stamp, const uint8_t *payload, uint32_t len,
		uint64_t *sequence);
