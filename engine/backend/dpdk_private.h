// SPDX-License-Identifier: BSD-3-Clause
//
// Private to the dpdk backend: frames through DPDK's poll-mode drivers. In reading order:
//
//     dpdk_options.c  the -o keys (dpdk_device.h, as the next two)
//     dpdk_device.c   the DEVICE text, and whether such a device can work here
//     dpdk_interface.c  facts about it from the kernel
//     dpdk_devargs.c  the arguments of the driver for it
//     dpdk_memory.c   how much memory, and huge pages or not
//     dpdk_eal.c      starting DPDK's environment layer (EAL), once in a process
//     dpdk_log.c      what DPDK says, kept for error lines
//     dpdk_pool.c     a queue's buffers
//     dpdk_setup.c    an Ethernet device's queues, pools and offloads
//     dpdk_tell.c     what the log says of it
//     dpdk_share.c    an interface shared with the kernel
//     dpdk_kernel.c   its addresses, routes and neighbours, which are the kernel's (dpdk_kernel.h)
//     dpdk_program.c  the XDP program for that, made from dpdk_steer.bpf.c
//     dpdk_sockets.c  what the kernel lost before an interface's driver saw it
//     dpdk_port.c     open and close, and the backend's table
//     dpdk_probe.c    what works here
//     dpdk_queue.c    the bursts: mbuf <-> vly_dgram
//     dpdk_wait.c     sleeping until frames come, where a driver can
//     dpdk_peer.c     a peer process that dies and comes back
//     dpdk_relay.c    the same, where virtio-user does not serve; dpdk_message.c goes through it
#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "backend/backend.h"
#include "backend/dpdk_device.h"
#include "backend/dpdk_relay.h"
#include "backend/dpdk_share.h"
#include "core/compiler.h"

enum vly_dpdk_limits {
	VLY_DPDK_NAME_BYTES = 40,
	VLY_DPDK_DETAIL_BYTES = 160,
	VLY_DPDK_HELD = 32, // frames that a wait may receive
	// From an mbuf's buffer to an empty datagram's payload: that of most datagrams (Ethernet,
	// IPv4, UDP) so becomes a frame that begins where received ones do, on a line. With it
	// the first bytes of a payload share the headers' line.
	VLY_DPDK_LEAD = RTE_PKTMBUF_HEADROOM + 42,
	VLY_DPDK_CACHE = 256, // mbufs of a pool that its thread keeps at hand
	VLY_DPDK_DESCRIPTORS = 1024,
	VLY_DPDK_BUFFERS = 4095, // one less than a power of two fits a mempool's ring best
	VLY_DPDK_MTU_MAX = 9600,
	VLY_DPDK_MEGABYTE = 1 << 20,
};

// --- plan --------------------------------------------------------------------------------------

// What a port is made of, as open has decided it.
struct vly_dpdk_plan {
	struct vly_dpdk_options options;
	struct vly_dpdk_device device;
	struct vly_dpdk_share share;
	struct vly_dpdk_relay relay;
	uint32_t queues;
	uint32_t buffers; // of each queue
	uint32_t mtu;
	uint16_t vlan;       // 0: untagged
	uint16_t data_room;  // bytes of an mbuf's buffer, headroom included
	uint16_t whole_room; // the same for frames that come in chains; 0: none do
	uint32_t wholes;     // buffers of that size, of each queue
};

// The driver's arguments: "path=...,queues=1". Returns 0 or -EINVAL when they are too long.
int vly_dpdk_devargs(char *args, size_t size, const struct vly_dpdk_plan *plan,
		     struct vly_error *error);

// --- memory ------------------------------------------------------------------------------------

struct vly_dpdk_memory {
	bool huge;
	uint32_t megabytes;
	char reason[96]; // for the log: why not huge pages, or how many
};

// Free huge pages of all sizes, in bytes.
uint64_t vly_dpdk_memory_free_huge(void);

// Decides between huge and normal pages. Returns 0 or -ENOMEM naming how to get huge pages.
int vly_dpdk_memory_choose(struct vly_dpdk_memory *memory, const struct vly_dpdk_plan *plan,
			   struct vly_error *error);

// --- log ---------------------------------------------------------------------------------------

// What DPDK said since vly_dpdk_log_mark(). Written by any of its threads.
struct vly_dpdk_log {
	pthread_mutex_t lock;
	FILE *stream;    // where DPDK writes
	FILE *stray;     // what its libraries would have put on stdout and stderr meanwhile
	uint32_t level;  // also to stderr up to this one; 0: nothing
	char error[192]; // the first line of level ERR or worse
	uint32_t errors; // such lines
	char last[192];  // the last line of whatever level
};

// Returns 0 or -ENOMEM. The log lives as long as the process, as DPDK's threads do.
int vly_dpdk_log_open(struct vly_dpdk_log *log);
// Forgets, and sets what goes to stderr.
void vly_dpdk_log_mark(struct vly_dpdk_log *log, uint32_t level);
// The line that explains best what went wrong since the mark; "" if nothing was said.
void vly_dpdk_log_cause(struct vly_dpdk_log *log, char *text, size_t size);
// The first error since the mark, or since it was last taken, and how many there were; 0: none.
uint32_t vly_dpdk_log_take(struct vly_dpdk_log *log, char *text, size_t size);

// Between the two, stdout and stderr of the C library are the log's: DPDK's start and libxdp
// write there, whatever they are told. Control thread.
struct vly_dpdk_capture {
	FILE *out;
	FILE *err;
};
void vly_dpdk_capture_begin(struct vly_dpdk_capture *capture, struct vly_dpdk_log *log);
void vly_dpdk_capture_end(const struct vly_dpdk_capture *capture);

// --- sockets -----------------------------------------------------------------------------------

// The kernel's sockets under af_xdp and af_packet.
struct vly_dpdk_sockets {
	int family; // 0: the device has none
	uint32_t count;
	int fds[VLY_QUEUES_MAX]; // the driver's
	uint64_t lost;           // af_packet: so far
};

// Before the device is opened, and after: tells its sockets from others'. Control thread.
void vly_dpdk_sockets_before(struct vly_dpdk_sockets *sockets, enum vly_dpdk_kind_id id);
void vly_dpdk_sockets_after(struct vly_dpdk_sockets *sockets);

// Frames that the sockets had no room for and the driver does not tell of, since they were made.
uint64_t vly_dpdk_sockets_lost(struct vly_dpdk_sockets *sockets);

// --- EAL ---------------------------------------------------------------------------------------

// What a process has of DPDK: once, for ever, as DPDK cannot be started twice.
struct vly_dpdk_eal {
	struct vly_dpdk_log log;
	struct vly_dpdk_memory memory;
	pthread_key_t thread_key; // its destructor gives the lcore id of an ended thread back
	bool has_pci;
};

// Starts DPDK if it was not, and finds it if it was. Keeps the caller's CPU affinity.
int vly_dpdk_eal_start(struct vly_dpdk_eal **eal, const struct vly_dpdk_plan *plan,
		       struct vly_error *error);

// Gives this thread an lcore id, which mempool caches need.
void vly_dpdk_eal_join(struct vly_dpdk_eal *eal);

// --- port --------------------------------------------------------------------------------------

struct vly_backend_queue {
	uint16_t port_id;
	uint16_t index;
	bool is_joined;     // whether its thread has an lcore id
	bool is_open;       // and the device may be used; else a burst goes the long way
	uint32_t pause;     // the last of the port's pauses that it has said to keep
	bool offloads;      // whether the device has anything to do beside sending
	uint16_t vlan;      // of the tag that the device gives each frame
	uint64_t tag_flags; // of the mbuf, for that; 0: it does not
	struct rte_mempool *pool;
	struct rte_mempool *wholes;      // for what came in chains; NULL: nothing should
	struct rte_mempool_cache *cache; // of the pool, for this queue's thread
	struct vly_ledger_block *ledger;
	struct vly_backend_port *port;
	uint64_t fold_tsc;   // when the device's counters were last read
	uint32_t held_count; // received while waiting, for the next burst
	int wake_fd;         // ends a wait
	uint64_t wait_tsc;   // when to ask again for what can be waited on
	struct rte_mbuf *held[VLY_DPDK_HELD];
} VLY_ALIGNED(VLY_CACHE_LINE_BYTES);

// The process at the other end of a virtio or memif pair.
enum vly_dpdk_peer {
	VLY_DPDK_PEER_UNSEEN, // not yet, or no such device
	VLY_DPDK_PEER_HERE,
	VLY_DPDK_PEER_GONE,
};

// A device that is started again for a peer that is back, while the queues leave it alone.
enum vly_dpdk_pause {
	VLY_DPDK_PAUSE_NONE,
	VLY_DPDK_PAUSE_WANTED,  // each queue pauses as soon as it is idle or refused
	VLY_DPDK_PAUSE_RESTART, // all do; DPDK's own thread has the device
};

struct vly_backend_port {
	struct vly_dpdk_plan plan;
	struct vly_dpdk_eal *eal;
	uint16_t port_id;
	bool has_port; // port_id is a device of ours
	bool is_started;
	char name[VLY_DPDK_NAME_BYTES]; // of the vdev, or the PCI address
	struct vly_link_info link;
	struct vly_dpdk_sockets sockets;
	struct rte_eth_stats seen;        // counters as last folded into the ledger
	uint64_t fold_cycles;             // TSC cycles between two looks at them
	_Atomic(enum vly_dpdk_peer) peer; // written by queue 0's thread
	uint64_t peer_tsc;                // when to look for it again
	_Atomic(enum vly_dpdk_pause) pause;
	_Atomic uint32_t pauses; // so far
	_Atomic uint32_t paused; // queues that keep the last one
	uint64_t told_tsc;       // when the control thread last told of a bad one
	struct rte_mempool *pools[VLY_QUEUES_MAX];
	struct rte_mempool *wholes[VLY_QUEUES_MAX];
	char detail[VLY_DPDK_DETAIL_BYTES];
	uint32_t queue_count;
	struct vly_backend_queue queues[VLY_QUEUES_MAX];
};

// A pool of plan->buffers mbufs with a datagram each, on that NUMA node; NULL: no memory.
struct rte_mempool *vly_dpdk_pool(const char *name, const struct vly_dpdk_plan *plan, int socket);

// Configures and starts the device: pools, queues, RSS, offloads, MAC, multicast. Fills
// port->link and may lower port->queue_count. Logs what it found.
int vly_dpdk_setup(struct vly_backend_port *port, const struct vly_log *log,
		   struct vly_error *error);

// Logs what a user should know of it.
void vly_dpdk_tell(const struct vly_backend_port *port, const struct vly_log *log);

// Counts what the device lost since the last time, in queue 0's ledger. Its thread, or the
// control thread when none runs.
void vly_dpdk_fold(struct vly_backend_port *port);

// Looks whether there is a peer, at times, and lets one in that has come back. Any queue's thread;
// it is queue 0's that does it.
void vly_dpdk_peer_look(struct vly_backend_queue *queue, uint64_t tsc);

static inline bool vly_dpdk_peer_pauses(const struct vly_backend_port *port)
{
	return atomic_load_explicit(&port->pause, memory_order_acquire) != VLY_DPDK_PAUSE_NONE;
}

// The queue's thread: whether it is to leave the device alone. To ask is to tell that one does.
bool vly_dpdk_peer_pause(struct vly_backend_queue *queue);

// Tells what the driver of vhost-user does not like in a peer, such as one that it turns away.
void vly_dpdk_peer_watch(struct vly_backend_port *port, const struct vly_log *alerts);

// What the driver did not take: given up and counted as tx_full if the peer is gone. Returns how
// many; 0 if the queue is just full.
uint32_t vly_dpdk_peer_refused(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			       uint32_t count);

// Sleeping until frames come; see dpdk_wait.c. Open fills the queues' wake_fd.
int vly_dpdk_wait_open(struct vly_backend_port *port, struct vly_error *error);
void vly_dpdk_wait_close(struct vly_backend_port *port);
int vly_dpdk_wait(struct vly_backend_queue *queue, uint64_t timeout_ns);
void vly_dpdk_wake(struct vly_backend_queue *queue);

// Stops and closes the device.
void vly_dpdk_shut(struct vly_backend_port *port);

// The parts of the backend's table that are elsewhere; see backend.h.
int vly_dpdk_probe(struct vly_error *error);
void vly_dpdk_describe(const struct vly_log *log);
uint32_t vly_dpdk_rx_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			   uint32_t count, uint64_t now_ns);
uint32_t vly_dpdk_tx_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			   uint32_t count, uint64_t now_ns);
uint32_t vly_dpdk_tx_own_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			       uint32_t count, uint64_t now_ns, uint32_t *sent);
uint32_t vly_dpdk_alloc_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			      uint32_t count);
void vly_dpdk_release_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			    uint32_t count);
void vly_dpdk_leave(struct vly_backend_queue *queue);
uint32_t vly_dpdk_flush(struct vly_backend_queue *queue);
