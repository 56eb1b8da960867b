// SPDX-License-Identifier: BSD-3-Clause
//
// Who has no session: the cookie exchange, by OpenSSL's DTLSv1_listen(). One SSL object waits as
// the listener; it is what the next session is made of.
#include <string.h>

#include <openssl/err.h>

#include "handler/dtls/dtls.h"

static struct vly_dtls *dtls_of(const SSL *ssl)
{
	return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

static int make_cookie(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	struct vly_dtls *dtls = dtls_of(ssl);

	vly_dtls_cookie_make(&dtls->cookies, dtls->peer, cookie);
	*len = VLY_DTLS_COOKIE_BYTES;
	return 1;
}

static int check_cookie(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	struct vly_dtls *dtls = dtls_of(ssl);

	return vly_dtls_cookie_check(&dtls->cookies, dtls->peer, cookie, len);
}

// Whoever is not known gets a key, too, which nobody else has: so the handshake ends as with a
// wrong key, and does not tell which identities there are (RFC 4279, section 2).
static unsigned int find_psk(SSL *ssl, const char *identity, unsigned char *key, unsigned int room)
{
	struct vly_dtls *dtls = dtls_of(ssl);
	const struct vly_dtls_psk *psk = vly_dtls_psk_find(&dtls->psks, identity);

	if (!psk) {
		vly_metric_add(dtls->burst, DTLS_UNKNOWN_IDENTITY, 1);
		vly_hmac_sign(&dtls->nobody, (const uint8_t *)identity, strlen(identity), key);
		return VLY_HMAC_BYTES;
	}
	if (psk->key_len > room)
		return 0;
	memcpy(key, psk->key, psk->key_len);
	return (unsigned int)psk->key_len;
}

static SSL *make_listener(struct vly_dtls *dtls)
{
	SSL *ssl = SSL_new(dtls->context);
	BIO *bio = vly_dtls_wire_bio(dtls->method, &dtls->wire);

	if (!ssl || !bio) {
		SSL_free(ssl);
		BIO_free(bio);
		return NULL;
	}
	SSL_set_bio(ssl, bio, bio);
	SSL_set_accept_state(ssl);
	SSL_set_mtu(ssl, dtls->mtu);
	return ssl;
}

bool vly_dtls_listen_init(struct vly_dtls *dtls)
{
	SSL_CTX_set_app_data(dtls->context, dtls);
	SSL_CTX_set_cookie_generate_cb(dtls->context, make_cookie);
	SSL_CTX_set_cookie_verify_cb(dtls->context, check_cookie);
	if (dtls->psks.count)
		SSL_CTX_set_psk_server_callback(dtls->context, find_psk);
	dtls->method = vly_dtls_wire_method();
	dtls->address = BIO_ADDR_new();
	if (!dtls->method || !dtls->address)
		return false;
	dtls->listener = make_listener(dtls);
	return dtls->listener != NULL;
}

static void begin(struct vly_dtls *dtls, struct vly_dgram *dgram, const uint8_t *random)
{
	SSL *ssl = dtls->listener;

	dtls->listener = make_listener(dtls);
	if (!dtls->listener) { // it is none, then, and goes on listening
		dtls->listener = ssl;
		vly_metric_add(dtls->burst, DTLS_NO_MEMORY, 1);
		vly_drop(dgram, VLY_DROP_HANDLER);
		return;
	}
	vly_dtls_session_begin(dtls, ssl, dgram, random);
}

void vly_dtls_listen(struct vly_dtls *dtls, struct vly_dgram *dgram)
{
	uint8_t random[VLY_DTLS_RANDOM_BYTES];
	uint8_t *data = vly_dgram_data(dgram);
	int rc;

	// The answer takes the hello's place, and is shorter.
	memcpy(random, data + VLY_DTLS_RANDOM_OFFSET, sizeof(random));
	vly_dtls_cookies_renew(&dtls->cookies, dtls->burst->now_ns);
	vly_dtls_wire_set(&dtls->wire, data, dgram->len, data, dgram->len);
	rc = DTLSv1_listen(dtls->listener, dtls->address);
	if (rc == 1) {
		begin(dtls, dgram, random);
	} else if (dtls->wire.out_len) {
		dgram->len = (uint16_t)dtls->wire.out_len;
		vly_metric_add(dtls->burst, DTLS_CHALLENGED, 1);
		vly_reply(dgram);
	} else {
		vly_metric_add(dtls->burst, DTLS_BAD_HELLO, 1);
		vly_drop(dgram, VLY_DROP_MALFORMED);
	}
	ERR_clear_error();
}
