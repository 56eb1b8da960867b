// SPDX-License-Identifier: BSD-3-Clause
//
// The DEVICE text, and what can be said of the device without DPDK: it is here that a missing
// interface or socket gets its line, not in a driver.
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/dpdk_private.h"
#include "core/fail.h"

static const struct vly_dpdk_kind kinds[VLY_DPDK_KIND_COUNT] = {
	[VLY_DPDK_VIRTIO_USER] =
		{
			.word = "virtio-user",
			.operand = "PATH",
			.driver = "net_virtio_user",
			.library = "librte_net_virtio.so",
			.summary = "connects to the vhost-user socket of a switch, a hypervisor or "
				   "another "
				   "process",
			.interrupts = true,
		},
	[VLY_DPDK_VHOST_USER] =
		{
			.word = "vhost-user",
			.operand = "PATH",
			.driver = "net_vhost",
			.library = "librte_net_vhost.so",
			.summary =
				"serves a vhost-user socket, for a virtual machine or virtio-user",
			.interrupts = true,
		},
	[VLY_DPDK_MEMIF] =
		{
			.word = "memif",
			.operand = "PATH",
			.driver = "net_memif",
			.library = "librte_net_memif.so",
			.summary = "shared memory with another process, as VPP speaks it",
		},
	[VLY_DPDK_AF_XDP] =
		{
			.word = "af_xdp",
			.operand = "INTERFACE",
			.driver = "net_af_xdp",
			.library = "librte_net_af_xdp.so",
			.summary = "an interface of the kernel through XDP sockets",
			.mac = VLY_DPDK_MAC_FIXED,
			.has_interface = true,
		},
	[VLY_DPDK_AF_PACKET] =
		{
			.word = "af_packet",
			.operand = "INTERFACE",
			.driver = "net_af_packet",
			.library = "librte_net_af_packet.so",
			.summary = "an interface of the kernel through packet sockets; slow, works "
				   "anywhere",
			.mac = VLY_DPDK_MAC_FIXED,
			.has_interface = true,
			.loses_on_send = true,
		},
	[VLY_DPDK_PCAP] =
		{
			.word = "pcap",
			.operand = "FILE",
			.driver = "net_pcap",
			.library = "librte_net_pcap.so",
			.summary = "replays a capture, for ever or once (replay); what is sent "
				   "becomes another (capture) or is swallowed",
		},
	[VLY_DPDK_PCI] =
		{
			.word = "pci",
			.operand = "ADDRESS",
			.summary = "a NIC that vfio-pci or uio_pci_generic holds",
			.mac = VLY_DPDK_MAC_DEVICE,
			.loses_on_send = true,
		},
	[VLY_DPDK_VDEV] =
		{
			.word = "vdev",
			.operand = "NAME[,ARGUMENTS]",
			.summary = "any virtual device of DPDK's, as its --vdev takes it",
			.mac = VLY_DPDK_MAC_DEVICE,
		},
};

const struct vly_dpdk_kind *vly_dpdk_kind(uint32_t index)
{
	return index < RTE_DIM(kinds) ? &kinds[index] : NULL;
}

bool vly_dpdk_kind_is_installed(const struct vly_dpdk_kind *kind)
{
	char path[sizeof(RTE_EAL_PMD_PATH) + 64];

	if (!kind->library)
		return true;
	// The linker's name is in the development package only, the loader's has the version.
	snprintf(path, sizeof(path), "%s/%s.23", RTE_EAL_PMD_PATH, kind->library);
	return access(path, R_OK) == 0;
}

static const struct vly_dpdk_kind *find_kind(const char *text, size_t len)
{
	for (uint32_t i = 0; i < RTE_DIM(kinds); i++) {
		if (strlen(kinds[i].word) == len && memcmp(kinds[i].word, text, len) == 0)
			return &kinds[i];
	}
	return NULL;
}

int vly_dpdk_device_parse(struct vly_dpdk_device *device, const char *text, struct vly_error *error)
{
	const char *colon = text ? strchr(text, ':') : NULL;
	const char *comma;
	size_t len;

	memset(device, 0, sizeof(*device));
	if (colon)
		device->kind = find_kind(text, (size_t)(colon - text));
	if (!device->kind)
		return vly_fail(error, -EINVAL,
				"dpdk: %s%.60s%s; give virtio-user:PATH, vhost-user:PATH, "
				"memif:PATH, af_xdp:INTERFACE, af_packet:INTERFACE, pcap:FILE, "
				"pci:ADDRESS or vdev:NAME[,ARGUMENTS]",
				text ? "\"" : "", text ? text : "no device given",
				text ? "\" is no device" : "");
	device->id = (enum vly_dpdk_kind_id)(device->kind - kinds);
	comma = strchr(colon, ',');
	len = comma ? (size_t)(comma - colon - 1) : strlen(colon + 1);
	if (len == 0)
		return vly_fail(error, -EINVAL, "dpdk: \"%.60s\" names no %s; give %s:%s", text,
				device->kind->operand, device->kind->word, device->kind->operand);
	if (len >= sizeof(device->target) || (comma && strlen(comma) >= sizeof(device->extra)))
		return vly_fail(error, -EINVAL,
				"dpdk: \"%.60s...\" is too long; %s can have %zu "
				"bytes",
				text, device->kind->operand, sizeof(device->target) - 1);
	memcpy(device->target, colon + 1, len);
	strcpy(device->extra, comma ? comma + 1 : "");
	return 0;
}

// A datagram socket cannot connect to one of another type, and the kernel says so only if somebody
// holds it (unix(7)).
int vly_dpdk_device_knock(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc = 0;

	if (fd < 0)
		return -errno;
	memcpy(address.sun_path, path, strnlen(path, sizeof(address.sun_path) - 1));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		rc = -errno;
	close(fd);
	return rc;
}

static int check_client(const struct vly_dpdk_device *device, struct vly_error *error)
{
	struct stat file;

	if (stat(device->target, &file) || !(S_ISSOCK(file.st_mode) || S_ISCHR(file.st_mode)))
		return vly_fail(error, -ENODEV,
				"dpdk: %s:%s: there is no such socket; start the one who serves it "
				"first",
				device->kind->word, device->target);
	if (S_ISCHR(file.st_mode) || vly_dpdk_device_knock(device->target) == -EPROTOTYPE)
		return 0;
	if (vly_dpdk_device_knock(device->target) == -EACCES)
		return vly_fail(error, -EACCES,
				"dpdk: %s:%s: no right to connect; run as the socket's owner",
				device->kind->word, device->target);
	return vly_fail(error, -ENODEV,
			"dpdk: %s:%s: nobody serves this socket; start the one who does first",
			device->kind->word, device->target);
}

static int check_server(const struct vly_dpdk_device *device, struct vly_error *error)
{
	const char *slash = strrchr(device->target, '/');
	char folder[VLY_DPDK_TARGET_BYTES] = ".";
	struct stat file;

	if (slash)
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - device->target + 1),
			 device->target);
	if (access(folder, W_OK))
		return vly_fail(error, errno == ENOENT ? -ENODEV : -EACCES,
				"dpdk: %s:%s: the folder %s is missing or cannot be written to; "
				"make it, or give another path",
				device->kind->word, device->target, folder);
	if (lstat(device->target, &file))
		return 0;
	if (!S_ISSOCK(file.st_mode))
		return vly_fail(error, -EADDRINUSE,
				"dpdk: %s:%s exists and is not a socket; "
				"remove it or give another path",
				device->kind->word, device->target);
	if (vly_dpdk_device_knock(device->target) != -ECONNREFUSED)
		return vly_fail(error, -EADDRINUSE,
				"dpdk: %s:%s is served by another process; "
				"stop it or give another path",
				device->kind->word, device->target);
	// Left by a server that died: it would refuse the driver's bind(2) for ever.
	unlink(device->target);
	return 0;
}

static int check_memif(struct vly_dpdk_device *device, const struct vly_dpdk_options *options,
		       struct vly_error *error)
{
	device->serves = strcmp(options->role, "server") == 0;
	if (strcmp(options->role, "auto") == 0)
		device->serves = vly_dpdk_device_knock(device->target) != -EPROTOTYPE;
	return device->serves ? check_server(device, error) : check_client(device, error);
}

// Packet and XDP sockets, which both want privileges.
static int check_interface(const struct vly_dpdk_device *device, int family,
			   struct vly_error *error)
{
	int fd;

	if (strlen(device->target) >= IFNAMSIZ || if_nametoindex(device->target) == 0)
		return vly_fail(error, -ENODEV,
				"dpdk: %s:%s: there is no such interface; \"ip "
				"link\" lists them",
				device->kind->word, device->target);
	fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return vly_fail(error, errno == EPERM ? -EACCES : -ENOTSUP,
				errno == EPERM
					? "dpdk: %s:%s: not permitted; run as root, or with "
					  "the capabilities NET_RAW, NET_ADMIN and BPF"
					: "dpdk: %s:%s: this kernel has no such sockets; use "
					  "another device",
				device->kind->word, device->target);
	close(fd);
	if (!vly_dpdk_device_is_up(device))
		return vly_fail(error, -ENODEV,
				"dpdk: %s:%s: the interface is down; run: ip link "
				"set %s up",
				device->kind->word, device->target, device->target);
	return 0;
}

static int check_pci(const struct vly_dpdk_device *device, struct vly_error *error)
{
	char path[VLY_DPDK_TARGET_BYTES + 64];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", device->target);
	if (access(path, F_OK))
		return vly_fail(error, -ENODEV,
				"dpdk: pci:%s: there is no such device; \"lspci "
				"-D\" lists them",
				device->target);
	// Which kernel driver holds it is the poll-mode driver's business: most want vfio-pci, some
	// share the NIC with the kernel's (mlx5).
	strcat(path, "/driver");
	if (access(path, F_OK))
		return vly_fail(error, -ENODEV,
				"dpdk: pci:%s has no kernel driver; run: "
				"scripts/bind %s",
				device->target, device->target);
	return 0;
}

int vly_dpdk_device_check(struct vly_dpdk_device *device, const struct vly_dpdk_options *options,
			  struct vly_error *error)
{
	if (!vly_dpdk_kind_is_installed(device->kind))
		return vly_fail(error, -ENOTSUP,
				"dpdk: %s: %s is not in %s; install DPDK's driver "
				"packages",
				device->kind->word, device->kind->library, RTE_EAL_PMD_PATH);
	switch (device->id) {
	case VLY_DPDK_VIRTIO_USER:
		device->serves =
			options->server == VLY_DPDK_ON || strstr(device->extra, "server=1");
		return device->serves ? check_server(device, error) : check_client(device, error);
	case VLY_DPDK_VHOST_USER:
		// As a client it tries again until somebody serves the socket.
		device->serves =
			options->server != VLY_DPDK_OFF && !strstr(device->extra, "client=1");
		return device->serves ? check_server(device, error) : 0;
	case VLY_DPDK_MEMIF:
		return check_memif(device, options, error);
	case VLY_DPDK_AF_XDP:
		return check_interface(device, AF_XDP, error);
	case VLY_DPDK_AF_PACKET:
		return check_interface(device, AF_PACKET, error);
	case VLY_DPDK_PCAP:
		if (access(device->target, R_OK))
			return vly_fail(error, errno == EACCES ? -EACCES : -ENODEV,
					"dpdk: pcap:%s cannot be read; give the path of a capture",
					device->target);
		return 0;
	case VLY_DPDK_PCI:
		return check_pci(device, error);
	case VLY_DPDK_VDEV:
	case VLY_DPDK_KIND_COUNT:
		return 0;
	}
	return 0;
}

int vly_dpdk_device_explain(const struct vly_dpdk_device *device, const char *said,
			    struct vly_error *error)
{
	return vly_fail(error, -ENODEV,
			"dpdk: %s:%s was refused by its driver: %.160s; -o "
			"log=debug shows more",
			device->kind->word, device->target, said[0] ? said : "no reason given");
}
