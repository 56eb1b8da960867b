// SPDX-License-Identifier: BSD-3-Clause
//
// Facts of a device that the kernel or its name gives: MTU, veth or not, a stable MAC address.
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>

#include "backend/dpdk_device.h"

// An interface's ioctl; returns whether it worked.
static bool ask(const struct vly_dpdk_device *device, unsigned long what, struct ifreq *request)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool works;

	if (fd < 0)
		return false;
	snprintf(request->ifr_name, sizeof(request->ifr_name), "%.*s", IFNAMSIZ - 1,
		 device->target);
	works = ioctl(fd, what, request) == 0;
	close(fd);
	return works;
}

bool vly_dpdk_device_is_up(const struct vly_dpdk_device *device)
{
	struct ifreq request = {.ifr_flags = 0};

	return ask(device, SIOCGIFFLAGS, &request) && (request.ifr_flags & IFF_UP);
}

uint32_t vly_dpdk_device_mtu(const struct vly_dpdk_device *device)
{
	struct ifreq request = {.ifr_mtu = 0};

	if (!device->kind->has_interface || !ask(device, SIOCGIFMTU, &request))
		return 0;
	return (uint32_t)request.ifr_mtu;
}

bool vly_dpdk_device_is_veth(const struct vly_dpdk_device *device)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq request = {.ifr_data = (void *)&info};

	return device->kind->has_interface && ask(device, SIOCETHTOOL, &request) &&
	       strcmp(info.driver, "veth") == 0;
}

static struct ethtool_channels channels_of(const struct vly_dpdk_device *device)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq request = {.ifr_data = (void *)&channels};

	if (!ask(device, SIOCETHTOOL, &request))
		memset(&channels, 0, sizeof(channels));
	return channels;
}

// DPDK's driver for XDP sockets counts combined channels, and takes an interface without for one
// with a single queue (xdp_get_channels_info() in its rte_eth_af_xdp.c).
uint32_t vly_dpdk_device_queues(const struct vly_dpdk_device *device)
{
	uint32_t combined;

	if (device->id != VLY_DPDK_AF_XDP)
		return VLY_QUEUES_MAX;
	combined = channels_of(device).combined_count;
	return combined ? combined : 1;
}

uint32_t vly_dpdk_device_rx_queues(const struct vly_dpdk_device *device)
{
	struct ethtool_channels channels = channels_of(device);

	return channels.combined_count + channels.rx_count;
}

void vly_dpdk_device_mac(const struct vly_dpdk_device *device, uint8_t *mac)
{
	uint64_t hash = 14695981039346656037u; // FNV-1a's start and prime

	for (const char *at = device->target; *at; at++)
		hash = (hash ^ (uint8_t)*at) * 1099511628211u;
	// The two ends of one socket are two stations.
	hash = (hash ^ (device->serves ? 's' : 'c')) * 1099511628211u;
	mac[0] = 0x02;
	for (uint32_t i = 1; i < 6; i++)
		mac[i] = (uint8_t)(hash >> (8 * i));
}
