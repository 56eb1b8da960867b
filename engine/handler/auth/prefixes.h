// SPDX-License-Identifier: BSD-3-Clause
//
// Prefixes, each with a value, and the longest that an address lies in: a table made once and then
// only read. A look-up takes one step for the first 16 bits and one for each 6 that follow, as far
// as the prefixes there are long: at most 4 for IPv4, however many there are.
//
// The form is a poptrie (Asai and Ohara, "Poptrie: A Compressed Trie with Population Count for Fast
// and Scalable Software IP Routing Table Lookup", SIGCOMM 2015). No library of Debian's has one;
// what DPDK has belongs to its backend, and is not there without it.
#pragma once

#include <stdint.h>

#include <volley/addr.h>

enum vly_prefixes_limits {
	VLY_PREFIXES_MAX = 4 << 20,
};

// Where several are equal, the one with the highest value counts.
struct vly_prefix_value {
	struct vly_prefix prefix;
	uint8_t value; // 1 .. 127
};

struct vly_prefixes;

// Makes the table; does not need `list` afterwards. Returns 0 or -ENOMEM. Control
// thread.
int vly_prefixes_open(struct vly_prefixes **prefixes, const struct vly_prefix_value *list,
		      uint32_t count);

// NULL is allowed.
void vly_prefixes_close(struct vly_prefixes *prefixes);

// The value of the longest prefix that the address (16 bytes, IPv4 mapped) lies in; 0: none. Any
// thread.
uint8_t vly_prefixes_find(const struct vly_prefixes *prefixes, const uint8_t *ip);
