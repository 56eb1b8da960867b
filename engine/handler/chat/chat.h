// SPDX-License-Identifier: BSD-3-Clause
//
// The chat itself, without sockets, clocks or threads: datagrams and the time in; answers in place,
// and work out. What one datagram can be answered with is written over it (input.c). All else is
// work: a message to a room is one entry of a queue, from which copies are made one by one as long
// as there are buffers (work.c). The queue is worked off in order, so nobody gets an older message
// after a newer one, and a member that moves stands in it, too: it misses nothing on the way.
//
// All memory is allocated by open; the configuration says how much. One thread.
#pragma once

#include <volley/dgram.h>

#include "handler/chat/members.h"
#include "handler/chat/rooms.h"

struct vly_chat_config {
	uint32_t max_members;
	uint32_t max_rooms;
	uint32_t messages; // kept, a power of two; a quarter of it may be queued
	uint32_t history;  // of a room that who joins gets; at most `window`
	uint32_t window;   // copies that a member may ask for again, a power of two
	uint32_t notices;  // in rooms of so many, others are told who comes and goes
	uint32_t rate;     // requests a second of one member
	uint32_t burst;    // and how many at once
	uint64_t timeout_ns;
	struct vly_siphash_key key;
};

// What happened; the handler's metrics, in this order.
enum vly_chat_count {
	VLY_CHAT_JOINED,
	VLY_CHAT_LEFT,
	VLY_CHAT_EXPIRED,    // said nothing for the time-out
	VLY_CHAT_DISPLACED,  // their address is somebody else's now
	VLY_CHAT_CHALLENGED, // strangers that were asked to prove their address
	VLY_CHAT_REFUSED,    // requests answered with err
	VLY_CHAT_BUSY,       // of those, because too much was queued
	VLY_CHAT_REPEATED,   // requests whose tag had been carried out before
	VLY_CHAT_MESSAGES,
	VLY_CHAT_COPIES,
	VLY_CHAT_AGAIN_COPIES,
	VLY_CHAT_GONE,        // asked for again, and not kept any more
	VLY_CHAT_UNDELIVERED, // copies that were due and could not be made
	VLY_CHAT_COUNT_COUNT,
};

enum vly_chat_work_limits {
	VLY_CHAT_BODY_MAX = 1104, // "/ROOM NAME: TEXT" at its longest
	VLY_CHAT_DUE_MAX = 64,
};

struct vly_chat_message {
	uint64_t id; // from 1, in the order in which they were said
	uint32_t len;
	char body[VLY_CHAT_BODY_MAX];
};

enum vly_chat_work {
	VLY_CHAT_WORK_ROOM,   // a message to a room and all below
	VLY_CHAT_WORK_NOTICE, // a message to a room alone
	VLY_CHAT_WORK_ONE,    // a message to a member
	VLY_CHAT_WORK_AGAIN,  // copies that a member had
	VLY_CHAT_WORK_MOVE,   // a member into another room
	VLY_CHAT_WORK_WARN,   // a member that has been silent for long
};

struct vly_chat_job {
	enum vly_chat_work work;
	bool has_begun;
	bool has_tag;
	uint8_t path_len;
	uint32_t target; // room or member, whichever it is
	uint32_t target_generation;
	uint32_t sender; // whose `pending` counts it, or VLY_INDEX_END
	uint32_t sender_generation;
	uint64_t message; // to send; for a move, the newest when it was asked for
	uint32_t from;    // copies
	uint32_t to;
	uint32_t left; // copies still to make, when it has begun
	uint32_t tag;
	char path[VLY_CHAT_ROOM_MAX];
};

struct vly_chat {
	struct vly_chat_config config;
	struct vly_chat_members members;
	struct vly_chat_rooms rooms;
	struct vly_chat_message *messages;
	uint64_t newest; // message; 0: there was none
	struct vly_chat_job *jobs;
	uint32_t job_mask;
	uint32_t job_first; // free-running, as is
	uint32_t job_end;
	uint32_t cursor;   // of the first job: the member whose copy comes next
	uint32_t newcomer; // who joined by the last input, or VLY_INDEX_END
	uint64_t interval_ns;
	uint64_t counts[VLY_CHAT_COUNT_COUNT];
};

// Returns 0 or -ENOMEM. Control thread; so is close.
int vly_chat_open(struct vly_chat *chat, const struct vly_chat_config *config,
		  struct vly_error *error);
void vly_chat_close(struct vly_chat *chat);

// Takes a datagram: sets its fate, and its payload to the answer if that is a reply. `identity` is
// who the sender has proved to be, or NULL; then the name must be that.
void vly_chat_input(struct vly_chat *chat, struct vly_dgram *dgram, uint64_t now_ns,
		    const char *identity);

// How many copies are due, at most VLY_CHAT_DUE_MAX: so many buffers can be used now, seldom fewer.
uint32_t vly_chat_due(const struct vly_chat *chat);

// Makes the next copy: payload, peer, local, link. False when none is due, or when the budget of
// members looked at has become 0.
bool vly_chat_next(struct vly_chat *chat, struct vly_dgram *dgram, uint32_t *budget);

// Gives up what is queued, and counts the copies that nobody gets.
void vly_chat_abandon(struct vly_chat *chat);

// To be called for each member within the time that it returned last; for a newcomer, within that
// of the first call. Ends who has been silent for too long: then it returns 0.
uint64_t vly_chat_check(struct vly_chat *chat, uint32_t member, uint64_t now_ns);

// --- between input.c and work.c -----------------------------------------------------------------

// Queues work; false when too much is queued, or too much of this sender's (VLY_INDEX_END:
// nobody's). `job` is copied.
bool vly_chat_queue(struct vly_chat *chat, const struct vly_chat_job *job, uint32_t sender);

// Says a message: the next id, its text "HEAD: TEXT", and the job that carries it. False as above.
bool vly_chat_say(struct vly_chat *chat, const struct vly_chat_job *job, uint32_t sender,
		  struct vly_chat_word head, struct vly_chat_word text);

// The walk of this job, which has begun, goes on behind the member at the cursor.
void vly_chat_skip(struct vly_chat *chat, const struct vly_chat_job *job);

// Tells a small room that somebody "joined" or "left".
void vly_chat_notice(struct vly_chat *chat, uint32_t member, const char *what);

// Numbers the history of a room up to a message for a member, without that of the rooms that it
// knows from `known` (VLY_INDEX_END: none), and queues its copies. Returns how many.
uint32_t vly_chat_give_history(struct vly_chat *chat, uint32_t member, uint32_t room,
			       uint32_t known, uint64_t newest);

// Takes a member out of the chat.
void vly_chat_part(struct vly_chat *chat, uint32_t member, const char *what);

// The proof that an address receives: VLY_CHAT_PROOF_BYTES characters, good for 30 to 60 s.
void vly_chat_proof(const struct vly_chat *chat, const struct vly_addr *addr, uint64_t now_ns,
		    char *proof);
bool vly_chat_proves(const struct vly_chat *chat, const struct vly_addr *addr, uint64_t now_ns,
		     struct vly_chat_word proof);
