// SPDX-License-Identifier: BSD-3-Clause
//
// Cookies against spoofed sources (RFC 6347, section 4.2.1): what a client must send back before
// the server keeps anything of it. A cookie is the HMAC of the client's address under a secret that
// is drawn anew each minute; one of the minute before is good, too.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <volley/addr.h>

#include "handler/crypto/hmac.h"

enum vly_dtls_cookie_limits {
	VLY_DTLS_COOKIE_BYTES = VLY_HMAC_BYTES,
};

// A secret: wipe it.
struct vly_dtls_cookies {
	struct vly_hmac now;
	struct vly_hmac before;
	uint64_t drawn_ns;
};

// False when no random number could be had.
bool vly_dtls_cookies_init(struct vly_dtls_cookies *cookies, uint64_t now_ns);

// Draws another secret when it is time to.
void vly_dtls_cookies_renew(struct vly_dtls_cookies *cookies, uint64_t now_ns);

// Writes VLY_DTLS_COOKIE_BYTES.
void vly_dtls_cookie_make(const struct vly_dtls_cookies *cookies, const struct vly_addr *peer,
			  uint8_t *cookie);

bool vly_dtls_cookie_check(const struct vly_dtls_cookies *cookies, const struct vly_addr *peer,
			   const uint8_t *cookie, size_t len);
