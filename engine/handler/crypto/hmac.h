// SPDX-License-Identifier: BSD-3-Clause
//
// HMAC-SHA256 (RFC 2104) with a key of up to a block, which is hashed in once. It is composed of
// OpenSSL's SHA256_Update() and friends, deprecated as they are: each way through EVP allocates
// for each message in OpenSSL 3.0 (EVP_MAC_init and EVP_MD_CTX_copy_ex duplicate the provider's
// context), and takes half as long again for a short one. Pure; any thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

// So that the struct of its states can be had at all without a warning.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

enum vly_hmac_limits {
	VLY_HMAC_BYTES = 32,
	VLY_HMAC_KEY_BYTES_MAX = 64,
};

// A secret: wipe it.
struct vly_hmac {
	SHA256_CTX inner; // with the key and its padding hashed in
	SHA256_CTX outer;
};

void vly_hmac_init(struct vly_hmac *hmac, const uint8_t *key, size_t key_len);

// Writes the VLY_HMAC_BYTES of `len` bytes.
void vly_hmac_sign(const struct vly_hmac *hmac, const uint8_t *bytes, size_t len, uint8_t *mac);
