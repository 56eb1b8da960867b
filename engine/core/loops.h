// SPDX-License-Identifier: BSD-3-Clause
//
// The two loops and what they share. A lane connects one I/O thread with one worker: rings,
// each with one producer and one consumer.
//
//     io -> to_worker -> worker       datagrams received
//     io <- to_io     <- worker       the same, and others, with their fates
//     io -> spare     -> worker       empty datagrams for vly_alloc()
//     io -> large     -> worker       the same for vly_alloc_large(), where those are others
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "core/idle.h"
#include "core/port.h"
#include "handler/chain.h"
#include "ring/spsc.h"
#include "tap/lane.h"

enum vly_phase {
	VLY_PHASE_RUN,
	VLY_PHASE_DRAIN, // what has arrived is finished, then the threads end
};

enum vly_loop_limits {
	VLY_LOOP_BURST = 32, // datagrams of one turn: what poll-mode drivers are tuned for
	VLY_IOS_MAX = VLY_QUEUES_MAX,
	VLY_RING_DEFAULT = 4096,
	VLY_SPARES_MAX = 64,  // empty datagrams kept ready for each worker
	VLY_SPARES_PART = 4,  // of the queue's pool at most the so-manieth part for all workers
	VLY_LARGES_MAX = 8,   // large ones, likewise, where a queue has few of them
	VLY_LARGES_ALL = 64,  // for all workers, but one each
	VLY_GATHER_MAX = 256, // datagrams that leave together
};

// What found its worker's ring full and waits behind it, where the policy on overload keeps it.
//
// drop-oldest leaves the ring to its one consumer: the I/O thread never takes anything out of it.
// Instead the newest datagrams wait here, as many as the ring holds, and the I/O thread publishes
// from which position on the ring's datagrams are still among the newest. What the worker pops
// from before that `floor` it returns unhandled. So a stuck worker finds everything in its ring
// too old and the newest waiting here; and one that catches up finds the floor behind it.
struct vly_backlog {
	struct vly_dgram **slots; // io: rw; from head on, the oldest first
	uint32_t size;            // a power of two
	uint32_t head;
	uint32_t count;
	uint32_t pushed;                         // io: rw; into the ring so far, running free
	_Atomic uint32_t floor VLY_ALIGNED(128); // io: w, worker: r; a position as of `pushed`
	uint32_t popped VLY_ALIGNED(128);        // worker: rw; out of the ring so far
};

struct vly_lane {
	struct vly_ring *to_worker;
	struct vly_ring *to_io;
	struct vly_ring *spare;
	struct vly_ring *large;      // NULL: those of `spare` are large enough
	uint32_t spare_count;        // to keep in it; no more than VLY_SPARES_MAX
	uint32_t large_count;        // no more than VLY_LARGES_MAX; 0: there is no such ring
	struct vly_backlog *backlog; // NULL: what finds no room is dropped
};

// Shared by all threads of an engine.
struct vly_shared {
	_Atomic uint32_t phase;        // control: wo, others: ro
	_Atomic uint32_t rx_done;      // I/O threads that have received their last
	_Atomic uint32_t workers_done; // workers that have run their last
	enum vly_idle idle;
	enum vly_steer steer;
	enum vly_overload overload;
	uint32_t io_count;
	uint32_t worker_count; // 0: run to completion
	struct vly_io *ios;
	struct vly_worker *workers;
};

struct vly_io {
	struct vly_shared *shared;
	struct vly_queue *queue;
	uint32_t burst; // datagrams of one receive: VLY_LOOP_BURST, or more where it serves
	struct vly_chain *chain; // run to completion; NULL with workers
	struct vly_lane lanes[VLY_WORKERS_MAX];
	uint64_t waiting_lanes; // a bit for each that has something in its backlog
	uint32_t next_worker;   // the first in turn, where datagrams are dealt out
	struct vly_idler idler;
	bool is_gathering;  // what handlers send is kept, until the end of the turn
	bool tx_is_stalled; // the last send timed out: do not wait again until something goes
	int core;           // -1: not pinned
	_Atomic int cpu;    // where it ran when it last yielded, plus one; 0: not known
	pthread_t thread;
	struct vly_waker waker VLY_ALIGNED(128); // io: rw, workers: r, and w when waking
	_Atomic(struct vly_chain *) next_chain;  // control: offers one; io: takes it away
	struct vly_tap_switch taps;
	uint32_t gathered_count;
	struct vly_dgram *gathered[VLY_GATHER_MAX];
};

struct vly_worker {
	struct vly_shared *shared;
	struct vly_chain *chain;
	uint32_t index;
	uint32_t current_io; // whose burst is being handled
	uint64_t end_ns;     // after this the engine's stop waits no longer for the handlers
	struct vly_idler idler;
	int core;
	_Atomic int cpu; // as of an I/O thread
	pthread_t thread;
	struct vly_waker waker VLY_ALIGNED(128); // worker: rw, I/O threads: r, and w when waking
	_Atomic(struct vly_chain *) next_chain;  // control: offers one; worker: takes it away
};

// Thread functions; the argument is a struct vly_io or vly_worker.
void *vly_io_thread(void *arg);
void *vly_worker_thread(void *arg);

// How a run-to-completion chain reaches its I/O thread (arg: struct vly_io), and a worker's its
// lanes (arg: struct vly_worker).
extern const struct vly_chain_ops vly_io_chain_ops;
extern const struct vly_chain_ops vly_worker_chain_ops;

// Receives up to a burst, and shows it to who watches. I/O thread.
static inline uint32_t vly_io_receive(struct vly_io *io, struct vly_dgram **dgrams, uint64_t now_ns)
{
	uint32_t n = vly_rx_burst(io->queue, dgrams, io->burst, now_ns);

	if (n && VLY_UNLIKELY(io->taps.watch != NULL))
		vly_tap_show(io->taps.watch, dgrams, n, VLY_TAP_IN, now_ns);
	return n;
}

// Runs a full burst through the chain; and more of them before anything leaves, as many as the
// queue would have together and as there are. So flows keep their order. Returns the size of the
// last one: less than full, and not 0, when there is no more for the moment. I/O thread.
uint32_t vly_io_run_full(struct vly_io *io, struct vly_dgram **dgrams, uint64_t now_ns);

// Sends a burst, or what was gathered, and takes it all. I/O thread.
void vly_io_send(struct vly_io *io, struct vly_dgram **dgrams, uint32_t count, uint64_t now_ns);

// Gives up received datagrams for a reason. I/O thread.
void vly_io_drop(struct vly_io *io, struct vly_dgram **dgrams, uint32_t count,
		 enum vly_drop reason);

// A lane's rings, and its backlog if the policy wants one; lane->spare_count and large_count are
// set. Control thread. A lane that was not opened, or not quite, may be closed.
int vly_lane_open(struct vly_lane *lane, uint32_t ring_size, enum vly_overload overload,
		  struct vly_error *error);
void vly_lane_close(struct vly_lane *lane);

// Deals a burst of up to VLY_LOOP_BURST out to the workers, and takes it all. I/O thread.
void vly_steer_burst(struct vly_io *io, struct vly_dgram **dgrams, uint32_t count);

// Moves what waits on to rings that have room again; returns how many moved. I/O thread.
uint32_t vly_steer_waiting(struct vly_io *io);

// With drop-oldest: how many of the `count` datagrams just popped, the first ones, are no longer
// among the newest; see struct vly_backlog. The floor may be a moment old: then too few are, and
// the next burst makes up for it. Worker.
uint32_t vly_steer_count_old(struct vly_backlog *backlog, uint32_t count);

// Drops what still waits, as `stopping`. I/O thread.
void vly_steer_abandon(struct vly_io *io);

// Whether the control thread offers another chain. The owner.
static inline bool vly_chain_is_offered(_Atomic(struct vly_chain *) *next)
{
	return atomic_load_explicit(next, memory_order_relaxed) != NULL;
}

// Whether the control thread wants something of an I/O thread, which then must not sleep.
static inline bool vly_io_has_orders(struct vly_io *io)
{
	return vly_chain_is_offered(&io->next_chain) || vly_tap_is_switched(&io->taps);
}

// Changes over to the offered chain: drains the old one, and then lets the control thread have it.
// The owner, between two bursts. Returns the chain to use from now on.
struct vly_chain *vly_chain_change(struct vly_chain *chain, _Atomic(struct vly_chain *) *next);

// Wakes an I/O thread if it sleeps. Any thread.
void vly_io_wake(struct vly_io *io);

// Pins the calling thread; core -1 leaves it. Errors are ignored: vly_engine_open() has checked.
void vly_pin(int core);

// Notes where the calling thread runs, for vly_placement_shared(). Its own thread.
void vly_note_cpu(_Atomic int *cpu);

// Two threads that spin and have one core: the number of that core, or -1. As far as is known
// beforehand (`running` false: pinned to one core) or from where the threads are seen to run.
// *too_many is set when there are more threads than cores they may use. Control thread.
int vly_placement_shared(const struct vly_shared *shared, bool running, bool *too_many);
