// SPDX-License-Identifier: BSD-3-Clause
#include "core/exception_device.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <linux/ipv6.h>

#include "core/fail.h"

enum {
	MAPPED_BITS = 96, // of an IPv4 prefix in our form
	IP4_OFFSET = 12,
	MAC_BYTES = 6,
};

static struct ifreq request_of(const char *name)
{
	struct ifreq request = {.ifr_flags = 0};

	memcpy(request.ifr_name, name, strlen(name) + 1);
	return request;
}

static int make(const char *name, struct vly_error *error)
{
	struct ifreq request;
	int fd;

	if (name[0] == 0 || strlen(name) >= IFNAMSIZ)
		return vly_fail(error, -EINVAL,
				"exception: \"%.40s\" is no interface's name; give one of 1 to 15 "
				"letters, such as tap:volley0",
				name);
	if (if_nametoindex(name))
		return vly_fail(
			error, -EBUSY,
			"exception: there is an interface %s already; give another name, or "
			"run: ip link delete %s",
			name, name);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return vly_fail(error, errno == ENOENT ? -ENODEV : -EACCES,
				"exception: /dev/net/tun: %s; run: modprobe tun, in a container "
				"with --device /dev/net/tun",
				strerror(errno));
	request = request_of(name);
	request.ifr_flags = IFF_TAP | IFF_NO_PI;
	if (ioctl(fd, TUNSETIFF, &request) == 0)
		return fd;
	close(fd);
	return vly_fail(error, -EACCES,
			"exception: %s cannot be made: %s; run as root or with the capability "
			"NET_ADMIN",
			name, strerror(errno));
}

// The first IPv4 address is the interface's own, others have labels (NAME:1).
static int add_addr4(int fd, const char *name, const struct vly_prefix *prefix, uint32_t number)
{
	struct ifreq request = request_of(name);
	struct sockaddr_in addr = {.sin_family = AF_INET};
	uint32_t bits = prefix->bits - MAPPED_BITS;
	int len = 0;

	if (number)
		len = snprintf(request.ifr_name, sizeof(request.ifr_name), "%s:%u", name, number);
	if (len >= (int)sizeof(request.ifr_name))
		return -ENAMETOOLONG;
	memcpy(&addr.sin_addr, prefix->ip + IP4_OFFSET, sizeof(addr.sin_addr));
	memcpy(&request.ifr_addr, &addr, sizeof(addr));
	if (ioctl(fd, SIOCSIFADDR, &request))
		return -errno;
	addr.sin_addr.s_addr = bits ? htonl(UINT32_MAX << (32 - bits)) : 0;
	memcpy(&request.ifr_netmask, &addr, sizeof(addr));
	return ioctl(fd, SIOCSIFNETMASK, &request) ? -errno : 0;
}

static int add_addr6(const char *name, const struct vly_prefix *prefix)
{
	struct in6_ifreq request = {
		.ifr6_prefixlen = prefix->bits,
		.ifr6_ifindex = (int)if_nametoindex(name),
	};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc = 0;

	if (fd < 0)
		return -errno;
	memcpy(&request.ifr6_addr, prefix->ip, sizeof(request.ifr6_addr));
	if (ioctl(fd, SIOCSIFADDR, &request))
		rc = -errno;
	close(fd);
	return rc;
}

static bool is_ipv4(const struct vly_prefix *prefix)
{
	struct vly_addr addr = {.port = 0};

	memcpy(addr.ip, prefix->ip, sizeof(addr.ip));
	return vly_addr_is_ipv4(&addr);
}

static int add_addrs(int fd, const char *name, const struct vly_prefix *addrs, uint32_t count)
{
	uint32_t number = 0;
	int rc = 0;

	for (uint32_t i = 0; i < count && !rc; i++) {
		if (is_ipv4(&addrs[i]))
			rc = add_addr4(fd, name, &addrs[i], number++);
		else
			rc = add_addr6(name, &addrs[i]);
	}
	return rc;
}

static int set_up(int fd, const char *name, const struct vly_link_info *link)
{
	struct ifreq request = request_of(name);

	request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(request.ifr_hwaddr.sa_data, link->mac, MAC_BYTES);
	if (ioctl(fd, SIOCSIFHWADDR, &request))
		return -errno;
	request.ifr_mtu = (int)link->mtu;
	if (ioctl(fd, SIOCSIFMTU, &request) || ioctl(fd, SIOCGIFFLAGS, &request))
		return -errno;
	request.ifr_flags |= IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, &request) ? -errno : 0;
}

int vly_exception_device_open(const char *name, const struct vly_link_info *link,
			      const struct vly_prefix *addrs, uint32_t addr_count,
			      struct vly_error *error)
{
	int tap = make(name, error);
	int fd;
	int rc;

	if (tap < 0)
		return tap;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	rc = fd < 0 ? -errno : set_up(fd, name, link);
	if (!rc)
		rc = add_addrs(fd, name, addrs, addr_count);
	if (fd >= 0)
		close(fd);
	if (!rc)
		return tap;
	close(tap);
	return vly_fail(error, rc,
			"exception: %s cannot be given the port's MAC, MTU and addresses: %s; see: "
			"ip address",
			name, strerror(-rc));
}
