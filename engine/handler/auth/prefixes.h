// SPDX-License-Identifier: BSD-3-Clause
//
// Prefixes, each with a value, and the longest that an address lies in: a table made once and then
// only read. A look-up takes one step for the first 18 bits and one for each 6 that follow, as far
// as the prefixes there are long: two for prefixes of up to 24 bits, at most 4 for IPv4, however
// many there are. Each step touches one cache line, and a burst takes each step together, so that
// it waits for the memory once a step and not once an address.
//
// The form is a poptrie (Asai and Ohara, "Poptrie: A Compressed Trie with Population Count for Fast
// and Scalable Software IP Routing Table Lookup", SIGCOMM 2015), but for the values, which are so
// few that a node has them in itself. No library of Debian's has one; what DPDK has belongs to its
// backend, and is not there without it.
#pragma once

#include <stdint.h>

#include <volley/addr.h>

enum vly_prefixes_limits {
	VLY_PREFIXES_MAX = 4 << 20,
	VLY_PREFIX_VALUE_MAX = 3,
};

// Where several are equal, the one with the highest value counts.
struct vly_prefix_value {
	struct vly_prefix prefix;
	uint8_t value; // 1 .. VLY_PREFIX_VALUE_MAX
};

struct vly_prefixes;

// Makes the table; does not need `list` afterwards. Returns 0 or -ENOMEM. Control
// thread.
int vly_prefixes_open(struct vly_prefixes **prefixes, const struct vly_prefix_value *list,
		      uint32_t count);

// NULL is allowed.
void vly_prefixes_close(struct vly_prefixes *prefixes);

// For each of `count` addresses (16 bytes, IPv4 mapped) the value of the longest prefix that it
// lies in; 0: none. Any thread.
void vly_prefixes_find(const struct vly_prefixes *prefixes, const uint8_t *const *ips,
		       uint32_t count, uint8_t *values);
