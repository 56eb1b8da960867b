// SPDX-License-Identifier: BSD-3-Clause
//
// A chat, and what anybody may send to it. The input is text, an action a line:
//
//     aTEXT     client a (any letter) sends TEXT; a `$` in it becomes the right proof, `?` the
//               proof of another address
//     A TEXT    the same with a capital: from a sender who has proved to be "carol"
//     .N        up to N copies are made (a digit; none: one)
//     +N        N times ten seconds pass
//     !         timers are looked at
//
// After each of them the rooms and members are counted; every copy must go to a member, and new
// ones must have numbers without a gap.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endings.h"
#include "handler/chat/chat.h"

enum {
	CLIENTS = 26,
	DATAGRAM_BYTES = 1500,
	SECOND_NS = 1000000000,
};

enum verdict {
	VERDICT_REPLY,
	VERDICT_CONSUMED,
	VERDICT_COPY,
	VERDICT_GONE,
	VERDICT_BUSY,
	VERDICT_EXPIRED,
	VERDICT_CHALLENGED,
	VERDICT_REPEATED,
};

struct endings fuzz_endings = {
	.verdict_names = {"reply", "consumed", "copy", "gone", "busy", "expired", "challenged",
			  "repeated"},
	.first_drop = VLY_DROP_RATE_LIMITED,
	.last_drop = VLY_DROP_MALFORMED,
};

struct datagram {
	struct vly_dgram dgram;
	uint8_t bytes[DATAGRAM_BYTES];
};

struct run {
	struct vly_chat chat;
	uint64_t now_ns;
	uint32_t numbers[CLIENTS]; // the last copy's
	struct datagram *datagram;
};

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz_chat: not so: %s\n", what);
	abort();
}

// --- what must always hold ----------------------------------------------------------------------

static uint32_t check_room(const struct vly_chat *chat, uint32_t number, uint32_t *rooms)
{
	const struct vly_chat_room *room = &chat->rooms.slots[number];
	uint32_t total = 0;
	uint32_t previous = VLY_INDEX_END;

	(*rooms)++;
	for (uint32_t i = room->first_member; i != VLY_INDEX_END; i = chat->members.slots[i].next) {
		check(chat->members.slots[i].is_used, "a room has members");
		check(chat->members.slots[i].room == number, "a member knows its room");
		check(chat->members.slots[i].previous == previous, "members are linked both ways");
		previous = i;
		total++;
	}
	check(total == room->member_count, "a room's members are counted");
	for (uint32_t i = room->first_child; i != VLY_INDEX_END; i = chat->rooms.slots[i].next) {
		check(chat->rooms.slots[i].parent == number, "a room knows where it lies");
		total += check_room(chat, i, rooms);
	}
	check(total == room->total, "all below are counted");
	check(total > 0 || number == VLY_CHAT_ROOT, "an empty room has ended");
	return total;
}

static void check_all(const struct vly_chat *chat)
{
	uint32_t rooms = 0;

	check(check_room(chat, VLY_CHAT_ROOT, &rooms) == chat->members.count, "all are in a room");
	check(rooms == chat->rooms.count, "all rooms lie in the root");
	check(rooms <= chat->config.max_rooms, "rooms are limited");
	check(chat->job_end - chat->job_first <= chat->job_mask + 1, "the queue is limited");
	check(chat->cursor == VLY_INDEX_END || chat->members.slots[chat->cursor].is_used,
	      "a walk stands at a member");
}

// --- actions ------------------------------------------------------------------------------------

static struct vly_addr client_addr(uint32_t client)
{
	struct vly_addr addr = {.port = (uint16_t)(1 + client)};

	addr.ip[0] = 0xfd;
	return addr;
}

static void clear(struct datagram *datagram)
{
	memset(&datagram->dgram, 0, sizeof(datagram->dgram));
	datagram->dgram.data_offset = (int32_t)offsetof(struct datagram, bytes);
	datagram->dgram.capacity = DATAGRAM_BYTES;
}

static void put_text(struct run *run, const uint8_t *text, size_t len)
{
	struct vly_dgram *dgram = &run->datagram->dgram;
	struct vly_addr other = dgram->peer;

	other.port++;
	for (size_t i = 0; i < len && dgram->len + VLY_CHAT_PROOF_BYTES < DATAGRAM_BYTES; i++) {
		uint8_t *at = run->datagram->bytes + dgram->len;

		if (text[i] != '$' && text[i] != '?') {
			*at = text[i];
			dgram->len++;
			continue;
		}
		vly_chat_proof(&run->chat, text[i] == '$' ? &dgram->peer : &other, run->now_ns,
			       (char *)at);
		dgram->len = (uint16_t)(dgram->len + VLY_CHAT_PROOF_BYTES);
	}
}

// Whoever comes from a member's address with another identity is not that member.
static bool is_member(const struct vly_chat *chat, const struct vly_addr *addr,
		      const char *identity)
{
	uint32_t index = vly_chat_member_at(&chat->members, addr);
	const struct vly_chat_member *member;

	if (index == VLY_INDEX_END)
		return false;
	member = &chat->members.slots[index];
	if (!identity)
		return !member->is_proven;
	return strlen(identity) == member->name_len &&
	       memcmp(identity, member->name, member->name_len) == 0;
}

static void send(struct run *run, uint32_t client, const char *identity, const uint8_t *text,
		 size_t len)
{
	struct vly_dgram *dgram = &run->datagram->dgram;
	struct vly_addr addr = client_addr(client);
	bool was_member = is_member(&run->chat, &addr, identity);
	bool has_proof = memchr(text, '$', len) != NULL;

	clear(run->datagram);
	dgram->peer = addr;
	put_text(run, text, len);
	vly_chat_input(&run->chat, dgram, run->now_ns, identity);
	if (dgram->fate < VLY_DROP_COUNT)
		fuzz_endings.drops[dgram->fate]++;
	else
		fuzz_endings.verdicts[dgram->fate == VLY_FATE_REPLY ? VERDICT_REPLY
								    : VERDICT_CONSUMED]++;
	if (dgram->fate == VLY_FATE_REPLY)
		check(run->datagram->bytes[dgram->len - 1] == '\n', "an answer is a line");
	if (!was_member && !has_proof && dgram->fate == VLY_FATE_REPLY)
		check(dgram->len <= 18, "a stranger gets little");
	if (run->chat.newcomer != VLY_INDEX_END) {
		check(!was_member && has_proof, "only who proves it is let in");
		run->numbers[client] = run->chat.members.slots[run->chat.newcomer].number;
	}
}

// A history is numbered before its copies are made: what comes then is not new.
static void note_numbers(struct run *run)
{
	for (uint32_t client = 0; client < CLIENTS; client++) {
		struct vly_addr addr = client_addr(client);
		uint32_t member = vly_chat_member_at(&run->chat.members, &addr);

		if (member != VLY_INDEX_END)
			run->numbers[client] = run->chat.members.slots[member].number;
	}
}

static void make_copies(struct run *run, uint32_t count)
{
	uint32_t budget = 10 * count;

	while (count-- > 0) {
		const uint8_t *bytes = run->datagram->bytes;
		const struct vly_dgram *dgram = &run->datagram->dgram;
		uint32_t client;
		unsigned long number;

		clear(run->datagram);
		if (!vly_chat_next(&run->chat, &run->datagram->dgram, &budget))
			return;
		check(vly_chat_member_at(&run->chat.members, &dgram->peer) != VLY_INDEX_END,
		      "a copy goes to a member");
		check(bytes[dgram->len - 1] == '\n', "a copy is a line");
		fuzz_endings.verdicts[VERDICT_COPY]++;
		client = dgram->peer.port - 1u;
		if (bytes[0] < '0' || bytes[0] > '9') {
			note_numbers(run); // a member has moved, and gets a history
			continue;
		}
		number = strtoul((const char *)bytes, NULL, 10);
		check(number <= run->numbers[client] + 1, "numbers have no gap");
		if (number == run->numbers[client] + 1)
			run->numbers[client]++;
	}
}

static void look_at_timers(struct run *run)
{
	for (uint32_t i = 0; i < run->chat.members.high; i++)
		vly_chat_check(&run->chat, i, run->now_ns);
}

static void act(struct run *run, const uint8_t *line, size_t len)
{
	uint32_t digit = len > 1 && line[1] >= '0' && line[1] <= '9' ? line[1] - (uint32_t)'0' : 1;

	if (line[0] >= 'a' && line[0] <= 'z')
		send(run, line[0] - (uint32_t)'a', NULL, line + 1, len - 1);
	else if (line[0] >= 'A' && line[0] <= 'Z')
		send(run, line[0] - (uint32_t)'A', "carol", line + 1, len - 1);
	else if (line[0] == '.')
		make_copies(run, digit);
	else if (line[0] == '+')
		run->now_ns += digit * 10u * (uint64_t)SECOND_NS;
	else if (line[0] == '!')
		look_at_timers(run);
	check_all(&run->chat);
	note_numbers(run);
}

static void note_endings(const struct vly_chat *chat)
{
	fuzz_endings.verdicts[VERDICT_GONE] += chat->counts[VLY_CHAT_GONE];
	fuzz_endings.verdicts[VERDICT_BUSY] += chat->counts[VLY_CHAT_BUSY];
	fuzz_endings.verdicts[VERDICT_EXPIRED] += chat->counts[VLY_CHAT_EXPIRED];
	fuzz_endings.verdicts[VERDICT_CHALLENGED] += chat->counts[VLY_CHAT_CHALLENGED];
	fuzz_endings.verdicts[VERDICT_REPEATED] += chat->counts[VLY_CHAT_REPEATED];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct vly_chat_config config = {
		.max_members = 8,
		.max_rooms = 6,
		.messages = 16,
		.history = 4,
		.window = 4,
		.notices = 4,
		.rate = 1,
		.burst = 20,
		.timeout_ns = 60u * (uint64_t)SECOND_NS,
		.key = {{3, 4}},
	};
	struct run run = {.now_ns = 1000u * (uint64_t)SECOND_NS};
	struct vly_error error;

	run.datagram = malloc(sizeof(*run.datagram));
	check(run.datagram && vly_chat_open(&run.chat, &config, &error) == 0, "there is memory");
	while (size > 0) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t len = end ? (size_t)(end - data) : size;

		if (len > 0)
			act(&run, data, len);
		len += end != NULL;
		data += len;
		size -= len;
	}
	vly_chat_abandon(&run.chat);
	note_endings(&run.chat);
	vly_chat_close(&run.chat);
	free(run.datagram);
	return 0;
}
