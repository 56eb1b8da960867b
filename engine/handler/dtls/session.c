// SPDX-License-Identifier: BSD-3-Clause
//
// One session: its handshake, its records, its timer. OpenSSL reads one datagram from the wire and
// writes to it (wire.h); everything here happens within one call of the handler.
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "core/compiler.h"
#include "handler/dtls/context.h"
#include "handler/dtls/dtls.h"

enum {
	MILLISECOND_NS = 1000000,
	SECOND_NS = 1000000000,
	MICROSECOND_NS = 1000,
	EXTRA_BYTES = 16384, // a record's largest text
	TAG_BYTES = 16,
	GCM_BYTES = 24,
};

static void gauge(struct vly_dtls *dtls)
{
	vly_metric_set(dtls->burst, DTLS_SESSIONS, dtls->table.open.count);
	vly_metric_set(dtls->burst, DTLS_OPENING, dtls->table.opening.count);
}

static void aim(struct vly_dtls *dtls, const struct vly_dtls_session *session)
{
	dtls->peer = &session->peer;
	dtls->local = &session->local;
}

void vly_dtls_session_free(struct vly_dtls *dtls, struct vly_dtls_session *session)
{
	vly_dtls_table_remove(&dtls->table, session);
	SSL_free(session->ssl);
	free(session);
}

void vly_dtls_session_end(struct vly_dtls *dtls, struct vly_dtls_session *session, bool says_so,
			  enum vly_dtls_metric metric)
{
	vly_metric_add(dtls->burst, metric, 1);
	if (says_so && session->is_open) {
		aim(dtls, session);
		vly_dtls_wire_set(&dtls->wire, NULL, 0, NULL, 0);
		dtls->wire.is_mute = false;
		SSL_shutdown(session->ssl);
		dtls->wire.is_mute = !dtls->sends_alerts;
		ERR_clear_error();
	}
	vly_timer_stop(dtls->burst, &session->timer);
	vly_dtls_session_free(dtls, session);
	gauge(dtls);
}

// --- the timer -----------------------------------------------------------------------------------

// While it opens: when OpenSSL wants to send again, or when it has had its time.
static void wait_for_handshake(struct vly_dtls *dtls, struct vly_dtls_session *session)
{
	uint64_t end_ns = session->begun_ns + dtls->handshake_ns;
	uint64_t now_ns = dtls->burst->now_ns;
	uint64_t after_ns = end_ns > now_ns ? end_ns - now_ns : MILLISECOND_NS;
	struct timeval left;

	if (DTLSv1_get_timeout(session->ssl, &left)) {
		uint64_t again_ns = (uint64_t)left.tv_sec * SECOND_NS +
				    (uint64_t)left.tv_usec * MICROSECOND_NS + MILLISECOND_NS;

		after_ns = again_ns < after_ns ? again_ns : after_ns;
	}
	vly_timer_start(dtls->burst, &session->timer, after_ns, 0);
}

static void send_again(struct vly_dtls *dtls, struct vly_dtls_session *session)
{
	int rc;

	vly_dtls_wire_set(&dtls->wire, NULL, 0, NULL, 0);
	aim(dtls, session);
	rc = (int)DTLSv1_handle_timeout(session->ssl);
	ERR_clear_error();
	if (rc < 0) {
		vly_dtls_session_end(dtls, session, false, DTLS_TIMED_OUT);
		return;
	}
	vly_metric_add(dtls->burst, DTLS_RETRANSMITTED, rc > 0);
	wait_for_handshake(dtls, session);
}

// Of one that has not opened in time: it had everything but a Finished that fits the key, or not.
static enum vly_dtls_metric what_was_missing(const SSL *ssl)
{
	return SSL_get_state(ssl) == TLS_ST_SR_CHANGE ? DTLS_WRONG_KEY : DTLS_TIMED_OUT;
}

static void session_timer(void *state, struct vly_burst *burst, struct vly_timer *timer)
{
	struct vly_dtls *dtls = state;
	struct vly_dtls_session *session =
		(void *)((char *)timer - offsetof(struct vly_dtls_session, timer));

	dtls->burst = burst;
	if (session->is_open) {
		uint64_t silent_ns = burst->now_ns - session->heard_ns;

		if (silent_ns >= dtls->idle_ns)
			vly_dtls_session_end(dtls, session, true, DTLS_IDLE);
		else
			vly_timer_start(burst, timer, dtls->idle_ns - silent_ns, 0);
	} else if (burst->now_ns - session->begun_ns >= dtls->handshake_ns) {
		vly_dtls_session_end(dtls, session, false, what_was_missing(session->ssl));
	} else {
		send_again(dtls, session);
	}
}

// --- the handshake -------------------------------------------------------------------------------

// What OpenSSL has put in the datagram's place leaves as its answer; if nothing, it is done.
static void answer_or_consume(struct vly_dtls *dtls, struct vly_dgram *dgram)
{
	if (dtls->wire.out_len) {
		dgram->len = (uint16_t)dtls->wire.out_len;
		vly_reply(dgram);
	} else {
		vly_consume(dgram);
	}
}

static enum vly_dtls_metric reason_of_failure(const SSL *ssl)
{
	int reason = ERR_GET_REASON(ERR_peek_error());

	if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED ||
	    reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE ||
	    SSL_get_verify_result(ssl) != X509_V_OK)
		return DTLS_BAD_CERTIFICATE;
	return DTLS_FAILED;
}

static void open_session(struct vly_dtls *dtls, struct vly_dtls_session *session)
{
	session->has_name = vly_dtls_identity(session->ssl, session->name, sizeof(session->name));
	vly_dtls_table_promote(&dtls->table, session);
	vly_metric_add(dtls->burst, DTLS_HANDSHAKES, 1);
	gauge(dtls);
	vly_timer_start(dtls->burst, &session->timer, dtls->idle_ns, 0);
}

// Texts beside the one that took the datagram's place have none of their own: a chain is given as
// many datagrams as there came. The clients that we know send one a datagram.
static void leave_out_the_rest(struct vly_dtls *dtls, SSL *ssl)
{
	uint8_t text[EXTRA_BYTES];

	while (SSL_has_pending(ssl) && SSL_read(ssl, text, sizeof(text)) > 0)
		vly_metric_add(dtls->burst, DTLS_LEFT_OUT, 1);
	OPENSSL_cleanse(text, sizeof(text));
}

static void shake_hands(struct vly_dtls *dtls, struct vly_dtls_session *session,
			struct vly_dgram *dgram)
{
	int rc = SSL_do_handshake(session->ssl);

	if (rc == 1) {
		open_session(dtls, session);
		if (SSL_has_pending(session->ssl))
			leave_out_the_rest(dtls, session->ssl);
		answer_or_consume(dtls, dgram);
	} else if (SSL_get_error(session->ssl, rc) == SSL_ERROR_WANT_READ) {
		wait_for_handshake(dtls, session);
		answer_or_consume(dtls, dgram);
	} else if (dtls->wire.out_len) { // an alert
		answer_or_consume(dtls, dgram);
		vly_dtls_session_end(dtls, session, false, reason_of_failure(session->ssl));
	} else {
		vly_drop(dgram, VLY_DROP_UNAUTHORISED);
		vly_dtls_session_end(dtls, session, false, reason_of_failure(session->ssl));
	}
}

// --- sessions come and go ------------------------------------------------------------------------

// Those whose handshake is not done can crowd out each other only, not who has proved something.
static void make_room(struct vly_dtls *dtls)
{
	struct vly_dtls_table *table = &dtls->table;

	if (table->opening.count >= dtls->opening_max)
		vly_dtls_session_end(dtls, table->opening.oldest, false, DTLS_EVICTED);
	else if (table->opening.count + table->open.count >= dtls->sessions_max)
		vly_dtls_session_end(
			dtls, table->open.oldest ? table->open.oldest : table->opening.oldest, true,
			DTLS_EVICTED);
}

void vly_dtls_session_begin(struct vly_dtls *dtls, SSL *ssl, struct vly_dgram *dgram,
			    const uint8_t *random)
{
	struct vly_dtls_session *old = vly_dtls_table_find(&dtls->table, &dgram->peer);
	struct vly_dtls_session *session;

	if (old) // its address has begun anew, and proved that it is there
		vly_dtls_session_end(dtls, old, false, DTLS_REPLACED);
	make_room(dtls);
	session = calloc(1, sizeof(*session));
	if (!session) {
		SSL_free(ssl);
		vly_metric_add(dtls->burst, DTLS_NO_MEMORY, 1);
		vly_drop(dgram, VLY_DROP_HANDLER);
		return;
	}
	session->ssl = ssl;
	session->peer = dgram->peer;
	session->local = dgram->local;
	session->timer.fire = session_timer;
	session->begun_ns = dtls->burst->now_ns;
	session->heard_ns = dtls->burst->now_ns;
	memcpy(session->random, random, sizeof(session->random));
	vly_dtls_table_add(&dtls->table, session);
	gauge(dtls);
	aim(dtls, session);
	vly_dtls_wire_set(&dtls->wire, NULL, 0, vly_dgram_data(dgram), dgram->capacity);
	shake_hands(dtls, session, dgram);
}

// --- records -------------------------------------------------------------------------------------

// No text has come of it: a record that proves nothing, or is there a second time; the end; or
// something that OpenSSL has answered.
static void no_text(struct vly_dtls *dtls, struct vly_dtls_session *session,
		    struct vly_dgram *dgram, int rc)
{
	int error = SSL_get_error(session->ssl, rc);

	if (error == SSL_ERROR_ZERO_RETURN) {
		vly_consume(dgram);
		vly_dtls_session_end(dtls, session, true, DTLS_CLOSED);
	} else if (error != SSL_ERROR_WANT_READ) {
		vly_drop(dgram, VLY_DROP_UNAUTHORISED);
		vly_dtls_session_end(dtls, session, false, DTLS_FAILED);
	} else if (dtls->wire.out_len) {
		answer_or_consume(dtls, dgram);
	} else {
		vly_metric_add(dtls->burst, DTLS_BAD_RECORD, 1);
		vly_drop(dgram, VLY_DROP_UNAUTHORISED);
	}
}

static void read_record(struct vly_dtls *dtls, struct vly_dtls_session *session,
			struct vly_dgram *dgram)
{
	int rc = SSL_read(session->ssl, vly_dgram_data(dgram), dgram->capacity);

	if (VLY_UNLIKELY(rc <= 0)) {
		no_text(dtls, session, dgram, rc);
		return;
	}
	session->heard_ns = dtls->burst->now_ns;
	vly_dtls_table_touch(&dtls->table, session);
	if (VLY_UNLIKELY(SSL_has_pending(session->ssl)))
		leave_out_the_rest(dtls, session->ssl);
	vly_metric_add(dtls->burst, DTLS_OPENED, 1);
	dgram->len = (uint16_t)rc;
	vly_pass(dgram);
}

// What a cipher adds to a text: AES-GCM has 8 bytes of a nonce as well (RFC 5288), ChaCha20 the tag
// alone (RFC 7905).
static uint16_t least_of(const SSL_CIPHER *cipher)
{
	int nid = cipher ? SSL_CIPHER_get_cipher_nid(cipher) : NID_undef;

	return nid == NID_aes_128_gcm || nid == NID_aes_256_gcm ? GCM_BYTES : TAG_BYTES;
}

// The client may have asked for less than a record can be (RFC 6066, section 4): 512 bytes for 1,
// twice as many for each number more.
static uint16_t most_of(const SSL *ssl)
{
	const SSL_SESSION *session = SSL_get_session(ssl);
	uint8_t mode = session ? SSL_SESSION_get_max_fragment_length(session) : 0;
	bool is_less =
		mode >= TLSEXT_max_fragment_length_512 && mode <= TLSEXT_max_fragment_length_4096;
	uint32_t text = is_less ? UINT32_C(256) << mode : SSL3_RT_MAX_PLAIN_LENGTH;

	return (uint16_t)(text + SSL3_RT_MAX_ENCRYPTED_OVERHEAD);
}

// A hello in pieces may come in records of an older version, and has agreed on no cipher.
static struct vly_dtls_limits limits_of(const SSL *ssl)
{
	const SSL_CIPHER *cipher = SSL_get_pending_cipher(ssl);

	return (struct vly_dtls_limits){
		.version = cipher ? DTLS1_2_VERSION : 0,
		.least = least_of(cipher),
		.most = most_of(ssl),
	};
}

void vly_dtls_session_input(struct vly_dtls *dtls, struct vly_dtls_session *session,
			    struct vly_dgram *dgram)
{
	uint8_t *data = vly_dgram_data(dgram);

	if (VLY_UNLIKELY(!session->is_open))
		session->limits = limits_of(session->ssl);
	if (VLY_UNLIKELY(!vly_dtls_are_sound(data, dgram->len, &session->limits))) {
		vly_metric_add(dtls->burst, DTLS_BAD_RECORD, 1);
		vly_drop(dgram, VLY_DROP_UNAUTHORISED);
		return;
	}
	aim(dtls, session);
	vly_dtls_wire_set(&dtls->wire, data, dgram->len, data, dgram->capacity);
	ERR_clear_error();
	if (VLY_LIKELY(session->is_open))
		read_record(dtls, session, dgram);
	else
		shake_hands(dtls, session, dgram);
}

void vly_dtls_session_seal(struct vly_dtls *dtls, struct vly_dtls_session *session,
			   struct vly_dgram *dgram)
{
	uint8_t *data = vly_dgram_data(dgram);

	aim(dtls, session);
	vly_dtls_wire_set(&dtls->wire, NULL, 0, data, dgram->capacity);
	ERR_clear_error();
	// OpenSSL has no record without text.
	if (VLY_UNLIKELY(dgram->len == 0 || SSL_write(session->ssl, data, dgram->len) <= 0 ||
			 !dtls->wire.out_len)) {
		vly_metric_add(dtls->burst, DTLS_TOO_LARGE, 1);
		vly_drop(dgram, VLY_DROP_TX_OVERSIZE);
		return;
	}
	dgram->len = (uint16_t)dtls->wire.out_len;
	vly_metric_add(dtls->burst, DTLS_SEALED, 1);
}
