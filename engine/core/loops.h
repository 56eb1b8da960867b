// SPDX-License-Identifier: BSD-3-Clause
//
// The two loops and what they share. A lane connects one I/O thread with one worker: three rings,
// each with one producer and one consumer.
//
//     io -> to_worker -> worker       datagrams received
//     io <- to_io     <- worker       the same, and others, with their fates
//     io -> spare     -> worker       empty datagrams for vly_alloc()
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "core/idle.h"
#include "core/port.h"
#include "handler/chain.h"
#include "ring/spsc.h"

enum vly_phase {
	VLY_PHASE_RUN,
	VLY_PHASE_DRAIN, // what has arrived is finished, then the threads end
};

enum vly_loop_limits {
	VLY_LOOP_BURST = 32, // datagrams of one turn: what poll-mode drivers are tuned for
	VLY_IOS_MAX = VLY_QUEUES_MAX,
	VLY_RING_DEFAULT = 4096,
	VLY_SPARE_COUNT = 64, // empty datagrams kept ready for each worker
};

struct vly_lane {
	struct vly_ring *to_worker;
	struct vly_ring *to_io;
	struct vly_ring *spare;
};

// Shared by all threads of an engine.
struct vly_shared {
	_Atomic uint32_t phase;        // control: wo, others: ro
	_Atomic uint32_t rx_done;      // I/O threads that have received their last
	_Atomic uint32_t workers_done; // workers that have run their last
	enum vly_idle idle;
	uint32_t io_count;
	uint32_t worker_count; // 0: run to completion
	struct vly_io *ios;
	struct vly_worker *workers;
};

struct vly_io {
	struct vly_shared *shared;
	struct vly_queue *queue;
	struct vly_chain *chain; // run to completion; NULL with workers
	struct vly_lane lanes[VLY_WORKERS_MAX];
	struct vly_idler idler;
	bool tx_is_stalled; // the last send timed out: do not wait again until something goes
	uint64_t tick_ns;   // when the next on_tick is due
	int core;           // -1: not pinned
	pthread_t thread;
	struct vly_waker waker VLY_ALIGNED(128); // io: rw, workers: r, and w when waking
};

struct vly_worker {
	struct vly_shared *shared;
	struct vly_chain *chain;
	uint32_t index;
	uint32_t current_io; // whose burst is being handled
	struct vly_idler idler;
	uint64_t tick_ns;
	int core;
	pthread_t thread;
	struct vly_waker waker VLY_ALIGNED(128); // worker: rw, I/O threads: r, and w when waking
};

// Thread functions; the argument is a struct vly_io or vly_worker.
void *vly_io_thread(void *arg);
void *vly_worker_thread(void *arg);

// How a run-to-completion chain reaches its I/O thread (arg: struct vly_io), and a worker's its
// lanes (arg: struct vly_worker).
extern const struct vly_chain_ops vly_io_chain_ops;
extern const struct vly_chain_ops vly_worker_chain_ops;

// Wakes an I/O thread if it sleeps. Any thread.
void vly_io_wake(struct vly_io *io);

// Pins the calling thread; core -1 leaves it. Errors are ignored: vly_engine_open() has checked.
void vly_pin(int core);
