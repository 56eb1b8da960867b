// SPDX-License-Identifier: BSD-3-Clause
//
// The ring: a bounded, lockless, wait-free queue of pointers between exactly two threads, one that
// only produces and one that only consumes, moved in bursts. The engine has one for each pair of
// queue and worker and each direction, so that no compare-and-swap stands on a datagram's path.
//
//     invariant: head <= tail_seen <= tail <= head_seen + capacity <= head + capacity
//
// (in the order of free-running 32-bit indices, compared only by unsigned difference). `tail` is
// the next slot to fill and is written by the producer alone; `head` is the next slot to empty and
// is written by the consumer alone. Each side works with the last value it has seen of the other's
// index, and looks again only when that value does not suffice: the line that crosses between the
// cores for that is then paid once for everything that the other side did meanwhile.
//
// Two orderings make it right; tests/model proves that they suffice and that both are needed:
//
//     R1 -> A1  tail is stored (release) after the slots are filled; who loads it (acquire) finds
//               the items in them.
//     R2 -> A2  head is stored (release) after the slots are read; who loads it (acquire) may
//               overwrite them.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <volley/error.h>

#include "core/compiler.h"

enum vly_ring_limits {
	VLY_RING_CAPACITY_MAX = 1 << 30, // slots; indices run in 32 bits and need half of that
	VLY_RING_GUARD_BYTES = 128,      // a line, and the one that the prefetcher takes with it
};

// One side's line: what only this side writes.
struct vly_ring_side {
	_Atomic uint32_t index;   // own side: rw, other side: ro, by acquire
	uint32_t peer_index_seen; // own side only: the other's index when last looked at
} VLY_ALIGNED(VLY_RING_GUARD_BYTES);

struct vly_ring {
	uint32_t capacity;             // slots, a power of two; both sides: ro
	uint32_t mask;                 // capacity - 1; both sides: ro
	struct vly_ring_side producer; // index: tail
	uint8_t guard_between[VLY_RING_GUARD_BYTES];
	struct vly_ring_side consumer; // index: head
	uint8_t guard_after[VLY_RING_GUARD_BYTES];
	void *slots[]; // head .. tail - 1: the consumer's; all others: the producer's
};

// --- control thread, while no other thread uses the ring ----------------------------------------

// Makes a ring of `capacity` slots, rounded up to a power of two; every one of them can be used.
// The caller owns it and closes it. Returns 0, -EINVAL (0 or above VLY_RING_CAPACITY_MAX) or
// -ENOMEM.
int vly_ring_open(struct vly_ring **ring, uint32_t capacity, struct vly_error *error);

// The same with both indices planted at `start`, so that a test reaches their wrap at once.
int vly_ring_open_at(struct vly_ring **ring, uint32_t capacity, uint32_t start,
		     struct vly_error *error);

// Frees the ring, not what is in it: the items are the caller's. NULL is allowed.
void vly_ring_close(struct vly_ring *ring);

// Whether the invariant above holds. Both sides at rest; for tests.
bool vly_ring_invariants(const struct vly_ring *ring);

// --- producer side only -------------------------------------------------------------------------

// Gives the first k of `count` items to the consumer and returns k; the caller keeps the others.
// k < count has one cause: the ring had k slots free when it was looked at. Items may be any
// pointer, NULL too. What the producer wrote before is seen by who pops the items. Wait-free.
static inline uint32_t vly_ring_push(struct vly_ring *ring, void *const *items, uint32_t count);

// Points *slots to free slots that follow each other, to be filled in place, and returns how many:
// at most `count`, and fewer when so many are not free or the array ends before; 0 means full.
// Nothing is given yet: reserving again finds the same slots. Wait-free.
static inline uint32_t vly_ring_reserve(struct vly_ring *ring, void ***slots, uint32_t count);

// Gives the first `count` reserved slots to the consumer; at most what was reserved. Wait-free.
static inline void vly_ring_commit(struct vly_ring *ring, uint32_t count);

// --- consumer side only -------------------------------------------------------------------------

// Takes the oldest k items, k at most `count`, in the order they were pushed, and returns k.
// k < count has one cause: there were k in the ring when it was looked at. Wait-free.
static inline uint32_t vly_ring_pop(struct vly_ring *ring, void **items, uint32_t count);

// Points *slots to the oldest items, where they lie, and returns how many follow each other there:
// at most `count`, and fewer when there are not so many or the array ends before; 0 means empty.
// Nothing is taken yet. Wait-free.
static inline uint32_t vly_ring_peek(struct vly_ring *ring, void *const **slots, uint32_t count);

// Takes the first `count` peeked items; at most what was peeked. Wait-free.
static inline void vly_ring_consume(struct vly_ring *ring, uint32_t count);

// --- any thread ---------------------------------------------------------------------------------

// How many items are in the ring. Exact for a side while the other rests; otherwise the producer
// may count on no more, the consumer on no fewer, and for everybody else it is an estimate from
// 0 to the capacity. Wait-free.
static inline uint32_t vly_ring_count(const struct vly_ring *ring);

// How many it can hold. Wait-free.
static inline uint32_t vly_ring_capacity(const struct vly_ring *ring);

// --- inline definitions -------------------------------------------------------------------------

_Static_assert(sizeof(struct vly_ring_side) == VLY_RING_GUARD_BYTES, "a side fills its lines");
_Static_assert(offsetof(struct vly_ring, producer) >= VLY_RING_GUARD_BYTES,
	       "what both sides read shares no line with what one writes");
_Static_assert(offsetof(struct vly_ring, consumer) - offsetof(struct vly_ring, producer) >=
		       2 * VLY_RING_GUARD_BYTES,
	       "a guard stands between the two sides");
_Static_assert(offsetof(struct vly_ring, slots) % VLY_RING_GUARD_BYTES == 0,
	       "the slots start a line");

static inline uint32_t vly_ring_min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

// How many of `count` slots from `tail` on are free; looks at the consumer only if it must.
static inline uint32_t vly_ring_free_from(struct vly_ring *ring, uint32_t tail, uint32_t count)
{
	uint32_t free_count = ring->capacity - (tail - ring->producer.peer_index_seen);

	if (free_count < count) {
		// A2 pairs with R2 in vly_ring_consume_at().
		ring->producer.peer_index_seen =
			atomic_load_explicit(&ring->consumer.index, memory_order_acquire);
		free_count = ring->capacity - (tail - ring->producer.peer_index_seen);
	}
	return vly_ring_min(free_count, count);
}

// How many of `count` items from `head` on are there; looks at the producer only if it must.
static inline uint32_t vly_ring_ready_from(struct vly_ring *ring, uint32_t head, uint32_t count)
{
	uint32_t ready_count = ring->consumer.peer_index_seen - head;

	if (ready_count < count) {
		// A1 pairs with R1 in vly_ring_commit_at().
		ring->consumer.peer_index_seen =
			atomic_load_explicit(&ring->producer.index, memory_order_acquire);
		ready_count = ring->consumer.peer_index_seen - head;
	}
	return vly_ring_min(ready_count, count);
}

static inline void vly_ring_commit_at(struct vly_ring *ring, uint32_t tail)
{
	// R1: everything written to the slots, and through the items, happens before this.
	atomic_store_explicit(&ring->producer.index, tail, memory_order_release);
}

static inline void vly_ring_consume_at(struct vly_ring *ring, uint32_t head)
{
	// R2: the slots have been read before this lets the producer overwrite them.
	atomic_store_explicit(&ring->consumer.index, head, memory_order_release);
}

// The own index needs no order: this thread alone writes it.
static inline uint32_t vly_ring_own_index(const struct vly_ring_side *side)
{
	return atomic_load_explicit(&side->index, memory_order_relaxed);
}

static inline uint32_t vly_ring_push(struct vly_ring *ring, void *const *items, uint32_t count)
{
	const uint32_t tail = vly_ring_own_index(&ring->producer);
	const uint32_t pushed = vly_ring_free_from(ring, tail, count);
	const uint32_t first = tail & ring->mask;
	// Two runs: up to the end of the array, and the rest from its beginning.
	const uint32_t run = vly_ring_min(pushed, ring->capacity - first);

	if (VLY_UNLIKELY(pushed == 0))
		return 0; // a full ring's line is left to the consumer
	for (uint32_t i = 0; i < run; i++)
		ring->slots[first + i] = items[i];
	for (uint32_t i = run; i < pushed; i++)
		ring->slots[i - run] = items[i];
	vly_ring_commit_at(ring, tail + pushed);
	return pushed;
}

static inline uint32_t vly_ring_pop(struct vly_ring *ring, void **items, uint32_t count)
{
	const uint32_t head = vly_ring_own_index(&ring->consumer);
	const uint32_t popped = vly_ring_ready_from(ring, head, count);
	const uint32_t first = head & ring->mask;
	const uint32_t run = vly_ring_min(popped, ring->capacity - first);

	if (popped == 0)
		return 0; // an empty ring's line is left to the producer
	for (uint32_t i = 0; i < run; i++)
		items[i] = ring->slots[first + i];
	for (uint32_t i = run; i < popped; i++)
		items[i] = ring->slots[i - run];
	vly_ring_consume_at(ring, head + popped);
	return popped;
}

static inline uint32_t vly_ring_reserve(struct vly_ring *ring, void ***slots, uint32_t count)
{
	const uint32_t tail = vly_ring_own_index(&ring->producer);
	const uint32_t first = tail & ring->mask;

	*slots = &ring->slots[first];
	return vly_ring_free_from(ring, tail, vly_ring_min(count, ring->capacity - first));
}

static inline void vly_ring_commit(struct vly_ring *ring, uint32_t count)
{
	vly_ring_commit_at(ring, vly_ring_own_index(&ring->producer) + count);
}

static inline uint32_t vly_ring_peek(struct vly_ring *ring, void *const **slots, uint32_t count)
{
	const uint32_t head = vly_ring_own_index(&ring->consumer);
	const uint32_t first = head & ring->mask;

	*slots = &ring->slots[first];
	return vly_ring_ready_from(ring, head, vly_ring_min(count, ring->capacity - first));
}

static inline void vly_ring_consume(struct vly_ring *ring, uint32_t count)
{
	vly_ring_consume_at(ring, vly_ring_own_index(&ring->consumer) + count);
}

static inline uint32_t vly_ring_count(const struct vly_ring *ring)
{
	// Head first, so that the difference is never negative; the sides may move in between, so
	// that it may be too large. Pairs with R2 only to be read before the tail.
	const uint32_t head = atomic_load_explicit(&ring->consumer.index, memory_order_acquire);
	const uint32_t tail = atomic_load_explicit(&ring->producer.index, memory_order_acquire);

	return vly_ring_min(tail - head, ring->capacity);
}

static inline uint32_t vly_ring_capacity(const struct vly_ring *ring)
{
	return ring->capacity;
}
