// SPDX-License-Identifier: BSD-3-Clause
//
// What paths take that are narrower than our link, as routers on them have said (path MTU
// discovery, RFC 1191 and RFC 8201). A bounded cache: an entry is forgotten after a while, as paths
// change, and what is nearest to that makes room for another.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum vly_path_limits {
	VLY_PATH_SETS = 256,
	VLY_PATH_WAYS = 4, // entries of a set; an address has one set
	VLY_PATH_IP4_MIN = 576,
	VLY_PATH_IP6_MIN = 1280, // RFC 8200, section 5: every link takes so much
};

enum vly_path_times {
	VLY_PATH_NS = 600000000000, // 10 minutes (RFC 1191, section 6.3; RFC 8201, section 5.3)
};

struct vly_path {
	uint8_t ip[16];    // IPv4 mapped
	uint64_t until_ns; // 0: free
	uint32_t mtu;
};

struct vly_paths {
	uint32_t count;
	struct vly_path sets[VLY_PATH_SETS][VLY_PATH_WAYS];
};

struct vly_stack;

// Takes note of what a router says. False when it is of no use: not less than is known. What would
// be less than every path must take counts as that.
bool vly_path_learn(struct vly_stack *stack, const uint8_t *ip, uint32_t mtu, uint64_t now_ns);

// The bytes of an IP packet that the way to `ip` takes.
uint32_t vly_path_mtu(const struct vly_stack *stack, const uint8_t *ip);

// Forgets what is old, and lowers *due_ns to when the next is.
void vly_path_expire(struct vly_stack *stack, uint64_t now_ns, uint64_t *due_ns);
