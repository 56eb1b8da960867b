// SPDX-License-Identifier: BSD-3-Clause
#include "stack/path.h"

#include "stack/flow.h"
#include "stack/state.h"

static struct vly_path *set_of(struct vly_paths *paths, const uint8_t *ip)
{
	uint64_t hash = vly_flow_mix(vly_raw64(ip) ^ 0x9e3779b97f4a7c15u,
				     vly_raw64(ip + 8) ^ 0xd6e8feb86659fd93u);

	return paths->sets[hash % VLY_PATH_SETS];
}

static struct vly_path *find(struct vly_paths *paths, const uint8_t *ip)
{
	struct vly_path *set = set_of(paths, ip);

	for (uint32_t i = 0; i < VLY_PATH_WAYS; i++)
		if (set[i].until_ns && vly_ip_is_equal(set[i].ip, ip))
			return &set[i];
	return NULL;
}

uint32_t vly_path_mtu(const struct vly_stack *stack, const uint8_t *ip)
{
	const struct vly_path *path = stack->paths->count ? find(stack->paths, ip) : NULL;

	return path ? path->mtu : stack->mtu;
}

// A free one, or the one that is nearest to be forgotten.
static struct vly_path *make(struct vly_paths *paths, const uint8_t *ip)
{
	struct vly_path *set = set_of(paths, ip);
	struct vly_path *oldest = &set[0];

	for (uint32_t i = 1; i < VLY_PATH_WAYS; i++)
		if (set[i].until_ns < oldest->until_ns)
			oldest = &set[i];
	paths->count += oldest->until_ns == 0;
	memcpy(oldest->ip, ip, sizeof(oldest->ip));
	return oldest;
}

bool vly_path_learn(struct vly_stack *stack, const uint8_t *ip, uint32_t mtu, uint64_t now_ns)
{
	uint32_t least = vly_ip_is4(ip) ? VLY_PATH_IP4_MIN : VLY_PATH_IP6_MIN;
	struct vly_path *path;

	mtu = mtu < least ? least : mtu;
	if (mtu >= vly_path_mtu(stack, ip))
		return false;
	path = find(stack->paths, ip);
	if (!path)
		path = make(stack->paths, ip);
	path->mtu = mtu;
	path->until_ns = now_ns + VLY_PATH_NS;
	if (mtu < stack->mtu_sure)
		stack->mtu_sure = mtu;
	if (path->until_ns < stack->due_ns)
		stack->due_ns = path->until_ns;
	return true;
}

void vly_path_expire(struct vly_stack *stack, uint64_t now_ns, uint64_t *due_ns)
{
	struct vly_paths *paths = stack->paths;

	if (!paths->count)
		return;
	stack->mtu_sure = stack->mtu;
	for (uint32_t i = 0; i < VLY_PATH_SETS * VLY_PATH_WAYS; i++) {
		struct vly_path *path = &paths->sets[i / VLY_PATH_WAYS][i % VLY_PATH_WAYS];

		if (!path->until_ns)
			continue;
		if (now_ns >= path->until_ns) {
			path->until_ns = 0;
			paths->count--;
			continue;
		}
		if (path->mtu < stack->mtu_sure)
			stack->mtu_sure = path->mtu;
		if (path->until_ns < *due_ns)
			*due_ns = path->until_ns;
	}
}
