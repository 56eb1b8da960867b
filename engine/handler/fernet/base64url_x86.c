// SPDX-License-Identifier: BSD-3-Clause
//
// base64url in AVX2's registers, 32 characters at a time, where the processor has them. The idea is
// that of Mula and Lemire, "Faster Base64 Encoding and Decoding using AVX2 Instructions" (2018):
// a character's class is looked up by its nibbles, its value is the character plus what the class
// says, and four values are joined by two multiplications.
#include "handler/fernet/base64url.h"

#include <immintrin.h>
#include <stdbool.h>

enum {
	BLOCK_BYTES = 24,
	BLOCK_CHARS = 32,
	// A block is read as two overlapping halves of 16 bytes, 12 apart.
	BLOCK_READ_BYTES = 28,
	HALF_BYTES = 12,
	// A block is written as 32 bytes of which 24 count; the rest must lie in what is written
	// later.
	BLOCK_AHEAD_CHARS = 44,
};

static bool is_wide(void)
{
	return __builtin_cpu_supports("avx2");
}

// Of the 12 bytes of each half, the 16 values: each word of 32 bits gets the three bytes of a
// group, the middle one twice, and the multiplications shift each value to the start of its own
// byte.
__attribute__((target("avx2"))) static __m256i split_values(__m256i bytes)
{
	const __m256i order = _mm256_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10, //
					       1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
	__m256i groups = _mm256_shuffle_epi8(bytes, order);
	__m256i high = _mm256_mulhi_epu16(_mm256_and_si256(groups, _mm256_set1_epi32(0x0fc0fc00)),
					  _mm256_set1_epi32(0x04000040));
	__m256i low = _mm256_mullo_epi16(_mm256_and_si256(groups, _mm256_set1_epi32(0x003f03f0)),
					 _mm256_set1_epi32(0x01000010));

	return _mm256_or_si256(high, low);
}

// 0 .. 25 are class 13, 26 .. 51 class 0, the digits 1 .. 10, '-' 11 and '_' 12.
__attribute__((target("avx2"))) static __m256i to_chars(__m256i values)
{
	const __m256i offsets =
		_mm256_setr_epi8(71, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, -17, 32, 65, 0, 0, //
				 71, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, -17, 32, 65, 0, 0);
	__m256i classes = _mm256_subs_epu8(values, _mm256_set1_epi8(51));
	__m256i is_upper = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), values);

	classes = _mm256_or_si256(classes, _mm256_and_si256(is_upper, _mm256_set1_epi8(13)));
	return _mm256_add_epi8(values, _mm256_shuffle_epi8(offsets, classes));
}

__attribute__((target("avx2"))) static size_t encode_blocks(uint8_t *out, const uint8_t *in,
							    size_t len)
{
	size_t taken = 0;

	for (; len - taken >= BLOCK_READ_BYTES; taken += BLOCK_BYTES, out += BLOCK_CHARS) {
		__m128i first = _mm_loadu_si128((const void *)(in + taken));
		__m128i second = _mm_loadu_si128((const void *)(in + taken + HALF_BYTES));
		__m256i bytes = _mm256_inserti128_si256(_mm256_castsi128_si256(first), second, 1);

		_mm256_storeu_si256((void *)out, to_chars(split_values(bytes)));
	}
	return taken;
}

// Whether all are of the alphabet. Each upper nibble stands for a set of lower ones, and each set
// has a bit: 1 is '-' alone (0x2d), 2 the digits, 4 from 'A' and 'a' on, 8 up to 'Z' and '_', 16 up
// to 'z', 32 none. `lower` has the bits of the sets that a lower nibble is not in.
__attribute__((target("avx2"))) static bool are_valid(__m256i chars, __m256i upper_nibbles)
{
	const __m256i upper =
		_mm256_setr_epi8(32, 32, 1, 2, 4, 8, 4, 16, 32, 32, 32, 32, 32, 32, 32, 32, //
				 32, 32, 1, 2, 4, 8, 4, 16, 32, 32, 32, 32, 32, 32, 32, 32);
	const __m256i lower =
		_mm256_setr_epi8(37, 33, 33, 33, 33, 33, 33, 33, 33, 33, 35, 59, 59, 58, 59, 51, //
				 37, 33, 33, 33, 33, 33, 33, 33, 33, 33, 35, 59, 59, 58, 59, 51);
	__m256i lower_nibbles = _mm256_and_si256(chars, _mm256_set1_epi8(0x0f));

	return _mm256_testz_si256(_mm256_shuffle_epi8(upper, upper_nibbles),
				  _mm256_shuffle_epi8(lower, lower_nibbles));
}

// '_' (95) is the only one whose upper nibble does not tell what to add.
__attribute__((target("avx2"))) static __m256i to_values(__m256i chars, __m256i upper_nibbles)
{
	const __m256i offsets =
		_mm256_setr_epi8(0, 0, 17, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0, //
				 0, 0, 17, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0);
	__m256i is_underline = _mm256_cmpeq_epi8(chars, _mm256_set1_epi8('_'));
	__m256i offset = _mm256_add_epi8(_mm256_shuffle_epi8(offsets, upper_nibbles),
					 _mm256_and_si256(is_underline, _mm256_set1_epi8(33)));

	return _mm256_add_epi8(chars, offset);
}

// Joins each four values to three bytes, and moves the 24 together.
__attribute__((target("avx2"))) static __m256i join_values(__m256i values)
{
	const __m256i order =
		_mm256_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1, //
				 2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
	__m256i pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x01400140));
	__m256i groups = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));

	return _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(groups, order),
					   _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
}

__attribute__((target("avx2"))) static size_t decode_blocks(uint8_t *out, const uint8_t *in,
							    size_t len)
{
	size_t taken = 0;

	for (; len - taken >= BLOCK_AHEAD_CHARS; taken += BLOCK_CHARS, out += BLOCK_BYTES) {
		__m256i chars = _mm256_loadu_si256((const void *)(in + taken));
		__m256i upper_nibbles =
			_mm256_and_si256(_mm256_srli_epi32(chars, 4), _mm256_set1_epi8(0x0f));

		if (!are_valid(chars, upper_nibbles))
			break;
		_mm256_storeu_si256((void *)out, join_values(to_values(chars, upper_nibbles)));
	}
	return taken;
}

size_t vly_base64url_encode_wide(uint8_t *out, const uint8_t *in, size_t len)
{
	return is_wide() ? encode_blocks(out, in, len) : 0;
}

size_t vly_base64url_decode_wide(uint8_t *out, const uint8_t *in, size_t chars)
{
	return is_wide() ? decode_blocks(out, in, chars) : 0;
}
