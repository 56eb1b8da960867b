// SPDX-License-Identifier: BSD-3-Clause
//
// Lists: a page of up to 64 in one answer, and how to go on.
#include "handler/chat/asking.h"

enum {
	PAGE_MAX = 64, // names or rooms in one answer
};

void vly_chat_answer(struct vly_chat_asking *asking, const char *text)
{
	vly_chat_put_text(&asking->line, text);
}

void vly_chat_refuse(struct vly_chat_asking *asking, const char *why)
{
	vly_chat_answer(asking, "err ");
	vly_chat_answer(asking, why);
	asking->is_refused = true;
}

void vly_chat_answer_member(struct vly_chat_asking *asking, const struct vly_chat_member *member)
{
	vly_chat_put(&asking->line, member->name, member->name_len);
}

void vly_chat_answer_room(struct vly_chat_asking *asking, uint32_t number)
{
	const struct vly_chat_room *room = &asking->chat->rooms.slots[number];

	vly_chat_put_room(&asking->line, room->path, room->path_len);
}

// --- asking -------------------------------------------------------------------------------------

// The room that a list is of; VLY_INDEX_END, refused, if there is none.
static uint32_t asked_room(struct vly_chat_asking *asking)
{
	uint32_t room = asking->who->room;

	if (asking->request.has_room)
		room = vly_chat_room_find(&asking->chat->rooms, asking->request.room);
	if (room == VLY_INDEX_END)
		vly_chat_refuse(asking, "no such room");
	return room;
}

static void begin_list(struct vly_chat_asking *asking, const char *what, uint32_t room,
		       uint32_t total)
{
	vly_chat_answer(asking, what);
	vly_chat_answer_room(asking, room);
	vly_chat_answer(asking, " ");
	vly_chat_put_number(&asking->line, total);
}

// Whether one more entry and the mark that there are more still fit.
static bool fits(const struct vly_chat_asking *asking)
{
	return asking->line.capacity - asking->line.len > VLY_CHAT_ROOM_MAX + 24;
}

void vly_chat_list_members(struct vly_chat_asking *asking)
{
	struct vly_chat *chat = asking->chat;
	uint32_t room = asked_room(asking);
	uint32_t member;

	if (room == VLY_INDEX_END)
		return;
	if (asking->request.after.len == 0) {
		member = vly_chat_room_first(&chat->rooms, room);
	} else {
		member = vly_chat_member_named(&chat->members, asking->request.after);
		if (member == VLY_INDEX_END ||
		    !vly_chat_room_is_in(&chat->rooms, chat->members.slots[member].room, room)) {
			vly_chat_refuse(asking, "nobody there has that name; begin anew");
			return;
		}
		member = vly_chat_room_after(&chat->rooms, room, member);
	}
	begin_list(asking, "members ", room, chat->rooms.slots[room].total);
	for (uint32_t i = 0; i < PAGE_MAX && member != VLY_INDEX_END && fits(asking); i++) {
		vly_chat_answer(asking, " ");
		vly_chat_answer_member(asking, &chat->members.slots[member]);
		member = vly_chat_room_after(&chat->rooms, room, member);
	}
	if (member != VLY_INDEX_END)
		vly_chat_answer(asking, " ...");
}

void vly_chat_list_rooms(struct vly_chat_asking *asking)
{
	const struct vly_chat_rooms *rooms = &asking->chat->rooms;
	uint32_t room = asked_room(asking);
	uint32_t child;

	if (room == VLY_INDEX_END)
		return;
	child = rooms->slots[room].first_child;
	if (asking->request.after.len > 0) {
		child = vly_chat_room_find(rooms, asking->request.after);
		if (child == VLY_INDEX_END || rooms->slots[child].parent != room) {
			vly_chat_refuse(asking, "no such room there; begin anew");
			return;
		}
		child = rooms->slots[child].next;
	}
	begin_list(asking, "below ", room, rooms->slots[room].total);
	for (uint32_t i = 0; i < PAGE_MAX && child != VLY_INDEX_END && fits(asking); i++) {
		vly_chat_answer(asking, " ");
		vly_chat_answer_room(asking, child);
		vly_chat_answer(asking, ":");
		vly_chat_put_number(&asking->line, rooms->slots[child].total);
		child = rooms->slots[child].next;
	}
	if (child != VLY_INDEX_END)
		vly_chat_answer(asking, " ...");
}
