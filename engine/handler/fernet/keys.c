// SPDX-License-Identifier: BSD-3-Clause
#include "handler/fernet/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "core/fail.h"
#include "handler/fernet/base64url.h"

enum {
	KEY_CHARS = 44,
	FILE_BYTES_MAX = 8192, // sixteen keys, and something to say about each
};

// One key. The text is a secret, so that what is wrong with it is told by its length only.
static int take_key(struct vly_fernet_keys *keys, const char *text, size_t chars, uint32_t line,
		    struct vly_error *error)
{
	uint8_t bytes[KEY_CHARS / 4 * 3];
	ssize_t len = -1;

	if (keys->count == VLY_FERNET_KEYS_MAX)
		return vly_fail(error, -EINVAL, "more than %d keys; leave out the oldest",
				VLY_FERNET_KEYS_MAX);
	if (chars == KEY_CHARS)
		len = vly_base64url_decode(bytes, (const uint8_t *)text, chars);
	if (len == VLY_FERNET_KEY_BYTES)
		memcpy(keys->keys[keys->count++].bytes, bytes, VLY_FERNET_KEY_BYTES);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	if (len == VLY_FERNET_KEY_BYTES)
		return 0;
	return vly_fail(error, -EINVAL,
			"line %u is no key: %zu characters that are not the %d of 32 bytes in "
			"base64url; make one with: openssl rand -base64 32 | tr +/ -_",
			line, chars, KEY_CHARS);
}

static int take_line(struct vly_fernet_keys *keys, const char *line, size_t len, uint32_t number,
		     struct vly_error *error)
{
	static const char separators[] = " \t\r,";

	while (len > 0) {
		size_t gap = 0;
		size_t word = 0;
		int rc;

		while (gap < len && strchr(separators, line[gap]))
			gap++;
		line += gap;
		len -= gap;
		if (len == 0 || line[0] == '#')
			return 0;
		while (word < len && !strchr(separators, line[word]))
			word++;
		rc = take_key(keys, line, word, number, error);
		if (rc)
			return rc;
		line += word;
		len -= word;
	}
	return 0;
}

static int take_text(struct vly_fernet_keys *keys, const char *text, size_t len,
		     struct vly_error *error)
{
	uint32_t number = 1;
	int rc = 0;

	keys->count = 0;
	while (len > 0 && !rc) {
		const char *end = memchr(text, '\n', len);
		size_t chars = end ? (size_t)(end - text) : len;

		rc = take_line(keys, text, chars, number++, error);
		text += chars + (end != NULL);
		len -= chars + (end != NULL);
	}
	if (!rc && keys->count == 0)
		rc = vly_fail(error, -EINVAL,
			      "no key in it; make one with: openssl rand -base64 32 | tr +/ -_");
	if (rc)
		vly_fernet_keys_wipe(keys);
	return rc;
}

// Returns the bytes read, or a negative errno value; -EFBIG when there are more.
static ssize_t read_all(const char *path, char *buffer, size_t size)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n = 1;

	if (file < 0)
		return -errno;
	while (n > 0 && used < size) {
		n = read(file, buffer + used, size - used);
		used += n > 0 ? (size_t)n : 0;
	}
	if (n < 0)
		n = -errno;
	close(file);
	if (n < 0)
		return n;
	return used < size ? (ssize_t)used : -EFBIG;
}

int vly_fernet_keys_read(struct vly_fernet_keys *keys, const char *path, struct vly_error *error)
{
	char text[FILE_BYTES_MAX];
	struct vly_error inner = {""};
	ssize_t len = read_all(path, text, sizeof(text));
	int rc;

	if (len < 0)
		return vly_fail(error, (int)len, "cannot read the keys in %.200s: %s", path,
				len == -EFBIG ? "it is too large for a list of keys"
					      : strerror((int)-len));
	rc = take_text(keys, text, (size_t)len, &inner);
	OPENSSL_cleanse(text, sizeof(text));
	return rc ? vly_fail(error, rc, "%.120s: %.240s", path, inner.text) : 0;
}

int vly_fernet_keys_getenv(struct vly_fernet_keys *keys, const char *name, struct vly_error *error)
{
	const char *text = getenv(name);
	struct vly_error inner = {""};
	int rc;

	if (!text)
		return vly_fail(error, -ENOENT,
				"there is no environment variable '%.60s'; set it to the keys, or "
				"give key-file=FILE",
				name);
	rc = take_text(keys, text, strlen(text), &inner);
	return rc ? vly_fail(error, rc, "environment variable %.60s: %.240s", name, inner.text) : 0;
}

void vly_fernet_keys_wipe(struct vly_fernet_keys *keys)
{
	OPENSSL_cleanse(keys, sizeof(*keys));
}
