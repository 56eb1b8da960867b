// SPDX-License-Identifier: BSD-3-Clause
//
// An interface that AF_XDP shares with the kernel: addresses, neighbours and every port but ours
// are the kernel's, so ssh and ping go on working. Whether to share, what the addresses are, and
// that no two processes do it at a time.
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/dpdk_private.h"
#include "core/fail.h"

enum {
	IP_BYTES = 16,
	IP4_OFFSET = 12, // of an IPv4 address in its mapped form
};

static uint8_t mask_bits(const uint8_t *mask, uint32_t len)
{
	uint32_t bits = 0;

	for (uint32_t i = 0; i < len; i++)
		bits += (uint32_t)__builtin_popcount(mask[i]);
	return (uint8_t)bits;
}

// An address of getifaddrs(3) in our form; false for other families.
static bool read_prefix(struct vly_prefix *prefix, const struct ifaddrs *entry)
{
	memset(prefix, 0, sizeof(*prefix));
	if (!entry->ifa_addr || !entry->ifa_netmask)
		return false;
	if (entry->ifa_addr->sa_family == AF_INET) {
		const struct sockaddr_in *addr = (const void *)entry->ifa_addr;
		const struct sockaddr_in *mask = (const void *)entry->ifa_netmask;

		memset(prefix->ip + IP4_OFFSET - 2, 0xff, 2);
		memcpy(prefix->ip + IP4_OFFSET, &addr->sin_addr, sizeof(addr->sin_addr));
		prefix->bits = (uint8_t)(8 * IP4_OFFSET + mask_bits((const void *)&mask->sin_addr,
								    sizeof(mask->sin_addr)));
		return true;
	}
	if (entry->ifa_addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *addr = (const void *)entry->ifa_addr;
		const struct sockaddr_in6 *mask = (const void *)entry->ifa_netmask;

		memcpy(prefix->ip, &addr->sin6_addr, IP_BYTES);
		prefix->bits = mask_bits(mask->sin6_addr.s6_addr, IP_BYTES);
		return true;
	}
	return false;
}

static bool is_link_local(const struct vly_prefix *prefix)
{
	return prefix->ip[0] == 0xfe && (prefix->ip[1] & 0xc0) == 0x80;
}

// The interface's addresses. Returns how many there are beside link-local ones.
static uint32_t read_addrs(struct vly_dpdk_share *share, const char *interface)
{
	uint32_t global = 0;
	struct ifaddrs *list;

	if (getifaddrs(&list))
		return 0;
	for (const struct ifaddrs *entry = list; entry; entry = entry->ifa_next) {
		// An address may have a label: the interface, a colon and more (ip-address(8)).
		size_t len = strcspn(entry->ifa_name, ":");

		if (strlen(interface) != len || memcmp(interface, entry->ifa_name, len) ||
		    share->addr_count == VLY_ADDRS_MAX ||
		    !read_prefix(&share->addrs[share->addr_count], entry))
			continue;
		global += !is_link_local(&share->addrs[share->addr_count]);
		share->addr_count++;
	}
	freeifaddrs(list);
	return global;
}

static bool has_addr(const struct vly_dpdk_share *share, const uint8_t *ip)
{
	for (uint32_t i = 0; i < share->addr_count; i++) {
		if (memcmp(share->addrs[i].ip, ip, IP_BYTES) == 0)
			return true;
	}
	return false;
}

// The first address asked for that the interface has not; NULL: none.
static const struct vly_prefix *foreign_addr(const struct vly_dpdk_share *share,
					     const struct vly_port_config *config)
{
	for (uint32_t i = 0; i < config->addr_count; i++) {
		if (!has_addr(share, config->addrs[i].ip))
			return &config->addrs[i];
	}
	return NULL;
}

static int refuse_addr(const struct vly_prefix *foreign, const char *interface,
		       struct vly_error *error)
{
	struct vly_addr addr = {.port = 0};
	char text[VLY_ADDR_TEXT_BYTES];

	memcpy(addr.ip, foreign->ip, sizeof(addr.ip));
	vly_addr_format(&addr, text, sizeof(text));
	*strrchr(text, ':') = 0;
	return vly_fail(error, -EADDRNOTAVAIL,
			"dpdk: share=on, but %s is no address of %s; give it to the kernel with ip "
			"address add, or take the whole interface with -o share=off",
			text, interface);
}

// Why the interface cannot be shared, as an error; 0 if it can.
static int check(const struct vly_dpdk_share *share, const struct vly_dpdk_plan *plan,
		 const struct vly_port_config *config, uint32_t global, struct vly_error *error)
{
	const char *interface = plan->device.target;

	if (plan->device.id != VLY_DPDK_AF_XDP || strstr(plan->device.extra, "xdp_prog="))
		return vly_fail(error, -EINVAL,
				"dpdk: share=on is for af_xdp:INTERFACE without a program of its "
				"own; leave it out");
	if (config->listen_count == 0)
		return vly_fail(error, -EINVAL,
				"dpdk: share=on takes the ports listened on, and there are none; "
				"give -l :PORT, or take the whole interface with -o share=off");
	if (global == 0)
		return vly_fail(error, -EADDRNOTAVAIL,
				"dpdk: share=on, but %s has no address in the kernel; run: ip "
				"address add ADDRESS/PREFIX dev %s",
				interface, interface);
	if (foreign_addr(share, config))
		return refuse_addr(foreign_addr(share, config), interface, error);
	return 0;
}

// One process at a time: a name that ends with its process, unlike the program on the interface.
static int take_lock(struct vly_dpdk_share *share, const char *interface, struct vly_error *error)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int len = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "volley/af_xdp/%u",
			   share->ifindex);

	share->lock_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (share->lock_fd < 0)
		return vly_fail(error, -errno, "dpdk: no more sockets; close some");
	if (bind(share->lock_fd, (const struct sockaddr *)&name,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)) == 0)
		return 0;
	close(share->lock_fd);
	share->lock_fd = -1;
	return vly_fail(error, -EBUSY,
			"dpdk: af_xdp:%s is shared with another process of this engine; stop it "
			"first",
			interface);
}

static void take_config(struct vly_dpdk_share *share, const struct vly_port_config *config)
{
	share->is_on = true;
	for (uint32_t i = 0; i < config->listen_count; i++)
		share->ports[share->port_count++] = config->listens[i].addr.port;
	if (config->addr_count) {
		memcpy(share->addrs, config->addrs, config->addr_count * sizeof(config->addrs[0]));
		share->addr_count = config->addr_count;
	}
}

// Holds the interface, and frees it of what a process left that died.
static int take_interface(struct vly_dpdk_share *share, const struct vly_dpdk_plan *plan,
			  const struct vly_log *log, struct vly_error *error)
{
	const char *interface = plan->device.target;
	char name[32];
	int rc;

	if (plan->device.id != VLY_DPDK_AF_XDP)
		return 0;
	rc = take_lock(share, interface, error);
	if (!rc && vly_dpdk_program_sweep(share->ifindex))
		vly_log_line(log, "dpdk: %s: removed what a dead process left", interface);
	if (!rc && share->is_on && vly_dpdk_program_other(share->ifindex, name, sizeof(name)))
		rc = vly_fail(error, -EBUSY,
			      "dpdk: af_xdp:%s has another's XDP program (%s); if nobody needs it, "
			      "run: ip link set %s xdp off",
			      interface, name, interface);
	return rc;
}

int vly_dpdk_share_open(struct vly_dpdk_share *share, const struct vly_dpdk_plan *plan,
			const struct vly_port_config *config, struct vly_error *error)
{
	enum vly_dpdk_choice asked = plan->options.share;
	struct vly_error reason = {""};
	uint32_t global;
	int rc;

	*share = (struct vly_dpdk_share){.lock_fd = -1, .program_fd = -1};
	share->ifindex = if_nametoindex(plan->device.target);
	global = read_addrs(share, plan->device.target);
	rc = asked == VLY_DPDK_OFF ? -ECANCELED : check(share, plan, config, global, &reason);
	if (!rc) {
		rc = share->program_fd = vly_dpdk_program_file(&reason);
		if (rc < 0 && asked == VLY_DPDK_AUTO)
			vly_log_line(&config->log, "%s", reason.text);
	}
	if (rc < 0 && asked == VLY_DPDK_ON)
		return vly_fail(error, rc, "%s", reason.text);
	if (rc >= 0)
		take_config(share, config);
	rc = take_interface(share, plan, &config->log, error);
	share->is_on &= rc == 0; // what is another's is not for us to close
	return rc;
}

void vly_dpdk_share_close(struct vly_dpdk_share *share)
{
	if (share->is_on)
		vly_dpdk_program_sweep(share->ifindex);
	if (share->program_fd >= 0)
		close(share->program_fd);
	if (share->lock_fd >= 0)
		close(share->lock_fd);
	share->is_on = false;
	share->program_fd = -1;
	share->lock_fd = -1;
}
