// SPDX-License-Identifier: BSD-3-Clause
//
// What an answer is known by, and the memory of requests that have ended: by the hash that each of
// the last some hundred leaves, what comes late or twice is told from what is foreign.
#pragma once

#include "core/client.h"

// By port and correlation bytes; where there are none, by the port alone. Never 0.
uint64_t vly_match_hash_of(const struct vly_match *match, const struct vly_addr *peer,
			   const uint8_t *correlation);

// Whether a datagram whose bytes have that hash answers the request.
bool vly_match_is_answer(const struct vly_client *client, const struct vly_request *request,
			 uint64_t hash, const struct vly_dgram *dgram);

// Remembers a request that has its final status.
void vly_client_remember(struct vly_client *client, const struct vly_request *request);

// The latest request that has ended, and to which this would have been an answer; or NULL.
struct vly_client_memory *vly_client_recall(struct vly_client *client, uint64_t hash,
					    const struct vly_addr *peer);

// Returns 0, or -EINVAL for a match that cannot be.
int vly_match_check(const struct vly_match *match, struct vly_error *error);

// "numbered:0:2" and so on. Returns 0 or -EINVAL.
int vly_match_parse(struct vly_match *match, const char *text, struct vly_error *error);
