// SPDX-License-Identifier: BSD-3-Clause
//
// An interface that AF_XDP shares with the kernel: addresses, neighbours and every port but ours
// are the kernel's, so ssh and ping go on working. Whether to share, what the addresses are, and
// that no two processes do it at a time.
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/filter.h>

#include "backend/dpdk_private.h"
#include "core/fail.h"

enum {
	IP_BYTES = 16,
	IP4_OFFSET = 12, // of an IPv4 address in its mapped form
};

static bool is_link_local(const struct vly_prefix *prefix)
{
	return prefix->ip[0] == 0xfe && (prefix->ip[1] & 0xc0) == 0x80;
}

static bool is_ipv4(const uint8_t *ip)
{
	static const uint8_t mapped[IP4_OFFSET] = {[10] = 0xff, [11] = 0xff};

	return memcmp(ip, mapped, sizeof(mapped)) == 0;
}

static bool has_addr(const struct vly_dpdk_ways *ways, const uint8_t *ip)
{
	for (uint32_t i = 0; i < ways->addr_count; i++) {
		if (memcmp(ways->addrs[i].ip, ip, IP_BYTES) == 0)
			return true;
	}
	return false;
}

// Whether it has any address beside link-local ones.
static bool has_global_addr(const struct vly_dpdk_ways *ways)
{
	for (uint32_t i = 0; i < ways->addr_count; i++) {
		if (!is_link_local(&ways->addrs[i]))
			return true;
	}
	return false;
}

// The first address asked for that the interface has not; NULL: none.
static const struct vly_prefix *foreign_addr(const struct vly_dpdk_ways *ways,
					     const struct vly_port_config *config)
{
	for (uint32_t i = 0; i < config->addr_count; i++) {
		if (!has_addr(ways, config->addrs[i].ip))
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
static int check(const struct vly_dpdk_ways *ways, const struct vly_dpdk_plan *plan,
		 const struct vly_port_config *config, struct vly_error *error)
{
	const char *interface = plan->device.target;

	if (foreign_addr(ways, config))
		return refuse_addr(foreign_addr(ways, config), interface, error);
	if (!has_global_addr(ways))
		return vly_fail(error, -EADDRNOTAVAIL,
				"dpdk: share=on, but %s has no address in the kernel; run: ip "
				"address add ADDRESS/PREFIX dev %s",
				interface, interface);
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

// A socket that gets nothing: the kernel drops what it would get, as its filter says.
static int open_deaf(int family)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog program = {.len = 1, .filter = &nothing};
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
	return fd;
}

// A client's port is the kernel's choice, and no other socket gets it as long as we have it.
static int take_client_port(struct vly_dpdk_share *share, struct vly_error *error)
{
	struct sockaddr_in6 any6 = {.sin6_family = AF_INET6};
	struct sockaddr_in any4 = {.sin_family = AF_INET};
	socklen_t len = sizeof(any6);
	int rc = -1;

	// One for both families, or for IPv4 where there is no other.
	share->client_fd = open_deaf(AF_INET6);
	if (share->client_fd >= 0) {
		rc = bind(share->client_fd, (const struct sockaddr *)&any6, sizeof(any6));
	} else {
		share->client_fd = open_deaf(AF_INET);
		rc = bind(share->client_fd, (const struct sockaddr *)&any4, sizeof(any4));
	}
	// The port is at the same place in both families' addresses.
	if (rc || getsockname(share->client_fd, (struct sockaddr *)&any6, &len))
		return vly_fail(error, -errno, "dpdk: the kernel has no UDP port left for us (%s)",
				strerror(errno));
	share->client_port = ntohs(any6.sin6_port);
	share->ports[share->port_count++] = share->client_port;
	return 0;
}

// An address without its port, for setsockopt(2).
static void put_address(struct sockaddr_storage *address, const uint8_t *ip)
{
	struct sockaddr_in6 *address6 = (void *)address;
	struct sockaddr_in *address4 = (void *)address;

	if (is_ipv4(ip)) {
		address4->sin_family = AF_INET;
		memcpy(&address4->sin_addr, ip + IP4_OFFSET, sizeof(address4->sin_addr));
	} else {
		address6->sin6_family = AF_INET6;
		memcpy(&address6->sin6_addr, ip, IP_BYTES);
	}
}

// Makes the interface let a group's frames in, and the network bring them here.
static int join(struct vly_dpdk_share *share, const struct vly_group *group,
		struct vly_error *error)
{
	static const uint8_t anybody[IP_BYTES];
	struct group_source_req request = {.gsr_interface = share->ifindex};
	struct group_req any = {.gr_interface = share->ifindex};
	bool is_6 = !is_ipv4(group->ip);
	bool is_any = memcmp(group->source, anybody, sizeof(anybody)) == 0;
	int level = is_6 ? IPPROTO_IPV6 : IPPROTO_IP;
	int *fd = &share->groups_fd[is_6];
	int rc;

	if (*fd < 0)
		*fd = open_deaf(is_6 ? AF_INET6 : AF_INET);
	put_address(&any.gr_group, group->ip);
	put_address(&request.gsr_group, group->ip);
	put_address(&request.gsr_source, group->source);
	if (is_any)
		rc = setsockopt(*fd, level, MCAST_JOIN_GROUP, &any, sizeof(any));
	else
		rc = setsockopt(*fd, level, MCAST_JOIN_SOURCE_GROUP, &request, sizeof(request));
	if (rc == 0 || errno == EADDRINUSE)
		return 0;
	return vly_fail(error, -errno,
			"dpdk: the kernel does not join a multicast group (%s); see sysctl "
			"net.ipv4.igmp_max_memberships",
			strerror(errno));
}

static int take_listens(struct vly_dpdk_share *share, const struct vly_port_config *config,
			struct vly_error *error)
{
	int rc = 0;

	if (config->listen_count == 0)
		rc = take_client_port(share, error);
	for (uint32_t i = 0; i < config->listen_count; i++) {
		share->ports[share->port_count++] = config->listens[i].addr.port;
		share->takes_broadcasts |= vly_addr_is_wildcard(&config->listens[i].addr);
	}
	for (uint32_t i = 0; !rc && i < config->group_count; i++) {
		memcpy(share->groups[share->group_count++].ip, config->groups[i].ip, IP_BYTES);
		rc = join(share, &config->groups[i], error);
	}
	return rc;
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

void vly_dpdk_share_init(struct vly_dpdk_share *share)
{
	memset(share, 0, sizeof(*share));
	share->program_fd = -1;
	share->lock_fd = -1;
	share->client_fd = -1;
	share->groups_fd[0] = -1;
	share->groups_fd[1] = -1;
}

static void forget_kernel(struct vly_dpdk_share *share)
{
	vly_dpdk_kernel_close(share->kernel);
	share->kernel = NULL;
}

// Another set of addresses is ours: the kernel's thread tells.
static void follow_addrs(void *arg, const struct vly_prefix *addrs, uint32_t count)
{
	vly_dpdk_program_addrs(arg, addrs, count);
}

// What it takes to share the interface, but nothing on the interface yet.
static int prepare(struct vly_dpdk_share *share, const struct vly_dpdk_plan *plan,
		   const struct vly_port_config *config, struct vly_error *error)
{
	const struct vly_dpdk_kernel_config kernel = {
		.ifindex = share->ifindex,
		.only = share->asked,
		.only_count = share->asked_count,
		.changed = follow_addrs,
		.arg = share,
	};
	const struct vly_dpdk_ways *ways;
	int rc;

	if (plan->device.id != VLY_DPDK_AF_XDP || strstr(plan->device.extra, "xdp_prog="))
		return vly_fail(error, -EINVAL,
				"dpdk: share=on is for af_xdp:INTERFACE without a program of its "
				"own; leave it out");
	if (config->vlan || config->route_count || config->neighbour_count)
		return vly_fail(error, -EINVAL,
				"dpdk: share=on, but VLANs, routes and neighbours are the kernel's "
				"there; leave them out, or take the whole interface with "
				"-o share=off");
	rc = vly_dpdk_kernel_open(&share->kernel, &kernel, error);
	if (rc)
		return rc;
	ways = vly_dpdk_kernel_ways(share->kernel);
	memcpy(share->addrs, ways->addrs, sizeof(share->addrs));
	share->addr_count = ways->addr_count;
	rc = check(ways, plan, config, error);
	if (rc)
		return rc;
	share->program_fd = vly_dpdk_program_file(error);
	return share->program_fd < 0 ? share->program_fd : 0;
}

int vly_dpdk_share_open(struct vly_dpdk_share *share, const struct vly_dpdk_plan *plan,
			const struct vly_port_config *config, struct vly_error *error)
{
	enum vly_dpdk_choice asked = plan->options.share;
	struct vly_error reason = {""};
	int rc = -ECANCELED;

	vly_dpdk_share_init(share);
	share->ifindex = if_nametoindex(plan->device.target);
	share->asked_count = config->addr_count;
	for (uint32_t i = 0; i < config->addr_count; i++)
		share->asked[i] = config->addrs[i];
	if (asked != VLY_DPDK_OFF)
		rc = prepare(share, plan, config, &reason);
	if (rc && asked == VLY_DPDK_ON)
		return vly_fail(error, rc, "%s", reason.text);
	if (rc == -ENOTSUP)
		vly_log_line(&config->log, "%s", reason.text);
	share->is_on = rc == 0;
	rc = take_interface(share, plan, &config->log, error);
	if (!rc && share->is_on)
		rc = take_listens(share, config, error);
	if (rc || !share->is_on)
		forget_kernel(share);
	share->is_on &= rc == 0; // what is another's is not for us to close
	return rc;
}

int vly_dpdk_share_start(struct vly_dpdk_share *share, struct vly_error *error)
{
	int rc = vly_dpdk_program_fill(share, error);

	return rc ? rc : vly_dpdk_kernel_start(share->kernel, error);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void vly_dpdk_share_close(struct vly_dpdk_share *share)
{
	forget_kernel(share);
	if (share->is_on)
		vly_dpdk_program_sweep(share->ifindex);
	close_fd(&share->program_fd);
	close_fd(&share->lock_fd);
	close_fd(&share->client_fd);
	close_fd(&share->groups_fd[0]);
	close_fd(&share->groups_fd[1]);
	share->is_on = false;
}
