// SPDX-License-Identifier: BSD-3-Clause
#include "backend/kernel_group.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "core/fail.h"
#include "core/group.h"

enum {
	GROUP_TEXT_BYTES = 64,
};

void vly_kernel_groups_prepare(int fd, bool is_ipv6, const struct vly_addr *bound)
{
	int off = 0;
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	setsockopt(fd, SOL_IP, IP_MULTICAST_ALL, &off, sizeof(off));
	if (is_ipv6)
		setsockopt(fd, SOL_IPV6, IPV6_MULTICAST_ALL, &off, sizeof(off));
	if (vly_addr_is_multicast(bound))
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
}

static struct vly_addr group_addr(const uint8_t *ip)
{
	struct vly_addr addr = {.port = 0};

	memcpy(addr.ip, ip, sizeof(addr.ip));
	return addr;
}

static bool takes(const struct vly_kernel_socket *sock, const struct vly_group *group)
{
	struct vly_addr addr = group_addr(group->ip);

	if (!sock->is_wildcard)
		return memcmp(sock->bound.ip, group->ip, sizeof(group->ip)) == 0;
	return sock->is_ipv6 ? !vly_addr_is_ipv4(&sock->bound) : vly_addr_is_ipv4(&addr);
}

static int join(const struct vly_kernel_socket *sock, const struct vly_group *group)
{
	static const uint8_t none[16];
	struct vly_addr ip = group_addr(group->ip);
	struct vly_addr source = group_addr(group->source);
	bool is_ipv6 = !vly_addr_is_ipv4(&ip);
	int level = is_ipv6 ? SOL_IPV6 : SOL_IP;
	struct group_source_req from = {.gsr_interface = group->ifindex};
	struct group_req any = {.gr_interface = group->ifindex};

	vly_kernel_addr_write(&any.gr_group, is_ipv6, &ip, group->ifindex);
	vly_kernel_addr_write(&from.gsr_group, is_ipv6, &ip, group->ifindex);
	vly_kernel_addr_write(&from.gsr_source, is_ipv6, &source, group->ifindex);
	if (memcmp(group->source, none, sizeof(none)) == 0)
		return setsockopt(sock->fd, level, MCAST_JOIN_GROUP, &any, sizeof(any)) ? -errno
											: 0;
	return setsockopt(sock->fd, level, MCAST_JOIN_SOURCE_GROUP, &from, sizeof(from)) ? -errno
											 : 0;
}

static int fail_join(const char *name, int code, const struct vly_group *group,
		     struct vly_error *error)
{
	char text[GROUP_TEXT_BYTES];
	char interface[IF_NAMESIZE] = "";

	vly_group_format(group, text, sizeof(text));
	if (group->ifindex)
		if_indextoname(group->ifindex, interface);
	switch (code) {
	case -ENODEV:
	case -EADDRNOTAVAIL:
		if (group->ifindex)
			return vly_fail(error, -ENODEV,
					"%s: group %s cannot be joined on %s: it is down or has no "
					"multicast; see: ip link show %s",
					name, text, interface, interface);
		return vly_fail(error, -ENODEV,
				"%s: group %s: no route names an interface for it; name one, as in "
				"%s,if=eth0",
				name, text, text);
	case -ENOBUFS:
	case -ENOMEM:
		return vly_fail(error, -ENOBUFS,
				"%s: group %s is one more than the system allows a socket; run: "
				"sysctl net.ipv4.igmp_max_memberships=%u net.ipv4.igmp_max_msf=%u, "
				"or take more queues",
				name, text, VLY_GROUPS_MAX, VLY_GROUPS_MAX);
	default:
		return vly_fail(error, code, "%s: group %s cannot be joined (%s); see: ip maddress",
				name, text, strerror(-code));
	}
}

static int join_sockets(struct vly_kernel_sockets *sockets, const char *name,
			const struct vly_group *group, struct vly_error *error)
{
	char text[GROUP_TEXT_BYTES];
	uint32_t joined = 0;

	for (uint32_t i = 0; i < sockets->count; i++) {
		int rc;

		if (!takes(&sockets->list[i], group))
			continue;
		rc = join(&sockets->list[i], group);
		if (rc)
			return fail_join(name, rc, group, error);
		joined++;
	}
	if (joined)
		return 0;
	return vly_fail(error, -EINVAL,
			"%s: no listen takes what comes to group %s; listen on :PORT, or on the "
			"group itself",
			name, vly_group_format(group, text, sizeof(text)));
}

int vly_kernel_groups_join(struct vly_kernel_sockets *sockets, const char *name,
			   const struct vly_port_config *config, uint32_t queue,
			   struct vly_error *error)
{
	uint32_t queues = config->queues ? config->queues : 1;

	for (uint32_t i = queue; i < config->group_count; i += queues) {
		int rc = join_sockets(sockets, name, &config->groups[i], error);

		if (rc)
			return rc;
	}
	return 0;
}
