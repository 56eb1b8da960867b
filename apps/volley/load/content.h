// SPDX-License-Identifier: BSD-3-Clause
//
// What datagrams hold: their sizes, and the bytes behind the stamp. Number n has item n modulo
// the number of items.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <volley/error.h>

enum content_limits {
	CONTENT_SHORT_BYTES = 64, // up to which words are compared here, beyond by libc
	CONTENT_ITEMS_MAX = 1 << 20,
	CONTENT_BYTES_MAX = 1 << 30, // of all payloads of a capture
};

struct content {
	uint32_t count;
	uint32_t size_min;
	uint32_t size_max;
	double size_mean;
	uint16_t *sizes;   // of each item
	uint64_t *offsets; // into bytes; NULL: every item begins at 0
	uint8_t *bytes;
};

// One size for all.
int content_open_fixed(struct content *content, uint32_t bytes, struct vly_error *error);

// The simple IMIX: 7, 4 and 1 of 12 frames of 64, 570 and 1518 bytes (RFC 6985, section 1, tells
// of it), as payloads of UDP over IPv4.
int content_open_imix(struct content *content, struct vly_error *error);

// A file with one size a line; what follows a # is a comment. -EINVAL: a line that is no size of
// `least` bytes or more; -errno: it cannot be read.
int content_open_sizes(struct content *content, const char *path, uint32_t least,
		       struct vly_error *error);

// The UDP payloads of a capture of `least` bytes or more, those of a server's answers among them.
// -EINVAL: no capture, or none in it; -ENOTSUP: built without libpcap.
int content_open_capture(struct content *content, const char *path, uint32_t least,
			 struct vly_error *error);

// For whoever fills one in: sets what follows from the sizes.
void content_sum_up(struct content *content);

void content_close(struct content *content);

static inline uint32_t content_index(const struct content *content, uint64_t sequence)
{
	return content->count == 1 ? 0 : (uint32_t)(sequence % content->count);
}

static inline const uint8_t *content_bytes(const struct content *content, uint32_t index)
{
	return content->bytes + (content->offsets ? content->offsets[index] : 0);
}

// Whether two payloads, or what is left of them, are the same. Most are short, and compared before
// a call of memcmp() has found out how to.
static inline bool content_is_same(const uint8_t *a, const uint8_t *b, uint32_t len)
{
	uint64_t differs = 0, x, y;
	uint32_t at = 0;

	if (len > CONTENT_SHORT_BYTES || len < sizeof(x))
		return memcmp(a, b, len) == 0;
	for (; at + sizeof(x) < len; at += sizeof(x)) {
		memcpy(&x, a + at, sizeof(x));
		memcpy(&y, b + at, sizeof(y));
		differs |= x ^ y;
	}
	// The last word may lie over the one before.
	memcpy(&x, a + len - sizeof(x), sizeof(x));
	memcpy(&y, b + len - sizeof(y), sizeof(y));
	return (differs | (x ^ y)) == 0;
}
