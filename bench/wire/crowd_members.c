// SPDX-License-Identifier: BSD-3-Clause
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crowd.h"
#include "monotonic.h"

// --- where they are -----------------------------------------------------------------------------

static uint32_t ip4_of(const struct vly_addr *addr)
{
	return (uint32_t)addr->ip[12] << 24 | (uint32_t)addr->ip[13] << 16 |
	       (uint32_t)addr->ip[14] << 8 | addr->ip[15];
}

static struct vly_addr addr_of(const struct crowd *crowd, uint32_t member)
{
	struct vly_addr addr = crowd->first;
	uint32_t ip = ip4_of(&addr) + member / crowd->ports;

	for (uint32_t i = 0; i < 4; i++)
		addr.ip[12 + i] = (uint8_t)(ip >> (24 - 8 * i));
	addr.port = (uint16_t)(addr.port + member % crowd->ports);
	return addr;
}

// Or `count`: nobody.
static uint32_t member_at(const struct crowd *crowd, const struct vly_addr *addr)
{
	uint32_t ip = ip4_of(addr) - ip4_of(&crowd->first);
	uint32_t port = (uint32_t)addr->port - crowd->first.port;
	uint64_t member = (uint64_t)ip * crowd->ports + port;

	return port < crowd->ports && member < crowd->count ? (uint32_t)member : crowd->count;
}

void crowd_room(uint32_t member, char *text, size_t size)
{
	static const size_t ends[] = {1, 2, 5, 8};

	snprintf(text, size, "/%u/s%u/t%u", member / 100 % 10, member / 10 % 10, member % 10);
	text[ends[member / 1000 % 4]] = '\0';
}

// --- what they say ------------------------------------------------------------------------------

void crowd_flush(struct crowd *crowd)
{
	uint32_t sent = 0;

	while (sent < crowd->out_count)
		sent += vly_tx_burst(crowd->queue, crowd->out + sent, crowd->out_count - sent,
				     monotonic_ns());
	crowd->out_count = 0;
}

void crowd_say(struct crowd *crowd, uint32_t member, const char *format, ...)
{
	struct vly_dgram *dgram;
	va_list arguments;
	int len;

	if (crowd->out_count == VLY_BURST_MAX)
		crowd_flush(crowd);
	while (vly_alloc_burst(crowd->queue, &dgram, 1) == 0) {
		crowd_flush(crowd);
		crowd_take(crowd); // gives buffers back
	}
	va_start(arguments, format);
	len = vsnprintf((char *)vly_dgram_data(dgram), dgram->capacity, format, arguments);
	va_end(arguments);
	dgram->len = (uint16_t)len;
	dgram->peer = crowd->server.addr;
	dgram->local = addr_of(crowd, member);
	crowd->out[crowd->out_count++] = dgram;
}

void crowd_join(struct crowd *crowd, uint32_t member)
{
	const struct member *who = &crowd->members[member];
	char room[16];

	crowd_room(member, room, sizeof(room));
	if (who->has_proof)
		crowd_say(crowd, member, "join m%u %s %.*s", member, room, CROWD_PROOF_BYTES,
			  who->proof);
	else
		crowd_say(crowd, member, "join m%u", member);
}

// --- what they hear -----------------------------------------------------------------------------

static bool begins(const struct vly_dgram *dgram, const char *text)
{
	size_t len = strlen(text);

	return dgram->len >= len && memcmp(vly_dgram_data(dgram), text, len) == 0;
}

static void take_copy(struct crowd *crowd, struct member *who, const struct vly_dgram *dgram)
{
	const uint8_t *text = vly_dgram_data(dgram);
	uint32_t number = 0;

	for (uint32_t i = 0; i < dgram->len && text[i] >= '0' && text[i] <= '9'; i++)
		number = number * 10 + (uint32_t)(text[i] - '0');
	crowd->copies++;
	crowd->late += number != who->number + 1;
	who->number = number > who->number ? number : who->number;
	who->heard++;
	crowd->complete += who->heard == crowd->wanted;
	crowd->twice += who->heard > crowd->wanted;
}

static void take_answer(struct crowd *crowd, uint32_t member, const struct vly_dgram *dgram)
{
	struct member *who = &crowd->members[member];

	if (begins(dgram, "proof =") && !who->has_proof) {
		memcpy(who->proof, vly_dgram_data(dgram) + 6, sizeof(who->proof));
		who->has_proof = true;
		crowd_join(crowd, member);
	} else if (begins(dgram, "ok joined ") && who->phase == MEMBER_OUTSIDE) {
		who->phase = MEMBER_JOINED;
		crowd->joined++;
	} else if (begins(dgram, "ok left") && who->phase == MEMBER_JOINED) {
		who->phase = MEMBER_GONE;
		crowd->gone++;
	} else if (begins(dgram, "pong ")) {
		crowd->pongs++;
	} else if (member == 0 && (begins(dgram, "ok") || begins(dgram, "#"))) {
		crowd->oks++;
	}
}

uint32_t crowd_take(struct crowd *crowd)
{
	struct vly_dgram *dgrams[VLY_BURST_MAX];
	uint32_t count = vly_rx_burst(crowd->queue, dgrams, VLY_BURST_MAX, monotonic_ns());

	for (uint32_t i = 0; i < count; i++)
		__builtin_prefetch(vly_dgram_data(dgrams[i]));
	for (uint32_t i = 0; i < count; i++) {
		uint32_t member = member_at(crowd, &dgrams[i]->local);

		dgrams[i]->fate = VLY_FATE_RELEASE;
		if (member == crowd->count || dgrams[i]->len == 0)
			continue;
		if (vly_dgram_data(dgrams[i])[0] <= '9' && vly_dgram_data(dgrams[i])[0] >= '0')
			take_copy(crowd, &crowd->members[member], dgrams[i]);
		else
			take_answer(crowd, member, dgrams[i]);
	}
	vly_release_burst(crowd->queue, dgrams, count);
	return count;
}
