// SPDX-License-Identifier: BSD-3-Clause
//
// Multicast membership: which groups, and which of their sources, are ours to receive, and when the
// routers are told (IGMPv3, RFC 3376, and MLDv2, RFC 3810, with the older versions where a router
// speaks one). Both protocols are one thing with addresses of two lengths. One thread's, as the
// stack is.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <volley/addr.h>
#include <volley/port.h>

enum vly_member_limits {
	VLY_MEMBER_SOURCES_MAX = 16,
	VLY_MEMBER_REPEATS = 2, // that we have joined; robustness variable, RFC 3376 section 8.1
};

enum vly_member_state {
	VLY_MEMBER_QUIET,   // nothing to say
	VLY_MEMBER_JOINING, // that we joined, `repeats` times more
	VLY_MEMBER_ASKED,   // a router asked
	VLY_MEMBER_LEAVING,
};

struct vly_member {
	uint8_t ip[16];
	bool is_any;   // of all sources
	bool is_local; // of the link or this host alone: no router is told (RFC 3810, section 6)
	uint8_t source_count;
	uint8_t state; // enum vly_member_state
	uint8_t repeats;
	uint64_t report_ns; // when there is something to say
	uint8_t sources[VLY_MEMBER_SOURCES_MAX][16];
};

// What the routers of one family speak.
struct vly_member_querier {
	uint8_t version;   // the older one: 1 or 2 (IGMP), 1 (MLD); 0: the newest
	uint64_t until_ns; // and how long we take it for that
};

struct vly_groups {
	uint32_t count;
	uint64_t filter; // a bit for each group, by hash
	uint64_t random; // state of the delays; whatever differs from other hosts' is good
	struct vly_member_querier querier4;
	struct vly_member_querier querier6;
	struct vly_member members[VLY_GROUPS_MAX];
};

// Adds a group, or a source to one; joining is to be told, with is_quiet only when a router asks.
// False when there is no room.
bool vly_groups_add(struct vly_groups *groups, const struct vly_group *group, bool is_quiet);

// The membership of that group, or NULL.
const struct vly_member *vly_groups_find(const struct vly_groups *groups, const uint8_t *ip);

// Whether what `source` sends to that group is ours: not when only other sources were asked for.
// A group that is not in the table has no say in it.
bool vly_groups_hears(const struct vly_groups *groups, const uint8_t *ip, const uint8_t *source);

// The older version that a router of the family speaks, or 0.
static inline uint8_t vly_groups_version(const struct vly_groups *groups, bool is_ipv6,
					 uint64_t now_ns)
{
	const struct vly_member_querier *querier = is_ipv6 ? &groups->querier6 : &groups->querier4;

	return now_ns < querier->until_ns ? querier->version : 0;
}

// A router's question.
struct vly_group_query {
	bool is_ipv6;
	uint8_t version;        // as of vly_member_querier
	uint8_t group[16];      // IPv4 mapped; all zero (or mapped 0.0.0.0): all groups
	uint64_t max_delay_ns;  // the answer is due within that, at random
	const uint8_t *sources; // of its family's length; none: of any
	uint32_t source_count;
};

// Notes when to answer. Returns whether there is anything to answer.
bool vly_groups_asked(struct vly_groups *groups, const struct vly_group_query *query,
		      uint64_t now_ns);

// All groups are to be left that routers were told of. False when there are none, or no more.
bool vly_groups_leave(struct vly_groups *groups);
