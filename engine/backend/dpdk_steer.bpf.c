// SPDX-License-Identifier: BSD-3-Clause
//
// What the kernel runs for each frame of an interface that it shares with us: UDP to a port and an
// address of ours goes to the queue's XDP socket, everything else on to the kernel. Of a datagram
// in fragments only the first says the port: the others go the same way if they come after it, as
// they do from any sender on the same wire. One that overtakes the first is the kernel's.
//
// An ICMP error is for whom it quotes: about UDP from a port of ours it goes to us, as the kernel
// would give it to the socket. It has none there, so it would learn nothing of the path's MTU from
// it (__udp4_lib_err() in the kernel's net/ipv4/udp.c), and could not tell us.
//
// Compiled for the kernel's own machine (bpf(2)), not for this one; dpdk_program.c fills the maps.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum {
	QUEUES_MAX = 64,
	PORT_WORDS = 65536 / 64,
	ADDRS_MAX = 256,           // ours and their broadcasts, groups, and everybody's
	FRAGMENTS_MAX = 1024,      // datagrams in fragments at a time, those of late
	FRAGMENT = 0x3fff,         // more fragments, or not the first
	FRAGMENT_OFFSET = 0x1fff,  // not the first
	FRAGMENT6 = 44,            // the extension header (RFC 8200, section 4.5)
	FRAGMENT6_OFFSET = 0xfff8, // of its third and fourth byte
	VLAN_ID = 0x0fff,
	// Of ICMP, those that quote what was sent (RFC 792); of ICMPv6 the first three (RFC 4443).
	UNREACHABLE = 3,
	TIME_EXCEEDED = 11,
	FIRST_ERROR6 = 1,
	LAST_ERROR6 = 3,
};

// The kernel's own <linux/icmp.h> needs a libc.
struct icmp {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be32 rest;
};

// 16 bytes, IPv4 mapped, as everywhere in the engine.
struct steer_addr {
	__u32 word[4];
};

struct tag {
	__be16 tci;
	__be16 type;
};

// DPDK's driver finds this one by its name, and puts its sockets in.
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, QUEUES_MAX);
	__type(key, __u32);
	__type(value, __u32);
} xsks_map SEC(".maps"); // tidy: allow global

// Bit n % 64 of word n / 64: port n is ours.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PORT_WORDS);
	__type(key, __u32);
	__type(value, __u64);
} volley_ports SEC(".maps"); // tidy: allow global

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ADDRS_MAX);
	__type(key, struct steer_addr);
	__type(value, __u32);
} volley_addrs SEC(".maps"); // tidy: allow global

// A datagram in fragments whose first one was ours.
struct steer_datagram {
	struct steer_addr from;
	struct steer_addr to;
	__u32 id;
};

struct fragment6 {
	__u8 next;
	__u8 reserved;
	__be16 offset;
	__be32 id;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FRAGMENTS_MAX);
	__type(key, struct steer_datagram);
	__type(value, __u32);
} volley_fragments SEC(".maps"); // tidy: allow global

// To us if the port is ours at that address.
static __always_inline int steer_port(const struct xdp_md *frame, __be16 big_endian,
				      const struct steer_addr *to)
{
	__u32 port = bpf_ntohs(big_endian);
	__u32 word = port / 64;
	const __u64 *ports = bpf_map_lookup_elem(&volley_ports, &word);

	if (!ports || !(*ports >> port % 64 & 1) || !bpf_map_lookup_elem(&volley_addrs, to))
		return XDP_PASS;
	// A queue without a socket of ours is the kernel's.
	return (int)bpf_redirect_map(&xsks_map, frame->rx_queue_index, XDP_PASS);
}

static __always_inline int steer(const struct xdp_md *frame, const struct udphdr *udp,
				 const void *end, const struct steer_addr *to)
{
	if ((const void *)(udp + 1) > end)
		return XDP_PASS;
	return steer_port(frame, udp->dest, to);
}

// What an ICMP error quotes, sent from `to`.
static __always_inline int steer_quoted(const struct xdp_md *frame, const struct udphdr *udp,
					const void *end, const struct steer_addr *to)
{
	if ((const void *)(udp + 1) > end)
		return XDP_PASS;
	return steer_port(frame, udp->source, to);
}

// Of a datagram that left in fragments the first is quoted, which has the ports.
static __always_inline int steer_icmp4(const struct xdp_md *frame, const struct icmp *icmp,
				       const void *end, const struct steer_addr *to)
{
	const struct iphdr *ip = (const void *)(icmp + 1);

	if ((const void *)(ip + 1) > end ||
	    (icmp->type != UNREACHABLE && icmp->type != TIME_EXCEEDED))
		return XDP_PASS;
	if (ip->protocol != IPPROTO_UDP || ip->ihl < 5 ||
	    (ip->frag_off & bpf_htons(FRAGMENT_OFFSET)) || ip->saddr != to->word[3])
		return XDP_PASS;
	return steer_quoted(frame, (const void *)((const char *)ip + ip->ihl * 4), end, to);
}

static __always_inline int is_equal(const struct in6_addr *a, const struct steer_addr *b)
{
	const __u32 *word = a->in6_u.u6_addr32;

	return !((word[0] ^ b->word[0]) | (word[1] ^ b->word[1]) | (word[2] ^ b->word[2]) |
		 (word[3] ^ b->word[3]));
}

static __always_inline int steer_icmp6(const struct xdp_md *frame, const struct icmp *icmp,
				       const void *end, const struct steer_addr *to)
{
	const struct ipv6hdr *ip = (const void *)(icmp + 1);
	const struct fragment6 *fragment = (const void *)(ip + 1);
	const void *udp = fragment;

	if ((const void *)(ip + 1) > end || icmp->type < FIRST_ERROR6 || icmp->type > LAST_ERROR6 ||
	    !is_equal(&ip->saddr, to))
		return XDP_PASS;
	if (ip->nexthdr == IPPROTO_UDP)
		return steer_quoted(frame, udp, end, to);
	udp = fragment + 1;
	if (ip->nexthdr != FRAGMENT6 || udp > end || fragment->next != IPPROTO_UDP ||
	    (fragment->offset & bpf_htons(FRAGMENT6_OFFSET)))
		return XDP_PASS;
	return steer_quoted(frame, udp, end, to);
}

// A fragment; `udp` is NULL but for the first. A name may be used again, for a port of the
// kernel's.
static __always_inline int steer_fragment(const struct xdp_md *frame, const struct udphdr *udp,
					  const void *end, const struct steer_datagram *name)
{
	__u32 one = 1;
	int verdict;

	if (!udp && !bpf_map_lookup_elem(&volley_fragments, name))
		return XDP_PASS;
	if (!udp)
		return (int)bpf_redirect_map(&xsks_map, frame->rx_queue_index, XDP_PASS);
	verdict = steer(frame, udp, end, &name->to);
	if (verdict == XDP_PASS)
		bpf_map_delete_elem(&volley_fragments, name);
	else
		bpf_map_update_elem(&volley_fragments, name, &one, BPF_ANY);
	return verdict;
}

static __always_inline int steer_ip4(const struct xdp_md *frame, const void *at, const void *end)
{
	const struct iphdr *ip = at;
	const void *udp;
	struct steer_datagram name = {
		.from = {{0, 0, bpf_htonl(0xffff), 0}},
		.to = {{0, 0, bpf_htonl(0xffff), 0}},
	};

	if ((const void *)(ip + 1) > end || ip->ihl < 5)
		return XDP_PASS;
	name.to.word[3] = ip->daddr;
	udp = (const char *)at + ip->ihl * 4;
	if (ip->protocol == IPPROTO_ICMP && !(ip->frag_off & bpf_htons(FRAGMENT)))
		return steer_icmp4(frame, udp, end, &name.to);
	if (ip->protocol != IPPROTO_UDP)
		return XDP_PASS;
	if (!(ip->frag_off & bpf_htons(FRAGMENT)))
		return steer(frame, udp, end, &name.to);
	name.from.word[3] = ip->saddr;
	name.id = ip->id;
	if (ip->frag_off & bpf_htons(FRAGMENT_OFFSET))
		udp = 0;
	return steer_fragment(frame, udp, end, &name);
}

static __always_inline int steer_fragment6(const struct xdp_md *frame, const struct ipv6hdr *ip,
					   const void *end)
{
	const struct fragment6 *fragment = (const void *)(ip + 1);
	const void *udp = fragment + 1;
	struct steer_datagram name;

	if (udp > end || fragment->next != IPPROTO_UDP)
		return XDP_PASS;
	__builtin_memcpy(&name.from, &ip->saddr, sizeof(name.from));
	__builtin_memcpy(&name.to, &ip->daddr, sizeof(name.to));
	name.id = fragment->id;
	if (fragment->offset & bpf_htons(FRAGMENT6_OFFSET))
		udp = 0;
	return steer_fragment(frame, udp, end, &name);
}

static __always_inline int steer_ip6(const struct xdp_md *frame, const void *at, const void *end)
{
	const struct ipv6hdr *ip = at;
	struct steer_addr to;

	if ((const void *)(ip + 1) > end)
		return XDP_PASS;
	if (ip->nexthdr == FRAGMENT6)
		return steer_fragment6(frame, ip, end);
	__builtin_memcpy(&to, &ip->daddr, sizeof(to));
	if (ip->nexthdr == IPPROTO_ICMPV6)
		return steer_icmp6(frame, (const void *)(ip + 1), end, &to);
	if (ip->nexthdr != IPPROTO_UDP)
		return XDP_PASS;
	return steer(frame, (const void *)(ip + 1), end, &to);
}

SEC("xdp")
int volley_steer(struct xdp_md *frame)
{
	const void *end = (const void *)(long)frame->data_end;
	const struct ethhdr *eth = (const void *)(long)frame->data;
	const void *at = eth + 1;
	__be16 type;

	if (at > end)
		return XDP_PASS;
	type = eth->h_proto;
	if (type == bpf_htons(ETH_P_8021Q)) {
		const struct tag *tag = at;

		at = tag + 1;
		// A tag of id 0 only carries a priority; others are of interfaces of their own.
		if (at > end || (tag->tci & bpf_htons(VLAN_ID)))
			return XDP_PASS;
		type = tag->type;
	}
	if (type == bpf_htons(ETH_P_IP))
		return steer_ip4(frame, at, end);
	if (type == bpf_htons(ETH_P_IPV6))
		return steer_ip6(frame, at, end);
	return XDP_PASS;
}

char steer_license[] SEC("license") = "BSD"; // tidy: allow global
