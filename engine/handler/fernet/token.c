// SPDX-License-Identifier: BSD-3-Clause
#include "handler/fernet/token.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "core/compiler.h"
#include "core/fail.h"
#include "handler/crypto/hmac.h"
#include "handler/fernet/base64url.h"
#include "stack/bytes.h"

enum {
	VERSION = 0x80,
	TIME_OFFSET = 1,
	IV_OFFSET = 9,
	TEXT_OFFSET = 25,
	BLOCK_BYTES = 16,
	// The bytes of a token that are not text.
	FRAME_BYTES = TEXT_OFFSET + VLY_HMAC_BYTES,
	RAW_BYTES_MAX = VLY_FERNET_TOKEN_CHARS_MAX / 4 * 3,
	SIGNING_KEY_BYTES = 16,
	IVS = 256, // drawn at once: RAND_bytes() takes 0.5 us for any small number of bytes
};

struct key {
	struct vly_hmac hmac;
	EVP_CIPHER_CTX *decrypt;
};

struct vly_fernet {
	struct key keys[VLY_FERNET_KEYS_MAX];
	uint32_t key_count;
	uint32_t last_key; // which has opened the last token: tried first
	EVP_CIPHER_CTX *encrypt;
	uint32_t iv_count; // of ivs, not yet used
	uint8_t ivs[IVS][VLY_FERNET_IV_BYTES];
	uint8_t raw[RAW_BYTES_MAX];                // a token's bytes
	uint8_t text[BLOCK_BYTES + RAW_BYTES_MAX]; // what they hold
};

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

int vly_fernet_open(struct vly_fernet **fernet, const struct vly_fernet_key *keys,
		    uint32_t key_count, struct vly_error *error)
{
	struct vly_fernet *made;

	if (key_count < 1 || key_count > VLY_FERNET_KEYS_MAX)
		return vly_fail(error, -EINVAL, "%u keys; give 1 to %d", key_count,
				VLY_FERNET_KEYS_MAX);
	made = calloc(1, sizeof(*made));
	if (!made)
		return vly_fail(error, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < key_count; i++) {
		vly_hmac_init(&made->keys[i].hmac, keys[i].bytes, SIGNING_KEY_BYTES);
		made->keys[i].decrypt = cipher_open(keys[i].bytes + SIGNING_KEY_BYTES, false);
		made->key_count++;
		if (!made->keys[i].decrypt)
			break;
	}
	made->encrypt = cipher_open(keys[0].bytes + SIGNING_KEY_BYTES, true);
	if (!made->encrypt || !made->keys[made->key_count - 1].decrypt) {
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
	OPENSSL_cleanse(fernet, sizeof(*fernet));
	free(fernet);
}

// --- decrypting ---------------------------------------------------------------------------------

// Returns how many bytes are in fernet->raw, 0 if the characters are no token.
static size_t decode(struct vly_fernet *fernet, const uint8_t *token, size_t chars)
{
	ssize_t len;

	if (chars > VLY_FERNET_TOKEN_CHARS_MAX)
		return 0;
	len = vly_base64url_decode(fernet->raw, token, chars);
	if (len < FRAME_BYTES + BLOCK_BYTES || (len - FRAME_BYTES) % BLOCK_BYTES != 0)
		return 0;
	return fernet->raw[0] == VERSION ? (size_t)len : 0;
}

static bool is_signed_by(const struct key *key, const uint8_t *raw, size_t signed_bytes)
{
	uint8_t mac[VLY_HMAC_BYTES];

	vly_hmac_sign(&key->hmac, raw, signed_bytes, mac);
	return CRYPTO_memcmp(mac, raw + signed_bytes, sizeof(mac)) == 0;
}

// Whose keys sign is known by the tokens before; the others are tried in their order.
static const struct key *find_signer(struct vly_fernet *fernet, size_t signed_bytes)
{
	const struct key *last = &fernet->keys[fernet->last_key];

	if (VLY_LIKELY(is_signed_by(last, fernet->raw, signed_bytes)))
		return last;
	for (uint32_t i = 0; i < fernet->key_count; i++) {
		if (i == fernet->last_key ||
		    !is_signed_by(&fernet->keys[i], fernet->raw, signed_bytes))
			continue;
		fernet->last_key = i;
		return &fernet->keys[i];
	}
	return NULL;
}

static enum vly_fernet_verdict check_time(const struct vly_fernet_times *times, uint64_t made_s)
{
	if (times->ttl_s && made_s < times->now_s && times->now_s - made_s > times->ttl_s)
		return VLY_FERNET_EXPIRED;
	if (made_s > times->now_s && made_s - times->now_s > times->skew_s)
		return VLY_FERNET_FUTURE;
	return VLY_FERNET_OK;
}

// The IV stands in front of the first block, as each block stands in front of the next. So it is
// decrypted as well, into 16 bytes that nobody looks at, which costs a tenth of giving the context
// another IV.
static bool decrypt_blocks(struct vly_fernet *fernet, const struct key *key, size_t len)
{
	int got;

	return EVP_DecryptUpdate(key->decrypt, fernet->text, &got, fernet->raw + IV_OFFSET,
				 (int)(VLY_FERNET_IV_BYTES + len)) == 1;
}

// PKCS #7 (RFC 5652, section 6.3): 1 to 16 bytes that each say how many they are. Returns how many,
// 0 if it is not so. The token is signed: a difference in time tells its maker nothing new.
static size_t padding_of(const uint8_t *text, size_t len)
{
	uint8_t padding = text[len - 1];

	if (padding < 1 || padding > BLOCK_BYTES)
		return 0;
	for (size_t i = len - padding; i < len; i++) {
		if (text[i] != padding)
			return 0;
	}
	return padding;
}

enum vly_fernet_verdict vly_fernet_decrypt(struct vly_fernet *fernet,
					   const struct vly_fernet_times *times, uint8_t *out,
					   const uint8_t *token, size_t chars,
					   struct vly_fernet_text *text)
{
	const uint8_t *clear = fernet->text + BLOCK_BYTES;
	size_t len = decode(fernet, token, chars);
	enum vly_fernet_verdict verdict;
	const struct key *key;
	size_t padding;

	if (!len)
		return VLY_FERNET_BAD_TOKEN;
	key = find_signer(fernet, len - VLY_HMAC_BYTES);
	if (!key)
		return VLY_FERNET_BAD_MAC;
	verdict = check_time(times, be64toh(vly_raw64(fernet->raw + TIME_OFFSET)));
	if (verdict != VLY_FERNET_OK)
		return verdict;
	len -= FRAME_BYTES;
	if (!decrypt_blocks(fernet, key, len))
		return VLY_FERNET_BAD_PADDING;
	padding = padding_of(clear, len);
	if (!padding)
		return VLY_FERNET_BAD_PADDING;
	text->len = len - padding;
	text->key = (uint32_t)(key - fernet->keys);
	memcpy(out, clear, text->len);
	return VLY_FERNET_OK;
}

// --- encrypting ---------------------------------------------------------------------------------

static size_t padded(size_t len)
{
	return (len / BLOCK_BYTES + 1) * BLOCK_BYTES;
}

size_t vly_fernet_token_chars(size_t len)
{
	return vly_base64url_chars(FRAME_BYTES + padded(len));
}

// NULL if the library has no random numbers.
static uint8_t *next_iv(struct vly_fernet *fernet)
{
	if (fernet->iv_count == 0) {
		if (RAND_bytes(&fernet->ivs[0][0], sizeof(fernet->ivs)) != 1)
			return NULL;
		fernet->iv_count = IVS;
	}
	return fernet->ivs[--fernet->iv_count];
}

size_t vly_fernet_encrypt(struct vly_fernet *fernet, uint64_t now_s, uint8_t *out, size_t capacity,
			  const uint8_t *text, size_t len)
{
	const uint8_t *iv;

	if (vly_fernet_token_chars(len) > capacity)
		return 0;
	iv = next_iv(fernet);
	return iv ? vly_fernet_encrypt_with(fernet, iv, now_s, out, capacity, text, len) : 0;
}

size_t vly_fernet_encrypt_with(struct vly_fernet *fernet, const uint8_t *iv, uint64_t now_s,
			       uint8_t *out, size_t capacity, const uint8_t *text, size_t len)
{
	size_t chars = vly_fernet_token_chars(len);
	size_t blocks = padded(len);
	uint8_t *raw = fernet->raw;
	int got;

	if (chars > capacity || chars > VLY_FERNET_TOKEN_CHARS_MAX)
		return 0;
	raw[0] = VERSION;
	vly_raw64_put(raw + TIME_OFFSET, htobe64(now_s));
	memcpy(raw + IV_OFFSET, iv, VLY_FERNET_IV_BYTES);
	memcpy(raw + TEXT_OFFSET, text, len);
	memset(raw + TEXT_OFFSET + len, (int)(blocks - len), blocks - len);
	if (EVP_EncryptInit_ex(fernet->encrypt, NULL, NULL, NULL, iv) != 1 ||
	    EVP_EncryptUpdate(fernet->encrypt, raw + TEXT_OFFSET, &got, raw + TEXT_OFFSET,
			      (int)blocks) != 1)
		return 0;
	vly_hmac_sign(&fernet->keys[0].hmac, raw, TEXT_OFFSET + blocks, raw + TEXT_OFFSET + blocks);
	return vly_base64url_encode(out, raw, FRAME_BYTES + blocks);
}
