// SPDX-License-Identifier: BSD-3-Clause
//
// base64url (RFC 4648, section 5) as Fernet writes it: with padding, and of each sequence of bytes
// exactly one text is accepted. OpenSSL's EVP_DecodeBlock() knows the other alphabet only,
// overlooks white space, and takes five times as long. Pure; any thread.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// The length of the text for so many bytes.
static inline size_t vly_base64url_chars(size_t len)
{
	return (len + 2) / 3 * 4;
}

// Writes vly_base64url_chars(len) characters, without a terminating zero, and returns how many.
// `out` and `in` must not overlap, but `in` may be the end of what is written: it is read faster
// than it is written over.
size_t vly_base64url_encode(uint8_t *out, const uint8_t *in, size_t len);

// Writes the bytes, chars / 4 * 3 at most, and returns how many there are; or -EBADMSG, with
// anything in `out`: a character that is none of the alphabet, a length that no text has, padding
// that is missing, too much or not at the end, or bits behind the last byte that are not 0.
// `out` may be `in`.
ssize_t vly_base64url_decode(uint8_t *out, const uint8_t *in, size_t chars);

// --- private: the part that is done in wide registers, where the processor has them -------------

// Takes a multiple of 24 bytes from the front and writes 32 characters for each 24; returns how
// many bytes it took, which may be 0.
size_t vly_base64url_encode_wide(uint8_t *out, const uint8_t *in, size_t len);

// Takes a multiple of 32 characters from the front and writes 24 bytes for each 32, up to the block
// that has a character which is none of the alphabet; returns how many characters it took.
size_t vly_base64url_decode_wide(uint8_t *out, const uint8_t *in, size_t chars);
