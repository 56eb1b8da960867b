// SPDX-License-Identifier: BSD-3-Clause
#include "handler/chat/rooms.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"

static uint64_t path_hash(const struct vly_chat_rooms *rooms, struct vly_chat_word path)
{
	return vly_siphash(&rooms->members->key, path.at, path.len);
}

static uint32_t add(struct vly_chat_rooms *rooms, struct vly_chat_word path, uint32_t parent)
{
	uint32_t number = rooms->first_free;
	struct vly_chat_room *room;

	if (number != VLY_INDEX_END)
		rooms->first_free = rooms->slots[number].next;
	else
		number = rooms->high++;
	room = &rooms->slots[number];
	*room = (struct vly_chat_room){
		.generation = room->generation,
		.parent = parent,
		.first_child = VLY_INDEX_END,
		.next = VLY_INDEX_END,
		.previous = VLY_INDEX_END,
		.first_member = VLY_INDEX_END,
		.path_len = (uint8_t)path.len,
	};
	memcpy(room->path, path.at, path.len);
	if (parent != VLY_INDEX_END) {
		struct vly_chat_room *above = &rooms->slots[parent];

		room->next = above->first_child;
		if (room->next != VLY_INDEX_END)
			rooms->slots[room->next].previous = number;
		above->first_child = number;
	}
	vly_index_add(&rooms->by_path, path_hash(rooms, path), number);
	rooms->count++;
	return number;
}

int vly_chat_rooms_open(struct vly_chat_rooms *rooms, uint32_t capacity, uint32_t history,
			struct vly_chat_members *members, struct vly_error *error)
{
	*rooms = (struct vly_chat_rooms){
		.capacity = capacity,
		.history = history,
		.first_free = VLY_INDEX_END,
		.members = members,
	};
	rooms->slots = calloc(capacity, sizeof(rooms->slots[0]));
	rooms->messages = calloc((size_t)capacity * history + 1, sizeof(rooms->messages[0]));
	if (!rooms->slots || !rooms->messages || vly_index_open(&rooms->by_path, capacity)) {
		vly_chat_rooms_close(rooms);
		return vly_fail(error, -ENOMEM, "no memory for %u rooms; give max-rooms=N",
				capacity);
	}
	add(rooms, (struct vly_chat_word){"", 0}, VLY_INDEX_END);
	return 0;
}

void vly_chat_rooms_close(struct vly_chat_rooms *rooms)
{
	free(rooms->slots);
	free(rooms->messages);
	vly_index_close(&rooms->by_path);
	rooms->slots = NULL;
	rooms->messages = NULL;
}

uint32_t vly_chat_room_find(const struct vly_chat_rooms *rooms, struct vly_chat_word path)
{
	uint32_t i = vly_index_first(&rooms->by_path, path_hash(rooms, path));

	while (i != VLY_INDEX_END && (rooms->slots[i].path_len != path.len ||
				      memcmp(rooms->slots[i].path, path.at, path.len) != 0))
		i = vly_index_next(&rooms->by_path, i);
	return i;
}

// "a/b/c": where the label ends that begins at `from`.
static uint32_t label_end(struct vly_chat_word path, uint32_t from)
{
	while (from < path.len && path.at[from] != '/')
		from++;
	return from;
}

uint32_t vly_chat_room_make(struct vly_chat_rooms *rooms, struct vly_chat_word path)
{
	uint32_t above = VLY_CHAT_ROOT;
	uint32_t depth = 0;

	for (uint32_t end = 0; end < path.len; depth++)
		end = label_end(path, end + (end > 0));
	for (uint32_t end = 0; end < path.len; depth--) {
		struct vly_chat_word part = {path.at, label_end(path, end + (end > 0))};
		uint32_t room = vly_chat_room_find(rooms, part);

		// All that are missing, or none: a room without members would stay for ever.
		if (room == VLY_INDEX_END && rooms->capacity - rooms->count < depth)
			return VLY_INDEX_END;
		above = room != VLY_INDEX_END ? room : add(rooms, part, above);
		end = part.len;
	}
	return above;
}

bool vly_chat_room_is_in(const struct vly_chat_rooms *rooms, uint32_t room, uint32_t top)
{
	while (room != top && room != VLY_INDEX_END)
		room = rooms->slots[room].parent;
	return room == top;
}

static void add_to_totals(struct vly_chat_rooms *rooms, uint32_t room)
{
	for (; room != VLY_INDEX_END; room = rooms->slots[room].parent)
		rooms->slots[room].total++;
}

static void link_member(struct vly_chat_rooms *rooms, uint32_t room, uint32_t member)
{
	struct vly_chat_room *into = &rooms->slots[room];
	struct vly_chat_member *who = &rooms->members->slots[member];

	who->room = room;
	who->previous = VLY_INDEX_END;
	who->next = into->first_member;
	if (who->next != VLY_INDEX_END)
		rooms->members->slots[who->next].previous = member;
	into->first_member = member;
	into->member_count++;
}

void vly_chat_room_enter(struct vly_chat_rooms *rooms, uint32_t room, uint32_t member)
{
	add_to_totals(rooms, room);
	link_member(rooms, room, member);
}

static void end_room(struct vly_chat_rooms *rooms, uint32_t number)
{
	struct vly_chat_room *room = &rooms->slots[number];
	struct vly_chat_word path = {room->path, room->path_len};

	vly_index_remove(&rooms->by_path, path_hash(rooms, path), number);
	if (room->previous != VLY_INDEX_END)
		rooms->slots[room->previous].next = room->next;
	else
		rooms->slots[room->parent].first_child = room->next;
	if (room->next != VLY_INDEX_END)
		rooms->slots[room->next].previous = room->previous;
	room->generation++;
	room->next = rooms->first_free;
	rooms->first_free = number;
	rooms->count--;
}

void vly_chat_room_leave(struct vly_chat_rooms *rooms, uint32_t member)
{
	struct vly_chat_member *who = &rooms->members->slots[member];
	uint32_t room = who->room;

	if (who->previous != VLY_INDEX_END)
		rooms->members->slots[who->previous].next = who->next;
	else
		rooms->slots[room].first_member = who->next;
	if (who->next != VLY_INDEX_END)
		rooms->members->slots[who->next].previous = who->previous;
	rooms->slots[room].member_count--;
	who->room = VLY_INDEX_END;
	while (room != VLY_INDEX_END) {
		uint32_t parent = rooms->slots[room].parent;

		if (--rooms->slots[room].total == 0 && room != VLY_CHAT_ROOT)
			end_room(rooms, room);
		room = parent;
	}
}

void vly_chat_room_move(struct vly_chat_rooms *rooms, uint32_t room, uint32_t member)
{
	add_to_totals(rooms, room); // first, so that nothing ends that both lie in
	vly_chat_room_leave(rooms, member);
	link_member(rooms, room, member);
}

// The room after this one in a walk through what lies in `top`.
static uint32_t room_after(const struct vly_chat_rooms *rooms, uint32_t top, uint32_t room)
{
	if (rooms->slots[room].first_child != VLY_INDEX_END)
		return rooms->slots[room].first_child;
	for (; room != top; room = rooms->slots[room].parent) {
		if (rooms->slots[room].next != VLY_INDEX_END)
			return rooms->slots[room].next;
	}
	return VLY_INDEX_END;
}

// As every room without rooms below has members, this takes a few steps at most.
static uint32_t first_from(const struct vly_chat_rooms *rooms, uint32_t top, uint32_t room)
{
	while (room != VLY_INDEX_END && rooms->slots[room].first_member == VLY_INDEX_END)
		room = room_after(rooms, top, room);
	return room != VLY_INDEX_END ? rooms->slots[room].first_member : VLY_INDEX_END;
}

uint32_t vly_chat_room_first(const struct vly_chat_rooms *rooms, uint32_t top)
{
	return first_from(rooms, top, top);
}

uint32_t vly_chat_room_after(const struct vly_chat_rooms *rooms, uint32_t top, uint32_t member)
{
	const struct vly_chat_member *who = &rooms->members->slots[member];

	if (who->next != VLY_INDEX_END)
		return who->next;
	return first_from(rooms, top, room_after(rooms, top, who->room));
}

// --- history ------------------------------------------------------------------------------------

static uint64_t *history_of(const struct vly_chat_rooms *rooms, uint32_t room, uint32_t index)
{
	return &rooms->messages[(size_t)room * rooms->history + index % rooms->history];
}

void vly_chat_room_remember(struct vly_chat_rooms *rooms, uint32_t room, uint64_t message)
{
	if (rooms->history > 0)
		*history_of(rooms, room, rooms->slots[room].message_count++) = message;
}

// The newest message of a room that is older than `before`; 0: it remembers none.
static uint64_t older(const struct vly_chat_rooms *rooms, uint32_t room, uint64_t before)
{
	uint32_t count = rooms->slots[room].message_count;

	for (uint32_t back = 1; back <= rooms->history && back <= count; back++) {
		uint64_t message = *history_of(rooms, room, count - back);

		if (message < before)
			return message;
	}
	return 0;
}

uint32_t vly_chat_room_recall(const struct vly_chat_rooms *rooms, uint32_t room, uint32_t known,
			      uint64_t newest, uint64_t *messages)
{
	uint64_t before = newest + 1;
	uint32_t first = rooms->history;

	while (first > 0) {
		uint64_t found = 0;

		for (uint32_t at = room; at != VLY_INDEX_END; at = rooms->slots[at].parent) {
			uint64_t message;

			if (known != VLY_INDEX_END && vly_chat_room_is_in(rooms, known, at))
				break; // it lies in all that are above, too
			message = older(rooms, at, before);
			found = message > found ? message : found;
		}
		if (!found)
			break;
		messages[--first] = found;
		before = found;
	}
	memmove(messages, messages + first, (rooms->history - first) * sizeof(messages[0]));
	return rooms->history - first;
}
