// SPDX-License-Identifier: BSD-3-Clause
//
// Routes and neighbours as text.
#include <volley/addr.h>

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"

enum {
	PART_BYTES = 64, // what stands before or after the "@", and its terminating zero
	MAC_TEXT_CHARS = 17,
};

// Splits "LEFT@RIGHT". False when there is no "@", or a part is too long to be an address.
static bool split(const char *text, char *left, char *right)
{
	const char *at = strchr(text, '@');

	if (!at || at - text >= PART_BYTES || strlen(at + 1) >= PART_BYTES)
		return false;
	snprintf(left, PART_BYTES, "%.*s", (int)(at - text), text);
	snprintf(right, PART_BYTES, "%s", at + 1);
	return true;
}

static int address_parse(uint8_t *ip, const char *text, struct vly_error *error)
{
	struct vly_prefix prefix;
	int rc = vly_prefix_parse(&prefix, text, error);

	if (!rc && strchr(text, '/'))
		rc = vly_fail(error, -EINVAL, "address '%s' has a prefix length; leave it out",
			      text);
	memcpy(ip, prefix.ip, sizeof(prefix.ip));
	return rc;
}

static bool is_ipv4(const uint8_t *ip)
{
	struct vly_addr addr = {.port = 0};

	memcpy(addr.ip, ip, sizeof(addr.ip));
	return vly_addr_is_ipv4(&addr);
}

int vly_route_parse(struct vly_route *route, const char *text, struct vly_error *error)
{
	char prefix[PART_BYTES];
	char next_hop[PART_BYTES];
	int rc;

	memset(route, 0, sizeof(*route));
	if (!strchr(text, '@')) {
		rc = address_parse(route->next_hop, text, error);
		if (!rc && is_ipv4(route->next_hop)) {
			memcpy(route->prefix.ip, route->next_hop, 12);
			route->prefix.bits = VLY_PREFIX_IPV4_OFFSET;
		}
		return rc;
	}
	if (!split(text, prefix, next_hop))
		return vly_fail(error, -EINVAL,
				"route '%.80s' cannot be read; write for instance "
				"10.1.0.0/16@10.0.0.254",
				text);
	rc = vly_prefix_parse(&route->prefix, prefix, error);
	if (!rc)
		rc = address_parse(route->next_hop, next_hop, error);
	if (!rc && is_ipv4(route->prefix.ip) != is_ipv4(route->next_hop))
		rc = vly_fail(error, -EINVAL,
			      "route '%s' goes from one family to the other; give both sides as "
			      "IPv4 or both as IPv6",
			      text);
	return rc;
}

// Six pairs of hexadecimal digits with colons between.
static bool mac_parse(uint8_t *mac, const char *text)
{
	for (int i = 0; i < MAC_TEXT_CHARS; i++) {
		if (i % 3 == 2 ? text[i] != ':' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	for (int i = 0; i < 6; i++) {
		unsigned int byte = 0;

		sscanf(text + i * 3L, "%2x", &byte);
		mac[i] = (uint8_t)byte;
	}
	return text[MAC_TEXT_CHARS] == '\0';
}

int vly_neighbour_parse(struct vly_neighbour *neighbour, const char *text, struct vly_error *error)
{
	char ip[PART_BYTES];
	char mac[PART_BYTES];
	int rc;

	memset(neighbour, 0, sizeof(*neighbour));
	if (!split(text, ip, mac) || !mac_parse(neighbour->mac, mac))
		return vly_fail(error, -EINVAL,
				"neighbour '%.80s' cannot be read; write for instance "
				"10.0.0.9@02:00:00:00:00:09",
				text);
	rc = address_parse(neighbour->ip, ip, error);
	if (!rc && neighbour->mac[0] & 1)
		rc = vly_fail(error, -EINVAL,
			      "neighbour '%s' has a group's MAC (its first byte is odd); give that "
			      "of one station",
			      text);
	return rc;
}
