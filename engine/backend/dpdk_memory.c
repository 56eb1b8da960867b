// SPDX-License-Identifier: BSD-3-Clause
//
// How much memory DPDK gets in this process, and of which pages. Huge pages are faster and what a
// NIC wants; without them the rest works as well, on memory that the kernel gives as it is used.
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_lcore.h>

#include "backend/dpdk_private.h"
#include "core/fail.h"

enum {
	BASE_BYTES = 24 * VLY_DPDK_MEGABYTE,   // DPDK's own tables and the heap's fragments
	SPARE_BYTES = 128 * VLY_DPDK_MEGABYTE, // normal pages: room for ports opened later
	DESCRIPTOR_BYTES = 512,                // of both rings of a queue, per descriptor
	OBJECT_BYTES = 64,                     // what a mempool puts before each mbuf
	HUGE_BYTES = 2 * VLY_DPDK_MEGABYTE,
};

// Bytes that a port of that plan needs, DPDK's own included.
static uint64_t need_of(const struct vly_dpdk_plan *plan)
{
	uint64_t buffer = OBJECT_BYTES + sizeof(struct rte_mbuf) + sizeof(struct vly_dgram) +
			  plan->data_room + 2 * sizeof(void *);
	uint64_t caches = RTE_MAX_LCORE * sizeof(struct rte_mempool_cache);
	uint64_t whole = buffer - plan->data_room + plan->whole_room;
	uint64_t queue = plan->buffers * buffer + caches +
			 (plan->whole_room ? plan->wholes * whole + caches : 0) +
			 (uint64_t)plan->options.descriptors * DESCRIPTOR_BYTES;

	return BASE_BYTES + plan->queues * queue;
}

static uint64_t read_number(const char *folder, const char *name)
{
	char path[128];
	uint64_t value = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/%.64s/%s", folder, name);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%lu", &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

// Free huge pages in bytes; *page_bytes is the size of some that are free, 0 if none are.
static uint64_t count_free(uint64_t *page_bytes)
{
	DIR *folder = opendir("/sys/kernel/mm/hugepages");
	const struct dirent *entry;
	uint64_t bytes = 0;

	*page_bytes = 0;
	if (!folder)
		return 0;
	while ((entry = readdir(folder))) {
		unsigned long kilobytes = 0;
		uint64_t pages = read_number(entry->d_name, "free_hugepages");

		if (sscanf(entry->d_name, "hugepages-%lukB", &kilobytes) == 1 && pages) {
			*page_bytes = kilobytes * 1024;
			bytes += pages * *page_bytes;
		}
	}
	closedir(folder);
	return bytes;
}

uint64_t vly_dpdk_memory_free_huge(void)
{
	uint64_t page_bytes;

	return count_free(&page_bytes);
}

// Counted as free is not yet allowed: a container may have none of them. DPDK's start cannot be
// tried again after it failed for that, so a page is taken here first.
static bool may_use_huge(uint64_t page_bytes)
{
	unsigned int size = (unsigned int)__builtin_ctzl(page_bytes) << MAP_HUGE_SHIFT;
	int fd = memfd_create("volley", MFD_CLOEXEC | MFD_HUGETLB | size);
	bool works = false;

	if (fd < 0)
		return false;
	if (ftruncate(fd, (off_t)page_bytes) == 0) {
		void *page = mmap(NULL, page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		works = page != MAP_FAILED;
		if (works)
			munmap(page, page_bytes);
	}
	close(fd);
	return works;
}

static uint32_t megabytes_for(uint64_t bytes)
{
	return (uint32_t)((bytes + HUGE_BYTES - 1) / HUGE_BYTES * 2);
}

static bool has_huge(struct vly_dpdk_memory *memory, uint64_t need)
{
	uint64_t page_bytes;
	uint64_t have = count_free(&page_bytes);

	if (have < need) {
		snprintf(memory->reason, sizeof(memory->reason),
			 "%lu of the %lu free huge pages needed", have / HUGE_BYTES,
			 (need + HUGE_BYTES - 1) / HUGE_BYTES);
		return false;
	}
	if (!may_use_huge(page_bytes)) {
		snprintf(memory->reason, sizeof(memory->reason),
			 "the huge pages are not for this process");
		return false;
	}
	return true;
}

// What a container may have of normal memory, by its control group (version 2, then 1).
static uint64_t allowed_bytes(void)
{
	static const char *const paths[] = {
		"/sys/fs/cgroup/memory.max",
		"/sys/fs/cgroup/memory/memory.limit_in_bytes",
	};
	uint64_t bytes = UINT64_MAX;

	for (uint32_t i = 0; i < 2; i++) {
		FILE *file = fopen(paths[i], "re");

		if (!file)
			continue;
		if (fscanf(file, "%lu", &bytes) != 1) // "max"
			bytes = UINT64_MAX;
		fclose(file);
	}
	return bytes;
}

// Too little would not be refused when it is reserved: the process would be killed when it uses it.
static int check_allowed(uint64_t need, struct vly_error *error)
{
	uint64_t allowed = allowed_bytes();

	if (need <= allowed)
		return 0;
	return vly_fail(error, -ENOMEM,
			"dpdk: needs %u MB of memory and this container may have %lu MB; raise its "
			"limit, or take fewer --buffers",
			megabytes_for(need), allowed / VLY_DPDK_MEGABYTE);
}

int vly_dpdk_memory_choose(struct vly_dpdk_memory *memory, const struct vly_dpdk_plan *plan,
			   struct vly_error *error)
{
	uint64_t need = plan->options.memory_bytes ? plan->options.memory_bytes : need_of(plan);
	uint64_t have = vly_dpdk_memory_free_huge();
	uint64_t pages = (need + HUGE_BYTES - 1) / HUGE_BYTES;
	bool must = plan->options.hugepages == VLY_DPDK_ON || plan->device.id == VLY_DPDK_PCI;

	memset(memory, 0, sizeof(*memory));
	if (plan->options.hugepages == VLY_DPDK_OFF && plan->device.id != VLY_DPDK_PCI)
		snprintf(memory->reason, sizeof(memory->reason), "hugepages=off");
	else
		memory->huge = has_huge(memory, need);
	memory->megabytes = megabytes_for(need);
	if (memory->huge)
		return 0;
	if (!must) {
		if (!plan->options.memory_bytes)
			memory->megabytes = megabytes_for(need + SPARE_BYTES);
		return check_allowed(need, error);
	}
	if (have >= need)
		return vly_fail(error, -ENOMEM,
				"dpdk: the kernel refuses this process huge pages; "
				"run as root, or raise the hugetlb limit of its control group");
	return vly_fail(error, -ENOMEM,
			"dpdk: no free 2 MiB huge pages (need %lu, have %lu); run: "
			"scripts/hugepages %lu",
			pages, have / HUGE_BYTES, pages);
}
