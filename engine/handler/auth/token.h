// SPDX-License-Identifier: BSD-3-Clause
//
// What proves that a datagram is of somebody who knows a secret, made just now, and has not come
// before. It stands before the payload:
//
//     4 bytes   "va1" and a zero
//     1         length of the identity, 1 to 32
//     n         the identity
//     8         when it was made, nanoseconds since 1970, most significant byte first
//     8         a nonce: any bytes
//     16        the first half of HMAC-SHA256 (RFC 2104) of all bytes before it and all after it
//
// A datagram that was accepted is not accepted again: of each identity the last 64 stamps are kept,
// and what is no later than those before them is stale, as is what was made before the handler was
// opened. So memory is bounded and a replay never passes; what passes 64 others on its way does not
// either.
#pragma once

#include <stdint.h>

#include <volley/error.h>

#include "handler/index.h"
#include "handler/siphash.h"

enum vly_token_limits {
	VLY_TOKEN_NAME_MAX = 32,
	VLY_TOKEN_SECRET_MIN = 16, // bytes
	VLY_TOKEN_SECRET_MAX = 64,
	VLY_TOKEN_FIXED_BYTES = 4 + 1 + 8 + 8 + 16,
	VLY_TOKEN_STAMPS = 64,
	VLY_TOKEN_PEERS_MAX = 10000,
};

enum vly_token_verdict {
	VLY_TOKEN_GOOD,
	VLY_TOKEN_BAD,      // no token, or cut
	VLY_TOKEN_UNKNOWN,  // of nobody we know
	VLY_TOKEN_BAD_MAC,  // that has another secret, or was changed
	VLY_TOKEN_STALE,    // made too long ago, before others that came, or in the future
	VLY_TOKEN_REPLAYED, // came before
};

struct vly_token_peers;

// Reads a file of lines "IDENTITY SECRET", the secret 16 to 64 bytes in hexadecimal; empty lines
// and what follows # are left out. Returns 0, or -EINVAL (a line, named by its number and never
// shown), what open(2) says, -ENOTSUP where there is no OpenSSL. `now_ns` is CLOCK_REALTIME.
int vly_token_peers_open(struct vly_token_peers **peers, const char *path, uint64_t now_ns,
			 struct vly_error *error);

// Wipes the secrets. NULL is allowed.
void vly_token_peers_close(struct vly_token_peers *peers);

uint32_t vly_token_peers_count(const struct vly_token_peers *peers);

// Checks what stands before the payload: made within skew_ns of now (CLOCK_REALTIME). If it is
// good, *name is the peer's, as long as `peers` is open, and *token_len says where the payload
// begins.
enum vly_token_verdict vly_token_check(struct vly_token_peers *peers, const uint8_t *bytes,
				       uint32_t len, uint64_t now_ns, uint64_t skew_ns,
				       const char **name, uint32_t *token_len);
