// SPDX-License-Identifier: BSD-3-Clause
//
// A kit to test handlers with: it opens a handler, or a chain of some, and calls it as a worker of
// an engine would, but on arrays, with a clock that stands still until the test moves it. No
// engine, port, thread or time is involved, so a test is exact and the same each time.
//
//     struct vly_kit *kit;
//     const struct vly_kit_config config = {.links = {{&vly_handler, "limit=3"}}};
//
//     assert_int_equal(vly_kit_open(&kit, &config, NULL), 0);
//     vly_kit_receive(kit, "10.0.0.1:1000", "hello", 5);
//     vly_kit_run(kit);
//     assert_int_equal(vly_kit_count(kit, VLY_FATE_REPLY), 1);
//     assert_memory_equal(vly_kit_answer(kit, 0)->data, "HELLO", 5);
//     vly_kit_advance(kit, 30 * VLY_KIT_SECOND); // timers fire
//     assert_int_equal(vly_kit_metric(kit, "expired"), 1);
//     assert_null(vly_kit_complaint(kit));
//     vly_kit_close(kit);
//
// All functions of one kit are for one thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dgram.h"
#include "engine.h"
#include "error.h"
#include "handler.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vly_kit;

enum vly_kit_presets {
	VLY_KIT_BUFFERS = 1024,
	VLY_KIT_CAPACITY = 1472,     // what a frame of Ethernet carries over IPv4
	VLY_KIT_SECOND = 1000000000, // in nanoseconds, where the clock starts
};

// One handler of the chain.
struct vly_kit_link {
	const struct vly_handler_ops *ops; // NULL: `text` names it
	const char *text; // "key=value,key=value" or NULL; without ops as after -H: "echo",
			  // "./my.so,key=value"
};

struct vly_kit_config {
	struct vly_kit_link links[VLY_CHAIN_MAX]; // the outermost first, up to the first empty one
	uint32_t worker;                          // whose state it is to be
	uint32_t worker_count;                    // 0: one
	uint32_t buffers;  // datagrams that there are; 0: VLY_KIT_BUFFERS. Few, to test a dry pool
	uint32_t capacity; // of each but the large ones; 0: VLY_KIT_CAPACITY
};

// What became of a datagram. Valid until vly_kit_clear().
struct vly_kit_outcome {
	uint32_t fate; // VLY_FATE_REPLY or _SEND: it leaves; VLY_FATE_RELEASE; or an enum vly_drop
	uint32_t len;
	const uint8_t *data;
	struct vly_addr peer;
	struct vly_addr local;
	uint64_t when_ns; // by the kit's clock
	uint32_t number;  // of a received one: what vly_kit_receive() returned; else UINT32_MAX
};

// Opens the handlers and calls their on_start. The caller owns the kit and closes it. Returns 0 or
// a negative errno: what a handler's open() returned, -EINVAL (its keys, or no handler), -ENOENT or
// -ENOMEM.
int vly_kit_open(struct vly_kit **kit, const struct vly_kit_config *config,
		 struct vly_error *error);

// Closes the handlers, too; without on_drain, which is vly_kit_drain(). NULL is allowed.
void vly_kit_close(struct vly_kit *kit);

// Puts a datagram in line for the next vly_kit_run(), from "10.0.0.1:1000" or "[fd00::1]:1000", to
// 192.0.2.1:9000 or [2001:db8::1]:9000. The bytes are copied. Returns its number, counted from 0,
// or -EINVAL (no address, too long) or -ENOBUFS (all buffers are in line, kept or have ended; see
// vly_kit_clear()).
int vly_kit_receive(struct vly_kit *kit, const char *peer, const void *bytes, size_t len);

// The same from an address that is at hand.
int vly_kit_receive_from(struct vly_kit *kit, const struct vly_addr *peer, const void *bytes,
			 size_t len);

// The same to an address of ours that is not the usual one.
int vly_kit_receive_at(struct vly_kit *kit, const struct vly_addr *peer,
		       const struct vly_addr *local, const void *bytes, size_t len);

// Runs what is in line through the chain, in bursts of up to VLY_BURST_MAX. Time stands still.
void vly_kit_run(struct vly_kit *kit);

// Moves the clock, and fires each timer and each tick on its way when it is due.
void vly_kit_advance(struct vly_kit *kit, uint64_t ns);

// Calls on_drain, as when an engine stops.
void vly_kit_drain(struct vly_kit *kit);

// The clock, nanoseconds.
uint64_t vly_kit_now(const struct vly_kit *kit);

// What has become of datagrams since vly_kit_clear(), in order; NULL after the last.
const struct vly_kit_outcome *vly_kit_outcome_at(const struct vly_kit *kit, uint32_t index);

// Of these the ones that leave, in order, replied or sent; NULL after the last.
const struct vly_kit_outcome *vly_kit_answer(const struct vly_kit *kit, uint32_t index);

// What became of the datagram that has this number; NULL: it is in line or kept.
const struct vly_kit_outcome *vly_kit_outcome_of(const struct vly_kit *kit, uint32_t number);

// How many have this fate (enum vly_fate), or were dropped for this reason (enum vly_drop).
uint32_t vly_kit_count(const struct vly_kit *kit, uint32_t fate);

// How many buffers are with handlers: kept, or from vly_alloc() and neither sent nor released.
uint32_t vly_kit_held(const struct vly_kit *kit);

// Forgets what has ended and has its buffers back.
void vly_kit_clear(struct vly_kit *kit);

// What a counter or gauge stands at, or how many values a histogram has, of the outermost handler
// that has one of this name; UINT64_MAX if none has.
uint64_t vly_kit_metric(const struct vly_kit *kit, const char *name);

// All metrics of all handlers, as vly_engine_handler_metric().
bool vly_kit_handler_metric(const struct vly_kit *kit, uint32_t index,
			    struct vly_handler_metric *metric);

// The first line that a handler has told by vly_warn() since vly_kit_clear(), or NULL; and how many
// there have been in all.
const char *vly_kit_warning(const struct vly_kit *kit);
uint64_t vly_kit_warnings(const struct vly_kit *kit);

// What a handler did that no handler may: one line of the first such thing, or NULL. Writing
// beyond `capacity`, a length beyond it, giving away what is not its own.
const char *vly_kit_complaint(const struct vly_kit *kit);

#ifdef __cplusplus
}
#endif
