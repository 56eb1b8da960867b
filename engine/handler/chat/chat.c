// SPDX-License-Identifier: BSD-3-Clause
//
// The chat's life, its members' comings and goings, and what proves an address.
#include "handler/chat/chat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"

enum {
	NS_PER_SECOND = 1000000000,
	QUEUE_PART = 4, // of the messages
};

static const uint64_t proof_epoch_ns = 30u * (uint64_t)NS_PER_SECOND;

int vly_chat_open(struct vly_chat *chat, const struct vly_chat_config *config,
		  struct vly_error *error)
{
	uint32_t queue = config->messages / QUEUE_PART;
	int rc;

	*chat = (struct vly_chat){
		.config = *config,
		.job_mask = queue - 1,
		.cursor = VLY_INDEX_END,
		.newcomer = VLY_INDEX_END,
		.interval_ns = NS_PER_SECOND / config->rate,
	};
	rc = vly_chat_members_open(&chat->members, config->max_members, config->window,
				   &config->key, error);
	if (rc < 0)
		return rc;
	rc = vly_chat_rooms_open(&chat->rooms, config->max_rooms, config->history, &chat->members,
				 error);
	if (rc < 0)
		goto err_close;
	chat->messages = calloc(config->messages, sizeof(chat->messages[0]));
	chat->jobs = calloc(queue, sizeof(chat->jobs[0]));
	if (chat->messages && chat->jobs)
		return 0;
	rc = vly_fail(error, -ENOMEM, "no memory for %u messages; give messages=N",
		      config->messages);
err_close:
	vly_chat_close(chat);
	return rc;
}

void vly_chat_close(struct vly_chat *chat)
{
	free(chat->jobs);
	free(chat->messages);
	vly_chat_rooms_close(&chat->rooms);
	vly_chat_members_close(&chat->members);
}

// --- who comes and goes -------------------------------------------------------------------------

void vly_chat_notice(struct vly_chat *chat, uint32_t member, const char *what)
{
	const struct vly_chat_member *who = &chat->members.slots[member];
	const struct vly_chat_room *room = &chat->rooms.slots[who->room];
	struct vly_chat_job job = {
		.work = VLY_CHAT_WORK_NOTICE,
		.target = who->room,
		.target_generation = room->generation,
	};
	char bytes[VLY_CHAT_BODY_MAX];
	struct vly_chat_line head = {bytes, 0, sizeof(bytes), false};

	if (room->member_count > chat->config.notices)
		return;
	vly_chat_put_room(&head, room->path, room->path_len);
	vly_chat_put_text(&head, " * ");
	vly_chat_put(&head, who->name, who->name_len);
	vly_chat_put_text(&head, " ");
	vly_chat_put_text(&head, what);
	// Who it is about gets none.
	if (!vly_chat_say(chat, &job, VLY_INDEX_END, (struct vly_chat_word){bytes, head.len},
			  (struct vly_chat_word){"", 0}))
		chat->counts[VLY_CHAT_UNDELIVERED] += room->member_count - 1;
}

void vly_chat_part(struct vly_chat *chat, uint32_t member, const char *what)
{
	// A walk that would meet it next goes on behind it.
	if (chat->cursor == member)
		vly_chat_skip(chat, &chat->jobs[chat->job_first & chat->job_mask]);
	vly_chat_notice(chat, member, what);
	vly_chat_room_leave(&chat->rooms, member);
	vly_chat_member_remove(&chat->members, member);
}

uint64_t vly_chat_check(struct vly_chat *chat, uint32_t member, uint64_t now_ns)
{
	struct vly_chat_member *who = &chat->members.slots[member];
	uint64_t timeout_ns = chat->config.timeout_ns;
	uint64_t warn_ns = timeout_ns / 3 * 2;
	uint64_t silent_ns = now_ns > who->heard_ns ? now_ns - who->heard_ns : 0;

	if (!who->is_used)
		return 0;
	if (silent_ns < warn_ns) {
		who->is_warned = false;
		return warn_ns - silent_ns;
	}
	if (silent_ns < timeout_ns) {
		struct vly_chat_job job = {
			.work = VLY_CHAT_WORK_WARN,
			.target = member,
			.target_generation = who->generation,
		};

		// Too much is queued, as when very many are silent at once: it is tried again.
		who->is_warned = who->is_warned || vly_chat_queue(chat, &job, VLY_INDEX_END);
		if (!who->is_warned && timeout_ns - silent_ns > NS_PER_SECOND)
			return NS_PER_SECOND;
		return timeout_ns - silent_ns;
	}
	vly_chat_part(chat, member, "timed out");
	chat->counts[VLY_CHAT_EXPIRED]++;
	return 0;
}

// --- proofs -------------------------------------------------------------------------------------

static void write_proof(const struct vly_chat *chat, const struct vly_addr *addr, uint64_t epoch,
			char *proof)
{
	// Nothing that one reads as another, for those who type it.
	static const char letters[] = "abcdefghjkmnpqrstuvwxyz023456789";
	uint8_t bytes[sizeof(addr->ip) + sizeof(addr->port) + sizeof(epoch)];
	uint64_t hash;

	memcpy(bytes, addr->ip, sizeof(addr->ip));
	memcpy(bytes + sizeof(addr->ip), &addr->port, sizeof(addr->port));
	memcpy(bytes + sizeof(addr->ip) + sizeof(addr->port), &epoch, sizeof(epoch));
	hash = vly_siphash(&chat->config.key, bytes, sizeof(bytes));
	for (uint32_t i = 0; i < VLY_CHAT_PROOF_BYTES; i++, hash >>= 5)
		proof[i] = letters[hash & 31];
}

void vly_chat_proof(const struct vly_chat *chat, const struct vly_addr *addr, uint64_t now_ns,
		    char *proof)
{
	write_proof(chat, addr, now_ns / proof_epoch_ns, proof);
}

bool vly_chat_proves(const struct vly_chat *chat, const struct vly_addr *addr, uint64_t now_ns,
		     struct vly_chat_word proof)
{
	char right[VLY_CHAT_PROOF_BYTES];
	uint64_t epoch = now_ns / proof_epoch_ns;
	bool holds = false;

	for (uint64_t back = 0; back < 2; back++) {
		uint8_t differs = proof.len != sizeof(right);

		write_proof(chat, addr, epoch - back, right);
		for (uint32_t i = 0; i < sizeof(right) && i < proof.len; i++)
			differs |= (uint8_t)(right[i] ^ proof.at[i]);
		holds |= !differs;
	}
	return holds;
}
