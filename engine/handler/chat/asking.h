// SPDX-License-Identifier: BSD-3-Clause
//
// Between input.c, which answers a datagram, and lists.c, which answers `who` and `rooms`.
#pragma once

#include "handler/chat/chat.h"

// A request, who asks, and the answer that is being written.
struct vly_chat_asking {
	struct vly_chat *chat;
	struct vly_chat_request request;
	uint32_t member;
	struct vly_chat_member *who;
	const struct vly_dgram *dgram;
	uint64_t now_ns;
	struct vly_chat_line line;
	bool has_no_answer; // here; it comes as work
	bool is_refused;
};

void vly_chat_answer(struct vly_chat_asking *asking, const char *text);
void vly_chat_answer_member(struct vly_chat_asking *asking, const struct vly_chat_member *member);
void vly_chat_answer_room(struct vly_chat_asking *asking, uint32_t number);

// "err" and why.
void vly_chat_refuse(struct vly_chat_asking *asking, const char *why);

// A page of who is in a room and below, and of the rooms directly below it.
void vly_chat_list_members(struct vly_chat_asking *asking);
void vly_chat_list_rooms(struct vly_chat_asking *asking);
