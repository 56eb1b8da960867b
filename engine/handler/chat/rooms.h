// SPDX-License-Identifier: BSD-3-Clause
//
// The tree of rooms. The room a/b lies in a, which lies in the root, and what is said in a room
// reaches who is there and in all rooms below. A room begins with its first member and ends with
// the last one in it and below it, its history too; so each room without rooms below has members.
// The root never ends.
//
// The order of members is that of a walk through the tree: a room's own, then those of its rooms.
#pragma once

#include "handler/chat/members.h"

enum vly_chat_rooms_value {
	VLY_CHAT_ROOT = 0, // the root's number
};

struct vly_chat_room {
	uint32_t generation;
	uint32_t parent;
	uint32_t first_child;
	uint32_t next; // sibling
	uint32_t previous;
	uint32_t first_member;
	uint32_t member_count;
	uint32_t total;         // with all below
	uint32_t message_count; // that its history has had
	uint8_t path_len;
	char path[VLY_CHAT_ROOM_MAX];
};

struct vly_chat_rooms {
	struct vly_chat_room *slots;
	uint64_t *messages; // each one's history: its last `history` messages
	uint32_t history;   // 0: none is kept
	uint32_t capacity;
	uint32_t count;
	uint32_t high;
	uint32_t first_free; // linked by `next`
	struct vly_index by_path;
	struct vly_chat_members *members;
};

int vly_chat_rooms_open(struct vly_chat_rooms *rooms, uint32_t capacity, uint32_t history,
			struct vly_chat_members *members, struct vly_error *error);
void vly_chat_rooms_close(struct vly_chat_rooms *rooms);

// Return the room's number, or VLY_INDEX_END: there is none; or none more can be made.
uint32_t vly_chat_room_find(const struct vly_chat_rooms *rooms, struct vly_chat_word path);
uint32_t vly_chat_room_make(struct vly_chat_rooms *rooms, struct vly_chat_word path);

static inline bool vly_chat_room_is(const struct vly_chat_rooms *rooms, uint32_t room,
				    uint32_t generation)
{
	return rooms->slots[room].generation == generation;
}

// Whether a room is `top`, or lies below it.
bool vly_chat_room_is_in(const struct vly_chat_rooms *rooms, uint32_t room, uint32_t top);

// Puts a member that is in no room into one; takes it out, and ends rooms that this leaves empty;
// does both. Who comes in during a walk is not met by it any more, or has to be told by `seen`.
void vly_chat_room_enter(struct vly_chat_rooms *rooms, uint32_t room, uint32_t member);
void vly_chat_room_leave(struct vly_chat_rooms *rooms, uint32_t member);
void vly_chat_room_move(struct vly_chat_rooms *rooms, uint32_t room, uint32_t member);

// The first member of a room and below, and who comes after one; VLY_INDEX_END: none.
uint32_t vly_chat_room_first(const struct vly_chat_rooms *rooms, uint32_t top);
uint32_t vly_chat_room_after(const struct vly_chat_rooms *rooms, uint32_t top, uint32_t member);

// Notes a message of this room.
void vly_chat_room_remember(struct vly_chat_rooms *rooms, uint32_t room, uint64_t message);

// The newest messages up to `newest`, oldest first, of a room and of all that it lies in, but for
// those that `known` lies in or is (VLY_INDEX_END: none). At most `history`. Returns how many.
uint32_t vly_chat_room_recall(const struct vly_chat_rooms *rooms, uint32_t room, uint32_t known,
			      uint64_t newest, uint64_t *messages);
