// SPDX-License-Identifier: BSD-3-Clause
//
// OpenSSL's context of a DTLS 1.2 server: which proofs it takes, and which ciphers.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>
#include <volley/error.h>

struct vly_dtls_proofs {
	const char *cert; // the server's own chain, PEM; "": none, only pre-shared keys
	const char *key;  // and its key
	const char *ca;   // who signs the clients' certificates; "": no certificate is asked for
	bool has_psks;
	bool takes_anybody; // with `cert` alone: a client need not prove who it is
};

// The caller owns it. Returns 0, -EINVAL (a combination that lets nobody or anybody in, or a file
// that OpenSSL does not take, with its reason) or -ENOMEM.
int vly_dtls_context_open(SSL_CTX **context, const struct vly_dtls_proofs *proofs,
			  struct vly_error *error);

// Who a peer has proved to be: its PSK identity, or the common name of its certificate's subject,
// or all of the subject when it has no such name. What is not printable is written as '?'. False if
// it has proved nothing.
bool vly_dtls_identity(SSL *ssl, char *name, size_t size);
