// SPDX-License-Identifier: BSD-3-Clause
//
// Bytes of the wire: read and written through memcpy, so that nothing is ever assumed of alignment.
// `be` is network order turned into a number. `raw` is memory order: right for comparing, moving
// and for checksums, which do not care (RFC 1071, section 2B).
#pragma once

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t vly_raw16(const uint8_t *p)
{
	uint16_t raw;

	memcpy(&raw, p, sizeof(raw));
	return raw;
}

static inline uint32_t vly_raw32(const uint8_t *p)
{
	uint32_t raw;

	memcpy(&raw, p, sizeof(raw));
	return raw;
}

static inline uint64_t vly_raw64(const uint8_t *p)
{
	uint64_t raw;

	memcpy(&raw, p, sizeof(raw));
	return raw;
}

static inline void vly_raw16_put(uint8_t *p, uint16_t raw)
{
	memcpy(p, &raw, sizeof(raw));
}

static inline void vly_raw32_put(uint8_t *p, uint32_t raw)
{
	memcpy(p, &raw, sizeof(raw));
}

static inline void vly_raw64_put(uint8_t *p, uint64_t raw)
{
	memcpy(p, &raw, sizeof(raw));
}

static inline uint16_t vly_be16(const uint8_t *p)
{
	return be16toh(vly_raw16(p));
}

static inline uint32_t vly_be32(const uint8_t *p)
{
	return be32toh(vly_raw32(p));
}

static inline void vly_be16_put(uint8_t *p, uint16_t value)
{
	vly_raw16_put(p, htobe16(value));
}

static inline void vly_be32_put(uint8_t *p, uint32_t value)
{
	vly_raw32_put(p, htobe32(value));
}
