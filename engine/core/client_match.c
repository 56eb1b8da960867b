// SPDX-License-Identifier: BSD-3-Clause
#include "core/client_match.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"

// Nobody answers from a group's address, or from everybody's.
static bool is_shared_addr(const struct vly_addr *addr)
{
	static const uint8_t ones[4] = {0xff, 0xff, 0xff, 0xff};

	return vly_addr_is_multicast(addr) ||
	       (vly_addr_is_ipv4(addr) && memcmp(addr->ip + 12, ones, sizeof(ones)) == 0);
}

// FNV-1a, in its published form for 64 bits.
static uint64_t hash_bytes(uint64_t hash, const void *bytes, uint32_t count)
{
	const uint8_t *at = bytes;

	for (uint32_t i = 0; i < count; i++)
		hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
	return hash;
}

uint64_t vly_match_hash_of(const struct vly_match *match, const struct vly_addr *peer,
			   const uint8_t *correlation)
{
	uint64_t hash = hash_bytes(UINT64_C(0xcbf29ce484222325), &peer->port, sizeof(peer->port));

	if (match->how != VLY_MATCH_PEER)
		hash = hash_bytes(hash, correlation, match->len);
	return hash | 1; // 0 is none
}

static const uint8_t *correlation_of(const struct vly_match *match,
				     const struct vly_request *request)
{
	return (const uint8_t *)request->bytes + match->offset;
}

static bool is_from(const struct vly_request *request, const struct vly_addr *peer)
{
	return request->peer.addr.port == peer->port &&
	       (memcmp(request->peer.addr.ip, peer->ip, sizeof(peer->ip)) == 0 ||
		is_shared_addr(&request->peer.addr));
}

bool vly_match_is_answer(const struct vly_client *client, const struct vly_request *request,
			 uint64_t hash, const struct vly_dgram *dgram)
{
	const struct vly_match *match = &client->match;

	return request->hash == hash && is_from(request, &dgram->peer) &&
	       (match->how == VLY_MATCH_PEER ||
		memcmp(correlation_of(match, request), vly_dgram_data(dgram) + match->answer_offset,
		       match->len) == 0);
}

// What a request leaves behind: its address, too, unless anybody may answer from any.
static uint64_t memory_hash(uint64_t hash, const struct vly_addr *peer, bool is_shared)
{
	return is_shared ? hash : hash_bytes(hash, peer->ip, sizeof(peer->ip)) | 1;
}

struct vly_client_memory *vly_client_recall(struct vly_client *client, uint64_t hash,
					    const struct vly_addr *peer)
{
	uint64_t own = memory_hash(hash, peer, false);

	// The latest first.
	for (uint32_t i = 1; i <= VLY_REQUESTS_REMEMBERED; i++) {
		struct vly_client_memory *memory =
			&client->ended[(client->ended_next - i) % VLY_REQUESTS_REMEMBERED];

		if (memory->hash == own || memory->hash == hash)
			return memory;
	}
	return NULL;
}

void vly_client_remember(struct vly_client *client, const struct vly_request *request)
{
	const struct vly_addr *peer = &request->peer.addr;

	client->ended[client->ended_next++ % VLY_REQUESTS_REMEMBERED] = (struct vly_client_memory){
		.hash = memory_hash(request->hash, peer, is_shared_addr(peer)),
		.is_answered = request->status == 0,
	};
}

// --- what a program wants ------------------------------------------------------------------------

int vly_match_check(const struct vly_match *match, struct vly_error *error)
{
	switch (match->how) {
	case VLY_MATCH_PEER:
		return 0;
	case VLY_MATCH_REPEATED:
	case VLY_MATCH_NUMBERED:
		if (match->len > 0 && match->len <= VLY_MATCH_BYTES_MAX)
			return 0;
		return vly_fail(error, -EINVAL,
				"match: %u correlation bytes; give from 1 to %u, or match by the "
				"peer alone",
				match->len, VLY_MATCH_BYTES_MAX);
	}
	return vly_fail(error, -EINVAL, "match: %d is no way to match", (int)match->how);
}

int vly_match_parse(struct vly_match *match, const char *text, struct vly_error *error)
{
	unsigned offset = 0, len = 0, answer_offset = 0;
	int end[2] = {0, 0};
	bool is_numbered = strncmp(text, "numbered:", 9) == 0;
	int parts = 0;

	if (is_numbered || strncmp(text, "repeated:", 9) == 0)
		parts = sscanf(text + 9, "%5u:%2u%n:%5u%n", &offset, &len, &end[0], &answer_offset,
			       &end[1]);
	if (parts < 2 || text[9 + end[parts - 2]] || !len || len > VLY_MATCH_BYTES_MAX ||
	    offset > VLY_DGRAM_BYTES_MAX || answer_offset > VLY_DGRAM_BYTES_MAX)
		return vly_fail(error, -EINVAL,
				"match '%s': write numbered:OFFSET:LEN or "
				"repeated:OFFSET:LEN[:ANSWER-OFFSET], with a LEN of 1 to %d",
				text, VLY_MATCH_BYTES_MAX);
	*match = (struct vly_match){
		.how = is_numbered ? VLY_MATCH_NUMBERED : VLY_MATCH_REPEATED,
		.offset = (uint16_t)offset,
		.len = (uint16_t)len,
		.answer_offset = (uint16_t)(parts == 3 ? answer_offset : offset),
	};
	return 0;
}
