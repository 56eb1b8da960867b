// SPDX-License-Identifier: BSD-3-Clause
//
// What the kernel's sockets under af_xdp and af_packet lose. The drivers of DPDK 22.11 tell of it
// in part or not at all: af_xdp leaves out what found the receive ring full, which is what happens
// when all buffers are in use, and af_packet has no such counter. The sockets are the driver's and
// cannot be asked for; they are those that this process has after opening and had not before.
#include <dirent.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "backend/dpdk_private.h"

static bool is_of(int fd, int family)
{
	socklen_t size = sizeof(int);
	int domain;

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == family;
}

static uint32_t list(int *fds, uint32_t max, int family)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;
	uint32_t count = 0;

	while (folder && (entry = readdir(folder)) && count < max) {
		int fd = atoi(entry->d_name); // "." is 0, which is no such socket

		if (is_of(fd, family))
			fds[count++] = fd;
	}
	if (folder)
		closedir(folder);
	return count;
}

static bool is_among(int fd, const int *fds, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (fds[i] == fd)
			return true;
	}
	return false;
}

void vly_dpdk_sockets_before(struct vly_dpdk_sockets *sockets, enum vly_dpdk_kind_id id)
{
	sockets->family = id == VLY_DPDK_AF_XDP ? AF_XDP : id == VLY_DPDK_AF_PACKET ? AF_PACKET : 0;
	sockets->count = 0;
	if (sockets->family)
		sockets->count = list(sockets->fds, RTE_DIM(sockets->fds), sockets->family);
}

void vly_dpdk_sockets_after(struct vly_dpdk_sockets *sockets)
{
	int fds[RTE_DIM(sockets->fds)];
	uint32_t count = 0;
	uint32_t found = 0;

	if (sockets->family)
		found = list(fds, RTE_DIM(fds), sockets->family);
	for (uint32_t i = 0; i < found; i++) {
		if (!is_among(fds[i], sockets->fds, sockets->count))
			fds[count++] = fds[i];
	}
	memcpy(sockets->fds, fds, count * sizeof(fds[0]));
	sockets->count = count;
}

// Since the socket was made.
static uint64_t lost_by_xdp(int fd)
{
	struct xdp_statistics statistics = {.rx_ring_full = 0};
	socklen_t size = sizeof(statistics);

	// What it says in rx_dropped is the driver's to tell.
	return getsockopt(fd, SOL_XDP, XDP_STATISTICS, &statistics, &size)
		       ? 0
		       : statistics.rx_ring_full;
}

// Since it was asked last (packet(7)).
static uint64_t lost_by_packet(int fd)
{
	struct tpacket_stats statistics;
	socklen_t size = sizeof(statistics);

	return getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &statistics, &size)
		       ? 0
		       : statistics.tp_drops;
}

uint64_t vly_dpdk_sockets_lost(struct vly_dpdk_sockets *sockets)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < sockets->count; i++) {
		if (sockets->family == AF_XDP)
			sum += lost_by_xdp(sockets->fds[i]);
		else
			sockets->lost += lost_by_packet(sockets->fds[i]);
	}
	return sockets->family == AF_XDP ? sum : sockets->lost;
}
