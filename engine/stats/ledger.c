// SPDX-License-Identifier: BSD-3-Clause
//
// Names and sums of the ledger.
#include <volley/ledger.h>

#include <stddef.h>

#include "stats/ledger_block.h"

struct drop_entry {
	const char *name;
	const char *text;
};

static const struct drop_entry drops[VLY_DROP_COUNT] = {
	[VLY_DROP_RX_MISSED] = {"rx_missed", "the receive queue of the NIC or the kernel was full"},
	[VLY_DROP_RX_NO_BUFFER] = {"rx_no_buffer", "no free buffer in the queue's pool"},
	[VLY_DROP_RX_TRUNCATED] = {"rx_truncated", "larger than a receive buffer"},
	[VLY_DROP_RX_ERROR] = {"rx_error", "the device or the kernel reported an error instead"},
	[VLY_DROP_RX_REFUSED] = {"rx_refused", "ICMP: connection refused, nobody serves that port"},
	[VLY_DROP_RX_UNREACHABLE] = {"rx_unreachable", "ICMP: what was sent did not get there"},
	[VLY_DROP_FRAME_SHORT] = {"frame_short", "ends before its headers do"},
	[VLY_DROP_NOT_OUR_MAC] = {"not_our_mac", "for another station"},
	[VLY_DROP_VLAN] = {"vlan", "of another VLAN, or with too many tags"},
	[VLY_DROP_ETHERTYPE] = {"ethertype", "neither ARP, IPv4 nor IPv6"},
	[VLY_DROP_ARP] = {"arp", "ARP, malformed or no business of ours"},
	[VLY_DROP_IP_HEADER] = {"ip_header", "bad version or length in the IP header"},
	[VLY_DROP_IP_CHECKSUM] = {"ip_checksum", "IPv4 header checksum does not verify"},
	[VLY_DROP_IP_OPTION] = {"ip_option", "an IP option or extension header we refuse"},
	[VLY_DROP_IP_SOURCE] = {"ip_source", "a source address no honest host has"},
	[VLY_DROP_NOT_OUR_IP] = {"not_our_ip", "for an address that is not ours"},
	[VLY_DROP_IP_PROTOCOL] = {"ip_protocol", "a transport protocol we do not speak"},
	[VLY_DROP_FRAGMENT] = {"fragment", "a fragment that cannot be part of anything"},
	[VLY_DROP_FRAGMENT_OVERLAP] = {"fragment_overlap",
				       "a fragment of a datagram whose fragments contradict"},
	[VLY_DROP_FRAGMENT_DUPLICATE] = {"fragment_duplicate", "a fragment that came before"},
	[VLY_DROP_FRAGMENT_LIMIT] = {"fragment_limit",
				     "a fragment whose datagram had to make room for a later one"},
	[VLY_DROP_FRAGMENT_TIMEOUT] = {"fragment_timeout",
				       "a fragment whose datagram did not become whole"},
	[VLY_DROP_ICMP] = {"icmp", "ICMP, malformed or of a type we do not act on"},
	[VLY_DROP_NDP] = {"ndp", "neighbour discovery, malformed or not valid"},
	[VLY_DROP_IGMP] = {"igmp", "IGMP or MLD, malformed or not a router's question"},
	[VLY_DROP_ADDR_CONFLICT] = {"addr_conflict", "another station claims an address of ours"},
	[VLY_DROP_UDP_LENGTH] = {"udp_length", "UDP length does not fit the IP length"},
	[VLY_DROP_UDP_CHECKSUM] = {"udp_checksum", "UDP checksum does not verify"},
	[VLY_DROP_NO_LISTENER] = {"no_listener", "for a port nobody serves"},
	[VLY_DROP_KERNEL_FULL] = {"kernel_full", "for the kernel, which took no more"},
	[VLY_DROP_RING_FULL] = {"ring_full", "the worker's ring was full"},
	[VLY_DROP_RING_OLDEST] = {"ring_oldest", "waited longest for a worker that was too slow"},
	[VLY_DROP_NO_HANDLER] = {"no_handler", "passed on by the last handler of the chain"},
	[VLY_DROP_HANDLER] = {"handler", "dropped by a handler"},
	[VLY_DROP_UNDECIDED] = {"undecided", "left without a fate by a handler"},
	[VLY_DROP_RATE_LIMITED] = {"rate_limited", "over a limit"},
	[VLY_DROP_UNAUTHORISED] = {"unauthorised", "sender unknown, or its proof does not hold"},
	[VLY_DROP_MALFORMED] = {"malformed", "payload not of the handler's protocol"},
	[VLY_DROP_UNRELEASED] = {"unreleased", "kept by a handler until the engine closed"},
	[VLY_DROP_STOPPING] = {"stopping", "came while the engine was stopping"},
	[VLY_DROP_TX_NO_BUFFER] = {"tx_no_buffer", "no free buffers for its frames"},
	[VLY_DROP_TX_OVERSIZE] = {"tx_oversize", "larger than the path takes"},
	[VLY_DROP_TX_NO_ROUTE] = {"tx_no_route", "no way to that address"},
	[VLY_DROP_TX_NO_NEIGHBOUR] = {"tx_no_neighbour", "the next hop did not answer"},
	[VLY_DROP_TX_FULL] = {"tx_full", "the transmit queue stayed full"},
	[VLY_DROP_TX_REFUSED] = {"tx_refused", "refused by the kernel or the peer"},
};

const char *vly_drop_name(uint32_t drop)
{
	return drop < VLY_DROP_COUNT ? drops[drop].name : "unknown";
}

const char *vly_drop_text(uint32_t drop)
{
	return drop < VLY_DROP_COUNT ? drops[drop].text : "no such reason";
}

uint64_t vly_ledger_handled(const struct vly_ledger *ledger)
{
	return ledger->sent + ledger->released;
}

uint64_t vly_ledger_dropped(const struct vly_ledger *ledger)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < VLY_DROP_COUNT; i++)
		sum += ledger->dropped[i];
	return sum;
}

bool vly_ledger_is_balanced(const struct vly_ledger *ledger)
{
	return ledger->received + ledger->originated + ledger->from_kernel ==
	       vly_ledger_handled(ledger) + ledger->answered + ledger->to_kernel +
		       vly_ledger_dropped(ledger);
}

void vly_ledger_add(struct vly_ledger *sum, const struct vly_ledger *more)
{
	sum->received += more->received;
	sum->originated += more->originated;
	sum->sent += more->sent;
	sum->released += more->released;
	sum->answered += more->answered;
	sum->to_kernel += more->to_kernel;
	sum->from_kernel += more->from_kernel;
	for (uint32_t i = 0; i < VLY_DROP_COUNT; i++)
		sum->dropped[i] += more->dropped[i];
}

void vly_ledger_block_read(const struct vly_ledger_block *block, struct vly_ledger *sum)
{
	sum->received += atomic_load_explicit(&block->received, memory_order_relaxed);
	sum->originated += atomic_load_explicit(&block->originated, memory_order_relaxed);
	sum->sent += atomic_load_explicit(&block->sent, memory_order_relaxed);
	sum->released += atomic_load_explicit(&block->released, memory_order_relaxed);
	sum->answered += atomic_load_explicit(&block->answered, memory_order_relaxed);
	sum->to_kernel += atomic_load_explicit(&block->to_kernel, memory_order_relaxed);
	sum->from_kernel += atomic_load_explicit(&block->from_kernel, memory_order_relaxed);
	for (uint32_t i = 0; i < VLY_DROP_COUNT; i++)
		sum->dropped[i] += atomic_load_explicit(&block->dropped[i], memory_order_relaxed);
}
