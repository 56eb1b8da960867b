// SPDX-License-Identifier: BSD-3-Clause
//
// The first datagram of a DTLS 1.2 handshake (RFC 6347, sections 4.1 and 4.2.2), looked at from
// outside. Pure; any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum vly_dtls_record {
	VLY_DTLS_ALERT = 21, // content types
	VLY_DTLS_HANDSHAKE = 22,
	VLY_DTLS_CLIENT_HELLO = 1, // a handshake message's type
	VLY_DTLS_MAJOR = 0xfe,     // of the version, one's complement

	VLY_DTLS_RECORD_BYTES = 13, // type, version, epoch, sequence number, length
	VLY_DTLS_MESSAGE_OFFSET =
		13,                 // type, length, sequence number, fragment's offset, its length
	VLY_DTLS_HELLO_OFFSET = 25, // version, random
	VLY_DTLS_RANDOM_OFFSET = 27,
	VLY_DTLS_RANDOM_BYTES = 32,
};

// Whether it begins with (the first fragment of) a ClientHello that is not encrypted.
static inline bool vly_dtls_is_hello(const uint8_t *bytes, size_t len)
{
	static const uint8_t zero[3];

	return len >= VLY_DTLS_RANDOM_OFFSET + VLY_DTLS_RANDOM_BYTES &&
	       bytes[0] == VLY_DTLS_HANDSHAKE && bytes[1] == VLY_DTLS_MAJOR &&
	       memcmp(bytes + 3, zero, 2) == 0 && // epoch
	       bytes[VLY_DTLS_MESSAGE_OFFSET] == VLY_DTLS_CLIENT_HELLO &&
	       memcmp(bytes + VLY_DTLS_MESSAGE_OFFSET + 6, zero, 3) == 0; // fragment's offset
}

// What OpenSSL 3.0 takes for a record of a session, and does not pass over by its header alone.
struct vly_dtls_limits {
	uint16_t version; // 0: any DTLS, as long as none is agreed on
	uint16_t least;   // bytes of an encrypted one: what the cipher adds to no text at all
	uint16_t most;
};

static inline bool vly_dtls_is_sound(const uint8_t *record, size_t body,
				     const struct vly_dtls_limits *limits)
{
	uint16_t version = (uint16_t)(record[1] << 8 | record[2]);
	// Alerts may have another, so that they can say so.
	bool is_any = !limits->version || record[0] == VLY_DTLS_ALERT;

	return (is_any ? record[1] == VLY_DTLS_MAJOR : version == limits->version) &&
	       body <= limits->most && ((record[3] | record[4]) == 0 || body >= limits->least);
}

// Whether the records of a datagram can be given to OpenSSL: those that follow one another by their
// lengths. To it an encrypted one that is too short is not a bad record, which it would overlook,
// but the end of the session; and after a header that it does not like it takes what follows the
// header, not the record, for the next. So anybody could end a session.
static inline bool vly_dtls_are_sound(const uint8_t *bytes, size_t len,
				      const struct vly_dtls_limits *limits)
{
	while (len >= VLY_DTLS_RECORD_BYTES) {
		size_t body = (size_t)bytes[11] << 8 | bytes[12];

		if (!vly_dtls_is_sound(bytes, body, limits))
			return false;
		if (body > len - VLY_DTLS_RECORD_BYTES) // it reads no further
			break;
		bytes += VLY_DTLS_RECORD_BYTES + body;
		len -= VLY_DTLS_RECORD_BYTES + body;
	}
	return true;
}
