// SPDX-License-Identifier: BSD-3-Clause
//
// Our XDP program on an interface: dpdk_steer.bpf.c as the compiler made it for the kernel's
// machine, part of this library. DPDK's driver loads and attaches it, from a file, and takes it off
// when the port closes; here its maps are filled, and one that a dead process left is removed.
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "backend/dpdk_private.h"
#include "core/fail.h"

enum {
	MAPS_MAX = 8,
	PORTS_PER_WORD = 64,
	IP_BYTES = 16,
	MAPPED_BITS = 96,        // before an IPv4 address
	BROADCAST_BITS_MAX = 30, // longer prefixes have no broadcast address (RFC 3021)
	TAKEN_MAX = 2 * VLY_ADDRS_MAX + VLY_GROUPS_MAX + 1,
};

static const char program_name[] = "volley_steer";

// The object file, by dpdk_embed.py.
static const uint8_t object[] = {
#include "dpdk_steer_bytes.h"
};

int vly_dpdk_program_file(struct vly_error *error)
{
	int fd = memfd_create(program_name, MFD_CLOEXEC);

	if (fd < 0)
		return vly_fail(error, -errno, "dpdk: no memory file for the XDP program");
	if (write(fd, object, sizeof(object)) == (ssize_t)sizeof(object))
		return fd;
	close(fd);
	return vly_fail(error, -ENOMEM, "dpdk: no memory for the XDP program");
}

// Our program on the interface: a descriptor, or -ENOENT when there is none or another's.
static int find_program(uint32_t ifindex, struct bpf_prog_info *info)
{
	uint32_t len = sizeof(*info);
	uint32_t id;
	int fd;

	if (bpf_xdp_query_id((int)ifindex, 0, &id) || !id)
		return -ENOENT;
	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		return -ENOENT;
	if (bpf_obj_get_info_by_fd(fd, info, &len) == 0 && strcmp(info->name, program_name) == 0)
		return fd;
	close(fd);
	return -ENOENT;
}

bool vly_dpdk_program_sweep(uint32_t ifindex)
{
	struct bpf_prog_info info = {.nr_map_ids = 0};
	int fd = find_program(ifindex, &info);

	if (fd < 0)
		return false;
	close(fd);
	return bpf_xdp_detach((int)ifindex, 0, NULL) == 0;
}

int vly_dpdk_program_other(uint32_t ifindex, char *name, size_t size)
{
	struct bpf_prog_info info = {.nr_map_ids = 0};
	uint32_t len = sizeof(info);
	uint32_t id;
	int fd;

	if (bpf_xdp_query_id((int)ifindex, 0, &id) || !id)
		return 0;
	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		info.name[0] = 0;
	snprintf(name, size, "%s", info.name[0] ? info.name : "without a name");
	if (fd >= 0)
		close(fd);
	return -EBUSY;
}

// A map of the program by its name: a descriptor or -ENOENT.
static int find_map(const struct bpf_prog_info *program, const char *name)
{
	const uint32_t *ids = (const void *)(uintptr_t)program->map_ids;

	for (uint32_t i = 0; i < program->nr_map_ids && i < MAPS_MAX; i++) {
		struct bpf_map_info map = {.id = 0};
		uint32_t len = sizeof(map);
		int fd = bpf_map_get_fd_by_id(ids[i]);

		if (fd < 0)
			continue;
		if (bpf_obj_get_info_by_fd(fd, &map, &len) == 0 && strcmp(map.name, name) == 0)
			return fd;
		close(fd);
	}
	return -ENOENT;
}

// All that a datagram for one of our ports may have been sent to.
struct taken {
	uint32_t count;
	uint8_t ip[TAKEN_MAX][IP_BYTES];
};

static bool is_taken(const struct taken *taken, const uint8_t *ip)
{
	for (uint32_t i = 0; i < taken->count; i++) {
		if (memcmp(taken->ip[i], ip, IP_BYTES) == 0)
			return true;
	}
	return false;
}

static void take(struct taken *taken, const struct vly_prefix *list, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		memcpy(taken->ip[taken->count++], list[i].ip, IP_BYTES);
}

// Everybody's address, and that of everybody in an IPv4 prefix.
static void take_broadcasts(struct taken *taken, const struct vly_prefix *list, uint32_t count)
{
	static const uint8_t all[IP_BYTES] = {[10] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	memcpy(taken->ip[taken->count++], all, IP_BYTES);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *ip = taken->ip[taken->count];

		if (memcmp(list[i].ip, all, MAPPED_BITS / 8) != 0 ||
		    list[i].bits > MAPPED_BITS + BROADCAST_BITS_MAX)
			continue;
		memcpy(ip, list[i].ip, IP_BYTES);
		for (uint32_t bit = list[i].bits; bit < 8 * IP_BYTES; bit++)
			ip[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
		taken->count++;
	}
}

static int add_taken(int fd, const struct taken *taken)
{
	uint32_t one = 1;
	int rc = 0;

	for (uint32_t i = 0; !rc && i < taken->count; i++)
		rc = bpf_map_update_elem(fd, taken->ip[i], &one, BPF_ANY);
	return rc;
}

static void remove_others(int fd, const struct taken *taken)
{
	uint8_t key[IP_BYTES];
	uint8_t next[IP_BYTES];
	bool is_there = bpf_map_get_next_key(fd, NULL, next) == 0;

	while (is_there) {
		memcpy(key, next, sizeof(key));
		is_there = bpf_map_get_next_key(fd, key, next) == 0;
		if (!is_taken(taken, key))
			bpf_map_delete_elem(fd, key);
	}
}

static int fill_addrs(const struct bpf_prog_info *program, const struct vly_dpdk_share *share,
		      const struct vly_prefix *addrs, uint32_t count)
{
	struct taken taken = {.count = 0};
	int fd = find_map(program, "volley_addrs");
	int rc;

	if (fd < 0)
		return fd;
	take(&taken, addrs, count);
	take(&taken, share->groups, share->group_count);
	if (share->takes_broadcasts)
		take_broadcasts(&taken, addrs, count);
	rc = add_taken(fd, &taken);
	remove_others(fd, &taken);
	close(fd);
	return rc;
}

static int fill_ports(const struct bpf_prog_info *program, const struct vly_dpdk_share *share)
{
	int fd = find_map(program, "volley_ports");
	int rc = fd < 0 ? fd : 0;

	for (uint32_t i = 0; !rc && i < share->port_count; i++) {
		uint32_t word = share->ports[i] / PORTS_PER_WORD;
		uint64_t bits = 0;

		rc = bpf_map_lookup_elem(fd, &word, &bits);
		bits |= UINT64_C(1) << share->ports[i] % PORTS_PER_WORD;
		if (!rc)
			rc = bpf_map_update_elem(fd, &word, &bits, BPF_ANY);
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

int vly_dpdk_program_fill(const struct vly_dpdk_share *share, struct vly_error *error)
{
	uint32_t ids[MAPS_MAX] = {0};
	struct bpf_prog_info info = {
		.nr_map_ids = MAPS_MAX,
		.map_ids = (uintptr_t)ids,
	};
	int fd = find_program(share->ifindex, &info);
	int rc = fd < 0 ? fd : 0;

	if (!rc)
		rc = fill_addrs(&info, share, share->addrs, share->addr_count);
	if (!rc)
		rc = fill_ports(&info, share);
	if (fd >= 0)
		close(fd);
	if (rc)
		return vly_fail(error, rc,
				"dpdk: the XDP program's tables cannot be filled (%s); run as "
				"root, or take the whole interface with -o share=off",
				strerror(-rc));
	return 0;
}

int vly_dpdk_program_addrs(const struct vly_dpdk_share *share, const struct vly_prefix *addrs,
			   uint32_t count)
{
	uint32_t ids[MAPS_MAX] = {0};
	struct bpf_prog_info info = {
		.nr_map_ids = MAPS_MAX,
		.map_ids = (uintptr_t)ids,
	};
	int fd = find_program(share->ifindex, &info);
	int rc = fd < 0 ? fd : fill_addrs(&info, share, addrs, count);

	if (fd >= 0)
		close(fd);
	return rc;
}
