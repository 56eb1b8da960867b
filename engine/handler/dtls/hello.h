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

// Whether no encrypted record of a datagram is shorter than `least`, what the cipher adds to no
// text at all. To OpenSSL 3.0 one that is shorter is not a bad record, which it would overlook, but
// the end of the session: anybody could send it.
static inline bool vly_dtls_are_long_enough(const uint8_t *bytes, size_t len, size_t least)
{
	while (len >= VLY_DTLS_RECORD_BYTES) {
		size_t body = (size_t)bytes[11] << 8 | bytes[12];

		if ((bytes[3] | bytes[4]) != 0 && body < least)
			return false;
		if (body > len - VLY_DTLS_RECORD_BYTES)
			break;
		bytes += VLY_DTLS_RECORD_BYTES + body;
		len -= VLY_DTLS_RECORD_BYTES + body;
	}
	return true;
}
