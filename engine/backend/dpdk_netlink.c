// SPDX-License-Identifier: BSD-3-Clause
//
// rtnetlink(7): addresses, routes and neighbours of one interface.
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <libmnl/libmnl.h>

#include "backend/dpdk_kernel.h"

enum {
	BUFFER_BYTES = 32768, // what the kernel fills at most in one go (netlink(7))
	EVENT_ROUNDS = 256,   // messages taken in one call
	IP_BYTES = 16,
	IP4_OFFSET = 12,
	MAC_BYTES = 6,
	// States with a MAC that may be sent to.
	NUD_USABLE = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY,
};

// What messages are read into.
struct reader {
	uint32_t ifindex;
	struct vly_dpdk_ways *ways;
	vly_dpdk_heard *heard;
	void *arg;
	uint32_t events;
};

int vly_dpdk_netlink_open(struct vly_dpdk_netlink *netlink, uint32_t ifindex)
{
	static const int groups[] = {RTNLGRP_NEIGH, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
				     RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE};
	int on = 1;

	*netlink = (struct vly_dpdk_netlink){.ifindex = ifindex};
	netlink->events = mnl_socket_open2(NETLINK_ROUTE, SOCK_NONBLOCK | SOCK_CLOEXEC);
	netlink->asks = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!netlink->events || !netlink->asks ||
	    mnl_socket_bind(netlink->events, 0, MNL_SOCKET_AUTOPID) ||
	    mnl_socket_bind(netlink->asks, 0, MNL_SOCKET_AUTOPID))
		return -errno;
	for (uint32_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(netlink->events, NETLINK_ADD_MEMBERSHIP, &group,
					  sizeof(group)))
			return -errno;
	}
	// So that the kernel leaves out what is not of this interface (since Linux 4.20).
	mnl_socket_setsockopt(netlink->asks, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	return 0;
}

void vly_dpdk_netlink_close(struct vly_dpdk_netlink *netlink)
{
	if (netlink->events)
		mnl_socket_close(netlink->events);
	if (netlink->asks)
		mnl_socket_close(netlink->asks);
	*netlink = (struct vly_dpdk_netlink){.ifindex = 0};
}

int vly_dpdk_netlink_fd(const struct vly_dpdk_netlink *netlink)
{
	return mnl_socket_get_fd(netlink->events);
}

// --- reading ------------------------------------------------------------------------------------

// Our form of an attribute's address; false when it has another length than its family's.
static bool read_ip(uint8_t *ip, uint8_t family, const struct nlattr *attr)
{
	size_t len = family == AF_INET ? IP_BYTES - IP4_OFFSET : IP_BYTES;

	if (!attr || mnl_attr_get_payload_len(attr) != len)
		return false;
	memset(ip, 0, IP_BYTES);
	if (family == AF_INET)
		memset(ip + IP4_OFFSET - 2, 0xff, 2);
	memcpy(ip + IP_BYTES - len, mnl_attr_get_payload(attr), len);
	return true;
}

static uint8_t mapped_bits(uint8_t family, uint8_t bits)
{
	return (uint8_t)(family == AF_INET ? bits + VLY_PREFIX_IPV4_OFFSET : bits);
}

// The attributes of a message by their type, up to `max`.
struct attributes {
	const struct nlattr **table;
	uint16_t max;
};

static int take_attribute(const struct nlattr *attr, void *arg)
{
	const struct attributes *attributes = arg;
	uint16_t type = mnl_attr_get_type(attr);

	if (type <= attributes->max)
		attributes->table[type] = attr;
	return MNL_CB_OK;
}

static void read_attributes(const struct nlmsghdr *message, unsigned int header,
			    const struct nlattr **table, uint16_t max)
{
	struct attributes attributes = {.table = table, .max = max};

	memset(table, 0, (max + 1u) * sizeof(table[0]));
	mnl_attr_parse(message, header, take_attribute, &attributes);
}

static uint32_t read_u32(const struct nlattr *attr, uint32_t preset)
{
	return attr && mnl_attr_get_payload_len(attr) == sizeof(uint32_t) ? mnl_attr_get_u32(attr)
									  : preset;
}

static void read_addr(struct reader *reader, const struct nlmsghdr *message)
{
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *table[IFA_MAX + 1];
	struct vly_prefix *addr;
	uint32_t flags;

	if (header->ifa_index != reader->ifindex)
		return;
	reader->events |= VLY_DPDK_EVENT_WAYS;
	if (!reader->ways || reader->ways->addr_count == VLY_ADDRS_MAX ||
	    (header->ifa_family != AF_INET && header->ifa_family != AF_INET6))
		return;
	read_attributes(message, sizeof(*header), table, IFA_MAX);
	flags = read_u32(table[IFA_FLAGS], header->ifa_flags);
	addr = &reader->ways->addrs[reader->ways->addr_count];
	// The local address of a point-to-point link is in IFA_LOCAL, its peer's in IFA_ADDRESS.
	if (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED) ||
	    !read_ip(addr->ip, header->ifa_family,
		     table[IFA_LOCAL] ? table[IFA_LOCAL] : table[IFA_ADDRESS]))
		return;
	addr->bits = mapped_bits(header->ifa_family, header->ifa_prefixlen);
	reader->ways->addr_count++;
}

// The gateway over our interface of a route that has several; NULL: none of them.
static const struct nlattr *next_hop_of(const struct nlattr *hops, uint32_t ifindex)
{
	const uint8_t *at = mnl_attr_get_payload(hops);
	const uint8_t *end = at + mnl_attr_get_payload_len(hops);
	const struct nlattr *table[RTA_MAX + 1] = {NULL};
	struct attributes attributes = {.table = table, .max = RTA_MAX};

	while ((size_t)(end - at) >= sizeof(struct rtnexthop)) {
		const struct rtnexthop *hop = (const void *)at;

		if (hop->rtnh_len < sizeof(*hop) || hop->rtnh_len > end - at)
			return NULL;
		if ((uint32_t)hop->rtnh_ifindex == ifindex) {
			mnl_attr_parse_payload(hop + 1, hop->rtnh_len - sizeof(*hop),
					       take_attribute, &attributes);
			return table[RTA_GATEWAY];
		}
		at += MNL_ALIGN(hop->rtnh_len);
	}
	return NULL;
}

static bool is_of_interest(const struct rtmsg *header, const struct nlattr *const *table,
			   uint32_t ifindex)
{
	if (header->rtm_type != RTN_UNICAST || header->rtm_flags & RTM_F_CLONED ||
	    read_u32(table[RTA_TABLE], header->rtm_table) != RT_TABLE_MAIN ||
	    (header->rtm_family != AF_INET && header->rtm_family != AF_INET6))
		return false;
	return table[RTA_MULTIPATH] || read_u32(table[RTA_OIF], 0) == ifindex;
}

static void read_route(struct reader *reader, const struct nlmsghdr *message)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	const struct nlattr *table[RTA_MAX + 1];
	const struct nlattr *gateway;
	struct vly_route *route;

	read_attributes(message, sizeof(*header), table, RTA_MAX);
	if (!is_of_interest(header, table, reader->ifindex))
		return;
	reader->events |= VLY_DPDK_EVENT_WAYS;
	if (!reader->ways)
		return;
	gateway = table[RTA_GATEWAY];
	if (table[RTA_MULTIPATH])
		gateway = next_hop_of(table[RTA_MULTIPATH], reader->ifindex);
	// By way of a router of the other family (RFC 8950) the stack cannot go.
	if (table[RTA_VIA] || (table[RTA_MULTIPATH] && !gateway))
		return;
	if (reader->ways->route_count == VLY_ROUTES_MAX) {
		reader->ways->routes_left_out++;
		return;
	}
	route = &reader->ways->routes[reader->ways->route_count];
	memset(route, 0, sizeof(*route));
	if (header->rtm_family == AF_INET)
		memset(route->prefix.ip + IP4_OFFSET - 2, 0xff, 2);
	if (table[RTA_DST] && !read_ip(route->prefix.ip, header->rtm_family, table[RTA_DST]))
		return;
	if (gateway && !read_ip(route->next_hop, header->rtm_family, gateway))
		return;
	route->prefix.bits = mapped_bits(header->rtm_family, header->rtm_dst_len);
	reader->ways->route_count++;
}

static void read_neighbour(struct reader *reader, const struct nlmsghdr *message)
{
	const struct ndmsg *header = mnl_nlmsg_get_payload(message);
	struct vly_link_neighbour neighbour = {.is_lost = message->nlmsg_type == RTM_DELNEIGH};
	const struct nlattr *table[NDA_MAX + 1];

	if ((uint32_t)header->ndm_ifindex != reader->ifindex || !reader->heard ||
	    (header->ndm_family != AF_INET && header->ndm_family != AF_INET6))
		return;
	read_attributes(message, sizeof(*header), table, NDA_MAX);
	if (!read_ip(neighbour.who.ip, header->ndm_family, table[NDA_DST]))
		return;
	neighbour.is_lost |= (header->ndm_state & NUD_FAILED) != 0;
	if (!neighbour.is_lost) {
		if (!(header->ndm_state & NUD_USABLE) || !table[NDA_LLADDR] ||
		    mnl_attr_get_payload_len(table[NDA_LLADDR]) != MAC_BYTES)
			return;
		memcpy(neighbour.who.mac, mnl_attr_get_payload(table[NDA_LLADDR]), MAC_BYTES);
	}
	reader->heard(reader->arg, &neighbour);
}

static int read_message(const struct nlmsghdr *message, void *arg)
{
	struct reader *reader = arg;

	switch (message->nlmsg_type) {
	case RTM_NEWADDR:
	case RTM_DELADDR:
		read_addr(reader, message);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		read_route(reader, message);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		read_neighbour(reader, message);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

uint32_t vly_dpdk_netlink_events(const struct vly_dpdk_netlink *netlink, vly_dpdk_heard *heard,
				 void *arg)
{
	struct reader reader = {.ifindex = netlink->ifindex, .heard = heard, .arg = arg};
	char buffer[BUFFER_BYTES];

	for (uint32_t i = 0; i < EVENT_ROUNDS; i++) {
		ssize_t len = mnl_socket_recvfrom(netlink->events, buffer, sizeof(buffer));

		if (len < 0 && (errno == ENOBUFS || errno == ENOSPC))
			reader.events |= VLY_DPDK_EVENT_LOST;
		else if (len <= 0)
			break;
		else
			mnl_cb_run(buffer, (size_t)len, 0, 0, read_message, &reader);
	}
	return reader.events;
}

// --- asking -------------------------------------------------------------------------------------

static struct nlmsghdr *begin(char *buffer, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	return message;
}

// Sends the question and reads all of its answer. Returns 0 or a negative errno.
static int ask(const struct vly_dpdk_netlink *netlink, struct nlmsghdr *message,
	       struct reader *reader)
{
	uint32_t portid = mnl_socket_get_portid(netlink->asks);
	char buffer[BUFFER_BYTES];
	int rc = MNL_CB_OK;

	if (mnl_socket_sendto(netlink->asks, message, message->nlmsg_len) < 0)
		return -errno;
	while (rc == MNL_CB_OK) {
		ssize_t len = mnl_socket_recvfrom(netlink->asks, buffer, sizeof(buffer));

		if (len < 0)
			return -errno;
		rc = mnl_cb_run(buffer, (size_t)len, 0, portid, read_message, reader);
		// One message answers a question that asked for one.
		if (rc == MNL_CB_OK && !(message->nlmsg_flags & (NLM_F_DUMP | NLM_F_ACK)))
			break;
	}
	return rc < 0 ? -errno : 0;
}

int vly_dpdk_netlink_ways(const struct vly_dpdk_netlink *netlink, struct vly_dpdk_ways *ways)
{
	struct reader reader = {.ifindex = netlink->ifindex, .ways = ways};
	char buffer[256];
	struct nlmsghdr *message = begin(buffer, RTM_GETADDR, NLM_F_DUMP);
	struct ifaddrmsg *addr = mnl_nlmsg_put_extra_header(message, sizeof(*addr));
	struct rtmsg *route;
	int rc;

	memset(ways, 0, sizeof(*ways));
	addr->ifa_index = netlink->ifindex;
	rc = ask(netlink, message, &reader);
	for (uint8_t i = 0; !rc && i < 2; i++) {
		message = begin(buffer, RTM_GETROUTE, NLM_F_DUMP);
		route = mnl_nlmsg_put_extra_header(message, sizeof(*route));
		route->rtm_family = i ? AF_INET6 : AF_INET;
		mnl_attr_put_u32(message, RTA_OIF, netlink->ifindex);
		mnl_attr_put_u32(message, RTA_TABLE, RT_TABLE_MAIN);
		rc = ask(netlink, message, &reader);
		// With a filter the kernel has no route of that family at all, or no such table.
		if (rc == -ENOENT)
			rc = 0;
	}
	return rc;
}

int vly_dpdk_netlink_neighbours(const struct vly_dpdk_netlink *netlink, vly_dpdk_heard *heard,
				void *arg)
{
	struct reader reader = {.ifindex = netlink->ifindex, .heard = heard, .arg = arg};
	char buffer[256];
	struct nlmsghdr *message = begin(buffer, RTM_GETNEIGH, NLM_F_DUMP);
	struct ndmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->ndm_ifindex = 0;
	mnl_attr_put_u32(message, NDA_IFINDEX, netlink->ifindex);
	return ask(netlink, message, &reader);
}

static struct nlmsghdr *begin_neighbour(char *buffer, uint16_t type, uint16_t flags,
					const struct vly_dpdk_netlink *netlink, const uint8_t *ip)
{
	static const uint8_t mapped[IP4_OFFSET] = {[10] = 0xff, [11] = 0xff};
	bool is_ipv4 = memcmp(ip, mapped, sizeof(mapped)) == 0;
	struct nlmsghdr *message = begin(buffer, type, flags);
	struct ndmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	header->ndm_family = is_ipv4 ? AF_INET : AF_INET6;
	header->ndm_ifindex = (int)netlink->ifindex;
	mnl_attr_put(message, NDA_DST, is_ipv4 ? IP_BYTES - IP4_OFFSET : IP_BYTES,
		     is_ipv4 ? ip + IP4_OFFSET : ip);
	return message;
}

int vly_dpdk_netlink_seek(const struct vly_dpdk_netlink *netlink, const uint8_t *ip,
			  vly_dpdk_heard *heard, void *arg)
{
	struct reader reader = {.ifindex = netlink->ifindex, .heard = heard, .arg = arg};
	char buffer[256];
	struct nlmsghdr *message =
		begin_neighbour(buffer, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_ACK, netlink, ip);
	struct ndmsg *header = mnl_nlmsg_get_payload(message);
	int rc;

	// As if the kernel had something to send there itself.
	header->ndm_flags = NTF_USE;
	header->ndm_state = NUD_NONE;
	rc = ask(netlink, message, &reader);
	if (rc)
		return rc;
	return ask(netlink, begin_neighbour(buffer, RTM_GETNEIGH, 0, netlink, ip), &reader);
}
