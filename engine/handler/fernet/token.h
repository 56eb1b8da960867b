// SPDX-License-Identifier: BSD-3-Clause
//
// Fernet tokens over bytes: no datagram, no clock, no file. The published specification
// (github.com/fernet/spec, Spec.md), as Python's cryptography.fernet has it:
//
//     base64url( 0x80 | time, 8 bytes, seconds, big endian | IV, 16 bytes
//                | AES-128-CBC with PKCS #7 padding | HMAC-SHA256 of all before, 32 bytes )
//
// A key is 32 bytes: 16 that sign, then 16 that encrypt.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <volley/error.h>

enum vly_fernet_limits {
	VLY_FERNET_KEY_BYTES = 32,
	VLY_FERNET_KEYS_MAX = 16,
	VLY_FERNET_IV_BYTES = 16,
	VLY_FERNET_BURST_MAX = 64,
	VLY_FERNET_TOKEN_CHARS_MAX = 65508, // the first length of a token that no datagram holds
};

enum vly_fernet_verdict {
	VLY_FERNET_OK,
	VLY_FERNET_BAD_TOKEN,   // no base64url, no version 0x80, or of no possible length
	VLY_FERNET_BAD_MAC,     // no key of ours has signed it
	VLY_FERNET_EXPIRED,     // signed, but too long ago
	VLY_FERNET_FUTURE,      // signed, but later than our clock can be wrong
	VLY_FERNET_BAD_PADDING, // signed, but what it holds is no padded text
	VLY_FERNET_VERDICTS,
};

// Which times a token may have been made at, seconds since 1970.
struct vly_fernet_times {
	uint64_t now_s;
	uint64_t ttl_s;  // a token is good for so long; 0: for ever
	uint64_t skew_s; // by how much its maker's clock may be ahead
};

struct vly_fernet_key {
	uint8_t bytes[VLY_FERNET_KEY_BYTES];
};

struct vly_fernet_text {
	size_t len;
	uint32_t key; // which one has signed it, from 0
};

// A token to open.
struct vly_fernet_opening {
	const uint8_t *token;
	size_t chars;
	uint8_t *out; // where the text goes: room for `chars` bytes, may be `token`
	// What has come of it. Anything else than VLY_FERNET_OK leaves `out` and `text` as they
	// are.
	enum vly_fernet_verdict verdict;
	struct vly_fernet_text text;
};

// A text to seal.
struct vly_fernet_sealing {
	const uint8_t *text;
	size_t len;
	uint8_t *out; // where the token goes; may be `text`
	size_t capacity;
	// NULL: a random one. Else VLY_FERNET_IV_BYTES that the caller has chosen, for test
	// vectors: no two texts may have the same, and nobody may be able to foresee it.
	const uint8_t *iv;
	// What has come of it: the token's length. 0 if there is no room (nothing is written), or
	// if no random number could be had.
	size_t chars;
};

// The keys, with what was computed from them once, and room to work in: 100 KB, and 200 KB more
// where several texts are sealed at once. Used by one thread at a time. Nothing is allocated after
// it was opened.
struct vly_fernet;

// Takes 1 to VLY_FERNET_KEYS_MAX keys, which may be wiped afterwards. The first one encrypts; any
// decrypts. Returns 0, -EINVAL (no key, or too many), -ENOMEM, or -EIO when the crypto library
// refuses.
int vly_fernet_open(struct vly_fernet **fernet, const struct vly_fernet_key *keys,
		    uint32_t key_count, struct vly_error *error);

// Wipes all. NULL is none.
void vly_fernet_close(struct vly_fernet *fernet);

// From now on one after the other, as on a machine that cannot do several at once: for tests and
// benchmarks.
void vly_fernet_one_by_one(struct vly_fernet *fernet);

// How many characters the token of a text of `len` bytes has.
size_t vly_fernet_token_chars(size_t len);

// Checks up to VLY_FERNET_BURST_MAX tokens and writes their texts. How long it takes does not
// depend on where a wrong MAC differs. Returns how many of the MACs were computed several at a
// time.
uint32_t vly_fernet_decrypt_burst(struct vly_fernet *fernet, const struct vly_fernet_times *times,
				  struct vly_fernet_opening *openings, uint32_t count);

// Writes the tokens of up to VLY_FERNET_BURST_MAX texts. Returns how many of them were encrypted
// several at a time.
uint32_t vly_fernet_encrypt_burst(struct vly_fernet *fernet, uint64_t now_s,
				  struct vly_fernet_sealing *sealings, uint32_t count);

// The same for one of each.
enum vly_fernet_verdict vly_fernet_decrypt(struct vly_fernet *fernet,
					   const struct vly_fernet_times *times, uint8_t *out,
					   const uint8_t *token, size_t chars,
					   struct vly_fernet_text *text);
size_t vly_fernet_encrypt(struct vly_fernet *fernet, uint64_t now_s, uint8_t *out, size_t capacity,
			  const uint8_t *text, size_t len);
