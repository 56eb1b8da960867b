// SPDX-License-Identifier: BSD-3-Clause
#include "stack/ip6.h"

enum {
	OPTION_PAD1 = 0,
	OPTION_ACTION = 0xc0, // what who does not know the option shall do; 0: read over it
	EXTENSION_UNIT = 8,
};

// The options of one extension header (RFC 8200, section 4.2). We know none but the paddings.
static int options_check(const uint8_t *p, size_t len)
{
	size_t at = 0;

	while (at < len) {
		if (p[at] == OPTION_PAD1) {
			at++;
			continue;
		}
		if (len - at < 2 || p[at + 1] > len - at - 2)
			return -EBADMSG;
		if (p[at] & OPTION_ACTION)
			return -EOPNOTSUPP;
		at += 2u + p[at + 1];
	}
	return 0;
}

int vly_ip6_skip_extensions(uint8_t *next, const uint8_t *p, size_t len)
{
	size_t at = 0;

	for (int count = 0; *next == VLY_IP6_HOP_BY_HOP || *next == VLY_IP6_DESTINATION; count++) {
		size_t size;
		int error;

		// Hop-by-hop options stand first or nowhere (RFC 8200, section 4.1).
		if (count == VLY_IP6_EXTENSIONS_MAX || (*next == VLY_IP6_HOP_BY_HOP && count > 0))
			return -EOPNOTSUPP;
		if (len - at < EXTENSION_UNIT)
			return -EBADMSG;
		size = (p[at + 1] + 1u) * EXTENSION_UNIT;
		if (size > len - at)
			return -EBADMSG;
		if (at + size > VLY_IP6_EXTENSION_BYTES_MAX)
			return -EOPNOTSUPP;
		error = options_check(p + at + 2, size - 2);
		if (error)
			return error;
		*next = p[at];
		at += size;
	}
	return (int)at;
}
