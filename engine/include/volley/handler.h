// SPDX-License-Identifier: BSD-3-Clause
//
// The handler ABI. A handler is given bursts of datagrams and decides the fate of each. It is
// built in, or a shared object that exports one symbol:
//
//     const struct vly_handler_ops vly_handler = { .abi = VLY_HANDLER_ABI, ... };
//
// A handler needs nothing from libvolley at link time: everything here is inline or reached
// through the burst. It keeps its state per worker, so it needs no lock; the functions of one
// state are never called by two threads at once. It can be tested by calling on_burst on an array.
#pragma once

#include <stdint.h>

#include "dgram.h"
#include "error.h"
#include "key.h"
#include "ledger.h"

#ifdef __cplusplus
extern "C" {
#endif

enum vly_handler_abi {
	VLY_HANDLER_ABI = 1, // raised when a structure below changes
};

// What open() learns. Valid during the call; copy what is needed later, but for value texts,
// which live as long as the state.
struct vly_handler_env {
	const union vly_value *values; // one for each of ops->keys, in that order
	uint32_t worker;               // 0 .. worker_count - 1: whose state this becomes
	uint32_t worker_count;
};

struct vly_burst;

// What a burst can do beside marking its datagrams; the engine (or a test) provides it.
struct vly_burst_ops {
	uint32_t (*alloc)(struct vly_burst *burst, struct vly_dgram **dgrams, uint32_t count);
	void (*send)(struct vly_burst *burst, struct vly_dgram *dgram);
	void (*release)(struct vly_burst *burst, struct vly_dgram *dgram);
};

// One call's worth of datagrams, in the order received (within a flow).
struct vly_burst {
	struct vly_dgram *const *in;
	uint32_t count; // 1 .. VLY_BURST_MAX in on_burst; 0 in on_tick and on_drain
	uint32_t worker;
	uint64_t now_ns; // CLOCK_MONOTONIC, read once before the call
	const struct vly_burst_ops *ops;
};

struct vly_handler_ops {
	uint32_t abi;               // required: VLY_HANDLER_ABI
	const char *name;           // required: a word
	const char *summary;        // required: one line for the help
	const struct vly_key *keys; // optional: NULL takes no argument
	// Optional. Control thread, once per worker, before any burst. Returns 0 and sets *state,
	// or a negative errno and a line that names the fix.
	int (*open)(void **state, const struct vly_handler_env *env, struct vly_error *error);
	// Required. Worker thread. Every datagram of burst->in gets one fate, with the functions
	// below; one left undecided is dropped and counted as such. Must not wait.
	void (*on_burst)(void *state, struct vly_burst *burst);
	// Optional. Worker thread, about once a millisecond, with an empty burst.
	void (*on_tick)(void *state, struct vly_burst *burst);
	// Optional. Worker thread, once, after the last burst: the moment to send or release what
	// was kept. What is still kept afterwards is counted as `unreleased`.
	void (*on_drain)(void *state, struct vly_burst *burst);
	// Optional. Control thread, after on_drain.
	void (*close)(void *state);
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

// --- beside the burst: any moment in on_burst, on_tick, on_drain ---------------------------------

// Up to `count` (at most VLY_BURST_MAX) empty datagrams to fill and send; the caller owns them.
// `len` is 0, `capacity` says what fits. Returns how many, fewer when the pool is low: not an
// error, and never waits. Set peer, and local if it matters.
// It leaves by the queue that the burst came by.
static inline uint32_t vly_alloc(struct vly_burst *burst, struct vly_dgram **dgrams, uint32_t count)
{
	return burst->ops->alloc(burst, dgrams, count);
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

#ifdef __cplusplus
}
#endif
