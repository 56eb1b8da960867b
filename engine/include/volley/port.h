// SPDX-License-Identifier: BSD-3-Clause
//
// The port: an opened backend with its queues, poll-mode. The engine drives ports by itself; a
// client (a load generator, a request library) drives one directly with the burst calls below.
//
// Threads: open, close and the getters are for the control thread. Each queue belongs to one
// thread, the first that calls a burst function on it; nothing on a queue takes a lock.
#pragma once

#include <stdint.h>

#include "addr.h"
#include "dgram.h"
#include "error.h"
#include "ledger.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vly_port;
struct vly_queue;

enum vly_port_limits {
	VLY_QUEUES_MAX = 64,
	VLY_LISTENS_MAX = 1024,
	VLY_ADDRS_MAX = 64,
	VLY_GROUPS_MAX = 64,
	VLY_ROUTES_MAX = 64,
	VLY_NEIGHBOURS_MAX = 256, // that are given beforehand
	VLY_MTU_DEFAULT = 1500,
	VLY_DAD_DEFAULT_MS = 100,
	VLY_DAD_MAX_MS = 60000,
};

enum vly_dad_time {
	VLY_DAD_NONE = 0x7fffffff,
};

// How a port is opened. Texts and arrays need to live only during vly_port_open().
struct vly_port_config {
	const char *backend; // "socket", "uring", "dpdk", "sim", or "auto" (also NULL)
	// dpdk: which ("virtio-user:PATH", "af_xdp:IF" ...); else NULL. Two signals are the
	// program's to handle where the other side of a device is a process (vhost-user,
	// virtio-user, memif): SIGPIPE, which DPDK's writes to a socket raise when that process
	// ends, is to be ignored; SIGBUS comes to the I/O thread if it shortens the memory that it
	// shares (a fault, or an attack), and ends the program unless a handler maps something else
	// at that address.
	const char *device;
	// dpdk: our addresses on the wire; needed unless an interface shared with the kernel
	// (af_xdp) has some. socket and uring without a listen: those to send from, without their
	// prefixes.
	const struct vly_prefix *addrs;
	uint32_t addr_count;
	const struct vly_endpoint *listens; // where to receive; none: one port of the system's
	uint32_t listen_count;              // choice, as a client wants
	// The first listen takes so many ports, from its own on; 0: one. For clients of many flows,
	// which say in `local` where each datagram comes from. Only where we have the wire alone
	// (dpdk, but for an interface shared with the kernel); else a listen for each.
	uint32_t listen_span;
	// Multicast groups to receive on the listens' ports, each by the listens that take it:
	// those on the wildcard and on the group itself. A listen on a group joins it without being
	// told. With several queues each group belongs to one of them. What comes to broadcast
	// addresses is received without asking, by the first queue; a group not joined is never
	// received. dpdk, where it has the interface alone, takes up to 16 sources of a group and
	// joins on its own interface, whichever is named.
	const struct vly_group *groups;
	uint32_t group_count;
	const char *const *options; // "key=value" for the backend, as of `volley backends -v`
	uint32_t option_count;
	uint32_t queues;  // 0: one
	uint32_t buffers; // datagrams of one queue's pool; 0: the backend's choice
	uint32_t mtu;     // dpdk: bytes of an IP packet on the wire, 576 to 9600 where the device
			  // takes so many; 0: VLY_MTU_DEFAULT, or the interface's
	// Where the kernel has no say (dpdk). The longest prefix wins, those of `addrs` included; a
	// next hop lies on one of these. A neighbour given here is never asked for, never replaced.
	const struct vly_route *routes;
	uint32_t route_count;
	const struct vly_neighbour *neighbours;
	uint32_t neighbour_count;
	// How long it is probed before the port is open whether somebody else has an address of
	// ours (dpdk; RFC 5227, RFC 4862); VLY_DAD_NONE: not at all, 0: VLY_DAD_DEFAULT_MS. Who
	// claims one later is counted as addr_conflict, and vly_engine_poll() says so.
	uint32_t dad_ms;
	uint16_t vlan; // 802.1Q id that we speak, 1 to 4094; 0: untagged
	// dpdk: "tap:NAME" hands what is not ours (other protocols, ports, addresses) to the kernel
	// through an interface of that name with the port's MAC and addresses, and sends what the
	// kernel writes there. The kernel then answers ARP, NDP, ping and unserved ports. NULL:
	// what is not ours is dropped.
	const char *exception;
	struct vly_log log;
};

// Opens a port. The caller owns it and closes it. Errors, each with a line that names the fix:
// -EINVAL (configuration), -EADDRINUSE (a port is taken, or another station has an address of
// ours), -EADDRNOTAVAIL, -EACCES, -ENODEV (no such device), -ENOTSUP (backend not built in, or not
// working here), -ENOMEM (buffers, huge pages), -EMFILE; or what the system said.
int vly_port_open(struct vly_port **port, const struct vly_port_config *config,
		  struct vly_error *error);

// Closes a port and frees every datagram of it; no thread is in it any more. NULL is allowed.
void vly_port_close(struct vly_port *port);

// The backend's name, after `auto` has chosen. Lives as long as the port.
const char *vly_port_backend(const struct vly_port *port);

// What the port stands on, for a `ready:` line: "dpdk virtio-user, 1 queue, 10.0.0.1:9000". Lives
// as long as the port.
const char *vly_port_summary(const struct vly_port *port);

// How many queues were opened; may be fewer than asked for, which the log says.
uint32_t vly_port_queue_count(const struct vly_port *port);

// One of them: index is below that count. Lives as long as the port.
struct vly_queue *vly_port_queue(struct vly_port *port, uint32_t index);

// The local endpoint that a client's datagrams leave from, with the port the system chose.
struct vly_addr vly_port_local(const struct vly_port *port);

// The sum over the port's queues, read while they run. Any thread.
void vly_port_ledger(const struct vly_port *port, struct vly_ledger *ledger);

// The same of one queue, which is below vly_port_queue_count(). Any thread.
void vly_port_queue_ledger(const struct vly_port *port, uint32_t queue, struct vly_ledger *ledger);

// Receives up to `count` (at most VLY_BURST_MAX) datagrams. Returns how many; the caller owns
// them. Never waits. `now_ns` is CLOCK_MONOTONIC, and becomes rx_ns where the backend has no
// better time. A full burst likely means that more is waiting.
uint32_t vly_rx_burst(struct vly_queue *queue, struct vly_dgram **dgrams, uint32_t count,
		      uint64_t now_ns);

// Sends `count` datagrams of this queue, in order; of more than VLY_BURST_MAX only so many. Returns
// how many were taken; the caller keeps the rest, and may try again: fewer than that means that the
// transmit queue is full, and nothing else. A datagram that can never be sent is taken, and counted
// as dropped with its reason. Never waits. `now_ns` is CLOCK_MONOTONIC.
uint32_t vly_tx_burst(struct vly_queue *queue, struct vly_dgram **dgrams, uint32_t count,
		      uint64_t now_ns);

// Empty datagrams of this queue's pool: returns how many, fewer than `count` when the pool is low,
// and at most VLY_BURST_MAX. The caller owns them, fills in peer, len and payload (`capacity` says
// what fits), local if it matters, and sends or releases each. Never waits.
uint32_t vly_alloc_burst(struct vly_queue *queue, struct vly_dgram **dgrams, uint32_t count);

// The same, with room for the largest payload: `capacity` is VLY_DGRAM_BYTES_MAX. Over the kernel
// all are so. Where the backend gives frames there are at most a few hundred, and such a datagram
// costs a copy more; received ones lie in the same buffers when they came in fragments.
uint32_t vly_alloc_large_burst(struct vly_queue *queue, struct vly_dgram **dgrams, uint32_t count);

// Gives datagrams, any number, back to the pool of this queue, which they came from, and counts
// each by its fate: a value of enum vly_drop as dropped with that reason, anything else as
// released.
void vly_release_burst(struct vly_queue *queue, struct vly_dgram **dgrams, uint32_t count);

// Waits until something may be received, vly_queue_wake() is called, or timeout_ns has passed.
// Returns 0, or -ENOTSUP where the backend can only be polled. The queue's thread.
int vly_queue_wait(struct vly_queue *queue, uint64_t timeout_ns);

// Ends a vly_queue_wait() of another thread, now or the next one. Any thread.
void vly_queue_wake(struct vly_queue *queue);

// --- what this machine can do -------------------------------------------------------------------

struct vly_backend_report {
	const char *name;
	const char *summary; // one line
	int status;          // 0: works here; negative errno: why not is in `detail`
	struct vly_error detail;
};

// Fills at most `max` reports, best backend first, one for each backend known, also those not
// built in. Returns how many. Control thread; opens nothing that stays open.
uint32_t vly_backend_probe(struct vly_backend_report *reports, uint32_t max);

// Calls log.line for each option and capability of a backend that -v shows. Returns 0 or -ENOENT.
// Control thread.
int vly_backend_describe(const char *name, const struct vly_log *log);

#ifdef __cplusplus
}
#endif
