// SPDX-License-Identifier: BSD-3-Clause
//
// The handler ABI. A handler is given bursts of datagrams and decides the fate of each. It is
// built in, or a shared object that exports one symbol:
//
//     const struct vly_handler_ops vly_handler = { .abi = VLY_HANDLER_ABI, ... };
//
// A handler needs nothing from libvolley at link time: everything here is inline or reached
// through the burst. It keeps its state per worker, so it needs no lock; the functions of one
// state are never called by two threads at once. kit.h calls a handler without an engine, for
// tests.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dgram.h"
#include "error.h"
#include "key.h"
#include "ledger.h"

#ifdef __cplusplus
extern "C" {
#endif

enum vly_handler_abi {
	VLY_HANDLER_ABI = 4,  // raised when a structure below changes
	VLY_METRICS_MAX = 64, // of one handler
};

// Where an engine receives: one row for each listen of its ports.
struct vly_served {
	struct vly_addr addr; // the wildcard, if it is on all of the machine's addresses
	uint8_t queue;        // the first of the port that listens there, as in vly_dgram.queue
	uint8_t queue_count;
};

enum vly_wire_limits {
	VLY_WIRE_NAME_BYTES = 80,
};

// A port of the engine, as people know it.
struct vly_wire {
	char name[VLY_WIRE_NAME_BYTES]; // "socket", or dpdk's device: "af_xdp:eth0"; long ones are
					// cut
	uint8_t queue;                  // its first, as in vly_dgram.queue
	uint8_t queue_count;
	bool has_ifindex; // vly_dgram.link is the number of the interface it came by, if not 0
};

// What open() learns. Valid during the call; copy what is needed later, but for value texts,
// which live as long as the state.
struct vly_handler_env {
	const union vly_value *values; // one for each of ops->keys, in that order
	uint32_t worker;               // 0 .. worker_count - 1: whose state this becomes
	uint32_t worker_count;
	// What the states of all workers have in common, if anything: NULL at the first open(),
	// then what that has put there. Opens and closes are one at a time, on one thread; who
	// counts them knows the last.
	void **shared;
	const struct vly_served *served; // while the state lives; none in a test kit
	uint32_t served_count;
	const struct vly_wire *wires; // while the state lives; none in a test kit
	uint32_t wire_count;
	bool on_worker; // on a thread of its own, which reaches all queues; else on one queue's
};

struct vly_burst;

// A timer, in the handler's own memory: embedded in whatever it is for, zeroed, with `fire` set. It
// has 48 bytes: of a great many, those that lie within one cache line are cheaper.
struct vly_timer {
	// Worker thread, with an empty burst, when the time has come. The timer may be started
	// again, stopped, or its memory freed in here (a periodic one is stopped before that).
	void (*fire)(void *state, struct vly_burst *burst, struct vly_timer *timer);
	// private: written by vly_timer_start() and the engine only
	struct vly_timer *next;
	struct vly_timer **link; // what points to it; NULL: it does not run
	uint64_t due_ns;
	uint64_t period_ns;
	uint16_t slot;
	uint8_t handler;
};

// A number of the handler's own: shown by its name in the ledger's output, summed over all workers.
enum vly_metric_type {
	VLY_METRIC_COUNTER = 0,   // vly_metric_add(): only grows, also over a reload
	VLY_METRIC_GAUGE = 1,     // vly_metric_set(): what is now, such as sessions open
	VLY_METRIC_HISTOGRAM = 2, // vly_metric_record(): values of which percentiles are shown
};

// One row of a table; the table ends with a row whose name is NULL. Its index is the metric's.
struct vly_metric {
	const char *name; // a word with underscores, its unit last: "messages", "session_bytes"
	enum vly_metric_type type;
	const char *summary; // one clause for the help
};

// What a burst can do beside marking its datagrams; the engine (or the test kit) provides it.
struct vly_burst_ops {
	uint32_t (*alloc)(struct vly_burst *burst, struct vly_dgram **dgrams, uint32_t count);
	uint32_t (*alloc_large)(struct vly_burst *burst, struct vly_dgram **dgrams, uint32_t count);
	uint32_t (*alloc_at)(struct vly_burst *burst, uint8_t queue, struct vly_dgram **dgrams,
			     uint32_t count);
	void (*send)(struct vly_burst *burst, struct vly_dgram *dgram);
	void (*release)(struct vly_burst *burst, struct vly_dgram *dgram);
	void (*timer_start)(struct vly_burst *burst, struct vly_timer *timer, uint64_t after_ns,
			    uint64_t period_ns);
	void (*timer_stop)(struct vly_burst *burst, struct vly_timer *timer);
	void (*metric_record)(struct vly_burst *burst, uint32_t index, uint64_t value);
	const char *(*identity)(struct vly_burst *burst, const struct vly_dgram *dgram);
	void (*warn)(struct vly_burst *burst, const char *text);
};

// One call's worth of datagrams, in the order received (within a flow).
struct vly_burst {
	struct vly_dgram *const *in;
	uint32_t count; // 1 .. VLY_BURST_MAX in on_burst and on_answer; 0 in all others
	uint32_t worker;
	uint64_t now_ns; // CLOCK_MONOTONIC, read once before the call
	const struct vly_burst_ops *ops;
	uint64_t *metrics; // of the handler that is called: one for each row of its table
};

// What a handler does not look at in a datagram that was received.
enum vly_handler_ignore {
	VLY_IGNORE_CLASS = 1, // `ttl` and `tos`, neither to read them nor to send them on
};

struct vly_handler_ops {
	uint32_t abi;                     // required: VLY_HANDLER_ABI
	const char *name;                 // required: a word
	const char *summary;              // required: one line for the help
	const struct vly_key *keys;       // optional: NULL takes no argument
	const struct vly_metric *metrics; // optional: NULL counts nothing of its own
	// Optional. Control thread, once per worker, before any burst. Returns 0 and sets *state,
	// or a negative errno and a line that names the fix.
	int (*open)(void **state, const struct vly_handler_env *env, struct vly_error *error);
	// Optional. Worker thread, once, before any burst, with an empty one: the moment to start
	// timers, or to send first. After a reload: when the old handlers have drained.
	void (*on_start)(void *state, struct vly_burst *burst);
	// Required. Worker thread. Every datagram of burst->in gets one fate, with the functions
	// below; one left undecided is dropped and counted as such. Must not wait.
	void (*on_burst)(void *state, struct vly_burst *burst);
	// Optional. Worker thread. What handlers further down the chain reply or send, on its way
	// out, the innermost handler's on_answer first: so an encrypting handler seals what those
	// behind it answer. Each of burst->in has the fate REPLY or SEND; left so, it goes on.
	// Payload and `len` may be changed in place, up to `capacity`; or vly_drop(),
	// vly_consume(), vly_keep(). What a handler sends itself, whenever, is shown to the
	// handlers before it only.
	void (*on_answer)(void *state, struct vly_burst *burst);
	// Optional. Worker thread, after on_burst. To look at: what this handler has passed on, or
	// a handler behind it has sent, and what ended behind it. Each of burst->in has its fate: a
	// drop's reason (enum vly_drop), no_handler and undecided among them, or RELEASE. Nothing
	// may be changed, and none of it be sent or kept. What was kept and is released later, and
	// what the engine itself drops, is not shown: see tap.h for that.
	void (*on_ended)(void *state, struct vly_burst *burst);
	// Optional. Worker thread, about once a millisecond, with an empty burst. An engine with
	// one never sleeps longer than that: timers are cheaper for what comes seldom.
	void (*on_tick)(void *state, struct vly_burst *burst);
	// Optional. Worker thread, once, after the last burst, the innermost handler's first: the
	// moment to send or release what was kept. What is still kept afterwards is counted as
	// `unreleased`; timers fire no more.
	void (*on_drain)(void *state, struct vly_burst *burst);
	// Optional. Control thread, after on_drain.
	void (*close)(void *state);
	// Optional. Worker thread, within a call of a handler behind this one: the name of the
	// authenticated peer of a datagram, or NULL if it is not known. The text lives until the
	// burst's end.
	const char *(*identity)(void *state, const struct vly_dgram *dgram);
	// Optional, of enum vly_handler_ignore, added up. What every handler of a chain ignores the
	// kernel backends do not ask the kernel for, a fortieth of a datagram's time; it is 0 then.
	// After a reload that brings the first handler to want them, datagrams that an I/O thread
	// had received before come first: their `ttl` is 0, and their `tos` is not known.
	uint32_t ignores;
};

// --- fates: exactly one for each datagram of burst->in -----------------------------------------

// Answer in place: back to the sender, from the address that was asked. Set `len` and the payload
// before or after; both may be changed until on_burst returns.
static inline void vly_reply(struct vly_dgram *dgram)
{
	dgram->fate = VLY_FATE_REPLY;
}

// Hand to the next handler of the chain; after the last one it is dropped as `no_handler`.
static inline void vly_pass(struct vly_dgram *dgram)
{
	dgram->fate = VLY_FATE_PASS;
}

// Keep it beyond this call. It must later be given to vly_send() or vly_release() on the same
// worker. A pool is finite: what is kept is missing for receiving.
static inline void vly_keep(struct vly_dgram *dgram)
{
	dgram->fate = VLY_FATE_KEEP;
}

// Done, with nothing to send: counted as handled.
static inline void vly_consume(struct vly_dgram *dgram)
{
	dgram->fate = VLY_FATE_RELEASE;
}

// Drop it for a reason, which is counted under its name.
static inline void vly_drop(struct vly_dgram *dgram, enum vly_drop reason)
{
	dgram->fate = (uint8_t)reason;
}

// --- beside the burst: at any moment on the worker's thread -------------------------------------

// Up to `count` (at most VLY_BURST_MAX) empty datagrams to fill and send; the caller owns them.
// `len` is 0, `capacity` says what fits. Returns how many, fewer when the pool is low: not an
// error, and never waits. Set peer, and local if it matters.
// It leaves by the queue that the burst came by. With an empty burst (a timer, a tick, start,
// drain) that is the queue whose I/O thread calls, or with workers the first queue of the engine's
// first port: of several ports, give the one that such datagrams are for first.
static inline uint32_t vly_alloc(struct vly_burst *burst, struct vly_dgram **dgrams, uint32_t count)
{
	return burst->ops->alloc(burst, dgrams, count);
}

// The same with room for the largest payload: `capacity` is at least VLY_DGRAM_BYTES_MAX. On dpdk
// there are few of these, and each costs a copy more; everywhere else all are so.
static inline uint32_t vly_alloc_large(struct vly_burst *burst, struct vly_dgram **dgrams,
				       uint32_t count)
{
	return burst->ops->alloc_large(burst, dgrams, count);
}

// The same as vly_alloc(), to leave by that queue, of another port perhaps. 0 where the handler
// does not reach it: see vly_handler_env.on_worker.
static inline uint32_t vly_alloc_at(struct vly_burst *burst, uint8_t queue,
				    struct vly_dgram **dgrams, uint32_t count)
{
	return burst->ops->alloc_at(burst, queue, dgrams, count);
}

// Sends a datagram from vly_alloc(), one that was kept, or one of the present burst, to
// dgram->peer. Gives it away. What is not of the burst leaves behind the burst's own answers.
static inline void vly_send(struct vly_burst *burst, struct vly_dgram *dgram)
{
	burst->ops->send(burst, dgram);
}

// Gives back a datagram from vly_alloc() or one that was kept.
static inline void vly_release(struct vly_burst *burst, struct vly_dgram *dgram)
{
	burst->ops->release(burst, dgram);
}

// Who sent a datagram, as a handler before this one has proved it, the innermost one that knows;
// NULL if none does. The text lives until the burst's end.
static inline const char *vly_identity(struct vly_burst *burst, const struct vly_dgram *dgram)
{
	return burst->ops->identity(burst, dgram);
}

// Tells the operator something while the engine runs, in one line that names the fix: "the disk is
// full ..." It is said with the handler's name, within a second, one line of each handler
// and worker a second, and a count of those in between. Costs a copy of the text; not for what
// comes with each datagram.
static inline void vly_warn(struct vly_burst *burst, const char *text)
{
	burst->ops->warn(burst, text);
}

// --- timers: at any moment on the worker's thread ------------------------------------------------

// Lets `timer` fire `after_ns` nanoseconds after burst->now_ns, then each period_ns; 0: once. One
// that runs is moved. Never early, late by about a millisecond at most unless a handler holds the
// worker up; a period that was missed is left out. Any number of timers may run, each start and
// stop costs the same. Those that are due together fire a thousand at a time, between bursts.
// after_ns 0, once: as soon as the wire has been looked at again. So what is much work is done in
// slices, one for each time that it fires, and nobody waits for all of it.
static inline void vly_timer_start(struct vly_burst *burst, struct vly_timer *timer,
				   uint64_t after_ns, uint64_t period_ns)
{
	burst->ops->timer_start(burst, timer, after_ns, period_ns);
}

// Stops it if it runs. Needed before its memory is freed, but not in close(): there all have ended.
static inline void vly_timer_stop(struct vly_burst *burst, struct vly_timer *timer)
{
	burst->ops->timer_stop(burst, timer);
}

// Whether it has been started and has yet to fire; a periodic one, until it is stopped.
static inline bool vly_timer_is_running(const struct vly_timer *timer)
{
	return timer->link != NULL;
}

// --- metrics: at any moment on the worker's thread -----------------------------------------------

// Adds n to the counter in row `index` of the handler's table. One worker writes it and others only
// read, so it is a plain load and store.
static inline void vly_metric_add(struct vly_burst *burst, uint32_t index, uint64_t n)
{
	uint64_t *value = &burst->metrics[index];

	__atomic_store_n(value, __atomic_load_n(value, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

// Sets the gauge in row `index`.
static inline void vly_metric_set(struct vly_burst *burst, uint32_t index, uint64_t value)
{
	__atomic_store_n(&burst->metrics[index], value, __ATOMIC_RELAXED);
}

// Adds a value to the histogram in row `index`. Percentiles are at most an eighth too high; what is
// above 2^40 is one bucket.
static inline void vly_metric_record(struct vly_burst *burst, uint32_t index, uint64_t value)
{
	burst->ops->metric_record(burst, index, value);
}

#ifdef __cplusplus
}
#endif
