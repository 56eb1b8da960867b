// SPDX-License-Identifier: BSD-3-Clause
//
// Many members of a chat (volley-handlers(7)) on one port: each has an address or a source port of
// its own, and a room of a tree. Datagrams in, datagrams out; crowd.c says what is done with them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <volley/volley.h>

enum crowd_limits {
	CROWD_MEMBERS_MAX = 1000000,
	CROWD_PROOF_BYTES = 9, // with its =
};

enum member_phase {
	MEMBER_OUTSIDE,
	MEMBER_JOINED,
	MEMBER_GONE,
};

struct member {
	uint32_t number; // of the newest copy
	uint32_t heard;  // copies
	uint8_t phase;   // enum member_phase
	bool has_proof;
	char proof[CROWD_PROOF_BYTES];
};

struct crowd {
	struct member *members;
	uint32_t count;
	struct vly_addr first; // where the first one is; the others behind it, one port after the
	uint32_t ports;        // other, so many at each address
	struct vly_endpoint server;
	struct vly_port *port;
	struct vly_queue *queue;
	struct vly_dgram *out[VLY_BURST_MAX]; // still to be sent
	uint32_t out_count;
	uint64_t copies;
	uint64_t late;     // copies with a number that is not the next one
	uint32_t wanted;   // messages that each should have heard by now
	uint32_t complete; // members that have heard as many
	uint64_t twice;    // copies beyond that
	uint64_t oks;      // of the first member's messages
	uint64_t pongs;    // answers to those who ask while a message is on its way
	uint32_t joined;
	uint32_t gone;
};

// Sends a line from a member: at once with those that wait, or when crowd_flush() is called.
__attribute__((format(printf, 3, 4))) void crowd_say(struct crowd *crowd, uint32_t member,
						     const char *format, ...);
void crowd_flush(struct crowd *crowd);

// Takes what has come. Returns how many datagrams.
uint32_t crowd_take(struct crowd *crowd);

// The path of a member's room: ten in the root, ten in each of these, ten in each of those.
void crowd_room(uint32_t member, char *text, size_t size);

// Says who comes in: the proof that was asked for, or that one would like to.
void crowd_join(struct crowd *crowd, uint32_t member);
