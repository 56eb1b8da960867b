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

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

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
static inline uint32_t stamp_bytes(const struct stamp *stamp, uint32_t len);

static inline void stamp_write(const struct stamp *stamp, uint8_t *payload, uint32_t len,
			       uint64_t sequence);

// Finds the number in an answer of `len` bytes. False: it has none, or the stamp is not ours, or
// not as it was sent.
static inline bool stamp_read(const struct stamp *stamp, const uint8_t *payload, uint32_t len,
			      uint64_t *sequence);

// --- inline -------------------------------------------------------------------------------------

enum {
	STAMP_PLAIN_SEQUENCE = 8,
};

void stamp_write_sockperf(struct stamp stamp, uint8_t *payload, uint32_t len, uint64_t sequence);
bool stamp_read_sockperf(struct stamp stamp, const uint8_t *payload, uint32_t len,
			 uint64_t *sequence);

// Session and check as one word.
static inline uint64_t stamp_seal(const struct stamp *stamp, uint64_t sequence)
{
	uint64_t mixed = (sequence ^ (uint64_t)stamp->session << 32) * UINT64_C(0x9e3779b97f4a7c15);

	return htole64(stamp->session | (mixed & ~UINT64_C(0xffffffff)));
}

static inline uint32_t stamp_bytes(const struct stamp *stamp, uint32_t len)
{
	if (!stamp->is_sockperf)
		return STAMP_PLAIN_BYTES;
	return len < STAMP_SOCKPERF_CHECK_BYTES ? STAMP_SOCKPERF_BYTES : STAMP_SOCKPERF_CHECK_BYTES;
}

static inline void stamp_write(const struct stamp *stamp, uint8_t *payload, uint32_t len,
			       uint64_t sequence)
{
	uint64_t number = htole64(sequence);
	uint64_t sealed = stamp_seal(stamp, sequence);

	if (stamp->is_sockperf) {
		stamp_write_sockperf(*stamp, payload, len, sequence);
		return;
	}
	memcpy(payload, &sealed, sizeof(sealed));
	memcpy(payload + STAMP_PLAIN_SEQUENCE, &number, sizeof(number));
}

static inline bool stamp_read(const struct stamp *stamp, const uint8_t *payload, uint32_t len,
			      uint64_t *sequence)
{
	uint64_t number, sealed;

	if (stamp->is_sockperf)
		return stamp_read_sockperf(*stamp, payload, len, sequence);
	if (len < STAMP_PLAIN_BYTES)
		return false;
	memcpy(&sealed, payload, sizeof(sealed));
	memcpy(&number, payload + STAMP_PLAIN_SEQUENCE, sizeof(number));
	*sequence = le64toh(number);
	return sealed == stamp_seal(stamp, *sequence);
}
