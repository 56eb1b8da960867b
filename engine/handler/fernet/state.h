// SPDX-License-Identifier: BSD-3-Clause
//
// What token.c, encrypt.c and decrypt.c have in common: the state behind token.h, and where things
// are in a token's bytes.
#pragma once

#include <openssl/evp.h>

#include "handler/crypto/hmac.h"
#include "handler/fernet/multi.h"
#include "handler/fernet/token.h"

enum vly_fernet_layout {
	VLY_FERNET_VERSION = 0x80,
	VLY_FERNET_TIME_OFFSET = 1,
	VLY_FERNET_IV_OFFSET = 9,
	VLY_FERNET_TEXT_OFFSET = 25,
	VLY_FERNET_BLOCK_BYTES = 16,
	// The bytes of a token that are not text.
	VLY_FERNET_FRAME_BYTES = VLY_FERNET_TEXT_OFFSET + VLY_HMAC_BYTES,
	VLY_FERNET_RAW_BYTES_MAX = VLY_FERNET_TOKEN_CHARS_MAX / 4 * 3,
	// Room for the bytes of a burst's tokens: two of the longest, or all of the usual ones.
	VLY_FERNET_ROOM_BYTES = 2 * VLY_FERNET_RAW_BYTES_MAX,
	VLY_FERNET_IVS = 256, // drawn at once: RAND_bytes() takes 0.5 us for any few bytes
};

struct vly_fernet_prepared {
	struct vly_hmac hmac;
	struct vly_multi_key multi;
	EVP_CIPHER_CTX *decrypt;
};

struct vly_fernet {
	struct vly_fernet_prepared keys[VLY_FERNET_KEYS_MAX];
	uint32_t key_count;
	uint32_t last_key; // which has opened the last token: tried first
	EVP_CIPHER_CTX *encrypt;
	struct vly_multi *multi; // NULL: one after the other
	uint32_t iv_count;       // of ivs, not yet used
	uint8_t ivs[VLY_FERNET_IVS][VLY_FERNET_IV_BYTES];
	uint8_t room[VLY_FERNET_ROOM_BYTES]; // for what is decrypted
};
