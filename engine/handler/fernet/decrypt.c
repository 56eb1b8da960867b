// SPDX-License-Identifier: BSD-3-Clause
//
// Tokens to texts. A burst's tokens are decoded into room of our own, as many as fit at a time: one
// that is refused stays as it was.
#include <string.h>

#include <openssl/crypto.h>

#include "core/compiler.h"
#include "handler/fernet/base64url.h"
#include "handler/fernet/state.h"
#include "stack/bytes.h"

// Tokens that are looked at together.
struct batch {
	uint32_t count;
	size_t room_used;
	struct vly_fernet_opening *openings[VLY_FERNET_BURST_MAX];
	struct vly_multi_message messages[VLY_FERNET_BURST_MAX]; // what is signed of each
	uint8_t macs[VLY_FERNET_BURST_MAX][VLY_HMAC_BYTES];      // as the likely key would
};

// Returns how many bytes they are, 0 if the characters are no token.
static size_t decode(uint8_t *raw, const uint8_t *token, size_t chars)
{
	ssize_t len = vly_base64url_decode(raw, token, chars);

	if (len < VLY_FERNET_FRAME_BYTES + VLY_FERNET_BLOCK_BYTES ||
	    (len - VLY_FERNET_FRAME_BYTES) % VLY_FERNET_BLOCK_BYTES != 0)
		return 0;
	return raw[0] == VLY_FERNET_VERSION ? (size_t)len : 0;
}

// False if there is no room left for it.
static bool add(struct batch *batch, struct vly_fernet *fernet, struct vly_fernet_opening *opening)
{
	uint8_t *raw = fernet->room + batch->room_used;
	size_t len;

	opening->verdict = VLY_FERNET_BAD_TOKEN;
	if (opening->chars > VLY_FERNET_TOKEN_CHARS_MAX)
		return true;
	if (opening->chars / 4 * 3 > sizeof(fernet->room) - batch->room_used)
		return false;
	len = decode(raw, opening->token, opening->chars);
	if (len == 0)
		return true;
	batch->openings[batch->count] = opening;
	batch->messages[batch->count] = (struct vly_multi_message){
		.bytes = raw,
		.len = len - VLY_HMAC_BYTES,
		.mac = batch->macs[batch->count],
	};
	batch->count++;
	batch->room_used += len;
	return true;
}

static bool is_signed(const struct vly_multi_message *message, const uint8_t *mac)
{
	return CRYPTO_memcmp(mac, message->bytes + message->len, VLY_HMAC_BYTES) == 0;
}

// Of those that the likely key has not signed: the others are tried in their order.
static struct vly_fernet_prepared *find_signer(struct vly_fernet *fernet, uint32_t tried,
					       const struct vly_multi_message *message)
{
	for (uint32_t i = 0; i < fernet->key_count; i++) {
		if (i == tried)
			continue;
		vly_hmac_sign(&fernet->keys[i].hmac, message->bytes, message->len, message->mac);
		if (!is_signed(message, message->mac))
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

// PKCS #7 (RFC 5652, section 6.3): 1 to 16 bytes that each say how many they are. Returns how many,
// 0 if it is not so. The token is signed: a difference in time tells its maker nothing new.
static size_t padding_of(const uint8_t *text, size_t len)
{
	uint8_t padding = text[len - 1];

	if (padding < 1 || padding > VLY_FERNET_BLOCK_BYTES)
		return 0;
	for (size_t i = len - padding; i < len; i++) {
		if (text[i] != padding)
			return 0;
	}
	return padding;
}

// Decrypts what is signed and in time. The IV stands in front of the first block, as each block
// stands in front of the next. So it is decrypted as well, into 16 bytes that nobody looks at,
// which costs a tenth of giving the context another IV.
static enum vly_fernet_verdict decrypt(const struct vly_fernet_prepared *key,
				       const struct vly_multi_message *message,
				       struct vly_fernet_opening *opening)
{
	uint8_t *blocks = message->bytes + VLY_FERNET_IV_OFFSET;
	const uint8_t *text = message->bytes + VLY_FERNET_TEXT_OFFSET;
	size_t len = message->len - VLY_FERNET_TEXT_OFFSET;
	size_t padding;
	int got;

	if (EVP_DecryptUpdate(key->decrypt, blocks, &got, blocks,
			      (int)(VLY_FERNET_IV_BYTES + len)) != 1)
		return VLY_FERNET_BAD_PADDING;
	padding = padding_of(text, len);
	if (!padding)
		return VLY_FERNET_BAD_PADDING;
	opening->text.len = len - padding;
	memcpy(opening->out, text, opening->text.len);
	return VLY_FERNET_OK;
}

static void open_one(struct vly_fernet *fernet, const struct vly_fernet_times *times,
		     uint32_t likely, const struct vly_multi_message *message,
		     struct vly_fernet_opening *opening)
{
	const struct vly_fernet_prepared *key = &fernet->keys[likely];

	if (VLY_UNLIKELY(!is_signed(message, message->mac)))
		key = find_signer(fernet, likely, message);
	if (!key) {
		opening->verdict = VLY_FERNET_BAD_MAC;
		return;
	}
	opening->verdict =
		check_time(times, be64toh(vly_raw64(message->bytes + VLY_FERNET_TIME_OFFSET)));
	if (opening->verdict != VLY_FERNET_OK)
		return;
	opening->verdict = decrypt(key, message, opening);
	if (opening->verdict == VLY_FERNET_OK)
		opening->text.key = (uint32_t)(key - fernet->keys);
}

// Whose keys sign is known by the tokens before. Returns how many were signed several at a time.
static uint32_t open_all(struct vly_fernet *fernet, const struct vly_fernet_times *times,
			 const struct batch *batch)
{
	uint32_t likely = fernet->last_key;
	bool together = vly_multi_sign(fernet->multi, &fernet->keys[likely].multi, batch->messages,
				       batch->count);

	for (uint32_t i = 0; i < batch->count; i++) {
		const struct vly_multi_message *message = &batch->messages[i];

		if (!together) {
			likely = fernet->last_key;
			vly_hmac_sign(&fernet->keys[likely].hmac, message->bytes, message->len,
				      message->mac);
		}
		open_one(fernet, times, likely, message, batch->openings[i]);
	}
	return together ? batch->count : 0;
}

uint32_t vly_fernet_decrypt_burst(struct vly_fernet *fernet, const struct vly_fernet_times *times,
				  struct vly_fernet_opening *openings, uint32_t count)
{
	struct batch batch;
	uint32_t together = 0;

	for (uint32_t done = 0; done < count;) {
		batch.count = 0;
		batch.room_used = 0;
		while (done < count && add(&batch, fernet, &openings[done]))
			done++;
		together += open_all(fernet, times, &batch);
	}
	return together;
}

enum vly_fernet_verdict vly_fernet_decrypt(struct vly_fernet *fernet,
					   const struct vly_fernet_times *times, uint8_t *out,
					   const uint8_t *token, size_t chars,
					   struct vly_fernet_text *text)
{
	struct vly_fernet_opening opening = {
		.token = token, .chars = chars, .out = out, .text = *text};

	vly_fernet_decrypt_burst(fernet, times, &opening, 1);
	*text = opening.text;
	return opening.verdict;
}
