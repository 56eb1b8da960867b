// SPDX-License-Identifier: BSD-3-Clause
//
// The same by OpenSSL's EVP alone, each call as its manual has it, with what can be kept kept: the
// contexts, the key in them, and random numbers for many tokens drawn at once. `evp` also does the
// base64 with EVP_EncodeBlock() and EVP_DecodeBlock() (of the other alphabet); `evp-bytes` leaves
// that out, and so does less than the others. Nothing is checked but the MAC and the padding.
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "micro/fernet.h"

enum {
	IV_BYTES = 16,
	IVS = 256,
	TEXT_OFFSET = 25,
	MAC_BYTES = 32,
};

struct evp {
	EVP_MAC *hmac;
	EVP_MAC_CTX *mac;
	EVP_CIPHER_CTX *encrypt;
	EVP_CIPHER_CTX *decrypt;
	uint32_t iv_count;
	uint8_t ivs[IVS][IV_BYTES];
};

static bool evp_open(struct evp *evp)
{
	static const uint8_t key[32] = {1};
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	evp->iv_count = 0;
	evp->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	evp->mac = EVP_MAC_CTX_new(evp->hmac);
	evp->encrypt = EVP_CIPHER_CTX_new();
	evp->decrypt = EVP_CIPHER_CTX_new();
	return EVP_MAC_init(evp->mac, key, 16, params) == 1 &&
	       EVP_EncryptInit_ex(evp->encrypt, EVP_aes_128_cbc(), NULL, key + 16, key) == 1 &&
	       EVP_DecryptInit_ex(evp->decrypt, EVP_aes_128_cbc(), NULL, key + 16, key) == 1;
}

static void evp_close(struct evp *evp)
{
	EVP_MAC_CTX_free(evp->mac);
	EVP_MAC_free(evp->hmac);
	EVP_CIPHER_CTX_free(evp->encrypt);
	EVP_CIPHER_CTX_free(evp->decrypt);
}

static void sign(struct evp *evp, const uint8_t *bytes, size_t len, uint8_t *mac)
{
	size_t got;

	EVP_MAC_init(evp->mac, NULL, 0, NULL);
	EVP_MAC_update(evp->mac, bytes, len);
	EVP_MAC_final(evp->mac, mac, &got, MAC_BYTES);
}

static bool decrypt_raw(struct evp *evp, uint8_t *text, const uint8_t *raw, size_t len)
{
	uint8_t mac[MAC_BYTES];
	int got;
	int last;

	sign(evp, raw, len - MAC_BYTES, mac);
	return CRYPTO_memcmp(mac, raw + len - MAC_BYTES, MAC_BYTES) == 0 &&
	       EVP_DecryptInit_ex(evp->decrypt, NULL, NULL, NULL, raw + TEXT_OFFSET - IV_BYTES) ==
		       1 &&
	       EVP_DecryptUpdate(evp->decrypt, text, &got, raw + TEXT_OFFSET,
				 (int)(len - TEXT_OFFSET - MAC_BYTES)) == 1 &&
	       EVP_DecryptFinal_ex(evp->decrypt, text + got, &last) == 1;
}

static size_t encrypt_raw(struct evp *evp, uint8_t *raw, const uint8_t *text, size_t len)
{
	uint8_t *end = raw + TEXT_OFFSET;
	int got;

	if (evp->iv_count == 0) {
		RAND_bytes(&evp->ivs[0][0], sizeof(evp->ivs));
		evp->iv_count = IVS;
	}
	memset(raw, 0, TEXT_OFFSET);
	memcpy(raw + TEXT_OFFSET - IV_BYTES, evp->ivs[--evp->iv_count], IV_BYTES);
	EVP_EncryptInit_ex(evp->encrypt, NULL, NULL, NULL, raw + TEXT_OFFSET - IV_BYTES);
	EVP_EncryptUpdate(evp->encrypt, end, &got, text, (int)len);
	end += got;
	EVP_EncryptFinal_ex(evp->encrypt, end, &got);
	end += got;
	sign(evp, raw, (size_t)(end - raw), end);
	return (size_t)(end + MAC_BYTES - raw);
}

static bool decrypt(void *state, uint8_t *text, const uint8_t *token, size_t chars)
{
	uint8_t raw[FERNET_ROOM];
	int len = EVP_DecodeBlock(raw, token, (int)chars);

	// It counts what is padded as bytes.
	len -= (token[chars - 1] == '=') + (token[chars - 2] == '=');
	return decrypt_raw(state, text, raw, (size_t)len);
}

static size_t encrypt(void *state, uint8_t *token, const uint8_t *text, size_t len)
{
	uint8_t raw[FERNET_ROOM];
	size_t bytes = encrypt_raw(state, raw, text, len);

	return (size_t)EVP_EncodeBlock(token, raw, (int)bytes);
}

static bool decrypt_bytes(void *state, uint8_t *text, const uint8_t *token, size_t chars)
{
	return decrypt_raw(state, text, token, chars);
}

static size_t encrypt_bytes(void *state, uint8_t *token, const uint8_t *text, size_t len)
{
	return encrypt_raw(state, token, text, len);
}

static const struct fernet_way chars_way = {.decrypt = decrypt, .encrypt = encrypt};
static const struct fernet_way bytes_way = {.decrypt = decrypt_bytes, .encrypt = encrypt_bytes};

static void run(struct bench_run *run, struct fernet_way way,
		void (*what)(struct bench_run *run, const struct fernet_way *way))
{
	struct evp evp;

	way.state = &evp;
	if (evp_open(&evp))
		what(run, &way);
	else
		bench_skip(run, "OpenSSL refuses");
	evp_close(&evp);
}

static void run_decrypt(struct bench_run *bench)
{
	run(bench, chars_way, fernet_run_decrypt);
}

static void run_encrypt(struct bench_run *bench)
{
	run(bench, chars_way, fernet_run_encrypt);
}

static void run_round(struct bench_run *bench)
{
	run(bench, chars_way, fernet_run_round);
}

static void run_decrypt_bytes(struct bench_run *bench)
{
	run(bench, bytes_way, fernet_run_decrypt);
}

static void run_encrypt_bytes(struct bench_run *bench)
{
	run(bench, bytes_way, fernet_run_encrypt);
}

static void run_round_bytes(struct bench_run *bench)
{
	run(bench, bytes_way, fernet_run_round);
}

extern const struct bench_entry bench_fernet_evp[];
const struct bench_entry bench_fernet_evp[] = {
	{.name = "fernet/evp",
	 .function = run_round,
	 .arg_name = "bytes",
	 .args = {FERNET_SHORT_BYTES, FERNET_LONG_BYTES}},
	{.name = "fernet-decrypt/evp",
	 .function = run_decrypt,
	 .arg_name = "bytes",
	 .args = {FERNET_SHORT_BYTES, FERNET_LONG_BYTES}},
	{.name = "fernet-encrypt/evp",
	 .function = run_encrypt,
	 .arg_name = "bytes",
	 .args = {FERNET_SHORT_BYTES, FERNET_LONG_BYTES}},
	{.name = "fernet/evp-bytes",
	 .function = run_round_bytes,
	 .arg_name = "bytes",
	 .args = {FERNET_SHORT_BYTES, FERNET_LONG_BYTES}},
	{.name = "fernet-decrypt/evp-bytes",
	 .function = run_decrypt_bytes,
	 .arg_name = "bytes",
	 .args = {FERNET_SHORT_BYTES, FERNET_LONG_BYTES}},
	{.name = "fernet-encrypt/evp-bytes",
	 .function = run_encrypt_bytes,
	 .arg_name = "bytes",
	 .args = {FERNET_SHORT_BYTES, FERNET_LONG_BYTES}},
	{.name = NULL},
};
