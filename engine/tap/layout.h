// SPDX-License-Identifier: BSD-3-Clause
//
// What an engine and a tap share: the words over the socket, and the memory. The engine makes the
// memory, seals its size and sends its descriptor. It believes nothing that the tap writes there:
// that is one number a ring, how far it has read, and a wrong one only makes the ring look full.
//
//     struct vly_tap_page     page 0: what the engine's ports are
//     struct vly_tap_ring     one for each queue, from VLY_TAP_PAGE_BYTES on
//     bytes                   ring_bytes for each queue, from the next page on
//
// A ring holds records, each in one piece, a multiple of 8 bytes long; the rest up to its end is a
// record of kind 0, of which only the first 8 bytes are sure to be there.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include <volley/handler.h>
#include <volley/tap.h>

#include "core/compiler.h"
#include "tap/filter.h"

enum vly_tap_layout {
	VLY_TAP_MAGIC = 0x76747031,
	VLY_TAP_PAGE_BYTES = 8192,
	VLY_TAP_PAGE_ALIGN = 4096,
	VLY_TAP_RECORD_ALIGN = 8,
	VLY_TAP_VERSION_BYTES = 32,
	VLY_TAP_NAME_BYTES = 64,
};

// The tap's first and only word.
struct vly_tap_hello {
	uint32_t magic;
	char version[VLY_TAP_VERSION_BYTES]; // both are of one version, or they do not talk
	struct vly_filter filter;
	uint32_t points;
	uint32_t snap_bytes;
	uint32_t ring_bytes;
};

// The engine's answer, with the memory's descriptor if status is 0.
struct vly_tap_welcome {
	uint32_t magic;
	int32_t status; // 0 or a negative errno
	uint64_t bytes; // of the memory
	char text[VLY_ERROR_BYTES];
};

struct vly_tap_page {
	uint32_t ring_count;
	uint32_t ring_bytes; // of each, a power of two
	uint32_t snap_bytes;
	uint32_t wire_count;
	struct vly_wire wires[VLY_PORTS_MAX];
};

_Static_assert(sizeof(struct vly_tap_page) <= VLY_TAP_PAGE_BYTES, "it has that much room");

// Positions count bytes since the beginning and run free.
struct vly_tap_ring {
	_Atomic uint64_t head VLY_ALIGNED(128); // engine: w, tap: r; as the next three
	_Atomic uint64_t taken;
	_Atomic uint64_t missed;
	_Atomic uint64_t filtered;
	_Atomic uint64_t tail VLY_ALIGNED(128); // engine: r, tap: w
};

struct vly_tap_record {
	uint32_t size; // of all of it, with the payload; a multiple of VLY_TAP_RECORD_ALIGN
	uint8_t point; // of enum vly_tap_point; 0: no record, see above
	uint8_t drop;  // enum vly_drop, with VLY_TAP_DROP
	// 0: no. Not bool: who reads it believes nothing of what lies in shared memory, and not
	// every byte is one.
	uint8_t is_outbound;
	uint8_t has_headers; // the payload begins with an IP header
	uint64_t time_ns;    // CLOCK_MONOTONIC
	uint64_t id;
	struct vly_addr source;
	struct vly_addr target;
	uint32_t link; // as of the datagram
	uint32_t missed;
	uint16_t len; // of the payload; and what is there of it, behind this
	uint16_t captured;
	uint8_t queue;
	uint8_t ttl;
	uint8_t tos;
};

// Where things lie in the memory.
static inline uint64_t vly_tap_data_offset(uint32_t ring_count)
{
	uint64_t end = VLY_TAP_PAGE_BYTES + (uint64_t)ring_count * sizeof(struct vly_tap_ring);

	return (end + VLY_TAP_PAGE_ALIGN - 1) / VLY_TAP_PAGE_ALIGN * VLY_TAP_PAGE_ALIGN;
}

static inline uint64_t vly_tap_memory_bytes(uint32_t ring_count, uint32_t ring_bytes)
{
	return vly_tap_data_offset(ring_count) + (uint64_t)ring_count * ring_bytes;
}

// The socket's address of a process, as `inside` its namespace of process numbers, whose number is
// pid_namespace. Writes at most VLY_TAP_NAME_BYTES to name, without a zero; returns its length.
uint32_t vly_tap_name(char *name, uint64_t pid_namespace, uint32_t inside);
