// SPDX-License-Identifier: BSD-3-Clause
//
// What OpenSSL has for a socket: one datagram to read, and a place to put what it writes. A BIO of
// memory (BIO_s_mem) would not do, as it joins the datagrams that are written to one stream.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/bio.h>

struct vly_dtls_wire {
	const uint8_t *in; // the datagram; NULL when it has been read
	size_t in_len;
	// The first that is written is put here; NULL: nowhere. It may be where `in` was.
	uint8_t *out;
	size_t out_capacity;
	size_t out_len;     // 0: nothing yet
	uint32_t too_large; // that did not fit, and are gone
	bool is_mute;       // alerts are not written: whoever is refused is not told why
	// Each further datagram.
	void (*send)(void *arg, const uint8_t *bytes, size_t len);
	void *arg;
};

// The method of BIOs that stand for a wire; NULL without memory. BIO_meth_free() it.
BIO_METHOD *vly_dtls_wire_method(void);

// A BIO for `wire`, which may have several.
BIO *vly_dtls_wire_bio(const BIO_METHOD *method, struct vly_dtls_wire *wire);

// Before OpenSSL is called: the datagram that it is to read (NULL: none), and where its first
// answer may go.
void vly_dtls_wire_set(struct vly_dtls_wire *wire, const uint8_t *in, size_t in_len, uint8_t *out,
		       size_t out_capacity);
