// SPDX-License-Identifier: BSD-3-Clause
//
// What a server pays for a record that it decrypts and answers with the same text: the handler dtls
// in a chain with echo, beside OpenSSL alone with its memory BIOs. The client writes a batch of
// records while the time stands still. Ciphers are the same: ECDHE-PSK-CHACHA20-POLY1305.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "handler/builtin.h"
#include "handler/chain.h"
#include "harness/harness.h"

enum {
	BATCH = 512,
	BURST = 32,
	ROOM = 2048,
	KEY_BYTES = 16,
	MTU = 1400,
	SHORT_BYTES = 64,
	LONG_BYTES = 1024,
	SECOND_NS = 1000000000,
};

struct place {
	struct vly_dgram dgram;
	uint8_t bytes[ROOM];
};

struct pair {
	SSL_CTX *contexts[2];
	SSL *client;
	SSL *server; // of OpenSSL alone
	struct vly_chain *chain;
	struct vly_dgram *answer; // what has left the chain last
	struct place places[BATCH];
};

static unsigned int client_key(SSL *ssl, const char *hint, char *identity, unsigned int room,
			       unsigned char *key, unsigned int key_room)
{
	(void)ssl;
	(void)hint;
	(void)key_room;
	snprintf(identity, room, "bench");
	memset(key, 'k', KEY_BYTES);
	return KEY_BYTES;
}

static unsigned int server_key(SSL *ssl, const char *identity, unsigned char *key,
			       unsigned int room)
{
	(void)ssl;
	(void)identity;
	(void)room;
	memset(key, 'k', KEY_BYTES);
	return KEY_BYTES;
}

static SSL *side(SSL_CTX **context, const SSL_METHOD *method)
{
	SSL *ssl;

	*context = SSL_CTX_new(method);
	SSL_CTX_set_options(*context, SSL_OP_NO_QUERY_MTU);
	SSL_CTX_set_cipher_list(*context, "ECDHE-PSK-CHACHA20-POLY1305");
	SSL_CTX_set_psk_client_callback(*context, client_key);
	SSL_CTX_set_psk_server_callback(*context, server_key);
	ssl = SSL_new(*context);
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	BIO_set_mem_eof_return(SSL_get_rbio(ssl), -1);
	SSL_set_mtu(ssl, MTU);
	return ssl;
}

static void emit(void *arg, struct vly_dgram **tx, uint32_t tx_count, struct vly_dgram **ended,
		 uint32_t ended_count, uint64_t now_ns)
{
	struct pair *pair = arg;

	(void)ended;
	(void)ended_count;
	(void)now_ns;
	if (tx_count)
		pair->answer = tx[tx_count - 1];
}

static uint32_t alloc(void *arg, struct vly_dgram **dgrams, uint32_t count)
{
	(void)arg;
	(void)dgrams;
	(void)count;
	return 0;
}

static const struct vly_chain_ops chain_ops = {.emit = emit, .alloc = alloc, .alloc_large = alloc};

// Moves what the client has written to a place, as if received.
static bool fill(struct pair *pair, struct place *place)
{
	int len = BIO_read(SSL_get_wbio(pair->client), place->bytes, ROOM);

	memset(&place->dgram, 0, sizeof(place->dgram));
	place->dgram.peer.port = 1;
	place->dgram.rx_ns = 1;
	place->dgram.data_offset = sizeof(place->dgram);
	place->dgram.capacity = ROOM;
	place->dgram.len = (uint16_t)(len > 0 ? len : 0);
	place->dgram.fate = VLY_FATE_UNDECIDED;
	return len > 0;
}

static bool open_vly(struct pair *pair)
{
	char path[] = "/tmp/volley-bench-XXXXXX";
	char spec[100];
	static struct vly_loaded_handler handlers[2];
	const struct vly_handler_env alone = {.worker_count = 1};
	int file = mkstemp(path);
	static const char psk[] = "bench:6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b\n";
	bool is_open = file >= 0 && write(file, psk, strlen(psk)) == (ssize_t)strlen(psk);

	close(file);
	snprintf(spec, sizeof(spec), "dtls,psk-file=%s", path);
	pair->chain = calloc(1, sizeof(*pair->chain));
	is_open = is_open && pair->chain && !vly_handler_load(&handlers[0], spec, NULL) &&
		  !vly_handler_load(&handlers[1], "echo", NULL) &&
		  !vly_chain_open(pair->chain, handlers, 2, &alone, NULL);
	unlink(path);
	if (!is_open)
		return false;
	pair->chain->ops = &chain_ops;
	pair->chain->arg = pair;
	for (int i = 0; i < 10; i++) {
		struct vly_dgram *dgram = &pair->places[0].dgram;

		ERR_clear_error();
		if (SSL_connect(pair->client) == 1)
			return true;
		if (!fill(pair, &pair->places[0]))
			return false;
		vly_chain_run(pair->chain, &dgram, 1, SECOND_NS);
		BIO_write(SSL_get_rbio(pair->client), vly_dgram_data(pair->answer),
			  pair->answer->len);
	}
	return false;
}

static bool open_bare(struct pair *pair)
{
	static uint8_t bytes[1 << 14];
	int len;

	pair->server = side(&pair->contexts[1], DTLS_server_method());
	SSL_set_accept_state(pair->server);
	for (int i = 0; i < 10; i++) {
		ERR_clear_error();
		if (SSL_connect(pair->client) == 1)
			return true;
		len = BIO_read(SSL_get_wbio(pair->client), bytes, sizeof(bytes));
		BIO_write(SSL_get_rbio(pair->server), bytes, len);
		SSL_accept(pair->server);
		len = BIO_read(SSL_get_wbio(pair->server), bytes, sizeof(bytes));
		if (len > 0)
			BIO_write(SSL_get_rbio(pair->client), bytes, len);
	}
	return false;
}

static void write_batch(struct pair *pair, size_t len)
{
	static const uint8_t text[LONG_BYTES];

	for (int i = 0; i < BATCH; i++) {
		SSL_write(pair->client, text, (int)len);
		fill(pair, &pair->places[i]);
	}
}

static bool serve_vly(struct pair *pair)
{
	struct vly_dgram *burst[BURST];

	for (int i = 0; i < BATCH; i += BURST) {
		for (int j = 0; j < BURST; j++)
			burst[j] = &pair->places[i + j].dgram;
		pair->answer = NULL;
		vly_chain_run(pair->chain, burst, BURST, SECOND_NS);
		if (pair->answer != &pair->places[i + BURST - 1].dgram)
			return false;
	}
	return true;
}

static bool serve_bare(struct pair *pair)
{
	uint8_t text[ROOM];

	for (int i = 0; i < BATCH; i++) {
		struct place *place = &pair->places[i];
		int len;

		BIO_write(SSL_get_rbio(pair->server), place->bytes, place->dgram.len);
		len = SSL_read(pair->server, text, sizeof(text));
		if (len <= 0 || SSL_write(pair->server, text, len) != len)
			return false;
		BIO_read(SSL_get_wbio(pair->server), place->bytes, sizeof(place->bytes));
	}
	return true;
}

static void run(struct bench_run *run, bool (*open)(struct pair *pair),
		bool (*serve)(struct pair *pair))
{
	struct pair *pair = calloc(1, sizeof(*pair));

	if (!pair) {
		bench_skip(run, "no memory");
		return;
	}
	pair->client = side(&pair->contexts[0], DTLS_client_method());
	SSL_set_connect_state(pair->client);
	if (!open(pair)) {
		bench_skip(run, "no session");
	} else {
		while (bench_goes_on(run, BATCH)) {
			bench_pause(run);
			write_batch(pair, (size_t)bench_arg(run));
			bench_resume(run);
			if (!serve(pair)) {
				bench_skip(run, "a record was not answered");
				break;
			}
		}
		bench_items(run, bench_iterations(run));
	}
	if (pair->chain)
		vly_chain_close(pair->chain);
	free(pair->chain);
	SSL_free(pair->client);
	SSL_free(pair->server);
	SSL_CTX_free(pair->contexts[0]);
	SSL_CTX_free(pair->contexts[1]);
	free(pair);
}

static void run_vly(struct bench_run *bench)
{
	run(bench, open_vly, serve_vly);
}

static void run_bare(struct bench_run *bench)
{
	run(bench, open_bare, serve_bare);
}

extern const struct bench_entry bench_dtls[];
const struct bench_entry bench_dtls[] = {
	{.name = "dtls/vly",
	 .function = run_vly,
	 .arg_name = "bytes",
	 .args = {SHORT_BYTES, LONG_BYTES}},
	{.name = "dtls/openssl",
	 .function = run_bare,
	 .arg_name = "bytes",
	 .args = {SHORT_BYTES, LONG_BYTES}},
	{.name = NULL},
};
