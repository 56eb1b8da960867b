// SPDX-License-Identifier: BSD-3-Clause
//
// The writing side of a capture: records go to a thread of their own through one ring and come back
// empty through another, so that who captures never waits, allocates or calls the system. There is
// a fixed number of records; while all are with the thread, what is to be captured is missed.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include <volley/error.h>

#include "tap/interfaces.h"
#include "tap/pcapng.h"

struct vly_capture_writer;

// One datagram, on its way into a file.
struct vly_capture_record {
	struct vly_pcapng_packet packet; // its time is CLOCK_MONOTONIC's; without an interface
	uint32_t link;                   // as of the datagram
	uint8_t payload[];
};

struct vly_capture_config {
	const char *file; // "NAME.pcapng": the first file is NAME_00001.pcapng, or the next that is
			  // not there yet
	uint32_t worker;  // with several, each has files of its own: NAME-WORKER_00001.pcapng
	uint32_t worker_count;
	uint32_t records;
	uint32_t snap_bytes;
	uint64_t file_bytes;          // after which the next file is begun
	uint32_t files;               // that are kept, the oldest goes
	const struct vly_wire *wires; // of the engine; live as long as the writer
	uint32_t wire_count;
};

// Written by the thread, read by any.
struct vly_capture_progress {
	_Atomic uint64_t written; // records in files
	_Atomic uint64_t lost;    // that the system took no more: a full disk, a quota
	_Atomic uint64_t begun;   // files
	_Atomic uint32_t error;   // errno of the last that was lost; 0: none
};

// Opens the first file and starts the thread. Returns 0, -ENOMEM, -EINVAL, or what the system says
// of the file, with a line that names the fix.
int vly_capture_open(struct vly_capture_writer **writer, const struct vly_capture_config *config,
		     struct vly_error *error);

// Writes what was given, ends the thread and closes the file. NULL is allowed.
void vly_capture_close(struct vly_capture_writer *writer);

// An empty record, or NULL. The capturing thread, as the next one.
struct vly_capture_record *vly_capture_take(struct vly_capture_writer *writer);
// Gives a record that was taken to the thread. Never fails: there is room for all.
void vly_capture_give(struct vly_capture_writer *writer, struct vly_capture_record *record);

// Lives as long as the writer. Any thread.
const struct vly_capture_progress *vly_capture_progress(const struct vly_capture_writer *writer);

// What the files' names begin with. Lives as long as the writer. Any thread.
const char *vly_capture_stem(const struct vly_capture_writer *writer);
