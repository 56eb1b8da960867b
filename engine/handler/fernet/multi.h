// SPDX-License-Identifier: BSD-3-Clause
//
// Several messages at once, one in each lane of the processor's wide registers. AES in CBC mode
// cannot encrypt a block before the one in front of it, but encrypts sixteen messages in little
// more than the time of one; SHA-256 likewise. It is Intel's multi-buffer library that does it
// (libipsec-mb); where it is absent, or the processor has no AES instructions, and for few
// messages, the caller does one after the other. Used by one thread at a time.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/compiler.h"
#include "handler/crypto/hmac.h"

enum vly_multi_limits {
	VLY_MULTI_MESSAGES_MAX = 64,
	VLY_MULTI_KEY_BYTES = 16, // of AES-128
	VLY_MULTI_SCHEDULE_BYTES = 176,
};

// What was computed from a key. A secret: wipe it.
struct vly_multi_key {
	VLY_ALIGNED(16) uint8_t schedule[VLY_MULTI_SCHEDULE_BYTES];
	VLY_ALIGNED(16) uint8_t inner[VLY_HMAC_BYTES];
	VLY_ALIGNED(16) uint8_t outer[VLY_HMAC_BYTES];
};

struct vly_multi_message {
	uint8_t *bytes;
	size_t len;
	uint8_t *mac; // where the VLY_HMAC_BYTES go
};

struct vly_multi;

// Returns 0, -ENOSYS (not in this build, or not on this processor) or -ENOMEM.
int vly_multi_open(struct vly_multi **multi);

// Wipes all. NULL is none.
void vly_multi_close(struct vly_multi *multi);

// `cipher` has VLY_MULTI_KEY_BYTES; `hmac` is of the key that signs.
void vly_multi_key_init(const struct vly_multi *multi, struct vly_multi_key *key,
			const uint8_t *cipher, const struct vly_hmac *hmac);

// Both return whether it is done. If not, nothing is: `multi` is NULL, the library refuses, or so
// few messages are faster one after the other. At most VLY_MULTI_MESSAGES_MAX.

// Encrypts in place, by AES-128-CBC, what is behind the first `clear` bytes of each message, a
// multiple of 16 bytes; the last 16 of those are the IV.
bool vly_multi_encrypt(struct vly_multi *multi, const struct vly_multi_key *key,
		       const struct vly_multi_message *messages, uint32_t count, size_t clear);

// Writes each message's HMAC-SHA256.
bool vly_multi_sign(struct vly_multi *multi, const struct vly_multi_key *key,
		    const struct vly_multi_message *messages, uint32_t count);
