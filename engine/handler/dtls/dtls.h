// SPDX-License-Identifier: BSD-3-Clause
//
// What the files of the handler dtls share: one worker's state. dtls.c has the handler's table and
// decides who gets a datagram; session.c does what a session does; listen.c is for those who have
// none yet.
#pragma once

#include <openssl/ssl.h>
#include <volley/handler.h>

#include "handler/dtls/cookie.h"
#include "handler/dtls/psk.h"
#include "handler/dtls/table.h"
#include "handler/dtls/wire.h"

enum vly_dtls_metric {
	DTLS_SESSIONS,
	DTLS_OPENING,
	DTLS_CHALLENGED,
	DTLS_BAD_HELLO,
	DTLS_HANDSHAKES,
	DTLS_FAILED,
	DTLS_BAD_CERTIFICATE,
	DTLS_UNKNOWN_IDENTITY,
	DTLS_WRONG_KEY,
	DTLS_TIMED_OUT,
	DTLS_RETRANSMITTED,
	DTLS_OPENED,
	DTLS_SEALED,
	DTLS_BAD_RECORD,
	DTLS_NO_SESSION,
	DTLS_LEFT_OUT,
	DTLS_TOO_LARGE,
	DTLS_NO_BUFFER,
	DTLS_NO_MEMORY,
	DTLS_CLOSED,
	DTLS_IDLE,
	DTLS_EVICTED,
	DTLS_REPLACED,
	DTLS_METRICS,
};

struct vly_dtls {
	SSL_CTX *context;
	BIO_METHOD *method;
	SSL *listener;     // becomes the next session
	BIO_ADDR *address; // which DTLSv1_listen() wants to write to, and never does
	struct vly_dtls_wire wire;
	struct vly_dtls_cookies cookies;
	struct vly_dtls_psks psks;
	struct vly_hmac nobody; // makes keys for identities that have none
	struct vly_dtls_table table;
	uint32_t sessions_max;
	uint32_t opening_max;
	uint32_t mtu; // of the handshake's datagrams
	uint64_t handshake_ns;
	uint64_t idle_ns;
	bool sends_alerts;
	// Of the call that is under way, for OpenSSL's callbacks.
	struct vly_burst *burst;
	const struct vly_addr *peer;
	const struct vly_addr *local;
};

// --- listen.c ------------------------------------------------------------------------------------

// Sets the context's callbacks and makes the first listener. False without memory.
bool vly_dtls_listen_init(struct vly_dtls *dtls);

// A hello of somebody who has no session, or wants another: nothing is kept of it before it shows
// the cookie that its address was sent. Gives the datagram its fate.
void vly_dtls_listen(struct vly_dtls *dtls, struct vly_dgram *dgram);

// --- session.c -----------------------------------------------------------------------------------

// Makes the listener's SSL a session, begins its handshake, and gives the datagram its fate.
void vly_dtls_session_begin(struct vly_dtls *dtls, SSL *ssl, struct vly_dgram *dgram,
			    const uint8_t *random);

// A datagram for a session. Gives it its fate: clear text is passed on.
void vly_dtls_session_input(struct vly_dtls *dtls, struct vly_dtls_session *session,
			    struct vly_dgram *dgram);

// An answer to a session's peer, in place. Leaves its fate, or drops it.
void vly_dtls_session_seal(struct vly_dtls *dtls, struct vly_dtls_session *session,
			   struct vly_dgram *dgram);

// Ends it, by the counter given; the peer is told when `says_so`.
void vly_dtls_session_end(struct vly_dtls *dtls, struct vly_dtls_session *session, bool says_so,
			  enum vly_dtls_metric metric);

// Frees it with nothing sent or counted, for when no burst is at hand.
void vly_dtls_session_free(struct vly_dtls *dtls, struct vly_dtls_session *session);
