// SPDX-License-Identifier: BSD-3-Clause
//
// dtls: a DTLS 1.2 server (RFC 6347) for the handlers behind it. They get the clear text of who has
// proved to know a pre-shared key or to own a certificate, may ask who it is (vly_identity()), and
// what they answer leaves encrypted. OpenSSL does the protocol, as it does the rest of the crypto
// here, and unlike GnuTLS allocates nothing for a record; who has a session, and for how long, is
// decided here.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "core/compiler.h"
#include "core/fail.h"
#include "handler/builtin.h"
#include "handler/dtls/context.h"
#include "handler/dtls/dtls.h"

enum key_index {
	KEY_PSK_FILE,
	KEY_CERT,
	KEY_KEY,
	KEY_CA,
	KEY_ANYBODY,
	KEY_SESSIONS,
	KEY_HANDSHAKE,
	KEY_IDLE,
	KEY_MTU,
	KEY_ALERTS,
};

enum {
	SESSIONS_MAX = 1000000,
	OPENING_SHARE = 4, // at most a quarter of the sessions may be opening
	OPENING_MIN = 16,
	MTU_MIN = 512,
	MTU_MAX = 16384,
	SECOND_NS = 1000000000,
};

static const uint64_t duration_max_ns = 86400ull * SECOND_NS;

// --- opening and closing -------------------------------------------------------------------------

static void dtls_close(void *state)
{
	struct vly_dtls *dtls = state;

	while (dtls->table.opening.oldest)
		vly_dtls_session_free(dtls, dtls->table.opening.oldest);
	while (dtls->table.open.oldest)
		vly_dtls_session_free(dtls, dtls->table.open.oldest);
	vly_dtls_table_fini(&dtls->table);
	SSL_free(dtls->listener);
	BIO_ADDR_free(dtls->address);
	SSL_CTX_free(dtls->context);
	BIO_meth_free(dtls->method);
	vly_dtls_psks_close(&dtls->psks);
	OPENSSL_cleanse(dtls, sizeof(*dtls));
	free(dtls);
}

// What a session writes beside its answer in place.
static void send_datagram(void *arg, const uint8_t *bytes, size_t len)
{
	struct vly_dtls *dtls = arg;
	struct vly_dgram *dgram;

	if (vly_alloc(dtls->burst, &dgram, 1) == 0) { // it will be sent again, as if it were lost
		vly_metric_add(dtls->burst, DTLS_NO_BUFFER, 1);
		return;
	}
	if (len > dgram->capacity) {
		vly_metric_add(dtls->burst, DTLS_TOO_LARGE, 1);
		vly_release(dtls->burst, dgram);
		return;
	}
	memcpy(vly_dgram_data(dgram), bytes, len);
	dgram->len = (uint16_t)len;
	dgram->peer = *dtls->peer;
	dgram->local = *dtls->local;
	vly_send(dtls->burst, dgram);
}

static int open_proofs(struct vly_dtls *dtls, const union vly_value *values,
		       struct vly_error *error)
{
	const char *psk_file = values[KEY_PSK_FILE].text;
	struct vly_dtls_proofs proofs = {
		.cert = values[KEY_CERT].text,
		.key = values[KEY_KEY].text,
		.ca = values[KEY_CA].text,
		.has_psks = psk_file[0] != 0,
		.takes_anybody = values[KEY_ANYBODY].on,
	};
	int rc = 0;

	if (psk_file[0])
		rc = vly_dtls_psks_open(&dtls->psks, psk_file, error);
	return rc ? rc : vly_dtls_context_open(&dtls->context, &proofs, error);
}

static int open_state(struct vly_dtls *dtls, const union vly_value *values, struct vly_error *error)
{
	struct {
		uint64_t seed;
		uint8_t nobody[VLY_HMAC_BYTES];
	} random;
	int rc = open_proofs(dtls, values, error);

	if (rc)
		return rc;
	dtls->wire.send = send_datagram;
	dtls->wire.arg = dtls;
	dtls->wire.is_mute = !dtls->sends_alerts;
	if (RAND_bytes((uint8_t *)&random, sizeof(random)) != 1 ||
	    !vly_dtls_cookies_init(&dtls->cookies, 0))
		return vly_fail(error, -EIO, "OpenSSL has no random numbers");
	vly_hmac_init(&dtls->nobody, random.nobody, sizeof(random.nobody));
	if (vly_dtls_table_init(&dtls->table, dtls->sessions_max, random.seed) ||
	    !vly_dtls_listen_init(dtls))
		return vly_fail(error, -ENOMEM, "out of memory");
	return 0;
}

static int dtls_open(void **state, const struct vly_handler_env *env, struct vly_error *error)
{
	const union vly_value *values = env->values;
	struct vly_dtls *dtls = calloc(1, sizeof(*dtls));
	int rc;

	if (!dtls)
		return vly_fail(error, -ENOMEM, "out of memory");
	dtls->sessions_max = (uint32_t)values[KEY_SESSIONS].number;
	dtls->opening_max = dtls->sessions_max / OPENING_SHARE;
	if (dtls->opening_max < OPENING_MIN)
		dtls->opening_max = OPENING_MIN;
	dtls->handshake_ns = values[KEY_HANDSHAKE].number;
	dtls->idle_ns = values[KEY_IDLE].number;
	dtls->mtu = (uint32_t)values[KEY_MTU].number;
	dtls->sends_alerts = values[KEY_ALERTS].on;
	rc = open_state(dtls, values, error);
	if (rc)
		dtls_close(dtls);
	else
		*state = dtls;
	return rc;
}

// --- datagrams -----------------------------------------------------------------------------------

// A hello of an address that has a session is the same one again, or that of a client that has
// begun anew and forgotten the old one.
static bool begins_anew(const struct vly_dtls_session *session, const uint8_t *hello)
{
	return memcmp(session->random, hello + VLY_DTLS_RANDOM_OFFSET, sizeof(session->random)) !=
	       0;
}

static void take(struct vly_dtls *dtls, struct vly_dgram *dgram)
{
	const uint8_t *data = vly_dgram_data(dgram);
	struct vly_dtls_session *session = vly_dtls_table_find(&dtls->table, &dgram->peer);
	bool is_hello = vly_dtls_is_hello(data, dgram->len);
	// What is shorter than a record is none, and nothing at all would be the end to OpenSSL.
	bool is_record = dgram->len > VLY_DTLS_RECORD_BYTES;

	if (is_hello && (!session || begins_anew(session, data))) {
		dtls->peer = &dgram->peer;
		vly_dtls_listen(dtls, dgram);
	} else if (session && is_record && !(is_hello && session->is_open)) {
		vly_dtls_session_input(dtls, session, dgram);
	} else {
		vly_metric_add(dtls->burst, session ? DTLS_BAD_RECORD : DTLS_NO_SESSION, 1);
		vly_drop(dgram, VLY_DROP_UNAUTHORISED);
	}
}

static void dtls_on_burst(void *state, struct vly_burst *burst)
{
	struct vly_dtls *dtls = state;

	dtls->burst = burst;
	for (uint32_t i = 0; i < burst->count; i++)
		take(dtls, burst->in[i]);
}

static void dtls_on_answer(void *state, struct vly_burst *burst)
{
	struct vly_dtls *dtls = state;

	dtls->burst = burst;
	for (uint32_t i = 0; i < burst->count; i++) {
		struct vly_dgram *dgram = burst->in[i];
		struct vly_dtls_session *session = vly_dtls_table_find(&dtls->table, &dgram->peer);

		if (VLY_LIKELY(session && session->is_open)) {
			vly_dtls_session_seal(dtls, session, dgram);
		} else {
			vly_metric_add(burst, DTLS_NO_SESSION, 1);
			vly_drop(dgram, VLY_DROP_UNAUTHORISED);
		}
	}
}

static void dtls_on_drain(void *state, struct vly_burst *burst)
{
	struct vly_dtls *dtls = state;

	dtls->burst = burst;
	while (dtls->table.opening.oldest)
		vly_dtls_session_end(dtls, dtls->table.opening.oldest, false, DTLS_CLOSED);
	while (dtls->table.open.oldest)
		vly_dtls_session_end(dtls, dtls->table.open.oldest, true, DTLS_CLOSED);
}

static const char *dtls_identity(void *state, const struct vly_dgram *dgram)
{
	const struct vly_dtls *dtls = state;
	const struct vly_dtls_session *session = vly_dtls_table_find(&dtls->table, &dgram->peer);

	return session && session->is_open && session->has_name ? session->name : NULL;
}

// --- tables --------------------------------------------------------------------------------------

static const struct vly_key dtls_keys[] = {
	[KEY_PSK_FILE] = {"psk-file", VLY_KEY_TEXT, "", 0, 0,
			  "file of clients and their keys, IDENTITY:KEY in base 16, a line each"},
	[KEY_CERT] = {"cert", VLY_KEY_TEXT, "", 0, 0, "file with the server's certificates, PEM"},
	[KEY_KEY] = {"key", VLY_KEY_TEXT, "", 0, 0, "file with its private key, PEM"},
	[KEY_CA] = {"ca", VLY_KEY_TEXT, "", 0, 0,
		    "file with the authorities that sign clients' certificates, PEM"},
	[KEY_ANYBODY] = {"anybody", VLY_KEY_SWITCH, "off", 0, 0,
			 "with cert alone: let in clients that prove nothing"},
	[KEY_SESSIONS] = {"sessions", VLY_KEY_NUMBER, "1000", 1, SESSIONS_MAX,
			  "most sessions of a worker; the one silent for longest makes room"},
	[KEY_HANDSHAKE] = {"handshake", VLY_KEY_DURATION, "10s", SECOND_NS, duration_max_ns,
			   "how long a handshake may take"},
	[KEY_IDLE] = {"idle", VLY_KEY_DURATION, "5m", SECOND_NS, duration_max_ns,
		      "after how much silence a session is closed"},
	[KEY_MTU] = {"mtu", VLY_KEY_BYTES, "1400", MTU_MIN, MTU_MAX,
		     "largest datagram of a handshake"},
	[KEY_ALERTS] = {"alerts", VLY_KEY_SWITCH, "off", 0, 0,
			"tell a client that is refused why; off: silence"},
	{NULL, VLY_KEY_TEXT, NULL, 0, 0, NULL},
};

static const struct vly_metric dtls_metrics[] = {
	[DTLS_SESSIONS] = {"sessions", VLY_METRIC_GAUGE, "open now"},
	[DTLS_OPENING] = {"opening", VLY_METRIC_GAUGE, "whose handshake is under way"},
	[DTLS_CHALLENGED] = {"challenged", VLY_METRIC_COUNTER,
			     "hellos answered with a cookie; nothing is kept of them"},
	[DTLS_BAD_HELLO] = {"bad_hello", VLY_METRIC_COUNTER, "hellos that are malformed"},
	[DTLS_HANDSHAKES] = {"handshakes", VLY_METRIC_COUNTER, "sessions opened"},
	[DTLS_FAILED] = {"failed", VLY_METRIC_COUNTER, "sessions ended by an error of protocol"},
	[DTLS_BAD_CERTIFICATE] = {"bad_certificate", VLY_METRIC_COUNTER,
				  "handshakes with none, or one that is not trusted"},
	[DTLS_UNKNOWN_IDENTITY] = {"unknown_identity", VLY_METRIC_COUNTER,
				   "handshakes with an identity that has no key"},
	[DTLS_WRONG_KEY] = {"wrong_key", VLY_METRIC_COUNTER,
			    "handshakes that ended with another key than ours"},
	[DTLS_TIMED_OUT] = {"timed_out", VLY_METRIC_COUNTER, "handshakes not done in time"},
	[DTLS_RETRANSMITTED] = {"retransmitted", VLY_METRIC_COUNTER,
				"times that part of a handshake was sent again"},
	[DTLS_OPENED] = {"opened", VLY_METRIC_COUNTER, "records decrypted and passed on"},
	[DTLS_SEALED] = {"sealed", VLY_METRIC_COUNTER, "answers encrypted"},
	[DTLS_BAD_RECORD] = {"bad_record", VLY_METRIC_COUNTER,
			     "records that do not verify, or came a second time"},
	[DTLS_NO_SESSION] = {"no_session", VLY_METRIC_COUNTER,
			     "records from, or answers to, an address without a session"},
	[DTLS_LEFT_OUT] = {"left_out", VLY_METRIC_COUNTER,
			   "records beside the first of a datagram, which are not passed on"},
	[DTLS_TOO_LARGE] = {"too_large", VLY_METRIC_COUNTER,
			    "answers that are empty, or fit in no record or datagram"},
	[DTLS_NO_BUFFER] = {"no_buffer", VLY_METRIC_COUNTER,
			    "datagrams of handshakes that found no buffer"},
	[DTLS_NO_MEMORY] = {"no_memory", VLY_METRIC_COUNTER, "sessions that found no memory"},
	[DTLS_CLOSED] = {"closed", VLY_METRIC_COUNTER,
			 "sessions closed by the client, or at the end"},
	[DTLS_IDLE] = {"idle", VLY_METRIC_COUNTER, "sessions closed because they were silent"},
	[DTLS_EVICTED] = {"evicted", VLY_METRIC_COUNTER, "sessions that had to make room"},
	[DTLS_REPLACED] = {"replaced", VLY_METRIC_COUNTER, "sessions whose client began anew"},
	[DTLS_METRICS] = {NULL, VLY_METRIC_COUNTER, NULL},
};

const struct vly_handler_ops vly_handler_dtls = {
	.abi = VLY_HANDLER_ABI,
	.name = "dtls",
	.summary = "a DTLS 1.2 server: clear text and names for the handlers behind it",
	.keys = dtls_keys,
	.metrics = dtls_metrics,
	.open = dtls_open,
	.on_burst = dtls_on_burst,
	.on_answer = dtls_on_answer,
	.on_drain = dtls_on_drain,
	.close = dtls_close,
	.identity = dtls_identity,
	.ignores = VLY_IGNORE_CLASS,
};
