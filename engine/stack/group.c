// SPDX-License-Identifier: BSD-3-Clause
#include "stack/group.h"

#include "stack/flow.h"
#include "stack/local.h"

enum {
	OLD_QUERIER_S = 260, // older version querier present timeout, RFC 3376 section 8.12
	SECOND_NS = 1000000000,
	SCOPE_INTERFACE = 1, // of an IPv6 group: its second byte's lower half (RFC 4291, 2.7)
};

static bool is_zero(const uint8_t *ip)
{
	return vly_raw64(ip) == 0 && (vly_raw64(ip + 8) == 0 || vly_ip_is4(ip)) &&
	       vly_raw32(ip + 12) == 0;
}

static uint64_t bit_of(const uint8_t *ip)
{
	return vly_local_bit6(vly_raw64(ip + 8));
}

// Its place, or groups->count.
static uint32_t place_of(const struct vly_groups *groups, const uint8_t *ip)
{
	if (!(groups->filter & bit_of(ip)))
		return groups->count;
	for (uint32_t i = 0; i < groups->count; i++)
		if (vly_ip_is_equal(groups->members[i].ip, ip))
			return i;
	return groups->count;
}

const struct vly_member *vly_groups_find(const struct vly_groups *groups, const uint8_t *ip)
{
	uint32_t place = place_of(groups, ip);

	return place < groups->count ? &groups->members[place] : NULL;
}

// 224.0.0.1, ff02::1, and what does not leave a host.
static bool is_local(const uint8_t *ip)
{
	static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 0x01};

	if (vly_ip_is4(ip))
		return vly_be32(ip + 12) == 0xe0000001;
	return (ip[1] & 0xf) <= SCOPE_INTERFACE || vly_ip_is_equal(ip, all_nodes);
}

static void member_init(struct vly_member *member, const uint8_t *ip, bool is_quiet)
{
	memset(member, 0, sizeof(*member));
	memcpy(member->ip, ip, sizeof(member->ip));
	member->is_local = is_local(ip);
	member->repeats = VLY_MEMBER_REPEATS;
	if (!is_quiet && !member->is_local)
		member->state = VLY_MEMBER_JOINING;
}

bool vly_groups_add(struct vly_groups *groups, const struct vly_group *group, bool is_quiet)
{
	uint32_t place = place_of(groups, group->ip);
	struct vly_member *member = &groups->members[place];

	if (place == groups->count) {
		if (groups->count == VLY_GROUPS_MAX)
			return false;
		groups->count++;
		groups->filter |= bit_of(group->ip);
		member_init(member, group->ip, is_quiet);
	}
	if (is_zero(group->source)) {
		member->is_any = true;
		return true;
	}
	if (member->source_count == VLY_MEMBER_SOURCES_MAX)
		return false;
	memcpy(member->sources[member->source_count++], group->source, 16);
	return true;
}

bool vly_groups_hears(const struct vly_groups *groups, const uint8_t *ip, const uint8_t *source)
{
	const struct vly_member *member = vly_groups_find(groups, ip);

	if (!member || member->is_any)
		return true;
	for (uint32_t i = 0; i < member->source_count; i++)
		if (vly_ip_is_equal(member->sources[i], source))
			return true;
	return false;
}

// A router that wants to know of certain sources gets no answer from who wants none of these.
static bool concerns(const struct vly_member *member, const struct vly_group_query *query)
{
	uint32_t bytes = query->is_ipv6 ? 16 : 4;

	if (member->is_any || query->source_count == 0)
		return true;
	for (uint32_t i = 0; i < query->source_count; i++)
		for (uint32_t s = 0; s < member->source_count; s++)
			if (!memcmp(member->sources[s] + 16 - bytes, query->sources + i * bytes,
				    bytes))
				return true;
	return false;
}

// The oldest of the routers decides, as long as it is heard (RFC 3376, section 7.2.1).
static void note_version(struct vly_member_querier *querier, uint8_t version, uint64_t now_ns)
{
	if (!version || (now_ns < querier->until_ns && querier->version < version))
		return;
	querier->version = version;
	querier->until_ns = now_ns + (uint64_t)OLD_QUERIER_S * SECOND_NS;
}

bool vly_groups_asked(struct vly_groups *groups, const struct vly_group_query *query,
		      uint64_t now_ns)
{
	bool is_asked = false;
	bool is_general = is_zero(query->group);
	uint64_t report_ns;

	note_version(query->is_ipv6 ? &groups->querier6 : &groups->querier4, query->version,
		     now_ns);
	groups->random = vly_flow_mix(groups->random ^ now_ns, 0x9e3779b97f4a7c15u);
	report_ns = now_ns + groups->random % (query->max_delay_ns + 1);
	for (uint32_t i = 0; i < groups->count; i++) {
		struct vly_member *member = &groups->members[i];

		if (member->is_local || vly_ip_is4(member->ip) == query->is_ipv6 ||
		    (!is_general && !vly_ip_is_equal(member->ip, query->group)) ||
		    !concerns(member, query))
			continue;
		is_asked = true;
		// Who says that it has just joined, or leaves, answers with that.
		if (member->state != VLY_MEMBER_QUIET && member->report_ns <= report_ns)
			continue;
		if (member->state == VLY_MEMBER_QUIET)
			member->state = VLY_MEMBER_ASKED;
		member->report_ns = report_ns;
	}
	return is_asked;
}

bool vly_groups_leave(struct vly_groups *groups)
{
	bool has_any = false;

	for (uint32_t i = 0; i < groups->count; i++) {
		struct vly_member *member = &groups->members[i];

		if (member->repeats < VLY_MEMBER_REPEATS) {
			member->repeats = VLY_MEMBER_REPEATS;
			member->state = VLY_MEMBER_LEAVING;
			member->report_ns = 0;
		}
		if (member->state == VLY_MEMBER_LEAVING)
			has_any = true;
		else
			member->state = VLY_MEMBER_QUIET;
	}
	return has_any;
}
