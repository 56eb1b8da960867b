// SPDX-License-Identifier: BSD-3-Clause
#include "handler/dtls/psk.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "core/fail.h"

enum {
	LINE_BYTES = VLY_DTLS_IDENTITY_BYTES + 2 * VLY_DTLS_PSK_BYTES_MAX + 4,
	FIRST_ROOM = 16,
};

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Returns how many bytes, 0 if it is no key.
static size_t read_key(uint8_t *key, const char *text)
{
	size_t len = strlen(text) / 2;

	if (strlen(text) % 2 || len > VLY_DTLS_PSK_BYTES_MAX || len < VLY_DTLS_PSK_BYTES_MIN)
		return 0;
	for (size_t i = 0; i < len; i++) {
		int high = digit_of(text[2 * i]);
		int low = digit_of(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return 0;
		key[i] = (uint8_t)(high << 4 | low);
	}
	return len;
}

static bool read_line(struct vly_dtls_psk *psk, const char *line)
{
	const char *colon = strrchr(line, ':');

	memset(psk, 0, sizeof(*psk));
	if (!colon || colon == line || (size_t)(colon - line) >= sizeof(psk->identity))
		return false;
	memcpy(psk->identity, line, (size_t)(colon - line));
	psk->key_len = read_key(psk->key, colon + 1);
	return psk->key_len > 0;
}

// Not by realloc(3), which would leave keys behind where they were.
static bool make_room(struct vly_dtls_psks *psks)
{
	size_t room = psks->room ? 2 * psks->room : FIRST_ROOM;
	struct vly_dtls_psk *more;

	if (psks->count < psks->room)
		return true;
	more = calloc(room, sizeof(*more));
	if (!more)
		return false;
	if (psks->count)
		memcpy(more, psks->psks, psks->count * sizeof(*more));
	if (psks->psks)
		OPENSSL_cleanse(psks->psks, psks->count * sizeof(*more));
	free(psks->psks);
	psks->psks = more;
	psks->room = room;
	return true;
}

static int take_line(struct vly_dtls_psks *psks, char *line, uint32_t number,
		     struct vly_error *error)
{
	line[strcspn(line, "\r\n")] = 0;
	if (!line[0] || line[0] == '#')
		return 0;
	if (psks->count == VLY_DTLS_PSKS_MAX)
		return vly_fail(error, -EINVAL, "more than %d lines", VLY_DTLS_PSKS_MAX);
	if (!make_room(psks))
		return vly_fail(error, -ENOMEM, "out of memory");
	if (!read_line(&psks->psks[psks->count], line))
		return vly_fail(error, -EINVAL,
				"line %u is not IDENTITY:KEY with %d to %d bytes in base 16; make "
				"one with: echo NAME:$(openssl rand -hex 32)",
				number, VLY_DTLS_PSK_BYTES_MIN, VLY_DTLS_PSK_BYTES_MAX);
	psks->count++;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct vly_dtls_psk *first = a;
	const struct vly_dtls_psk *second = b;

	return strcmp(first->identity, second->identity);
}

static int check(const struct vly_dtls_psks *psks, struct vly_error *error)
{
	if (psks->count == 0)
		return vly_fail(error, -EINVAL,
				"no key in it; add one with: echo NAME:$(openssl "
				"rand -hex 32) >>FILE");
	for (size_t i = 1; i < psks->count; i++) {
		if (compare(&psks->psks[i - 1], &psks->psks[i]) == 0)
			return vly_fail(error, -EINVAL, "'%.60s' has two keys",
					psks->psks[i].identity);
	}
	return 0;
}

static int read_file(struct vly_dtls_psks *psks, FILE *file, struct vly_error *error)
{
	char buffer[BUFSIZ];
	char line[LINE_BYTES];
	uint32_t number = 1;
	int rc = 0;

	setvbuf(file, buffer, _IOFBF, sizeof(buffer));
	while (!rc && fgets(line, sizeof(line), file))
		rc = take_line(psks, line, number++, error);
	OPENSSL_cleanse(line, sizeof(line));
	OPENSSL_cleanse(buffer, sizeof(buffer));
	if (rc)
		return rc;
	if (psks->count)
		qsort(psks->psks, psks->count, sizeof(psks->psks[0]), compare);
	return check(psks, error);
}

int vly_dtls_psks_open(struct vly_dtls_psks *psks, const char *path, struct vly_error *error)
{
	struct vly_error inner = {""};
	FILE *file = fopen(path, "re");
	int rc;

	memset(psks, 0, sizeof(*psks));
	if (!file)
		return vly_fail(error, -errno, "cannot read the keys in %.200s: %s", path,
				strerror(errno));
	rc = read_file(psks, file, &inner);
	fclose(file);
	if (rc)
		vly_dtls_psks_close(psks);
	return rc ? vly_fail(error, rc, "%.120s: %.240s", path, inner.text) : 0;
}

void vly_dtls_psks_close(struct vly_dtls_psks *psks)
{
	if (psks->psks)
		OPENSSL_cleanse(psks->psks, psks->room * sizeof(psks->psks[0]));
	free(psks->psks);
	memset(psks, 0, sizeof(*psks));
}

const struct vly_dtls_psk *vly_dtls_psk_find(const struct vly_dtls_psks *psks, const char *identity)
{
	struct vly_dtls_psk wanted = {.key_len = 0};

	if (!psks->count || strlen(identity) >= sizeof(wanted.identity))
		return NULL;
	memcpy(wanted.identity, identity, strlen(identity));
	return bsearch(&wanted, psks->psks, psks->count, sizeof(psks->psks[0]), compare);
}
