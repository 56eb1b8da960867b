// SPDX-License-Identifier: BSD-3-Clause
//
// Texts to tokens. A token's bytes are put together at the end of the place that its characters
// will take, and encoded from there to the front: nothing else is written to.
#include <string.h>

#include <openssl/rand.h>

#include "handler/fernet/base64url.h"
#include "handler/fernet/state.h"
#include "stack/bytes.h"

static size_t padded(size_t len)
{
	return (len / VLY_FERNET_BLOCK_BYTES + 1) * VLY_FERNET_BLOCK_BYTES;
}

size_t vly_fernet_token_chars(size_t len)
{
	return vly_base64url_chars(VLY_FERNET_FRAME_BYTES + padded(len));
}

// NULL if the library has no random numbers.
static const uint8_t *next_iv(struct vly_fernet *fernet)
{
	if (fernet->iv_count == 0) {
		if (RAND_bytes(&fernet->ivs[0][0], sizeof(fernet->ivs)) != 1)
			return NULL;
		fernet->iv_count = VLY_FERNET_IVS;
	}
	return fernet->ivs[--fernet->iv_count];
}

// Puts together what is to be encrypted and signed. False, with nothing written, if it has no room.
static bool lay_out(struct vly_fernet *fernet, uint64_t now_s,
		    const struct vly_fernet_sealing *sealing, struct vly_multi_message *message)
{
	size_t chars = vly_fernet_token_chars(sealing->len);
	size_t blocks = padded(sealing->len);
	size_t len = VLY_FERNET_TEXT_OFFSET + blocks;
	const uint8_t *iv;
	uint8_t *raw;

	if (chars > sealing->capacity || chars > VLY_FERNET_TOKEN_CHARS_MAX)
		return false;
	iv = sealing->iv ? sealing->iv : next_iv(fernet);
	if (!iv)
		return false;
	raw = sealing->out + chars - len - VLY_HMAC_BYTES;
	// The text first: the rest may lie where it was.
	memmove(raw + VLY_FERNET_TEXT_OFFSET, sealing->text, sealing->len);
	memset(raw + VLY_FERNET_TEXT_OFFSET + sealing->len, (int)(blocks - sealing->len),
	       blocks - sealing->len);
	raw[0] = VLY_FERNET_VERSION;
	vly_raw64_put(raw + VLY_FERNET_TIME_OFFSET, htobe64(now_s));
	memcpy(raw + VLY_FERNET_IV_OFFSET, iv, VLY_FERNET_IV_BYTES);
	*message = (struct vly_multi_message){raw, len, raw + len};
	return true;
}

// A random IV is encrypted with the text, behind the last token's last block, and what comes of it
// is the IV: as random as before, and it costs a block, where giving the context another IV costs
// as much as eight (which makes an unpredictable one in the same way: NIST SP 800-38A, appendix C).
static bool encrypt_one(struct vly_fernet *fernet, const struct vly_multi_message *message,
			const uint8_t *chosen_iv)
{
	size_t offset = chosen_iv ? VLY_FERNET_TEXT_OFFSET : VLY_FERNET_IV_OFFSET;
	uint8_t *bytes = message->bytes + offset;
	int got;

	if (chosen_iv && EVP_EncryptInit_ex(fernet->encrypt, NULL, NULL, NULL, chosen_iv) != 1)
		return false;
	return EVP_EncryptUpdate(fernet->encrypt, bytes, &got, bytes,
				 (int)(message->len - offset)) == 1;
}

// False if OpenSSL refuses, which it has no reason to: then none of them may leave.
static bool encrypt_all(struct vly_fernet *fernet, const struct vly_multi_message *messages,
			struct vly_fernet_sealing *const *sealed, uint32_t count,
			uint32_t *together)
{
	const struct vly_fernet_prepared *key = &fernet->keys[0];

	if (vly_multi_encrypt(fernet->multi, &key->multi, messages, count, VLY_FERNET_TEXT_OFFSET))
		*together = count;
	else
		for (uint32_t i = 0; i < count; i++) {
			if (!encrypt_one(fernet, &messages[i], sealed[i]->iv))
				return false;
		}
	if (vly_multi_sign(fernet->multi, &key->multi, messages, count))
		return true;
	for (uint32_t i = 0; i < count; i++)
		vly_hmac_sign(&key->hmac, messages[i].bytes, messages[i].len, messages[i].mac);
	return true;
}

uint32_t vly_fernet_encrypt_burst(struct vly_fernet *fernet, uint64_t now_s,
				  struct vly_fernet_sealing *sealings, uint32_t count)
{
	struct vly_multi_message messages[VLY_FERNET_BURST_MAX];
	struct vly_fernet_sealing *sealed[VLY_FERNET_BURST_MAX];
	uint32_t laid_out = 0;
	uint32_t together = 0;

	for (uint32_t i = 0; i < count; i++) {
		sealings[i].chars = 0;
		if (lay_out(fernet, now_s, &sealings[i], &messages[laid_out]))
			sealed[laid_out++] = &sealings[i];
	}
	if (laid_out == 0 || !encrypt_all(fernet, messages, sealed, laid_out, &together))
		return 0;
	for (uint32_t i = 0; i < laid_out; i++)
		sealed[i]->chars = vly_base64url_encode(sealed[i]->out, messages[i].bytes,
							messages[i].len + VLY_HMAC_BYTES);
	return together;
}

size_t vly_fernet_encrypt(struct vly_fernet *fernet, uint64_t now_s, uint8_t *out, size_t capacity,
			  const uint8_t *text, size_t len)
{
	struct vly_fernet_sealing sealing = {
		.text = text, .len = len, .out = out, .capacity = capacity};

	vly_fernet_encrypt_burst(fernet, now_s, &sealing, 1);
	return sealing.chars;
}
