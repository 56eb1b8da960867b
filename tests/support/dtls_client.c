// SPDX-License-Identifier: BSD-3-Clause
#include "dtls_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

enum {
	KEY_BYTES = 16,
	MTU = 1200,
};

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "dtls client: %s\n", what);
	ERR_print_errors_fp(stderr);
	abort();
}

static void put(void *arg, const uint8_t *bytes, size_t len)
{
	struct dtls_client *client = arg;
	struct dtls_datagram *datagram;

	must(client->count < DTLS_CLIENT_DATAGRAMS && len <= DTLS_CLIENT_BYTES, "no room");
	datagram = &client->datagrams[client->count++];
	memcpy(datagram->bytes, bytes, len);
	datagram->len = len;
}

static unsigned int give_key(SSL *ssl, const char *hint, char *identity, unsigned int identity_room,
			     unsigned char *key, unsigned int key_room)
{
	struct dtls_client *client = SSL_get_app_data(ssl);

	(void)hint;
	if (key_room < KEY_BYTES)
		return 0;
	snprintf(identity, identity_room, "%s", client->identity);
	memcpy(key, client->key, KEY_BYTES);
	return KEY_BYTES;
}

void dtls_client_open(struct dtls_client *client, const char *identity, const uint8_t *key)
{
	memset(client, 0, sizeof(*client));
	client->identity = identity;
	client->key = key;
	client->wire.send = put;
	client->wire.arg = client;
	client->context = SSL_CTX_new(DTLS_client_method());
	client->method = vly_dtls_wire_method();
	must(client->context && client->method, "memory");
	SSL_CTX_set_options(client->context, SSL_OP_NO_QUERY_MTU);
	if (identity)
		SSL_CTX_set_psk_client_callback(client->context, give_key);
	dtls_client_restart(client);
}

void dtls_client_restart(struct dtls_client *client)
{
	BIO *bio = vly_dtls_wire_bio(client->method, &client->wire);

	SSL_free(client->ssl);
	client->ssl = SSL_new(client->context);
	client->count = 0;
	must(client->ssl && bio, "memory");
	SSL_set_bio(client->ssl, bio, bio);
	SSL_set_connect_state(client->ssl);
	SSL_set_app_data(client->ssl, client);
	SSL_set_mtu(client->ssl, MTU);
}

void dtls_client_close(struct dtls_client *client)
{
	SSL_free(client->ssl);
	SSL_CTX_free(client->context);
	BIO_meth_free(client->method);
}

bool dtls_client_shake(struct dtls_client *client, const uint8_t *bytes, size_t len)
{
	vly_dtls_wire_set(&client->wire, bytes, len, NULL, 0);
	ERR_clear_error();
	return SSL_do_handshake(client->ssl) == 1;
}

void dtls_client_tell(struct dtls_client *client, const void *text, size_t len)
{
	vly_dtls_wire_set(&client->wire, NULL, 0, NULL, 0);
	must(SSL_write(client->ssl, text, (int)len) == (int)len, "a record");
}

int dtls_client_hear(struct dtls_client *client, const uint8_t *bytes, size_t len, void *text,
		     size_t room)
{
	vly_dtls_wire_set(&client->wire, bytes, len, NULL, 0);
	ERR_clear_error();
	return SSL_read(client->ssl, text, (int)room);
}
