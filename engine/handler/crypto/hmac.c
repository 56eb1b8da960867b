// SPDX-License-Identifier: BSD-3-Clause
#include "handler/crypto/hmac.h"

#include <string.h>

#include <openssl/crypto.h>

enum {
	INNER_PAD = 0x36,
	OUTER_PAD = 0x5c,
};

static void hash_key(SHA256_CTX *hash, const uint8_t *key, size_t key_len, uint8_t pad)
{
	uint8_t block[VLY_HMAC_KEY_BYTES_MAX];

	memset(block, pad, sizeof(block));
	for (size_t i = 0; i < key_len && i < sizeof(block); i++)
		block[i] ^= key[i];
	SHA256_Init(hash);
	SHA256_Update(hash, block, sizeof(block));
	OPENSSL_cleanse(block, sizeof(block));
}

void vly_hmac_init(struct vly_hmac *hmac, const uint8_t *key, size_t key_len)
{
	hash_key(&hmac->inner, key, key_len, INNER_PAD);
	hash_key(&hmac->outer, key, key_len, OUTER_PAD);
}

void vly_hmac_sign(const struct vly_hmac *hmac, const uint8_t *bytes, size_t len, uint8_t *mac)
{
	SHA256_CTX hash = hmac->inner;

	SHA256_Update(&hash, bytes, len);
	SHA256_Final(mac, &hash);
	hash = hmac->outer;
	SHA256_Update(&hash, mac, VLY_HMAC_BYTES);
	SHA256_Final(mac, &hash);
}
