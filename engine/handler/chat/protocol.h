// SPDX-License-Identifier: BSD-3-Clause
//
// The chat's protocol: one line of text a datagram, so that `nc -u` is a client. Bytes in, a
// request out; volley-handlers(7) has the protocol for users.
//
//     [#TAG] join NAME [ROOM] [=PROOF]   say TEXT   all TEXT   to NAME TEXT   room ROOM TEXT
//     move ROOM   who [ROOM [AFTER]]   rooms [ROOM [AFTER]]   again FROM [TO]   ping   leave   help
//
// No line that the server says is one that it would take: two servers that are made to talk to each
// other by a forged address have nothing to say.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vly_chat_limits {
	VLY_CHAT_NAME_MAX = 24,
	VLY_CHAT_ROOM_MAX = 63,   // bytes of a room's path
	VLY_CHAT_DEPTH_MAX = 8,   // labels of it
	VLY_CHAT_TEXT_MAX = 1000, // bytes of a message: with all around it, it fits a frame
	VLY_CHAT_LINE_MAX = 1200, // bytes of any line of ours
	VLY_CHAT_PROOF_BYTES = 8,
	VLY_CHAT_WORDS_MAX = 3,
};

enum vly_chat_verb {
	VLY_CHAT_JOIN,
	VLY_CHAT_SAY,
	VLY_CHAT_ALL,
	VLY_CHAT_TO,
	VLY_CHAT_ROOM,
	VLY_CHAT_MOVE,
	VLY_CHAT_WHO,
	VLY_CHAT_ROOMS,
	VLY_CHAT_AGAIN,
	VLY_CHAT_PING,
	VLY_CHAT_LEAVE,
	VLY_CHAT_HELP,
	VLY_CHAT_VERB_COUNT,
};

// Some bytes of a datagram, not terminated.
struct vly_chat_word {
	const char *at;
	uint32_t len;
};

// What was asked. Words point into the datagram; those not given have the length 0. A room's path
// has no leading slash: the root is empty, and has_room tells it from no room at all.
struct vly_chat_request {
	enum vly_chat_verb verb;
	bool has_tag;
	bool has_room;
	uint32_t tag;
	struct vly_chat_word name;
	struct vly_chat_word room;
	struct vly_chat_word after; // a name, or a room's path: where the list goes on
	struct vly_chat_word proof;
	struct vly_chat_word text;
	uint32_t from;
	uint32_t to;
};

// Reads a datagram. Returns NULL, or what is wrong with it, for a person to read; then has_tag and
// tag are right if the line began with them. Any thread.
const char *vly_chat_parse(struct vly_chat_request *request, const uint8_t *bytes, uint32_t len);

// A line that is being written: it ends where there is no more room, which `is_cut` says.
struct vly_chat_line {
	char *at;
	uint32_t len;
	uint32_t capacity;
	bool is_cut;
};

void vly_chat_put(struct vly_chat_line *line, const char *text, size_t len);
void vly_chat_put_text(struct vly_chat_line *line, const char *text);
void vly_chat_put_number(struct vly_chat_line *line, uint64_t number);

// "/a/b" for the path "a/b", "/" for the root.
void vly_chat_put_room(struct vly_chat_line *line, const char *path, uint32_t len);
