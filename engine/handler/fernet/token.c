// SPDX-License-Identifier: BSD-3-Clause
#include "handler/fernet/token.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "core/fail.h"
#include "handler/fernet/state.h"

enum {
	SIGNING_KEY_BYTES = 16,
};

static_assert((int)VLY_FERNET_BURST_MAX <= (int)VLY_MULTI_MESSAGES_MAX, "a burst is one of both");
static_assert((int)VLY_FERNET_KEY_BYTES == SIGNING_KEY_BYTES + (int)VLY_MULTI_KEY_BYTES,
	      "one key of two");

// A context that has the key: whole blocks only, the padding is ours to check.
static EVP_CIPHER_CTX *cipher_open(const uint8_t *key, bool encrypts)
{
	static const uint8_t no_iv[VLY_FERNET_IV_BYTES];
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();

	if (cipher &&
	    EVP_CipherInit_ex(cipher, EVP_aes_128_cbc(), NULL, key, no_iv, encrypts) == 1 &&
	    EVP_CIPHER_CTX_set_padding(cipher, 0) == 1)
		return cipher;
	EVP_CIPHER_CTX_free(cipher);
	return NULL;
}

static bool prepare(struct vly_fernet *fernet, const struct vly_fernet_key *key)
{
	struct vly_fernet_prepared *made = &fernet->keys[fernet->key_count++];
	const uint8_t *cipher = key->bytes + SIGNING_KEY_BYTES;

	vly_hmac_init(&made->hmac, key->bytes, SIGNING_KEY_BYTES);
	vly_multi_key_init(fernet->multi, &made->multi, cipher, &made->hmac);
	made->decrypt = cipher_open(cipher, false);
	return made->decrypt != NULL;
}

int vly_fernet_open(struct vly_fernet **fernet, const struct vly_fernet_key *keys,
		    uint32_t key_count, struct vly_error *error)
{
	struct vly_fernet *made;
	bool is_ready;

	if (key_count < 1 || key_count > VLY_FERNET_KEYS_MAX)
		return vly_fail(error, -EINVAL, "%u keys; give 1 to %d", key_count,
				VLY_FERNET_KEYS_MAX);
	made = calloc(1, sizeof(*made));
	if (!made || vly_multi_open(&made->multi) == -ENOMEM) {
		free(made);
		return vly_fail(error, -ENOMEM, "out of memory");
	}
	made->encrypt = cipher_open(keys[0].bytes + SIGNING_KEY_BYTES, true);
	is_ready = made->encrypt != NULL;
	for (uint32_t i = 0; i < key_count && is_ready; i++)
		is_ready = prepare(made, &keys[i]);
	if (!is_ready) {
		vly_fernet_close(made);
		return vly_fail(error, -EIO,
				"OpenSSL gives no AES-128-CBC; see: openssl list "
				"-cipher-algorithms");
	}
	*fernet = made;
	return 0;
}

void vly_fernet_close(struct vly_fernet *fernet)
{
	if (!fernet)
		return;
	for (uint32_t i = 0; i < fernet->key_count; i++)
		EVP_CIPHER_CTX_free(fernet->keys[i].decrypt);
	EVP_CIPHER_CTX_free(fernet->encrypt);
	vly_multi_close(fernet->multi);
	OPENSSL_cleanse(fernet, sizeof(*fernet));
	free(fernet);
}

void vly_fernet_one_by_one(struct vly_fernet *fernet)
{
	vly_multi_close(fernet->multi);
	fernet->multi = NULL;
}
