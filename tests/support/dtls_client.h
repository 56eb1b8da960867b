// SPDX-License-Identifier: BSD-3-Clause
//
// A DTLS 1.2 client in memory, for tests of the handler dtls: OpenSSL as well, with a pre-shared
// key or a certificate. What it writes are datagrams in a list, what it reads is given to it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "handler/dtls/wire.h"

enum dtls_client_limits {
	DTLS_CLIENT_DATAGRAMS = 16,
	DTLS_CLIENT_BYTES = 2048,
};

struct dtls_datagram {
	size_t len;
	uint8_t bytes[DTLS_CLIENT_BYTES];
};

struct dtls_client {
	SSL_CTX *context;
	BIO_METHOD *method;
	SSL *ssl;
	struct vly_dtls_wire wire;
	const char *identity;
	const uint8_t *key; // 16 bytes
	uint32_t count;     // datagrams that it has written; the user sets it back to 0
	struct dtls_datagram datagrams[DTLS_CLIENT_DATAGRAMS];
};

// With a pre-shared key of 16 bytes, if an identity is given. Aborts when OpenSSL does not do it.
void dtls_client_open(struct dtls_client *client, const char *identity, const uint8_t *key);
void dtls_client_close(struct dtls_client *client);

// Forgets its session: the next dtls_client_shake() begins a new one.
void dtls_client_restart(struct dtls_client *client);

// One step of the handshake, with a datagram of the server's or (NULL) without. True when it is
// done.
bool dtls_client_shake(struct dtls_client *client, const uint8_t *bytes, size_t len);

// Writes a record with a text.
void dtls_client_tell(struct dtls_client *client, const void *text, size_t len);

// Reads a datagram; returns the text's length, or -1: there is none in it.
int dtls_client_hear(struct dtls_client *client, const uint8_t *bytes, size_t len, void *text,
		     size_t room);
