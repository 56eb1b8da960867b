// SPDX-License-Identifier: BSD-3-Clause
//
// Addresses as text and as bytes: what volley/addr.h declares.
#include <volley/addr.h>

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

enum {
	HOST_TEXT_BYTES = 256,
	SERVICE_TEXT_BYTES = 64,
};

bool vly_addr_is_ipv4(const struct vly_addr *addr)
{
	return memcmp(addr->ip, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

bool vly_addr_is_wildcard(const struct vly_addr *addr)
{
	static const uint8_t zero[16];

	if (vly_addr_is_ipv4(addr))
		return memcmp(addr->ip + 12, zero, 4) == 0;
	return memcmp(addr->ip, zero, sizeof(zero)) == 0;
}

bool vly_addr_is_multicast(const struct vly_addr *addr)
{
	if (vly_addr_is_ipv4(addr))
		return (addr->ip[12] & 0xf0) == 0xe0;
	return addr->ip[0] == 0xff;
}

char *vly_ip_format(const uint8_t *ip, char *text, size_t size_bytes)
{
	char host[INET6_ADDRSTRLEN];
	bool is_ipv4 = memcmp(ip, mapped_prefix, sizeof(mapped_prefix)) == 0;

	inet_ntop(is_ipv4 ? AF_INET : AF_INET6, is_ipv4 ? ip + 12 : ip, host, sizeof(host));
	snprintf(text, size_bytes, "%s", host);
	return text;
}

char *vly_addr_format(const struct vly_addr *addr, char *text, size_t size_bytes)
{
	char host[INET6_ADDRSTRLEN];

	if (vly_addr_is_ipv4(addr)) {
		inet_ntop(AF_INET, addr->ip + 12, host, sizeof(host));
		snprintf(text, size_bytes, "%s:%u", host, addr->port);
	} else {
		inet_ntop(AF_INET6, addr->ip, host, sizeof(host));
		snprintf(text, size_bytes, "[%s]:%u", host, addr->port);
	}
	return text;
}

// Splits at the last colon outside brackets. "9000" and ":9000" have an empty host.
static int split_host_service(const char *text, char *host, char *service)
{
	const char *end = text + strlen(text);
	const char *colon = strrchr(text, ':');
	const char *host_end = colon ? colon : text;
	const char *start = text;

	if (text[0] == '[') {
		host_end = strchr(text, ']');
		if (!host_end || host_end[1] != ':')
			return -EINVAL;
		start = text + 1;
		colon = host_end + 1;
	} else if (colon && memchr(text, ':', (size_t)(colon - text))) {
		return -EINVAL; // IPv6 without brackets: where the port begins is a guess
	}
	if (host_end - start >= HOST_TEXT_BYTES)
		return -EINVAL;
	memcpy(host, start, (size_t)(host_end - start));
	host[host_end - start] = 0;
	start = colon ? colon + 1 : text;
	if (start == end || end - start >= SERVICE_TEXT_BYTES)
		return -EINVAL;
	memcpy(service, start, (size_t)(end - start) + 1);
	return 0;
}

static bool is_number(const char *text)
{
	return text[0] && strspn(text, "0123456789") == strlen(text);
}

static void endpoint_from_sockaddr(struct vly_endpoint *endpoint, const struct sockaddr *sa)
{
	memset(endpoint, 0, sizeof(*endpoint));
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;

		memcpy(endpoint->addr.ip, mapped_prefix, sizeof(mapped_prefix));
		memcpy(endpoint->addr.ip + 12, &in->sin_addr, 4);
		endpoint->addr.port = ntohs(in->sin_port);
	} else {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;

		memcpy(endpoint->addr.ip, &in6->sin6_addr, 16);
		endpoint->addr.port = ntohs(in6->sin6_port);
		endpoint->ifindex = in6->sin6_scope_id;
	}
}

// "address%interface": getaddrinfo() reads it for link-local addresses alone, but a group of any
// kind needs it just as well. Cuts it off `host`.
static int cut_interface(char *host, uint32_t *ifindex, struct vly_error *error)
{
	char *percent = strchr(host, '%');
	uint8_t ip[16];

	*ifindex = 0;
	if (!percent)
		return 0;
	*percent = 0;
	if (inet_pton(AF_INET, host, ip) == 1 || inet_pton(AF_INET6, host, ip) == 1)
		*ifindex = if_nametoindex(percent + 1);
	if (*ifindex)
		return 0;
	*percent = '%';
	if (strchr(host, ':'))
		return 0; // a number, perhaps: getaddrinfo() knows
	return vly_fail(error, -EINVAL, "no interface '%s' here; see: ip link", percent + 1);
}

static int look_up(struct vly_endpoint *endpoints, uint32_t max, const char *host,
		   const char *service, struct vly_error *error)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_protocol = IPPROTO_UDP};
	struct addrinfo *list = NULL;
	uint32_t count = 0;
	int rc = getaddrinfo(host, service, &hints, &list);

	if (rc == EAI_SERVICE)
		return vly_fail(error, -EINVAL,
				"port '%s' is not known; give a number from 0 to 65535", service);
	if (rc)
		return vly_fail(error, -EINVAL,
				"host '%s' cannot be resolved (%s); give a name "
				"that getent hosts knows, or an address",
				host, gai_strerror(rc));
	for (struct addrinfo *it = list; it && count < max; it = it->ai_next) {
		if (it->ai_family == AF_INET || it->ai_family == AF_INET6)
			endpoint_from_sockaddr(&endpoints[count++], it->ai_addr);
	}
	freeaddrinfo(list);
	return (int)count;
}

// "FIRST-LAST", both numbers: cuts it down to FIRST and returns LAST; 0 where it is no range.
static uint32_t cut_range(char *service)
{
	char *dash = strchr(service, '-');
	uint32_t last;

	if (!dash || !is_number(dash + 1) || strlen(dash + 1) > 5)
		return 0;
	last = (uint32_t)strtoul(dash + 1, NULL, 10);
	*dash = 0;
	if (is_number(service))
		return last;
	*dash = '-'; // a name of services(5) may have one
	return 0;
}

// The first `count` endpoints once more for each port after theirs, up to `last`.
static int spread_ports(struct vly_endpoint *endpoints, uint32_t max, uint32_t count, uint32_t last,
			const char *text, struct vly_error *error)
{
	uint32_t first = endpoints[0].addr.port;
	uint32_t n = count;

	if (last <= first || last > 65535 || first == 0)
		return vly_fail(error, -EINVAL,
				"port range in '%s' is none; write FIRST-LAST, two numbers from 1 "
				"to 65535, the smaller one first",
				text);
	if ((last - first + 1) * count > max)
		return vly_fail(error, -E2BIG,
				"'%s' is too many ports: there is room for %u more addresses; "
				"give a smaller range",
				text, max);
	for (uint32_t port = first + 1; port <= last; port++) {
		for (uint32_t i = 0; i < count; i++) {
			endpoints[n] = endpoints[i];
			endpoints[n++].addr.port = (uint16_t)port;
		}
	}
	return (int)n;
}

int vly_endpoint_resolve(struct vly_endpoint *endpoints, uint32_t max, const char *text,
			 bool passive, struct vly_error *error)
{
	char host[HOST_TEXT_BYTES];
	char service[SERVICE_TEXT_BYTES];
	uint32_t last = 0;
	uint32_t ifindex;
	int count;

	if (split_host_service(text, host, service))
		return vly_fail(error, -EINVAL,
				"address '%s' cannot be read; write HOST:PORT, "
				"[IPv6]:PORT%s",
				text, passive ? " or :PORT" : "");
	if (!host[0] && !passive)
		return vly_fail(error, -EINVAL,
				"address '%s' needs a host and a port; write HOST:PORT or "
				"[IPv6]:PORT",
				text);
	if (passive)
		last = cut_range(service);
	if (is_number(service) && (strlen(service) > 5 || strtoul(service, NULL, 10) > 65535))
		return vly_fail(error, -EINVAL,
				"port '%s' in '%s' is out of range; give a number "
				"from 0 to 65535",
				service, text);
	if (cut_interface(host, &ifindex, error))
		return -EINVAL;
	count = look_up(endpoints, max, host[0] ? host : "::", service, error);
	if (count > 0 && ifindex)
		endpoints[0].ifindex = ifindex;
	if (count == 0)
		return vly_fail(error, -EINVAL, "host '%s' has no IPv4 or IPv6 address", host);
	if (count > 0 && !host[0])
		count = 1;
	if (count > 0 && last)
		return spread_ports(endpoints, max, (uint32_t)count, last, text, error);
	return count;
}

int vly_prefix_parse(struct vly_prefix *prefix, const char *text, struct vly_error *error)
{
	char host[INET6_ADDRSTRLEN + 1];
	const char *slash = strchr(text, '/');
	size_t host_len = slash ? (size_t)(slash - text) : strlen(text);
	unsigned long bits = 128;
	bool ipv4 = false;

	memset(prefix, 0, sizeof(*prefix));
	if (host_len >= sizeof(host))
		host_len = sizeof(host) - 1;
	memcpy(host, text, host_len);
	host[host_len] = 0;
	if (inet_pton(AF_INET, host, prefix->ip + 12) == 1) {
		memcpy(prefix->ip, mapped_prefix, sizeof(mapped_prefix));
		ipv4 = true;
	} else if (inet_pton(AF_INET6, host, prefix->ip) != 1) {
		return vly_fail(error, -EINVAL,
				"address '%s' cannot be read; write for instance "
				"10.0.0.1/24 or fd00::1/64",
				text);
	}
	if (slash) {
		bits = is_number(slash + 1) && strlen(slash + 1) <= 3 ? strtoul(slash + 1, NULL, 10)
								      : 999;
		if (bits > (ipv4 ? 32u : 128u))
			return vly_fail(error, -EINVAL,
					"prefix length in '%s' is out of range; "
					"give 0 to %u",
					text, ipv4 ? 32u : 128u);
		bits += ipv4 ? VLY_PREFIX_IPV4_OFFSET : 0;
	}
	prefix->bits = (uint8_t)bits;
	return 0;
}
