// SPDX-License-Identifier: BSD-3-Clause
//
// What works here, told without starting DPDK: a process can do that only once, and the port that
// follows has its own wishes.
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/dpdk_private.h"
#include "core/fail.h"

// Why devices of that kind do not work here; NULL if they do.
static const char *obstacle(uint32_t id)
{
	static const int families[VLY_DPDK_KIND_COUNT] = {
		[VLY_DPDK_AF_XDP] = AF_XDP,
		[VLY_DPDK_AF_PACKET] = AF_PACKET,
	};
	int fd;

	if (!vly_dpdk_kind_is_installed(vly_dpdk_kind(id)))
		return "its driver is not installed";
	if (families[id]) {
		fd = socket(families[id], SOCK_RAW | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return errno == EPERM ? "needs root, or NET_RAW, NET_ADMIN and BPF"
					      : "this kernel has no such sockets";
		close(fd);
	}
	if (id == VLY_DPDK_PCI) {
		if (access("/dev/vfio/vfio", F_OK) && access("/sys/class/uio", F_OK))
			return "this kernel has neither vfio nor uio";
		if (vly_dpdk_memory_free_huge() == 0)
			return "needs huge pages: scripts/hugepages 256";
	}
	return NULL;
}

int vly_dpdk_probe(struct vly_error *error)
{
	char works[160] = "";
	size_t used = 0;

	for (uint32_t i = 0; vly_dpdk_kind(i); i++) {
		if (i != VLY_DPDK_VDEV && !obstacle(i))
			used += (size_t)snprintf(works + used, sizeof(works) - used, "%s%s",
						 used ? ", " : "", vly_dpdk_kind(i)->word);
	}
	if (!used)
		return vly_fail(error, -ENOTSUP,
				"dpdk: no driver works here; install DPDK's driver "
				"packages (librte-net-virtio23, librte-net-vhost23)");
	vly_fail(error, 0, "no device given: choose one with -d; works here: %s", works);
	return 0;
}

static bool can_share(void)
{
	struct vly_error error = {""};
	int fd = vly_dpdk_program_file(&error);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

void vly_dpdk_describe(const struct vly_log *log)
{
	uint64_t huge = vly_dpdk_memory_free_huge() / VLY_DPDK_MEGABYTE;

	for (uint32_t i = 0; vly_dpdk_kind(i); i++) {
		const struct vly_dpdk_kind *kind = vly_dpdk_kind(i);
		const char *why = obstacle(i);

		vly_log_line(log, "-d %s:%s: %s%s%s%s", kind->word, kind->operand, kind->summary,
			     why ? " (not here: " : "", why ? why : "", why ? ")" : "");
	}
	vly_log_line(log, "af_xdp: %s",
		     can_share()
			     ? "can leave all but our ports to the kernel (share)"
			     : "takes the whole interface: built without clang, libbpf or libmnl");
	if (huge)
		vly_log_line(log, "huge pages: %lu MB free", huge);
	else
		vly_log_line(log, "huge pages: none free; all but pci: works without, more slowly; "
				  "scripts/hugepages 128 makes some");
}
