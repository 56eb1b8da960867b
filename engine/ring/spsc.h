// SPDX-License-Identifier: BSD-3-Clause
//
// The ring: a bounded, lockless, wait-free queue of pointers between exactly two threads, one that
// only produces and one that only consumes, moved in bursts. The engine has one for each pair of
// queue and worker and each direction, so that no compare-and-swap stands on a datagram's path.
//
// The slots carry the signal themselves: a free slot holds a mark, a filled one its item. So an
// item crosses to the other core in one cache line and not in two (its slot and an index), a burst
// of one costs an eighth of a line, and neither side waits for the line of the other's index. The
// mark is the address of the ring itself, which no item has.
//
// Indices run free in 32 bits and are compared only by unsigned difference. Each is its side's own;
// only vly_ring_count() reads those of another thread.
//
//     invariant, both sides at rest: the slots from head to tail - 1 are filled, all the others are
//     free, and tail - head <= capacity.
//
// Both sides go through the slots in order, so that the last slot of a burst tells of all of them.
// Two orderings make it right; tests/model proves that they suffice, and that each is needed:
//
//     R1 -> A1  The producer fills each slot by a release store. A consumer that finds a slot
//               filled (acquire) finds what the item points to, and all slots up to there filled.
//     R2 -> A2  The consumer frees each slot by a release store, after it has read the burst. A
//               producer that finds a slot free (acquire) may fill all slots up to there.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <volley/error.h>

#include "core/compiler.h"

enum vly_ring_limits {
	VLY_RING_CAPACITY_MAX = 1 << 30, // slots; indices run in 32 bits and need half of that
	VLY_RING_RESERVE_MAX = 64,       // items of one reservation
	VLY_RING_GUARD_BYTES = 128,      // a line, and the one that the prefetcher takes with it
};

// A slot, as what it holds and as what the other side looks at.
union vly_ring_slot {
	void *item;
	_Atomic(void *) signal;
};

struct vly_ring_producer {
	_Atomic uint32_t tail; // the next slot to fill; producer: rw, others: ro, an estimate
	void *reserved[VLY_RING_RESERVE_MAX]; // producer only: collected, not yet given
} VLY_ALIGNED(VLY_RING_GUARD_BYTES);

struct vly_ring_consumer {
	_Atomic uint32_t head; // the next slot to empty; consumer: rw, others: ro, an estimate
} VLY_ALIGNED(VLY_RING_GUARD_BYTES);

struct vly_ring {
	uint32_t capacity; // slots, a power of two; both sides: ro
	uint32_t mask;     // capacity - 1; both sides: ro
	struct vly_ring_producer producer;
	uint8_t guard_between[VLY_RING_GUARD_BYTES];
	struct vly_ring_consumer consumer;
	uint8_t guard_after[VLY_RING_GUARD_BYTES];
	union vly_ring_slot slots[];
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
// k < count has one cause: the ring had k slots free when it was looked at. An item may be any
// pointer, NULL too, but the ring itself. What the producer wrote before is seen by who pops the
// items. Wait-free.
static inline uint32_t vly_ring_push(struct vly_ring *ring, void *const *items, uint32_t count);

// Points *items to room for up to `count` items, to be filled in by the caller, and returns for how
// many: fewer when so many slots are not free, never more than VLY_RING_RESERVE_MAX; 0 means full.
// The room is the producer's own memory in the ring, so that collecting a burst needs no array
// beside it. Nothing is given yet: reserving again finds the same room. Wait-free.
static inline uint32_t vly_ring_reserve(struct vly_ring *ring, void ***items, uint32_t count);

// Gives the first `count` of the reserved items to the consumer; at most what was reserved, and
// with no push in between. Wait-free.
static inline void vly_ring_commit(struct vly_ring *ring, uint32_t count);

// --- consumer side only -------------------------------------------------------------------------

// Takes the oldest k items, k at most `count`, in the order they were pushed, and returns k.
// k < count has one cause: there were k in the ring when it was looked at. Wait-free.
static inline uint32_t vly_ring_pop(struct vly_ring *ring, void **items, uint32_t count);

// Points *items to the oldest items, where they lie, and returns how many follow each other there:
// at most `count`, and fewer when there are not so many or the array ends before; 0 means empty.
// Nothing is taken yet. Wait-free.
static inline uint32_t vly_ring_peek(struct vly_ring *ring, void *const **items, uint32_t count);

// Takes the first `count` peeked items; at most what was peeked. Wait-free.
static inline void vly_ring_consume(struct vly_ring *ring, uint32_t count);

// --- any thread ---------------------------------------------------------------------------------

// How many items are in the ring: exact while both sides rest or the caller is one of them and the
// other rests; otherwise an estimate from 0 to the capacity. Wait-free.
static inline uint32_t vly_ring_count(const struct vly_ring *ring);

// How many it can hold. Wait-free.
static inline uint32_t vly_ring_capacity(const struct vly_ring *ring);

// --- inline definitions -------------------------------------------------------------------------

_Static_assert(sizeof(union vly_ring_slot) == sizeof(void *), "peeked slots are an array of items");
_Static_assert(offsetof(struct vly_ring, producer) >= VLY_RING_GUARD_BYTES,
	       "what both sides read shares no line with what one writes");
_Static_assert(offsetof(struct vly_ring, consumer) - offsetof(struct vly_ring, guard_between) >=
		       VLY_RING_GUARD_BYTES,
	       "a guard stands between the two sides");
_Static_assert(offsetof(struct vly_ring, slots) % VLY_RING_GUARD_BYTES == 0,
	       "the slots start a line");

static inline uint32_t vly_ring_min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

// What a free slot holds.
static inline void *vly_ring_free_mark(const struct vly_ring *ring)
{
	return (void *)(uintptr_t)ring;
}

static inline bool vly_ring_slot_is_free(const struct vly_ring *ring, uint32_t index)
{
	// A1 pairs with R1 in vly_ring_put(), A2 with R2 in vly_ring_free().
	return atomic_load_explicit(&ring->slots[index & ring->mask].signal,
				    memory_order_acquire) == vly_ring_free_mark(ring);
}

// How many of `count` slots from `index` on are free (or filled), up to the first that is not.
static inline uint32_t vly_ring_run_from(const struct vly_ring *ring, uint32_t index,
					 uint32_t count, bool is_free)
{
	uint32_t run = 0;

	count = vly_ring_min(count, ring->capacity);
	if (count == 0 || vly_ring_slot_is_free(ring, index + count - 1) == is_free)
		return count; // the last one tells of all before it
	while (run < count - 1 && vly_ring_slot_is_free(ring, index + run) == is_free)
		run++;
	return run;
}

static inline void vly_ring_put(union vly_ring_slot *slots, void *const *items, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		// R1: what the item points to, and the slots before, are written by now.
		atomic_store_explicit(&slots[i].signal, items[i], memory_order_release);
	}
}

static inline void vly_ring_commit_at(struct vly_ring *ring, uint32_t tail, void *const *items,
				      uint32_t count)
{
	const uint32_t first = tail & ring->mask;
	const uint32_t run = vly_ring_min(count, ring->capacity - first);

	vly_ring_put(&ring->slots[first], items, run);
	vly_ring_put(&ring->slots[0], items + run, count - run);
	// For vly_ring_count() alone: the slots have already told the consumer.
	atomic_store_explicit(&ring->producer.tail, tail + count, memory_order_relaxed);
}

// Plain reads, which the compiler may join to wide ones: the producer leaves filled slots alone.
static inline void vly_ring_read(void **restrict items, const union vly_ring_slot *restrict slots,
				 uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		items[i] = slots[i].item;
}

static inline void vly_ring_free(union vly_ring_slot *slots, void *free_mark, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		// R2: the slots of the burst have been read by now.
		atomic_store_explicit(&slots[i].signal, free_mark, memory_order_release);
	}
}

static inline void vly_ring_consume_at(struct vly_ring *ring, uint32_t head, uint32_t count)
{
	const uint32_t first = head & ring->mask;
	const uint32_t run = vly_ring_min(count, ring->capacity - first);

	vly_ring_free(&ring->slots[first], vly_ring_free_mark(ring), run);
	vly_ring_free(&ring->slots[0], vly_ring_free_mark(ring), count - run);
	// For vly_ring_count() alone: the slots have already told the producer.
	atomic_store_explicit(&ring->consumer.head, head + count, memory_order_relaxed);
}

// The own index needs no order: this thread alone writes it.
static inline uint32_t vly_ring_own_index(const _Atomic uint32_t *index)
{
	return atomic_load_explicit(index, memory_order_relaxed);
}

// A burst of one, where every instruction counts: the bursts' code without its runs.
static inline uint32_t vly_ring_push_one(struct vly_ring *ring, uint32_t tail, void *item)
{
	if (!vly_ring_slot_is_free(ring, tail))
		return 0;
	vly_ring_put(&ring->slots[tail & ring->mask], &item, 1);
	atomic_store_explicit(&ring->producer.tail, tail + 1, memory_order_relaxed);
	return 1;
}

static inline uint32_t vly_ring_pop_one(struct vly_ring *ring, uint32_t head, void **item)
{
	union vly_ring_slot *slot = &ring->slots[head & ring->mask];
	// A1 pairs with R1 in vly_ring_put().
	void *const found = atomic_load_explicit(&slot->signal, memory_order_acquire);

	if (found == vly_ring_free_mark(ring))
		return 0;
	*item = found;
	vly_ring_free(slot, vly_ring_free_mark(ring), 1);
	atomic_store_explicit(&ring->consumer.head, head + 1, memory_order_relaxed);
	return 1;
}

static inline uint32_t vly_ring_push(struct vly_ring *ring, void *const *items, uint32_t count)
{
	const uint32_t tail = vly_ring_own_index(&ring->producer.tail);
	uint32_t pushed;

	if (count == 1)
		return vly_ring_push_one(ring, tail, items[0]);
	pushed = vly_ring_run_from(ring, tail, count, true);
	vly_ring_commit_at(ring, tail, items, pushed);
	return pushed;
}

static inline uint32_t vly_ring_pop(struct vly_ring *ring, void **items, uint32_t count)
{
	const uint32_t head = vly_ring_own_index(&ring->consumer.head);
	const uint32_t first = head & ring->mask;
	uint32_t popped;
	uint32_t run;

	if (count == 1)
		return vly_ring_pop_one(ring, head, items);
	popped = vly_ring_run_from(ring, head, count, false);
	run = vly_ring_min(popped, ring->capacity - first);
	// The whole burst is read before the first slot is freed.
	vly_ring_read(items, &ring->slots[first], run);
	vly_ring_read(items + run, &ring->slots[0], popped - run);
	vly_ring_consume_at(ring, head, popped);
	return popped;
}

static inline uint32_t vly_ring_reserve(struct vly_ring *ring, void ***items, uint32_t count)
{
	*items = ring->producer.reserved;
	return vly_ring_run_from(ring, vly_ring_own_index(&ring->producer.tail),
				 vly_ring_min(count, VLY_RING_RESERVE_MAX), true);
}

static inline void vly_ring_commit(struct vly_ring *ring, uint32_t count)
{
	vly_ring_commit_at(ring, vly_ring_own_index(&ring->producer.tail), ring->producer.reserved,
			   count);
}

static inline uint32_t vly_ring_peek(struct vly_ring *ring, void *const **items, uint32_t count)
{
	const uint32_t head = vly_ring_own_index(&ring->consumer.head);
	const uint32_t first = head & ring->mask;

	*items = &ring->slots[first].item;
	return vly_ring_run_from(ring, head, vly_ring_min(count, ring->capacity - first), false);
}

static inline void vly_ring_consume(struct vly_ring *ring, uint32_t count)
{
	vly_ring_consume_at(ring, vly_ring_own_index(&ring->consumer.head), count);
}

static inline uint32_t vly_ring_count(const struct vly_ring *ring)
{
	const uint32_t head = atomic_load_explicit(&ring->consumer.head, memory_order_relaxed);
	const uint32_t tail = atomic_load_explicit(&ring->producer.tail, memory_order_relaxed);
	const uint32_t count = tail - head;

	// The sides move between the two loads, and each tells its index after its slots: what
	// looks like more than 2^31 is a head before the tail.
	if (count > INT32_MAX)
		return 0;
	return vly_ring_min(count, ring->capacity);
}

static inline uint32_t vly_ring_capacity(const struct vly_ring *ring)
{
	return ring->capacity;
}
