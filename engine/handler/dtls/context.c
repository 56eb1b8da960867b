// SPDX-License-Identifier: BSD-3-Clause
#include "handler/dtls/context.h"

#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "core/fail.h"

// With forward secrecy first; all are AEAD ciphers (RFC 7905, RFC 5289, RFC 5487).
static const char ciphers[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
			      "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
			      "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
			      "ECDHE-PSK-CHACHA20-POLY1305:"
			      "PSK-AES128-GCM-SHA256:PSK-AES256-GCM-SHA384:PSK-CHACHA20-POLY1305";

static const char *why(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	return reason ? reason : "no reason given";
}

static int check(const struct vly_dtls_proofs *proofs, struct vly_error *error)
{
	if (!proofs->cert[0] && !proofs->has_psks)
		return vly_fail(error, -EINVAL,
				"nobody could prove anything: give psk-file=FILE, or cert=FILE, "
				"key=FILE and ca=FILE");
	if (!proofs->cert[0] != !proofs->key[0])
		return vly_fail(error, -EINVAL, "cert=FILE and key=FILE belong together");
	if (proofs->ca[0] && !proofs->cert[0])
		return vly_fail(error, -EINVAL,
				"ca=FILE needs cert=FILE and key=FILE: a server that wants "
				"certificates shows its own");
	if (proofs->cert[0] && !proofs->ca[0] && !proofs->takes_anybody)
		return vly_fail(error, -EINVAL,
				"with cert=FILE alone anybody could connect: give ca=FILE, which "
				"signs the clients' certificates, or anybody=on");
	return 0;
}

// A key file with a pass phrase must not make the engine ask for it on the terminal.
static int no_pass_phrase(char *buffer, int size, int writes, void *arg)
{
	(void)buffer;
	(void)size;
	(void)writes;
	(void)arg;
	return -1;
}

static int use_certificates(SSL_CTX *context, const struct vly_dtls_proofs *proofs,
			    struct vly_error *error)
{
	if (!proofs->cert[0])
		return 0;
	if (SSL_CTX_use_certificate_chain_file(context, proofs->cert) != 1)
		return vly_fail(error, -EINVAL, "cert=%.200s is no PEM certificate: %s",
				proofs->cert, why());
	if (SSL_CTX_use_PrivateKey_file(context, proofs->key, SSL_FILETYPE_PEM) != 1)
		return vly_fail(error, -EINVAL,
				"key=%.200s is no PEM key of that certificate without a pass "
				"phrase: %s",
				proofs->key, why());
	if (!proofs->ca[0])
		return 0;
	if (SSL_CTX_load_verify_file(context, proofs->ca) != 1)
		return vly_fail(error, -EINVAL, "ca=%.200s has no PEM certificates: %s", proofs->ca,
				why());
	SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(proofs->ca));
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return 0;
}

static int set_up(SSL_CTX *context, const struct vly_dtls_proofs *proofs, struct vly_error *error)
{
	// No tickets, no cache: a session is what the table of sessions has, and no more.
	SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION |
					     SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_default_passwd_cb(context, no_pass_phrase);
	if (SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(context, DTLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(context, ciphers) != 1)
		return vly_fail(error, -EINVAL, "this OpenSSL does not do DTLS 1.2: %s", why());
	return use_certificates(context, proofs, error);
}

int vly_dtls_context_open(SSL_CTX **context, const struct vly_dtls_proofs *proofs,
			  struct vly_error *error)
{
	int rc = check(proofs, error);

	if (rc)
		return rc;
	ERR_clear_error();
	*context = SSL_CTX_new(DTLS_server_method());
	if (!*context)
		return vly_fail(error, -ENOMEM, "OpenSSL gives no context: %s", why());
	rc = set_up(*context, proofs, error);
	ERR_clear_error();
	if (rc) {
		SSL_CTX_free(*context);
		*context = NULL;
	}
	return rc;
}

static bool subject_of(X509 *certificate, char *name, int size)
{
	X509_NAME *subject = X509_get_subject_name(certificate);

	if (!subject)
		return false;
	if (X509_NAME_get_text_by_NID(subject, NID_commonName, name, size) > 0)
		return true;
	return X509_NAME_oneline(subject, name, size) != NULL;
}

bool vly_dtls_identity(SSL *ssl, char *name, size_t size)
{
	const char *psk = SSL_get_psk_identity(ssl);
	X509 *certificate = SSL_get0_peer_certificate(ssl);

	name[0] = 0;
	if (certificate) {
		if (!subject_of(certificate, name, (int)size))
			return false;
	} else if (psk && strlen(psk) < size) {
		memcpy(name, psk, strlen(psk) + 1);
	}
	for (char *c = name; *c; c++) {
		if ((uint8_t)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	return name[0] != 0;
}
