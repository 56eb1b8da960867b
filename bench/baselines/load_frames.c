// SPDX-License-Identifier: BSD-3-Clause
//
// Modes `frames` and `apart`: the datagrams of `peers` as frames that are given to the device
// (packet(7)). To send a datagram costs the kernel as much as to echo one, so with `peers` the
// client's core is as full as the server's, and no server can be much ahead of another. A frame
// passes this side's UDP and IP by, and the server is the limit. On lo, whose peers' addresses are
// its own, the namespace must allow that: net.ipv4.conf.lo.accept_local and .route_localnet are 1.
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "load.h"

enum {
	HOP_LIMIT = 64,
	NEIGHBOUR_TRIES = 100,
	NEIGHBOUR_PAUSE_US = 10000,
};

_Static_assert(FRAME_HEADER_BYTES ==
		       sizeof(struct ether_header) + sizeof(struct iphdr) + sizeof(struct udphdr),
	       "what stands before the payload");

static uint16_t checksum(const struct iphdr *header)
{
	uint16_t words[sizeof(*header) / 2];
	uint32_t sum = 0;

	memcpy(words, header, sizeof(words));
	for (uint32_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		sum += words[i];
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

// The device that has the first peer's address, or lo.
static int find_device(const struct load *load, char name[IF_NAMESIZE])
{
	struct ifaddrs *list;

	if (getifaddrs(&list))
		return -errno;
	strcpy(name, "lo");
	for (const struct ifaddrs *at = list; at; at = at->ifa_next) {
		struct sockaddr_in in = {.sin_family = AF_UNSPEC};

		if (at->ifa_addr && at->ifa_addr->sa_family == AF_INET)
			memcpy(&in, at->ifa_addr, sizeof(in));
		if (in.sin_family == AF_INET && in.sin_addr.s_addr == load->first_source.s_addr)
			memccpy(name, at->ifa_name, 0, IF_NAMESIZE);
	}
	freeifaddrs(list);
	return 0;
}

// The server's MAC, as the kernel knows it once something was sent there; that of lo is zeros.
static int find_neighbour(const struct load *load, const char *device, uint8_t *mac)
{
	struct arpreq request = {.arp_flags = 0};
	int rc = -1;

	memset(mac, 0, ETH_ALEN);
	if (strcmp(device, "lo") == 0)
		return 0;
	if (sendto(load->fd, "", 0, 0, (const struct sockaddr *)&load->server,
		   sizeof(load->server)) < 0)
		return -errno;
	memcpy(&request.arp_pa, &load->server, sizeof(load->server));
	memccpy(request.arp_dev, device, 0, sizeof(request.arp_dev) - 1);
	for (uint32_t i = 0; i < NEIGHBOUR_TRIES; i++) {
		rc = ioctl(load->fd, SIOCGARP, &request);
		if (!rc && request.arp_flags & ATF_COM)
			break;
		usleep(NEIGHBOUR_PAUSE_US);
	}
	memcpy(mac, request.arp_ha.sa_data, ETH_ALEN);
	return rc ? -errno : 0;
}

static void resize(struct load *load, uint32_t index, uint32_t bytes)
{
	uint8_t *header = load->headers[index];
	struct iphdr ip;
	struct udphdr udp;

	memcpy(&ip, header + sizeof(struct ether_header), sizeof(ip));
	memcpy(&udp, header + FRAME_HEADER_BYTES - sizeof(udp), sizeof(udp));
	udp.len = htons((uint16_t)(sizeof(udp) + bytes));
	ip.tot_len = htons((uint16_t)(sizeof(ip) + sizeof(udp) + bytes));
	ip.check = 0;
	ip.check = checksum(&ip);
	memcpy(header + sizeof(struct ether_header), &ip, sizeof(ip));
	memcpy(header + FRAME_HEADER_BYTES - sizeof(udp), &udp, sizeof(udp));
	load->frame_iovs[index][1].iov_len = bytes;
}

void load_resize_frames(struct load *load)
{
	uint32_t bytes = load->bytes + (uint32_t)(load->next / load->peers % GROWTH);

	for (uint32_t i = 0; i < load->peers; i++)
		resize(load, i, bytes);
}

static void write_frame(struct load *load, uint32_t index, const uint8_t *mac, uint16_t port)
{
	struct ether_header ether = {.ether_type = htons(ETHERTYPE_IP)};
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(ip) / 4,
		.ttl = HOP_LIMIT,
		.protocol = IPPROTO_UDP,
		.frag_off = htons(IP_DF),
		.saddr = htonl(ntohl(load->first_source.s_addr) + index),
		.daddr = load->server.sin_addr.s_addr,
	};
	struct udphdr udp = {
		.source = port,
		.dest = load->server.sin_port, // without a checksum
	};
	uint8_t *header = load->headers[index];
	struct iovec *iovs = load->frame_iovs[index];

	memcpy(ether.ether_dhost, mac, ETH_ALEN);
	memcpy(header, &ether, sizeof(ether));
	memcpy(header + sizeof(ether), &ip, sizeof(ip));
	memcpy(header + sizeof(ether) + sizeof(ip), &udp, sizeof(udp));
	iovs[0] = (struct iovec){.iov_base = header, .iov_len = FRAME_HEADER_BYTES};
	iovs[1] = load->iovs[index];
	resize(load, index, load->bytes);
	load->msgs[index].msg_hdr = (struct msghdr){.msg_iov = iovs, .msg_iovlen = 2};
}

int load_prepare_frames(struct load *load)
{
	struct sockaddr_ll link = {.sll_family = AF_PACKET};
	struct sockaddr_in own = {.sin_family = AF_INET};
	socklen_t size = sizeof(own);
	char device[IF_NAMESIZE];
	uint8_t mac[ETH_ALEN];
	int on = 1;
	int rc = find_device(load, device);

	// The answers come to an ordinary socket, at whichever of our addresses.
	if (!rc && (bind(load->fd, (struct sockaddr *)&own, size) ||
		    getsockname(load->fd, (struct sockaddr *)&own, &size)))
		rc = -errno;
	if (!rc)
		rc = find_neighbour(load, device, mac);
	if (rc)
		return rc;
	load->frame_fd = socket(AF_PACKET, SOCK_RAW, 0);
	link.sll_ifindex = (int)if_nametoindex(device);
	if (load->frame_fd < 0 || bind(load->frame_fd, (struct sockaddr *)&link, sizeof(link)) ||
	    setsockopt(load->frame_fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)))
		return -errno;
	for (uint32_t i = 0; i < load->batch; i++)
		write_frame(load, i, mac, own.sin_port);
	return 0;
}
