// SPDX-License-Identifier: BSD-3-Clause
//
// The boundary between the engine and what moves packets. A backend is one const table; core/port
// is its only caller. Control-plane slots may allocate, fail and wait; data-plane slots (the
// bursts) never fail, wait or log, and are called only by the thread that owns the queue.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <volley/key.h>
#include <volley/port.h>

#include "stats/ledger_block.h"

// What a backend's bursts carry.
enum vly_layer {
	VLY_LAYER_DATAGRAM, // UDP payloads with addresses filled in: the kernel did the protocols
	VLY_LAYER_FRAME,    // Ethernet frames: core/port puts the stack in between
};

// What a frame backend knows of a frame, in dgram->link, between it and the stack.
// From the backend: what the device has verified. To the backend: what the device shall do; only
// things that the backend has declared in vly_link_info.offloads are ever asked for.
enum vly_frame_flag {
	// rx: the device has taken an 802.1Q tag off, which bits 0-15 hold
	VLY_FRAME_TAG = 1u << 28,
	VLY_FRAME_IP_CSUM = 1u << 29,  // rx: IPv4 header checksum is good; tx: fill it in
	VLY_FRAME_UDP_CSUM = 1u << 30, // rx: UDP checksum is good; tx: complete it (the field
				       // holds the pseudo-header's sum, as DPDK wants it)
	VLY_FRAME_IPV6 = 1u << 31,     // tx: it is an IPv6 packet
	// tx, bits 0-7: bytes of Ethernet header with tags; bits 8-15: bytes of IP header
	VLY_FRAME_L3_SHIFT = 8,
};

// What a device computes flow_hash from, by Toeplitz (stack/flow.h).
enum vly_link_hash {
	VLY_LINK_HASH_NONE,  // it gives none
	VLY_LINK_HASH_ADDRS, // both addresses
	VLY_LINK_HASH_FLOW,  // and both ports
};

// What a frame backend tells core/port of its link.
struct vly_link_info {
	uint8_t mac[6];
	uint32_t mtu;
	uint32_t offloads_rx;       // of VLY_FRAME_*_CSUM: the device says which are good
	uint32_t offloads_tx;       // of VLY_FRAME_*_CSUM: the device can fill them in
	enum vly_link_hash hash[2]; // of IPv4, IPv6
	bool tags;         // the device gives each frame the port's tag: the stack sends none
	bool kernel_hears; // the kernel receives what is not ours anyway: it is its interface
	// Frames may come from a kernel on the same machine, which leaves a UDP checksum for a card
	// to finish that never comes: the field has the pseudo-header's sum alone (CHECKSUM_PARTIAL
	// in the kernel's skbuff.h). What never left this machine is taken so.
	bool partial_checksums;
	uint32_t frame_room; // capacity of what alloc_burst gives; 0: as large as any frame
	// The device's own addresses, for a port that was given none; live with the backend's port.
	const struct vly_prefix *addrs;
	uint32_t addr_count;
	// Not NULL: the kernel has the addresses, and asks for neighbours and answers for us. The
	// number rises when there is news of them; lives with the backend's port.
	const _Atomic uint32_t *news_version;
	bool is_alone;        // nobody there to ask whether an address is in use
	uint16_t client_port; // of UDP, that the kernel keeps for a port without listens; 0: none
};

struct vly_link_neighbour {
	struct vly_neighbour who;
	bool is_lost; // no longer known under that MAC, or not there
};

enum vly_link_news_limits {
	VLY_LINK_NEIGHBOURS_MAX = 64,
};

// What the kernel has made known of the link since a queue asked last.
struct vly_link_news {
	bool is_all;   // there is no more
	bool has_ways; // addresses and routes are these now, in place of those before
	uint32_t addr_count;
	uint32_t route_count;
	uint32_t neighbour_count;
	struct vly_prefix addrs[VLY_ADDRS_MAX];
	struct vly_route routes[VLY_ROUTES_MAX]; // a next hop of zeros: everybody there is near
	struct vly_link_neighbour neighbours[VLY_LINK_NEIGHBOURS_MAX]; // in the order it happened
};

// One opened backend, and one of its queues; each backend has its own definitions.
struct vly_backend_port;
struct vly_backend_queue;

struct vly_backend {
	const char *name;
	const char *summary;
	enum vly_layer layer;
	const struct vly_key *keys; // of -o key=value; NULL: none

	// Whether it works on this machine: 0, or negative errno and the reason with the fix.
	// Leaves nothing behind.
	int (*probe)(struct vly_error *error);
	// Optional. Capabilities for `backends -v`, one line each.
	void (*describe)(const struct vly_log *log);

	// Opens with config->queues queues or fewer (then says so in config->log). `values` are
	// those of `keys`. ledgers[i] is what queue i counts in; it outlives the port.
	int (*open)(struct vly_backend_port **port, const struct vly_port_config *config,
		    const union vly_value *values, struct vly_ledger_block *const *ledgers,
		    struct vly_error *error);
	// Accepts NULL. No queue is in use any more.
	void (*close)(struct vly_backend_port *port);
	uint32_t (*queue_count)(const struct vly_backend_port *port);
	struct vly_backend_queue *(*queue)(struct vly_backend_port *port, uint32_t index);
	// Optional, datagram layer only. The queue's number in the engine, before it is used: then
	// rx_burst gives each datagram its queue, fate and flow_hash, too, and core/port need not.
	void (*number)(struct vly_backend_queue *queue, uint8_t number);
	// Datagrams of each queue's pool.
	uint32_t (*buffer_count)(const struct vly_backend_port *port);
	// The local endpoint of a client port; frame backends leave it to the stack (NULL).
	struct vly_addr (*local)(const struct vly_backend_port *port);
	// Frame backends only.
	void (*link_info)(const struct vly_backend_port *port, struct vly_link_info *info);
	// Optional; without it they always are. Whether ttl and tos are wanted of what is received
	// from now on, not of what is received and not delivered; otherwise ttl may be 0, and then
	// tos is not known. Control thread, while the queues run, too.
	void (*ask_class)(struct vly_backend_port *port, bool is_wanted);
	// Optional. What an operator should hear of the device, a line a second at most. Control
	// thread, now and then, while the queues run.
	void (*watch)(struct vly_backend_port *port, const struct vly_log *alerts);
	// A few words for the ready line: "virtio-user, 1 queue, vector rx". Lives with the port.
	const char *(*detail)(const struct vly_backend_port *port);

	// Optional. How often an rx_burst that finds nothing has looked before it returns, 1 at
	// first: for a thread that spins, and would do nothing else before it asked again.
	void (*look)(struct vly_backend_queue *queue, uint32_t times);
	// Receives 0..count. Fills peer, local, link, len, capacity, data_offset, ttl, tos and
	// rx_ns (datagram layer) or link, len, capacity, data_offset and rx_ns (frame layer);
	// flow_hash if the device gives it, else 0; see `number` for more. Counts `received` and
	// what was lost.
	uint32_t (*rx_burst)(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			     uint32_t count, uint64_t now_ns);
	// Takes the first k in order and counts each as sent, or as dropped when it cannot be sent
	// ever; the caller keeps the rest, which means only that the queue is full. Taken
	// buffers return to the pool by themselves. In frame layer, data_offset and len are the
	// whole frame's.
	uint32_t (*tx_burst)(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			     uint32_t count, uint64_t now_ns);
	// Required in frame layer. The same for frames that are not each somebody's datagram: the
	// stack's own, and parts of what is larger than a frame. Counts nothing as sent, and says
	// in *sent how many of those taken were; the caller counts.
	uint32_t (*tx_own_burst)(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
				 uint32_t count, uint64_t now_ns, uint32_t *sent);
	// Optional. How many datagrams, more than a burst, tx_burst would best be given at once
	// while so many are there, as they leave together; 0: no more than a burst.
	uint32_t (*gather)(struct vly_backend_queue *queue);
	// Empty datagrams: all of it 0 but the capacity, and data_offset with VLY_BACKEND_HEADROOM
	// bytes before it in the frame layer. Nothing is counted.
	uint32_t (*alloc_burst)(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
				uint32_t count);
	// Back to the pool. Nothing is counted.
	void (*release_burst)(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			      uint32_t count);
	// Optional. The thread that has used the queue leaves it to another.
	void (*leave)(struct vly_backend_queue *queue);
	// Optional. Waits for input or a wake, at most timeout_ns. May receive while it waits, for
	// the next rx_burst to deliver.
	int (*wait)(struct vly_backend_queue *queue, uint64_t timeout_ns);
	// Required with wait. Any thread.
	void (*wake)(struct vly_backend_queue *queue);
	// Optional. The descriptors that poll(2) tells readable when a burst may receive, after
	// one that found nothing. Any thread may poll them; they live with the queue.
	uint32_t (*fds)(const struct vly_backend_queue *queue, int *fds, uint32_t max);
	// Optional. Moves on what needs no new datagram: reaps completions, flushes what was
	// gathered. The loops call it when a turn was idle and before they stop. Returns how many
	// accepted datagrams the backend still holds unsent.
	uint32_t (*flush)(struct vly_backend_queue *queue);
	// Required with vly_link_info.news_version. The queue's thread; neither waits. News: false
	// when it cannot be told at the moment. Seek: has the kernel look for the MAC of a
	// neighbour, which becomes news.
	bool (*news)(struct vly_backend_queue *queue, struct vly_link_news *news);
	void (*seek)(struct vly_backend_queue *queue, const uint8_t *ip);
};

enum vly_backend_limits {
	VLY_BACKEND_HEADROOM = 96, // room for Ethernet, two tags, IPv6 and UDP headers
};

// The backends compiled in, best first; ends with NULL.
extern const struct vly_backend *const vly_backends[];

// The backend of that name, or NULL.
const struct vly_backend *vly_backend_find(const char *name);
