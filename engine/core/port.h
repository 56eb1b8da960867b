// SPDX-License-Identifier: BSD-3-Clause
//
// Inside a port: a backend, and the stack where the backend gives frames. Above this file
// everybody sees datagrams only.
#pragma once

#include <stdatomic.h>

#include <volley/port.h>

#include "backend/backend.h"
#include "core/board.h"
#include "core/compiler.h"
#include "stack/stack.h"
#include "stats/ledger_block.h"

struct vly_exception;
struct vly_exception_lane;

struct vly_queue {
	const struct vly_backend *backend;
	struct vly_backend_queue *inner;
	struct vly_stack *stack;              // NULL: the backend speaks datagrams
	struct vly_exception_lane *exception; // NULL: what is not ours is dropped
	struct vly_ledger_block *ledger;
	// NULL: the kernel has no part in it (vly_link_info.news_version).
	const _Atomic uint32_t *news_version;
	uint32_t news_seen;
	uint32_t buffer_count; // of its pool
	uint8_t index;         // in the engine
	// Frames that the stack has built and the device has not taken yet: what is left of a
	// burst, and of a datagram that was split.
	uint32_t backlog_count;
	struct vly_dgram *backlog[VLY_BURST_MAX + VLY_STACK_SPLIT_MAX];
	// What the stacks of the port tell each other. NULL without a stack.
	struct vly_board *board;
	uint32_t column; // of the board: our number in the port
	struct vly_board_reader reader;
} VLY_ALIGNED(128);

struct vly_port {
	const struct vly_backend *backend;
	struct vly_backend_port *inner;
	uint32_t queue_count;
	struct vly_queue *queues;
	struct vly_board *board; // with a column for each queue, and the last one for the outside
	struct vly_exception *exception;
	struct vly_board_reader reader; // the control thread's
	uint64_t alerted_ns;            // when it last spoke of another station's claim
	struct vly_ledger_block *ledgers[VLY_QUEUES_MAX];
	struct vly_log log;
	char summary[VLY_ERROR_BYTES];
};

// As vly_port_open(), for a port whose queues are numbered from first_queue in its engine.
int vly_port_open_at(struct vly_port **port, const struct vly_port_config *config,
		     uint32_t first_queue, struct vly_error *error);

// Writes port->summary. Control thread.
void vly_port_describe(struct vly_port *port, const struct vly_port_config *config);

// Waits until the stacks have probed their addresses. Returns 0, or -EADDRINUSE naming the address
// and the station that has it. Control thread, before any queue has a thread of its own.
int vly_port_verify(struct vly_port *port, struct vly_error *error);

// Says, at most once a second, that another station claims an address of ours. Control thread.
void vly_port_watch(struct vly_port *port, const struct vly_log *alerts);

// How often a burst that finds nothing looks at the wire, where a look is a call of the kernel's; 1
// at first. The queue's thread.
void vly_queue_look(struct vly_queue *queue, uint32_t times);

// How many datagrams, more than a burst, vly_tx_burst() would best be given at once while so many
// are there; 0: no more than a burst. The queue's thread.
uint32_t vly_queue_gather(struct vly_queue *queue);

// Moves on what waits inside the queue: built frames, neighbours asked for, completions. Returns
// how many datagrams are still inside. The queue's thread.
uint32_t vly_queue_flush(struct vly_queue *queue, uint64_t now_ns);

// Gives up what waits inside: counted as dropped. The queue's thread, when it stops.
void vly_queue_abandon(struct vly_queue *queue, uint64_t now_ns);

// Tells the stack what the kernel has made known. Only where there is a news_version. The queue's
// thread.
void vly_queue_hear(struct vly_queue *queue, uint64_t now_ns);

// Whether what the stack has to tell is between it and the kernel, which is then asked: the other
// queues hear from the kernel, too. False for what the kernel does not know, or has no part in.
bool vly_queue_seeks(struct vly_queue *queue, const struct vly_stack_news *news);

static inline bool vly_queue_has_news(const struct vly_queue *queue)
{
	return queue->news_version &&
	       atomic_load_explicit(queue->news_version, memory_order_relaxed) != queue->news_seen;
}
