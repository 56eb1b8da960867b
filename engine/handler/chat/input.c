// SPDX-License-Identifier: BSD-3-Clause
//
// One datagram in, at most one answer, written over it.
//
// A stranger gets no answer of more than 18 bytes, which the smallest Ethernet frame holds with the
// headers of IPv4 and UDP: who forges a victim's address makes us send it no more than he sends us.
// To get more, an address has to say what was sent to it (the proof in `join`).
#include <string.h>

#include <volley/ledger.h>

#include "handler/chat/asking.h"

static void refuse_as_busy(struct vly_chat_asking *asking)
{
	vly_chat_refuse(asking, "busy: say it again");
	asking->chat->counts[VLY_CHAT_BUSY]++;
}

// --- saying -------------------------------------------------------------------------------------

// Says what the request has as "WHERE NAME: TEXT".
static void say(struct vly_chat_asking *asking, const struct vly_chat_job *job,
		struct vly_chat_line *where)
{
	struct vly_chat_word head = {where->at, 0};

	vly_chat_put_text(where, " ");
	vly_chat_put(where, asking->who->name, asking->who->name_len);
	head.len = where->len;
	if (vly_chat_say(asking->chat, job, asking->member, head, asking->request.text))
		vly_chat_answer(asking, "ok");
	else
		refuse_as_busy(asking);
}

static void say_in(struct vly_chat_asking *asking, uint32_t number)
{
	const struct vly_chat_room *room = &asking->chat->rooms.slots[number];
	struct vly_chat_job job = {.work = VLY_CHAT_WORK_ROOM, .target = number};
	char bytes[VLY_CHAT_BODY_MAX];
	struct vly_chat_line where = {bytes, 0, sizeof(bytes), false};

	job.target_generation = room->generation;
	vly_chat_put_room(&where, room->path, room->path_len);
	say(asking, &job, &where);
}

static void say_in_named(struct vly_chat_asking *asking)
{
	uint32_t room = vly_chat_room_find(&asking->chat->rooms, asking->request.room);

	if (room == VLY_INDEX_END)
		vly_chat_refuse(asking, "no such room");
	else
		say_in(asking, room);
}

static void say_to(struct vly_chat_asking *asking)
{
	const struct vly_chat_members *members = &asking->chat->members;
	uint32_t to = vly_chat_member_named(members, asking->request.name);
	struct vly_chat_job job = {.work = VLY_CHAT_WORK_ONE, .target = to};
	char bytes[VLY_CHAT_NAME_MAX + 2];
	struct vly_chat_line where = {bytes, 0, sizeof(bytes), false};

	if (to == VLY_INDEX_END) {
		vly_chat_refuse(asking, "nobody here has that name");
		return;
	}
	job.target_generation = members->slots[to].generation;
	vly_chat_put_text(&where, "@");
	say(asking, &job, &where);
}

static void move(struct vly_chat_asking *asking)
{
	const struct vly_chat_request *request = &asking->request;
	struct vly_chat_job job = {
		.work = VLY_CHAT_WORK_MOVE,
		.target = asking->member,
		.target_generation = asking->who->generation,
		.message = asking->chat->newest,
		.has_tag = request->has_tag,
		.tag = request->tag,
		.path_len = (uint8_t)request->room.len,
	};

	memcpy(job.path, request->room.at, request->room.len);
	asking->has_no_answer = vly_chat_queue(asking->chat, &job, asking->member);
	if (!asking->has_no_answer)
		refuse_as_busy(asking);
}

static void again(struct vly_chat_asking *asking)
{
	const struct vly_chat_member *who = asking->who;
	uint32_t window = asking->chat->config.window;
	uint32_t from = asking->request.from;
	uint32_t to = asking->request.to ? asking->request.to : from;
	struct vly_chat_job job = {
		.work = VLY_CHAT_WORK_AGAIN,
		.target = asking->member,
		.target_generation = who->generation,
	};

	// Older ones than the window holds are gone: the answer tells from where on there are any.
	if (who->number >= window && from <= who->number - window)
		from = who->number - window + 1;
	to = to < who->number ? to : who->number;
	job.from = from;
	job.to = to;
	if (from > to) {
		vly_chat_refuse(asking, "no such copies");
		return;
	}
	if (!vly_chat_queue(asking->chat, &job, asking->member)) {
		refuse_as_busy(asking);
		return;
	}
	vly_chat_answer(asking, "ok again ");
	vly_chat_put_number(&asking->line, from);
	vly_chat_answer(asking, " ");
	vly_chat_put_number(&asking->line, to);
}

// --- joining ------------------------------------------------------------------------------------

static void welcome(struct vly_chat_asking *asking, uint32_t last, uint32_t history)
{
	vly_chat_answer(asking, "ok joined ");
	vly_chat_answer_member(asking, asking->who);
	vly_chat_answer(asking, " ");
	vly_chat_answer_room(asking, asking->who->room);
	vly_chat_answer(asking, " last ");
	vly_chat_put_number(&asking->line, last);
	vly_chat_answer(asking, " history ");
	vly_chat_put_number(&asking->line, history);
	vly_chat_answer(asking, " tag ");
	vly_chat_put_number(&asking->line, asking->who->last_tag);
}

static void join_again(struct vly_chat_asking *asking)
{
	struct vly_chat_word name = asking->request.name;

	if (name.len != asking->who->name_len || memcmp(name.at, asking->who->name, name.len) != 0)
		vly_chat_refuse(asking, "you have another name; leave first");
	else
		welcome(asking, asking->who->number, 0);
}

static bool is_name_of(const char *identity, const char *name, size_t len)
{
	return strlen(identity) == len && memcmp(identity, name, len) == 0;
}

static void join_anew(struct vly_chat_asking *asking, const char *identity)
{
	struct vly_chat *chat = asking->chat;
	struct vly_chat_word name = asking->request.name;
	uint32_t room;

	if (identity && !is_name_of(identity, name.at, name.len)) {
		vly_chat_refuse(asking, "your name is who you proved to be");
		return;
	}
	if (vly_chat_member_named(&chat->members, name) != VLY_INDEX_END) {
		vly_chat_refuse(asking, "that name is taken");
		return;
	}
	if (chat->members.count == chat->members.capacity) {
		vly_chat_refuse(asking, "the chat is full");
		return;
	}
	room = vly_chat_room_make(&chat->rooms, asking->request.room);
	if (room == VLY_INDEX_END) {
		vly_chat_refuse(asking, "too many rooms");
		return;
	}
	asking->member = vly_chat_member_add(&chat->members, &asking->dgram->peer, name);
	asking->who = &chat->members.slots[asking->member];
	asking->who->local = asking->dgram->local;
	asking->who->link = asking->dgram->link;
	asking->who->heard_ns = asking->now_ns;
	asking->who->is_proven = identity != NULL;
	vly_chat_room_enter(&chat->rooms, room, asking->member);
	vly_chat_notice(chat, asking->member, "joined");
	asking->who->seen = chat->newest;
	welcome(asking, 0,
		vly_chat_give_history(chat, asking->member, room, VLY_INDEX_END, chat->newest));
	chat->newcomer = asking->member;
	chat->counts[VLY_CHAT_JOINED]++;
}

// --- who asks -----------------------------------------------------------------------------------

static void answer_help(struct vly_chat_asking *asking)
{
	vly_chat_answer(asking,
			"commands: say TEXT | all TEXT | to NAME TEXT | room ROOM TEXT | move ROOM "
			"| who [ROOM [AFTER-NAME]] | rooms [ROOM [AFTER-ROOM]] | again FROM [TO] "
			"| ping | leave; #TAG before one is repeated in its answer");
}

static void leave(struct vly_chat_asking *asking)
{
	vly_chat_part(asking->chat, asking->member, "left");
	asking->chat->counts[VLY_CHAT_LEFT]++;
	vly_chat_answer(asking, "ok left");
}

static void carry_out(struct vly_chat_asking *asking)
{
	switch (asking->request.verb) {
	case VLY_CHAT_JOIN:
		join_again(asking);
		break;
	case VLY_CHAT_SAY:
		say_in(asking, asking->who->room);
		break;
	case VLY_CHAT_ALL:
		say_in(asking, VLY_CHAT_ROOT);
		break;
	case VLY_CHAT_ROOM:
		say_in_named(asking);
		break;
	case VLY_CHAT_TO:
		say_to(asking);
		break;
	case VLY_CHAT_MOVE:
		move(asking);
		break;
	case VLY_CHAT_WHO:
		vly_chat_list_members(asking);
		break;
	case VLY_CHAT_ROOMS:
		vly_chat_list_rooms(asking);
		break;
	case VLY_CHAT_AGAIN:
		again(asking);
		break;
	case VLY_CHAT_PING:
		vly_chat_answer(asking, "pong ");
		vly_chat_put_number(&asking->line, asking->who->number);
		break;
	case VLY_CHAT_LEAVE:
		leave(asking);
		break;
	case VLY_CHAT_HELP:
	case VLY_CHAT_VERB_COUNT:
		answer_help(asking);
		break;
	}
}

// What is not to happen twice, and does not if the tag is the same.
static bool is_act(enum vly_chat_verb verb)
{
	return verb == VLY_CHAT_SAY || verb == VLY_CHAT_ALL || verb == VLY_CHAT_TO ||
	       verb == VLY_CHAT_ROOM || verb == VLY_CHAT_MOVE;
}

static void answer_tag(struct vly_chat_asking *asking)
{
	if (!asking->request.has_tag)
		return;
	vly_chat_answer(asking, "#");
	vly_chat_put_number(&asking->line, asking->request.tag);
	vly_chat_answer(asking, " ");
}

static void ask_as_member(struct vly_chat_asking *asking, const char *wrong)
{
	const struct vly_chat_request *request = &asking->request;
	bool has_act = request->has_tag && !wrong && is_act(request->verb);

	asking->who->heard_ns = asking->now_ns;
	asking->who->local = asking->dgram->local;
	asking->who->link = asking->dgram->link;
	answer_tag(asking);
	if (wrong) {
		vly_chat_refuse(asking, wrong);
	} else if (has_act && vly_chat_member_has_tag(asking->who, request->tag)) {
		asking->chat->counts[VLY_CHAT_REPEATED]++;
		vly_chat_answer(asking, "ok");
	} else {
		carry_out(asking);
		if (has_act && !asking->is_refused)
			vly_chat_member_note_tag(asking->who, request->tag);
	}
}

// Returns the fate.
static uint8_t ask_as_stranger(struct vly_chat_asking *asking, const char *wrong,
			       const char *identity)
{
	struct vly_chat *chat = asking->chat;
	char proof[VLY_CHAT_PROOF_BYTES];

	if (wrong)
		return VLY_DROP_MALFORMED;
	if (asking->request.verb != VLY_CHAT_JOIN) {
		vly_chat_refuse(asking, "say join NAME");
		return VLY_FATE_REPLY;
	}
	if (asking->request.proof.len == 0) {
		vly_chat_proof(chat, &asking->dgram->peer, asking->now_ns, proof);
		vly_chat_answer(asking, "proof =");
		vly_chat_put(&asking->line, proof, sizeof(proof));
		chat->counts[VLY_CHAT_CHALLENGED]++;
		return VLY_FATE_REPLY;
	}
	if (!vly_chat_proves(chat, &asking->dgram->peer, asking->now_ns, asking->request.proof))
		return VLY_DROP_UNAUTHORISED;
	answer_tag(asking);
	join_anew(asking, identity);
	return VLY_FATE_REPLY;
}

// An address can come to be somebody else's: whoever has proved to be another does not speak as the
// member that it was.
static void displace_another(struct vly_chat_asking *asking, const char *identity)
{
	const struct vly_chat_member *who;

	if (asking->member == VLY_INDEX_END)
		return;
	who = &asking->chat->members.slots[asking->member];
	if (identity ? is_name_of(identity, who->name, who->name_len) : !who->is_proven)
		return;
	vly_chat_part(asking->chat, asking->member, "left");
	asking->chat->counts[VLY_CHAT_DISPLACED]++;
	asking->member = VLY_INDEX_END;
}

void vly_chat_input(struct vly_chat *chat, struct vly_dgram *dgram, uint64_t now_ns,
		    const char *identity)
{
	char bytes[VLY_CHAT_LINE_MAX];
	struct vly_chat_asking asking = {
		.chat = chat,
		.member = vly_chat_member_at(&chat->members, &dgram->peer),
		.dgram = dgram,
		.now_ns = now_ns,
		.line = {bytes, 0, sizeof(bytes) - 1, false},
	};
	const char *wrong = vly_chat_parse(&asking.request, vly_dgram_data(dgram), dgram->len);

	chat->newcomer = VLY_INDEX_END;
	dgram->fate = VLY_FATE_REPLY;
	displace_another(&asking, identity);
	if (asking.member == VLY_INDEX_END) {
		dgram->fate = ask_as_stranger(&asking, wrong, identity);
	} else {
		asking.who = &chat->members.slots[asking.member];
		if (!vly_chat_member_may(asking.who, now_ns, chat->interval_ns,
					 chat->config.burst)) {
			asking.who->heard_ns = now_ns;
			dgram->fate = VLY_DROP_RATE_LIMITED;
			return;
		}
		ask_as_member(&asking, wrong);
	}
	chat->counts[VLY_CHAT_REFUSED] += asking.is_refused;
	if (dgram->fate != VLY_FATE_REPLY)
		return;
	if (asking.has_no_answer) {
		dgram->fate = VLY_FATE_RELEASE;
		return;
	}
	bytes[asking.line.len++] = '\n';
	dgram->len =
		(uint16_t)(asking.line.len < dgram->capacity ? asking.line.len : dgram->capacity);
	memcpy(vly_dgram_data(dgram), bytes, dgram->len);
}
