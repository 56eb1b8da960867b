// SPDX-License-Identifier: BSD-3-Clause
//
// The engine: the threads. One I/O thread a queue; with workers, handlers run on their own threads
// behind rings; without, on the I/O thread (run to completion). All functions are for one control
// thread, but for those that say otherwise.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "handler.h"
#include "ledger.h"
#include "port.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vly_engine;

enum vly_engine_limits {
	VLY_WORKERS_MAX = 64,
	VLY_CHAIN_MAX = 16, // handlers of one chain
	VLY_PORTS_MAX = 16,
	VLY_BELOW_COUNT = 40, // figures of a histogram, below
};

// What a thread does when it found nothing.
enum vly_idle {
	VLY_IDLE_ADAPTIVE = 0, // spin, then yield, then sleep: shares a core, sleeps when idle
	VLY_IDLE_BUSY = 1,     // spin for ever: lowest latency, a whole core
	VLY_IDLE_BLOCK = 2,    // sleep at once where the backend can wait
};

// Which worker gets a datagram. Without workers it means nothing.
enum vly_steer {
	// One flow always to the same worker: its datagrams are handled and answered in order, and
	// a handler may keep what it knows of a peer without sharing it. One hot peer keeps one
	// worker busy and no more.
	VLY_STEER_FLOW = 0,
	// One after the other: an even share for each worker, also of one hot peer. No order
	// within a flow, and a peer meets every worker's state.
	VLY_STEER_ROUND_ROBIN = 1,
	// Where the fewest wait: a slow worker gets less. No order within a flow, as above. How
	// many wait is looked up once a burst.
	VLY_STEER_LEAST_LOADED = 2,
};

// What happens when a worker's ring is full. Without workers it means nothing. The pool must hold
// more than all rings do (more than twice that with drop-oldest), or it is empty first, and that
// stops receiving for all workers.
enum vly_overload {
	// What comes is dropped, as `ring_full`: what waits is handled. Other workers go on.
	VLY_OVERLOAD_DROP_NEWEST = 0,
	// What has waited longest is dropped, as `ring_oldest`: of all that a worker has not
	// begun, the newest are handled, as many as the ring holds, and at most one burst of
	// older ones. Other workers go on.
	VLY_OVERLOAD_DROP_OLDEST = 1,
	// The I/O thread stops receiving until there is room: nothing is lost here, the wire's own
	// queue fills, and the slowest worker sets the pace of all.
	VLY_OVERLOAD_BLOCK = 2,
};

struct vly_engine_config {
	const struct vly_port_config *ports; // of any backends, with VLY_QUEUES_MAX queues in all;
	uint32_t port_count; // at least 1. An answer leaves by the port that its datagram came by
	const char *const *handlers; // "echo", "./my.so,key=value": the chain, first one first
	uint32_t handler_count;      // at least 1
	uint32_t workers;            // 0: run to completion
	uint32_t ring_size;          // datagrams, rounded up to a power of two; 0: 4096
	enum vly_idle idle;
	enum vly_steer steer;
	enum vly_overload overload;
	const uint32_t *cores; // for the I/O threads, then the workers, in turn; none: not pinned
	uint32_t core_count;
	uint64_t budget_ns; // what a handler may take for a burst before it is named; 0: no limit
	bool handler_times; // measure handlers without a budget, too: a clock read for each burst
	struct vly_log log;
	struct vly_log alerts; // what an operator should see while the engine runs
};

// How long one handler took for a burst, on one worker (with workers 0: on one I/O thread), since
// the engine was opened. Percentiles are at most an eighth too high.
struct vly_handler_times {
	const char *handler; // its name; lives as long as the engine, but not beyond a reload
	uint32_t position;   // of the handler in the chain, from 0
	uint32_t worker;
	uint64_t bursts;
	uint64_t overruns; // of the budget
	uint64_t mean_ns;
	uint64_t p50_ns;
	uint64_t p99_ns;
	uint64_t max_ns;
	uint64_t total_ns;               // of all bursts
	uint64_t below[VLY_BELOW_COUNT]; // below[i]: how many bursts took less than 2^i ns
};

// One of the numbers that a handler counts itself (handler.h), summed over all workers since the
// engine was opened.
struct vly_handler_metric {
	const char *handler; // its name; this and the next two live until the next reload
	const char *name;
	const char *summary;
	uint32_t position; // of the handler in the chain, from 0
	enum vly_metric_type type;
	uint64_t value; // of a counter or a gauge; of a histogram: how many were recorded
	uint64_t mean;  // of a histogram, and all that follow; else 0
	uint64_t p50;
	uint64_t p99;
	uint64_t max;
	uint64_t total;                  // the sum of what was recorded
	uint64_t below[VLY_BELOW_COUNT]; // below[i]: how many values were less than 2^i
};

// Loads the handlers, opens the ports and makes the rings; no thread runs yet. The caller owns
// the engine. Errors as of vly_port_open(), and -EINVAL or -ENOENT for a handler that is not
// there, of another ABI, or refuses its arguments. The configuration need not outlive the call.
int vly_engine_open(struct vly_engine **engine, const struct vly_engine_config *config,
		    struct vly_error *error);

// Starts the threads. Returns 0 or a negative errno; then none runs.
int vly_engine_start(struct vly_engine *engine, struct vly_error *error);

// Loads all handlers anew, from the same texts, while the engine runs: a shared object that has
// been built again is read again, even under the same name. Every worker gets fresh states and
// changes over between two bursts; before that the old handler's on_drain sends what it kept. No
// datagram is lost, no flow changes its order. Returns once all threads have changed over, or with
// an error as of vly_engine_open(), or -ESRCH when it does not run: then the old handlers go on.
// -ETIMEDOUT when a handler does not return within two seconds: its worker changes over as soon as
// it does, the others have done so; until then the next reload is refused with -EBUSY.
int vly_engine_reload(struct vly_engine *engine, struct vly_error *error);

// Ends receiving, lets what was accepted run through handlers and rings, sends what is pending,
// and joins the threads. Takes at most a few seconds: what a dead wire does not take by then is
// counted as tx_full. May be called twice.
void vly_engine_stop(struct vly_engine *engine);

// Frees everything; stops first if need be. NULL is allowed.
void vly_engine_close(struct vly_engine *engine);

// The sum over all ports. Any thread, any time; exact once stopped.
void vly_engine_ledger(const struct vly_engine *engine, struct vly_ledger *ledger);

// The engine's ports, one at a time: index from 0; NULL after the last. For the getters and the
// ledger of port.h; the engine's threads own the queues. What handlers never released
// (`unreleased`) is counted in the first one.
const struct vly_port *vly_engine_port(const struct vly_engine *engine, uint32_t index);

// Says through `alerts` what happened since the last call: handlers over their budget, one line a
// second at most; once, that two busy threads run on one core. To be called every second or so; the
// data path itself never logs. Control thread.
void vly_engine_poll(struct vly_engine *engine);

// The times of each worker's handlers, one at a time: index from 0. False after the last, and when
// the configuration asked for no measuring.
bool vly_engine_handler_times(const struct vly_engine *engine, uint32_t index,
			      struct vly_handler_times *times);

// The metrics of the chain's handlers, in order, one at a time: index from 0. False after the last.
// Counters and histograms go on over a reload, by name. Read while workers run, so two of them may
// be a burst apart. Control thread.
bool vly_engine_handler_metric(const struct vly_engine *engine, uint32_t index,
			       struct vly_handler_metric *metric);

// For the `ready:` line; lives as long as the engine.
const char *vly_engine_summary(const struct vly_engine *engine);

// "0.1.0". Any thread.
const char *vly_version(void);

// The built-in handlers, one at a time: index from 0; NULL after the last. Any thread.
const struct vly_handler_ops *vly_handler_builtin(uint32_t index);

// Whom vly_handler_find() shows what it found.
struct vly_handler_viewer {
	void (*show)(void *arg, const struct vly_handler_ops *ops);
	void *arg;
};

// Finds a handler as -H names it, "echo" or "./my.so" without keys, and shows its table, which is
// valid during that call. Returns 0, -ENOENT (no such handler or file) or -EINVAL (not a handler,
// or of another ABI). Control thread.
int vly_handler_find(const char *name, const struct vly_handler_viewer *viewer,
		     struct vly_error *error);

#ifdef __cplusplus
}
#endif
