// SPDX-License-Identifier: BSD-3-Clause
//
// Addresses. One form for both families: 16 bytes, IPv4 mapped as ::ffff:a.b.c.d (RFC 4291,
// section 2.5.5.2), so that no code above the wire has two paths. Ports are in host order.
//
// Nothing here keeps what it is given. Where something cannot be read, `error`, which may be NULL,
// gets one line that names it and the fix.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

enum vly_addr_limits {
	VLY_ADDR_TEXT_BYTES = 80,    // "[address%interface]:port" and its terminating zero
	VLY_PREFIX_IPV4_OFFSET = 96, // an IPv4 prefix of n bits is a mapped prefix of 96 + n
};

// An address and a UDP port (host order). All zero: the wildcard of either family.
struct vly_addr {
	uint8_t ip[16];
	uint16_t port;
};

// An address with the interface it is reached by: needed for link-local peers (RFC 4007).
struct vly_endpoint {
	struct vly_addr addr;
	uint32_t ifindex; // 0: whichever the routes say
};

// An address of ours and its on-link prefix, in bits of the mapped form (24 -> 120).
struct vly_prefix {
	uint8_t ip[16];
	uint8_t bits;
};

// A multicast group to receive (RFC 1112 and RFC 3376 for IPv4, RFC 4291 and RFC 3810 for IPv6).
struct vly_group {
	uint8_t ip[16];     // the group, of 224.0.0.0/4 or ff00::/8
	uint8_t source[16]; // only what this sender sends there (RFC 4607); all zero: anybody
	uint32_t ifindex;   // kernel backends: on which interface; 0: the one that the routes name.
			    // Frame backends have one link, and take no notice
};

// The way to a prefix: who, on a prefix of ours, takes what goes there. The prefix of no bits
// (0.0.0.0/0, ::/0) makes it the default gateway.
struct vly_route {
	struct vly_prefix prefix;
	uint8_t next_hop[16];
};

// A neighbour whose MAC is known beforehand: of one station, so the first byte is even.
struct vly_neighbour {
	uint8_t ip[16];
	uint8_t mac[6];
};

// True for ::ffff:0:0/96. The wildcard :: is not IPv4. Any thread.
bool vly_addr_is_ipv4(const struct vly_addr *addr);

// True when all 16 bytes are zero, or for the mapped 0.0.0.0. Any thread.
bool vly_addr_is_wildcard(const struct vly_addr *addr);

// Writes "192.0.2.1:53" or "[2001:db8::1]:53" (RFC 5952, section 6) to text, cut to size_bytes,
// with a terminating zero; VLY_ADDR_TEXT_BYTES are enough. Returns text. Any thread; does not
// allocate.
char *vly_addr_format(const struct vly_addr *addr, char *text, size_t size_bytes);

// Writes "192.0.2.1" or "2001:db8::1" (RFC 5952) for the 16 bytes of an address. As
// vly_addr_format().
char *vly_ip_format(const uint8_t *ip, char *text, size_t size_bytes);

// Turns "HOST:PORT", "[IPv6]:PORT", "[IPv6%INTERFACE]:PORT" (RFC 4007, section 11),
// "IPv4%INTERFACE:PORT" (for a group), ":PORT" or "PORT" into endpoints with getaddrinfo(3), which
// sorts them (RFC 6724). An empty HOST, with `passive` set, is the wildcard of both families (one
// endpoint, ::); without it, an error. PORT is a number from 0 to 65535, a name of services(5), or
// with `passive` a range of numbers, FIRST-LAST from 1 on, for an endpoint each. `max`, at least 1,
// is what `endpoints` holds: of a name with more addresses, those that fit. Returns how many, or
//   -EINVAL  cannot be read; no such name, service or interface; a name without an address
//   -E2BIG   a range of more than `max`
// Any thread: may ask a name server and wait for it.
int vly_endpoint_resolve(struct vly_endpoint *endpoints, uint32_t max, const char *text,
			 bool passive, struct vly_error *error);

// Turns "10.0.0.1/24", "fd00::1/64" or an address alone (/32, /128) into a prefix; bits of the
// address behind the prefix are kept. Returns 0 or -EINVAL. Any thread.
int vly_prefix_parse(struct vly_prefix *prefix, const char *text, struct vly_error *error);

// True for 224.0.0.0/4 (RFC 5771) and ff00::/8 (RFC 4291, section 2.7). Any thread.
bool vly_addr_is_multicast(const struct vly_addr *addr);

// Turns "239.1.1.1", "232.1.1.1,source=10.0.0.9,if=eth0" or "ff15::1,if=eth0" into a group. Returns
// 0, -EINVAL (no group, or a source of the other family or that is one) or -ENODEV (no such
// interface). Any thread.
int vly_group_parse(struct vly_group *group, const char *text, struct vly_error *error);

// Turns "10.1.0.0/16@10.0.0.254" (PREFIX@NEXT-HOP, of one family) into a route; an address alone
// is the next hop to everything that no other route or prefix takes. Returns 0 or -EINVAL. Any
// thread.
int vly_route_parse(struct vly_route *route, const char *text, struct vly_error *error);

// Turns "10.0.0.9@02:00:00:00:00:09" into a neighbour. Returns 0 or -EINVAL (also for the MAC of a
// group). Any thread.
int vly_neighbour_parse(struct vly_neighbour *neighbour, const char *text, struct vly_error *error);

#ifdef __cplusplus
}
#endif
