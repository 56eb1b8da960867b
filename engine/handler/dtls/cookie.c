// SPDX-License-Identifier: BSD-3-Clause
#include "handler/dtls/cookie.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

enum {
	SECRET_BYTES = 32,
	ADDRESS_BYTES = 18,
};

static const uint64_t lifetime_ns = 60000000000;

static bool draw(struct vly_hmac *hmac)
{
	uint8_t secret[SECRET_BYTES];
	bool is_drawn = RAND_bytes(secret, sizeof(secret)) == 1;

	if (is_drawn)
		vly_hmac_init(hmac, secret, sizeof(secret));
	OPENSSL_cleanse(secret, sizeof(secret));
	return is_drawn;
}

bool vly_dtls_cookies_init(struct vly_dtls_cookies *cookies, uint64_t now_ns)
{
	cookies->drawn_ns = now_ns;
	return draw(&cookies->now) && draw(&cookies->before);
}

void vly_dtls_cookies_renew(struct vly_dtls_cookies *cookies, uint64_t now_ns)
{
	struct vly_hmac now = cookies->now;

	if (now_ns - cookies->drawn_ns < lifetime_ns)
		return;
	if (draw(&cookies->now))
		cookies->before = now;
	cookies->drawn_ns = now_ns;
	OPENSSL_cleanse(&now, sizeof(now));
}

static void sign(const struct vly_hmac *secret, const struct vly_addr *peer, uint8_t *cookie)
{
	uint8_t bytes[ADDRESS_BYTES];

	memcpy(bytes, peer->ip, sizeof(peer->ip));
	memcpy(bytes + sizeof(peer->ip), &peer->port, sizeof(peer->port));
	vly_hmac_sign(secret, bytes, sizeof(bytes), cookie);
}

void vly_dtls_cookie_make(const struct vly_dtls_cookies *cookies, const struct vly_addr *peer,
			  uint8_t *cookie)
{
	sign(&cookies->now, peer, cookie);
}

bool vly_dtls_cookie_check(const struct vly_dtls_cookies *cookies, const struct vly_addr *peer,
			   const uint8_t *cookie, size_t len)
{
	uint8_t now[VLY_DTLS_COOKIE_BYTES];
	uint8_t before[VLY_DTLS_COOKIE_BYTES];

	if (len != VLY_DTLS_COOKIE_BYTES)
		return false;
	sign(&cookies->now, peer, now);
	sign(&cookies->before, peer, before);
	return !CRYPTO_memcmp(cookie, now, len) || !CRYPTO_memcmp(cookie, before, len);
}
