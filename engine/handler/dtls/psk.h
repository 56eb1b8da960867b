// SPDX-License-Identifier: BSD-3-Clause
//
// Pre-shared keys by identity, from a file as GnuTLS's psktool writes it: IDENTITY:KEY, a line
// each, the key in base 16.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <volley/error.h>

enum vly_dtls_psk_limits {
	VLY_DTLS_IDENTITY_BYTES = 128, // with the terminating zero; RFC 4279 wants that many
	VLY_DTLS_PSK_BYTES_MAX = 64,
	VLY_DTLS_PSK_BYTES_MIN = 16,
	VLY_DTLS_PSKS_MAX = 100000,
};

struct vly_dtls_psk {
	char identity[VLY_DTLS_IDENTITY_BYTES];
	uint8_t key[VLY_DTLS_PSK_BYTES_MAX];
	size_t key_len;
};

// Secrets: close them.
struct vly_dtls_psks {
	struct vly_dtls_psk *psks; // by identity, ascending
	size_t count;
	size_t room;
};

// Empty lines and those that begin with # are left out. Returns 0, -EINVAL (a line that is none, of
// which only the number is told; a name twice; none at all), -ENOMEM, or what fopen(3) says.
int vly_dtls_psks_open(struct vly_dtls_psks *psks, const char *path, struct vly_error *error);
void vly_dtls_psks_close(struct vly_dtls_psks *psks);

// NULL if there is none of this identity.
const struct vly_dtls_psk *vly_dtls_psk_find(const struct vly_dtls_psks *psks,
					     const char *identity);
