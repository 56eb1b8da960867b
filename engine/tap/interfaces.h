// SPDX-License-Identifier: BSD-3-Clause
//
// The interfaces of a pcapng file: one for each that the kernel says a datagram came by or leaves
// by, or for the port where there is none. Their blocks are written as they turn up.
#pragma once

#include <stdint.h>

#include <volley/handler.h>

enum vly_interfaces_limits {
	VLY_INTERFACES_MAX = 64, // of one file; what comes by others is said to come by the first
};

struct vly_interface {
	uint32_t wire;
	uint32_t ifindex; // 0: the port as a whole
};

// Of one file; zeroed to begin with.
struct vly_interfaces {
	uint32_t count;
	struct vly_interface list[VLY_INTERFACES_MAX];
};

// Which number a datagram's interface has in the file. If it is a new one its block is written to
// `bytes` (VLY_PCAPNG_INTERFACE_BYTES), and *len is its length, else 0. May ask the kernel for the
// name. `wires` may be none.
uint32_t vly_interfaces_find(struct vly_interfaces *interfaces, const struct vly_wire *wires,
			     uint32_t wire_count, uint8_t queue, uint32_t link, uint32_t snap_bytes,
			     uint8_t *bytes, uint32_t *len);
