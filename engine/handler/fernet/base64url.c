// SPDX-License-Identifier: BSD-3-Clause
#include "handler/fernet/base64url.h"

#include <errno.h>
#include <stdbool.h>

enum {
	INVALID = 0xff, // in the table of values; no value has its upper bits
	SEXTET = 0x3f,
};

static const uint8_t alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// The value of each character, INVALID for those that have none.
static const uint8_t values[256] = {
	255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, //
	255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, //
	255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 62,  255, 255, // -
	52,  53,  54,  55,  56,  57,  58,  59,  60,  61,  255, 255, 255, 255, 255, 255, // 0 .. 9
	255, 0,   1,   2,   3,   4,   5,   6,   7,   8,   9,   10,  11,  12,  13,  14,  // A .. O
	15,  16,  17,  18,  19,  20,  21,  22,  23,  24,  25,  255, 255, 255, 255, 63,  // P .. Z, _
	255, 26,  27,  28,  29,  30,  31,  32,  33,  34,  35,  36,  37,  38,  39,  40,  // a .. o
	41,  42,  43,  44,  45,  46,  47,  48,  49,  50,  51,  255, 255, 255, 255, 255, // p .. z
	255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, //
	255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, //
	255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, //
	255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, //
	255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, //
	255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, //
	255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, //
	255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, //
};

// The last one or two bytes, and their padding.
static void encode_tail(uint8_t *out, const uint8_t *in, size_t len)
{
	uint32_t group = (uint32_t)in[0] << 16 | (len > 1 ? (uint32_t)in[1] << 8 : 0);

	out[0] = alphabet[group >> 18];
	out[1] = alphabet[group >> 12 & SEXTET];
	out[2] = len > 1 ? alphabet[group >> 6 & SEXTET] : '=';
	out[3] = '=';
}

size_t vly_base64url_encode(uint8_t *out, const uint8_t *in, size_t len)
{
	size_t chars = vly_base64url_chars(len);
	size_t wide = vly_base64url_encode_wide(out, in, len);

	in += wide;
	out += wide / 3 * 4;
	for (len -= wide; len >= 3; len -= 3, in += 3, out += 4) {
		uint32_t group = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];

		out[0] = alphabet[group >> 18];
		out[1] = alphabet[group >> 12 & SEXTET];
		out[2] = alphabet[group >> 6 & SEXTET];
		out[3] = alphabet[group & SEXTET];
	}
	if (len > 0)
		encode_tail(out, in, len);
	return chars;
}

// Four characters, of which the last `padding` are '='. Writes 3 - padding bytes; false if it is
// none of the texts that the encoder writes.
static bool decode_group(uint8_t *out, const uint8_t *in, uint32_t padding)
{
	uint32_t a = values[in[0]];
	uint32_t b = values[in[1]];
	uint32_t c = padding > 1 ? 0 : values[in[2]];
	uint32_t d = padding > 0 ? 0 : values[in[3]];
	uint32_t group = a << 18 | b << 12 | c << 6 | d;
	uint32_t unused = (1u << (8 * padding)) - 1;

	if ((a | b | c | d) > SEXTET || (group & unused))
		return false;
	out[0] = (uint8_t)(group >> 16);
	if (padding < 2)
		out[1] = (uint8_t)(group >> 8);
	if (padding < 1)
		out[2] = (uint8_t)group;
	return true;
}

ssize_t vly_base64url_decode(uint8_t *out, const uint8_t *in, size_t chars)
{
	size_t bytes = chars / 4 * 3;
	uint32_t padding = 0;
	size_t wide;

	if (chars % 4)
		return -EBADMSG;
	if (chars == 0)
		return 0;
	if (in[chars - 1] == '=')
		padding = in[chars - 2] == '=' ? 2 : 1;
	wide = vly_base64url_decode_wide(out, in, chars - 4);
	in += wide;
	out += wide / 4 * 3;
	for (chars -= wide; chars > 4; chars -= 4, in += 4, out += 3) {
		if (!decode_group(out, in, 0))
			return -EBADMSG;
	}
	return decode_group(out, in, padding) ? (ssize_t)(bytes - padding) : -EBADMSG;
}
