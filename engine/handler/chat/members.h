// SPDX-License-Identifier: BSD-3-Clause
//
// Who is in the chat: a table of fixed size, found by address and by name. A member is known by its
// number there; the generation tells it from who has that number later.
#pragma once

#include <volley/addr.h>
#include <volley/error.h>

#include "handler/chat/protocol.h"
#include "handler/index.h"
#include "handler/siphash.h"

enum vly_chat_members_limits {
	VLY_CHAT_TAGS = 64,   // how far back a tag that comes twice is known
	VLY_CHAT_PENDING = 4, // of one member's requests at most wait to be carried out
};

struct vly_chat_member {
	// What fan-out touches comes first.
	struct vly_addr addr;
	struct vly_addr local; // which address of ours it talks to
	uint32_t link;         // as of struct vly_dgram
	uint32_t number;       // of the last copy that it was sent
	uint32_t next;         // in its room
	uint64_t seen;         // the newest message that it has been sent, or that was before it
	uint32_t previous;
	uint32_t room;
	uint32_t generation;
	bool is_used;
	bool is_warned; // that its silence will end it
	uint8_t pending;
	uint8_t name_len;
	uint32_t last_tag;
	bool is_proven; // its name is the identity that a handler before has found
	uint64_t tags;  // bit i: the tag last_tag - i was carried out
	uint64_t heard_ns;
	uint64_t paid_ns; // until when its rate is used up (a leaky bucket's level, as a time)
	char name[VLY_CHAT_NAME_MAX];
};

struct vly_chat_members {
	struct vly_chat_member *slots;
	uint32_t *sent;  // the messages of each one's last `window` copies, by number
	uint32_t window; // a power of two
	uint32_t capacity;
	uint32_t count;
	uint32_t high;       // slots from here on have never been used
	uint32_t first_free; // linked by `next`
	struct vly_index by_addr;
	struct vly_index by_name;
	struct vly_siphash_key key;
};

int vly_chat_members_open(struct vly_chat_members *members, uint32_t capacity, uint32_t window,
			  const struct vly_siphash_key *key, struct vly_error *error);
void vly_chat_members_close(struct vly_chat_members *members);

// Return a number, or VLY_INDEX_END.
uint32_t vly_chat_member_at(const struct vly_chat_members *members, const struct vly_addr *addr);
uint32_t vly_chat_member_named(const struct vly_chat_members *members, struct vly_chat_word name);

// The address and the name must be new. Returns the number, or VLY_INDEX_END when it is full. The
// new one is in no room.
uint32_t vly_chat_member_add(struct vly_chat_members *members, const struct vly_addr *addr,
			     struct vly_chat_word name);
void vly_chat_member_remove(struct vly_chat_members *members, uint32_t number);

// Whether there is still who had this number then.
static inline bool vly_chat_member_is(const struct vly_chat_members *members, uint32_t number,
				      uint32_t generation)
{
	return number != VLY_INDEX_END && members->slots[number].is_used &&
	       members->slots[number].generation == generation;
}

// The next copy for this member is of that message: notes it, and returns the copy's number.
uint32_t vly_chat_member_count(struct vly_chat_members *members, uint32_t number, uint64_t message);

// Which message a copy was of, its lower 32 bits. The copy must be one of the last `window`.
uint32_t vly_chat_member_sent(const struct vly_chat_members *members, uint32_t number,
			      uint32_t copy);

// Whether a request may be taken now, at so many a second with so many at once; notes it if so.
bool vly_chat_member_may(struct vly_chat_member *member, uint64_t now_ns, uint64_t interval_ns,
			 uint32_t burst);

// Whether this tag was carried out before, or is too old to know.
bool vly_chat_member_has_tag(const struct vly_chat_member *member, uint32_t tag);
void vly_chat_member_note_tag(struct vly_chat_member *member, uint32_t tag);
