// SPDX-License-Identifier: BSD-3-Clause
//
// What takes more than one answer: a queue of jobs, and copies made from it one by one. Only the
// first job has begun, so there is one walk through a room at a time, and one cursor to look after.
#include <string.h>

#include "core/compiler.h"
#include "handler/chat/chat.h"

// --- into the queue -----------------------------------------------------------------------------

static struct vly_chat_job *first_job(const struct vly_chat *chat)
{
	return &chat->jobs[chat->job_first & chat->job_mask];
}

static bool has_room_for(const struct vly_chat *chat, uint32_t sender)
{
	if (chat->job_end - chat->job_first > chat->job_mask)
		return false;
	return sender == VLY_INDEX_END || chat->members.slots[sender].pending < VLY_CHAT_PENDING;
}

bool vly_chat_queue(struct vly_chat *chat, const struct vly_chat_job *job, uint32_t sender)
{
	struct vly_chat_job *last = &chat->jobs[chat->job_end & chat->job_mask];

	if (!has_room_for(chat, sender))
		return false;
	*last = *job;
	last->sender = sender;
	if (sender != VLY_INDEX_END) {
		last->sender_generation = chat->members.slots[sender].generation;
		chat->members.slots[sender].pending++;
	}
	chat->job_end++;
	return true;
}

static struct vly_chat_message *message_at(const struct vly_chat *chat, uint64_t id)
{
	return &chat->messages[id & (chat->config.messages - 1)];
}

bool vly_chat_say(struct vly_chat *chat, const struct vly_chat_job *job, uint32_t sender,
		  struct vly_chat_word head, struct vly_chat_word text)
{
	struct vly_chat_job with_message = *job;
	struct vly_chat_message *message = message_at(chat, chat->newest + 1);
	struct vly_chat_line line = {message->body, 0, sizeof(message->body), false};

	with_message.message = chat->newest + 1;
	if (!vly_chat_queue(chat, &with_message, sender))
		return false;
	vly_chat_put(&line, head.at, head.len);
	if (text.len > 0) {
		vly_chat_put_text(&line, ": ");
		vly_chat_put(&line, text.at, text.len);
	}
	message->id = ++chat->newest;
	message->len = line.len;
	if (job->work == VLY_CHAT_WORK_ROOM)
		vly_chat_room_remember(&chat->rooms, job->target, message->id);
	chat->counts[VLY_CHAT_MESSAGES]++;
	return true;
}

uint32_t vly_chat_give_history(struct vly_chat *chat, uint32_t member, uint32_t room,
			       uint32_t known, uint64_t newest)
{
	struct vly_chat_member *who = &chat->members.slots[member];
	uint64_t found[VLY_CHAT_DUE_MAX];
	uint32_t count = vly_chat_room_recall(&chat->rooms, room, known, newest, found);
	struct vly_chat_job job = {
		.work = VLY_CHAT_WORK_AGAIN,
		.target = member,
		.target_generation = who->generation,
		.from = who->number + 1,
		.to = who->number + count,
	};

	for (uint32_t i = 0; i < count; i++)
		vly_chat_member_count(&chat->members, member, found[i]);
	// If there is no room, the numbers are missing to the member, and it may ask again.
	if (count > 0 && !vly_chat_queue(chat, &job, VLY_INDEX_END))
		chat->counts[VLY_CHAT_UNDELIVERED] += count;
	return count;
}

// --- what is due --------------------------------------------------------------------------------

static uint32_t copies_in_room(const struct vly_chat *chat, const struct vly_chat_job *job)
{
	const struct vly_chat_room *room = &chat->rooms.slots[job->target];

	if (job->has_begun)
		return job->left;
	if (room->generation != job->target_generation)
		return 0;
	return job->work == VLY_CHAT_WORK_ROOM ? room->total : room->member_count;
}

// At most: who joined after it was said gets none.
static uint32_t copies_of(const struct vly_chat *chat, const struct vly_chat_job *job)
{
	switch (job->work) {
	case VLY_CHAT_WORK_ROOM:
	case VLY_CHAT_WORK_NOTICE:
		return copies_in_room(chat, job);
	case VLY_CHAT_WORK_AGAIN:
		return job->to - job->from + 1;
	case VLY_CHAT_WORK_ONE:
	case VLY_CHAT_WORK_MOVE:
	case VLY_CHAT_WORK_WARN:
		break;
	}
	return 1;
}

uint32_t vly_chat_due(const struct vly_chat *chat)
{
	uint32_t count = chat->job_end - chat->job_first;
	uint32_t due = 0;

	for (uint32_t i = 0; i < count && i < VLY_CHAT_DUE_MAX && due < VLY_CHAT_DUE_MAX; i++)
		due += copies_of(chat, &chat->jobs[(chat->job_first + i) & chat->job_mask]);
	if (due == 0 && count > 0)
		due = 1; // rooms that have ended stand before what is due
	return due < VLY_CHAT_DUE_MAX ? due : VLY_CHAT_DUE_MAX;
}

static void end_job(struct vly_chat *chat)
{
	const struct vly_chat_job *job = first_job(chat);

	if (vly_chat_member_is(&chat->members, job->sender, job->sender_generation))
		chat->members.slots[job->sender].pending--;
	chat->cursor = VLY_INDEX_END;
	chat->job_first++;
}

// --- copies -------------------------------------------------------------------------------------

static struct vly_chat_line begin_line(struct vly_dgram *dgram)
{
	return (struct vly_chat_line){
		.at = (char *)vly_dgram_data(dgram),
		.capacity = dgram->capacity,
	};
}

static bool finish_line(struct vly_chat *chat, struct vly_dgram *dgram, struct vly_chat_line *line,
			const struct vly_chat_member *to)
{
	vly_chat_put_text(line, "\n");
	if (VLY_UNLIKELY(line->is_cut)) {
		chat->counts[VLY_CHAT_UNDELIVERED]++;
		return false;
	}
	dgram->len = (uint16_t)line->len;
	dgram->peer = to->addr;
	dgram->local = to->local;
	dgram->link = to->link;
	return true;
}

static bool write_copy(struct vly_chat *chat, struct vly_dgram *dgram, uint32_t member,
		       uint32_t number, const struct vly_chat_message *message)
{
	struct vly_chat_line line = begin_line(dgram);

	vly_chat_put_number(&line, number);
	vly_chat_put_text(&line, " ");
	vly_chat_put(&line, message->body, message->len);
	return finish_line(chat, dgram, &line, &chat->members.slots[member]);
}

// A new message for a member, with its next number.
static bool deliver(struct vly_chat *chat, struct vly_dgram *dgram, uint32_t member, uint64_t id)
{
	chat->members.slots[member].seen = id;
	if (!write_copy(chat, dgram, member, vly_chat_member_count(&chat->members, member, id),
			message_at(chat, id)))
		return false;
	chat->counts[VLY_CHAT_COPIES]++;
	return true;
}

static void begin_walk(struct vly_chat *chat, struct vly_chat_job *job)
{
	if (job->has_begun)
		return;
	job->left = copies_in_room(chat, job);
	job->has_begun = true;
	if (job->left == 0)
		return;
	chat->cursor = job->work == VLY_CHAT_WORK_NOTICE
			       ? chat->rooms.slots[job->target].first_member
			       : vly_chat_room_first(&chat->rooms, job->target);
}

void vly_chat_skip(struct vly_chat *chat, const struct vly_chat_job *job)
{
	chat->cursor = job->work == VLY_CHAT_WORK_NOTICE
			       ? chat->members.slots[chat->cursor].next
			       : vly_chat_room_after(&chat->rooms, job->target, chat->cursor);
}

static bool next_in_room(struct vly_chat *chat, struct vly_chat_job *job, struct vly_dgram *dgram,
			 uint32_t *budget)
{
	const struct vly_chat_member *slots = chat->members.slots;

	begin_walk(chat, job);
	while (chat->cursor != VLY_INDEX_END && *budget > 0) {
		uint32_t member = chat->cursor;

		vly_chat_skip(chat, job);
		if (chat->cursor != VLY_INDEX_END)
			vly_prefetch(&slots[chat->cursor]);
		(*budget)--;
		job->left -= job->left > 0;
		// Who joined later has it as history, or came in after it was said.
		if (slots[member].seen < job->message && deliver(chat, dgram, member, job->message))
			return true;
	}
	return false;
}

static bool next_again(struct vly_chat *chat, struct vly_chat_job *job, struct vly_dgram *dgram)
{
	const struct vly_chat_member *who = &chat->members.slots[job->target];
	uint32_t number = job->from++;
	struct vly_chat_line line = begin_line(dgram);
	const struct vly_chat_message *message = NULL;

	if (who->number - number < chat->config.window) {
		uint32_t id = vly_chat_member_sent(&chat->members, job->target, number);

		message = message_at(chat, id);
		message = (uint32_t)message->id == id ? message : NULL;
	}
	if (message) {
		chat->counts[VLY_CHAT_AGAIN_COPIES]++;
		return write_copy(chat, dgram, job->target, number, message);
	}
	chat->counts[VLY_CHAT_GONE]++;
	vly_chat_put_text(&line, "gone ");
	vly_chat_put_number(&line, number);
	return finish_line(chat, dgram, &line, who);
}

// Moves a member, when all that was said before it asked has been delivered. The answer says how
// many numbers of history follow.
static bool move(struct vly_chat *chat, const struct vly_chat_job *job, struct vly_dgram *dgram)
{
	struct vly_chat_member *who = &chat->members.slots[job->target];
	struct vly_chat_word path = {job->path, job->path_len};
	uint32_t room = vly_chat_room_make(&chat->rooms, path);
	struct vly_chat_line line = begin_line(dgram);

	if (job->has_tag) {
		vly_chat_put_text(&line, "#");
		vly_chat_put_number(&line, job->tag);
		vly_chat_put_text(&line, " ");
	}
	if (room == VLY_INDEX_END) {
		chat->counts[VLY_CHAT_REFUSED]++;
		vly_chat_put_text(&line, "err too many rooms");
		return finish_line(chat, dgram, &line, who);
	}
	vly_chat_put_text(&line, "ok moved ");
	vly_chat_put_room(&line, path.at, path.len);
	vly_chat_put_text(&line, " history ");
	vly_chat_put_number(
		&line, vly_chat_give_history(chat, job->target, room, who->room, job->message));
	if (room != who->room) {
		vly_chat_notice(chat, job->target, "left");
		vly_chat_room_move(&chat->rooms, room, job->target);
		vly_chat_notice(chat, job->target, "joined");
	}
	return finish_line(chat, dgram, &line, who);
}

static bool warn(struct vly_chat *chat, const struct vly_chat_job *job, struct vly_dgram *dgram)
{
	struct vly_chat_line line = begin_line(dgram);

	vly_chat_put_text(&line, "still there? say ping");
	return finish_line(chat, dgram, &line, &chat->members.slots[job->target]);
}

// One step of the first job. True when it made a copy; *is_over when it has no more to do.
static bool step(struct vly_chat *chat, struct vly_chat_job *job, struct vly_dgram *dgram,
		 uint32_t *budget, bool *is_over)
{
	bool made = false;

	if (job->work == VLY_CHAT_WORK_ROOM || job->work == VLY_CHAT_WORK_NOTICE) {
		made = next_in_room(chat, job, dgram, budget);
		*is_over = chat->cursor == VLY_INDEX_END;
		return made;
	}
	(*budget)--;
	*is_over = true;
	if (!vly_chat_member_is(&chat->members, job->target, job->target_generation))
		return false;
	switch (job->work) {
	case VLY_CHAT_WORK_ONE:
		return deliver(chat, dgram, job->target, job->message);
	case VLY_CHAT_WORK_AGAIN:
		made = next_again(chat, job, dgram);
		*is_over = job->from > job->to;
		return made;
	case VLY_CHAT_WORK_MOVE:
		return move(chat, job, dgram);
	case VLY_CHAT_WORK_WARN:
		return warn(chat, job, dgram);
	case VLY_CHAT_WORK_ROOM:
	case VLY_CHAT_WORK_NOTICE:
		break;
	}
	return false;
}

bool vly_chat_next(struct vly_chat *chat, struct vly_dgram *dgram, uint32_t *budget)
{
	while (chat->job_first != chat->job_end && *budget > 0) {
		bool is_over = false;
		bool made = step(chat, first_job(chat), dgram, budget, &is_over);

		if (is_over)
			end_job(chat);
		if (made)
			return true;
	}
	return false;
}

static uint32_t count_walk(struct vly_chat *chat, struct vly_chat_job *job)
{
	uint32_t count = 0;

	begin_walk(chat, job);
	for (; chat->cursor != VLY_INDEX_END; vly_chat_skip(chat, job))
		count += chat->members.slots[chat->cursor].seen < job->message;
	return count;
}

void vly_chat_abandon(struct vly_chat *chat)
{
	while (chat->job_first != chat->job_end) {
		struct vly_chat_job *job = first_job(chat);
		bool is_walk = job->work == VLY_CHAT_WORK_ROOM || job->work == VLY_CHAT_WORK_NOTICE;

		chat->counts[VLY_CHAT_UNDELIVERED] +=
			is_walk ? count_walk(chat, job) : copies_of(chat, job);
		end_job(chat);
	}
}
