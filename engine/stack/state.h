// SPDX-License-Identifier: BSD-3-Clause
//
// The state of a stack and what input hands inwards from layer to layer. Inside engine/stack only.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/compiler.h"
#include "stack/eth.h"
#include "stack/large.h"
#include "stack/link.h"
#include "stack/local.h"
#include "stack/neigh.h"
#include "stack/path.h"
#include "stack/reassembly.h"
#include "stack/split.h"
#include "stack/stack.h"
#include "stack/udp.h"
#include "stack/way.h"

enum vly_complaint_limits {
	VLY_COMPLAINTS_MAX = 16,   // that wait to be sent; also the burst that the rate allows
	VLY_COMPLAINT_BYTES = 184, // of the offending packet that we send back
	VLY_COMPLAINT_EVERY_NS = 10000000, // so 100 a second
};

// An ICMP error to send: port unreachable or, with is_late, time exceeded in reassembly.
struct vly_complaint {
	uint8_t mac[VLY_MAC_BYTES];
	uint8_t len;
	bool is_ipv6;
	bool is_late;
	uint8_t packet[VLY_COMPLAINT_BYTES]; // the beginning, from the IP header on
};

// What the first bytes of a frame must be, for the straight way in (fast.h), where the bits of
// `mask` say so. All in memory order, as they stand in the frame.
enum vly_shape_limits {
	VLY_SHAPE_WORDS = 3, // of 8 bytes
};

struct vly_shape {
	uint64_t word[VLY_SHAPE_WORDS];
	uint64_t mask[VLY_SHAPE_WORDS];
};

// The first bytes of a reply, for the straight way out: with zeros for its peer's MAC and length.
struct vly_reply {
	uint64_t word[VLY_SHAPE_WORDS];
	uint64_t ip_sum; // of the IPv4 header's words that are in there
};

// Duplicate address detection. While it runs, local.count4 and count6 are 0.
struct vly_dad {
	uint64_t probe_ns; // how long the addresses are probed; 0: they are ours
	uint64_t start_ns;
	uint64_t defend_ns; // the next time that a claim by others is answered
	uint64_t filter4;   // of local, for afterwards
	uint64_t filter6;
	bool has_begun;
	uint32_t round; // of probes
	uint32_t at;    // the address that is probed next
};

struct vly_stack {
	// Read for every frame.
	struct vly_shape shape;
	struct vly_reply reply;
	uint64_t mac_word; // our MAC as the first six bytes of a frame, in memory order
	uint64_t mac_mask; // the bits of the six bytes
	uint64_t due_ns;   // when a poll is due; 0: at once
	uint32_t offloads_tx;
	uint32_t mtu;      // of the link
	uint32_t mtu_sure; // what the way to anybody takes: less, where a path is known to be
			   // narrower
	uint16_t vlan;
	enum vly_link_hash hash[2]; // that the device gives: IPv4, IPv6
	bool is_tagging;            // we write the tags of what we send, not the device
	bool takes_partial;         // UDP checksums that a card was to finish (vly_link_info)
	uint8_t mac[VLY_MAC_BYTES];
	bool has_kernel; // vly_stack_config
	struct vly_large large;
	struct vly_local local;
	// Read and written now and then.
	uint32_t announced; // of our addresses, to the neighbours
	bool is_quiet;      // another stack speaks for our addresses
	struct vly_dad dad;
	uint32_t complaint_first;
	uint32_t complaint_count;
	uint64_t complaint_credit_ns; // when the rate would be used up: in the past, there is some
	struct vly_complaint complaints[VLY_COMPLAINTS_MAX];
	bool asks_outside; // not on the wire
	uint32_t news_first;
	uint32_t news_count;
	struct vly_stack_news news[VLY_STACK_NEWS_MAX];
	struct vly_stack_whole whole;
	struct vly_split split;
	uint32_t frame_room; // of the buffers for its frames; 0: as large as any
	uint32_t queue;      // of queue_count, for id_counters
	uint32_t queue_count;
	uint64_t id_seed;
	uint32_t id_counters[VLY_SPLIT_COUNTERS];
	struct vly_paths *paths;
	struct vly_reassembly_table *reassembly; // by itself, as it is large and rarely touched
	struct vly_neigh_table neighbours;
};

// A frame on its way inwards. The layers add what they learn.
struct vly_packet {
	struct vly_dgram *frame;
	const struct vly_eth *eth;
	uint8_t *start; // of the frame
	uint8_t *l4;    // what IP carries
	uint32_t l2_len;
	uint32_t l3_len;
	uint32_t l4_len;
	uint64_t pseudo; // sum of addresses, protocol and l4_len
	uint64_t now_ns;
	bool is_group; // to a broadcast or multicast address
	bool is_ipv6;
	bool is_unspecified; // the source is ::
	bool was_fragment;   // it came with a fragment header, or in several
	bool is_whole;       // it was put together, in a large buffer
	uint8_t hop_limit;
	uint8_t tos;
	enum vly_drop *reason;
};

// One layer's input each: bytes and state in, verdict out.
enum vly_stack_verdict vly_arp_input(struct vly_stack *stack, struct vly_packet *packet);
enum vly_stack_verdict vly_ip4_input(struct vly_stack *stack, struct vly_packet *packet);
enum vly_stack_verdict vly_ip6_input(struct vly_stack *stack, struct vly_packet *packet);
enum vly_stack_verdict vly_icmp_input(struct vly_stack *stack, struct vly_packet *packet);
enum vly_stack_verdict vly_icmpv6_input(struct vly_stack *stack, struct vly_packet *packet);
struct vly_icmp;
// An ICMP error, verified.
enum vly_stack_verdict vly_icmp_error_input(struct vly_stack *stack, struct vly_packet *packet,
					    const struct vly_icmp *icmp);

struct vly_ip4;
// A fragment, which is packet->l4; fragment->len is for this to fill in. Then a datagram that was
// put together, from the headers behind IP's on.
enum vly_stack_verdict vly_fragment_input(struct vly_stack *stack, struct vly_packet *packet,
					  struct vly_fragment *fragment);
enum vly_stack_verdict vly_ip4_whole_input(struct vly_stack *stack, struct vly_packet *packet,
					   const struct vly_ip4 *ip);
enum vly_stack_verdict vly_ip6_whole_input(struct vly_stack *stack, struct vly_packet *packet,
					   uint8_t next);
enum vly_stack_verdict vly_ndp_input(struct vly_stack *stack, struct vly_packet *packet);
enum vly_stack_verdict vly_igmp_input(struct vly_stack *stack, struct vly_packet *packet);
enum vly_stack_verdict vly_mld_input(struct vly_stack *stack, struct vly_packet *packet);
enum vly_stack_verdict vly_udp_input(struct vly_stack *stack, struct vly_packet *packet);

// Takes a heard neighbour in, tells the others, and makes a poll due when datagrams wait for it.
// False when it was of no use.
bool vly_stack_learn(struct vly_stack *stack, const struct vly_neigh_news *news, uint64_t now_ns);

// Leaves news for other stacks. `mac` may be NULL.
void vly_stack_tell(struct vly_stack *stack, enum vly_stack_news_kind kind, const uint8_t *ip,
		    const uint8_t *mac);

void vly_stack_tell_path(struct vly_stack *stack, const uint8_t *ip, uint32_t mtu);

// Notes that the packet's port is not served, if the rate allows.
void vly_stack_complain(struct vly_stack *stack, const struct vly_packet *packet);

// The same for a datagram of which fragments are missing and the first is there.
void vly_stack_complain_late(struct vly_stack *stack, const struct vly_reassembly *entry,
			     uint64_t now_ns);

// An Ethernet header of ours to `mac`, with our tag if we speak one.
static inline struct vly_eth vly_stack_eth(const struct vly_stack *stack, const uint8_t *mac,
					   uint16_t type);

// Write headers in front of what dgram holds, which makes it a frame: of Ethernet alone, or with IP
// in between. The caller knows that there is room.
void vly_stack_wrap_eth(struct vly_dgram *dgram, const struct vly_eth *eth);
void vly_stack_wrap(struct vly_dgram *dgram, const struct vly_way *way, uint8_t protocol);

// The way back to who sent the packet, from the address it was sent to.
struct vly_way vly_stack_way_back(const struct vly_stack *stack, const struct vly_packet *packet);

// Makes the bytes from packet->l4 on, `len` of them, the frame that goes that way.
enum vly_stack_verdict vly_stack_answer(struct vly_packet *packet, const struct vly_way *way,
					uint8_t protocol, uint32_t len);

// Makes an ARP request or a neighbour solicitation for `neigh` of an empty datagram. False when
// it is too small or we have no address of that family.
bool vly_arp_ask(const struct vly_stack *stack, struct vly_dgram *spare,
		 const struct vly_neigh *neigh);
bool vly_ndp_ask(const struct vly_stack *stack, struct vly_dgram *spare,
		 const struct vly_neigh *neigh);

// Makes a probe for an address that is to be ours.
bool vly_arp_probe(const struct vly_stack *stack, struct vly_dgram *spare, uint32_t ip);
bool vly_ndp_probe(const struct vly_stack *stack, struct vly_dgram *spare, const uint8_t *ip);

// Begins to probe the addresses, for that long: until then they are not ours. 0: not at all.
void vly_dad_start(struct vly_stack *stack, uint64_t probe_ns);

// Sends probes and ends the probing, as vly_stack_poll() does. *due_ns is left alone when nothing
// remains.
uint32_t vly_dad_poll(struct vly_stack *stack, struct vly_dgram **spare, uint32_t spare_count,
		      uint64_t now_ns, uint64_t *due_ns);

// Tells the routers of our groups, as vly_dad_poll() does its part.
uint32_t vly_igmp_poll(struct vly_stack *stack, struct vly_dgram **spare, uint32_t spare_count,
		       uint64_t now_ns, uint64_t *due_ns);

// The MAC of a broadcast or multicast address. Returns false for any other.
bool vly_stack_group_mac(const struct vly_local *local, const uint8_t *ip, uint8_t *mac);

// Another station claims an address of ours.
void vly_stack_contest(struct vly_stack *stack, const uint8_t *ip, const uint8_t *mac,
		       uint64_t now_ns);

// Makes a gratuitous ARP request or an unsolicited advertisement of an address of ours.
bool vly_arp_announce(const struct vly_stack *stack, struct vly_dgram *spare, uint32_t ip);
bool vly_ndp_announce(const struct vly_stack *stack, struct vly_dgram *spare, const uint8_t *ip);

// Makes the ICMP error of an empty datagram. False when it is too small.
bool vly_icmp_error(const struct vly_stack *stack, struct vly_dgram *spare,
		    const struct vly_complaint *complaint);

// Builds the frame of a datagram for a neighbour that is resolved now.
enum vly_stack_output_verdict vly_stack_output_held(struct vly_stack *stack,
						    struct vly_dgram *dgram,
						    const struct vly_neigh *neigh,
						    enum vly_drop *reason);

// --- inline -------------------------------------------------------------------------------------

static inline enum vly_stack_verdict vly_packet_drop(struct vly_packet *packet,
						     enum vly_drop reason)
{
	*packet->reason = reason;
	return VLY_STACK_DROP;
}

static inline struct vly_eth vly_stack_eth(const struct vly_stack *stack, const uint8_t *mac,
					   uint16_t type)
{
	struct vly_eth eth = {.type = type, .tci = stack->vlan, .is_tagged = stack->is_tagging};

	memcpy(eth.dst, mac, VLY_MAC_BYTES);
	memcpy(eth.src, stack->mac, VLY_MAC_BYTES);
	return eth;
}

// The UDP header of a datagram, but for its checksum.
static inline struct vly_udp vly_stack_udp(const struct vly_stack *stack,
					   const struct vly_dgram *dgram)
{
	return (struct vly_udp){
		.src_port = dgram->local.port ? dgram->local.port : stack->local.port,
		.dst_port = dgram->peer.port,
		.len = (uint16_t)(dgram->len + VLY_UDP_BYTES),
	};
}
