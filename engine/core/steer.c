// SPDX-License-Identifier: BSD-3-Clause
//
// From the I/O thread to the workers: which worker gets a datagram, and what becomes of it when
// that worker's ring is full.
#include <errno.h>
#include <stdlib.h>

#include "core/fail.h"
#include "core/loops.h"

// --- the end of what finds no room --------------------------------------------------------------

void vly_io_drop(struct vly_io *io, struct vly_dgram **dgrams, uint32_t count, enum vly_drop reason)
{
	uint64_t made = 0; // by a handler: counted nowhere yet

	for (uint32_t i = 0; i < count; i++) {
		dgrams[i]->fate = (uint8_t)reason;
		made += dgrams[i]->rx_ns == 0;
	}
	vly_count(&io->queue->ledger->originated, made);
	vly_count(&io->queue->ledger->dropped[reason], made);
	vly_release_burst(io->queue, dgrams, count);
}

// --- lanes --------------------------------------------------------------------------------------

static struct vly_backlog *open_backlog(uint32_t size)
{
	struct vly_backlog *backlog = aligned_alloc(128, sizeof(*backlog));

	if (!backlog)
		return NULL;
	*backlog = (struct vly_backlog){.size = size};
	backlog->slots = calloc(size, sizeof(backlog->slots[0]));
	if (backlog->slots)
		return backlog;
	free(backlog);
	return NULL;
}

int vly_lane_open(struct vly_lane *lane, uint32_t ring_size, enum vly_overload overload,
		  struct vly_error *error)
{
	int rc = vly_ring_open(&lane->to_worker, ring_size, error);

	if (!rc)
		rc = vly_ring_open(&lane->to_io, ring_size, error);
	if (!rc)
		rc = vly_ring_open(&lane->spare, lane->spare_count, error);
	if (!rc && lane->large_count)
		rc = vly_ring_open(&lane->large, lane->large_count, error);
	if (rc || overload == VLY_OVERLOAD_DROP_NEWEST)
		return rc;
	// What blocks has at most one burst in hand.
	lane->backlog =
		open_backlog(overload == VLY_OVERLOAD_BLOCK ? (uint32_t)VLY_LOOP_BURST
							    : vly_ring_capacity(lane->to_worker));
	return lane->backlog ? 0 : vly_fail(error, -ENOMEM, "out of memory");
}

void vly_lane_close(struct vly_lane *lane)
{
	vly_ring_close(lane->to_worker);
	vly_ring_close(lane->to_io);
	vly_ring_close(lane->spare);
	vly_ring_close(lane->large);
	if (lane->backlog)
		free(lane->backlog->slots);
	free(lane->backlog);
	*lane = (struct vly_lane){.to_worker = NULL};
}

// --- a full ring --------------------------------------------------------------------------------

static uint32_t push(struct vly_io *io, uint32_t index, struct vly_dgram **dgrams, uint32_t count)
{
	struct vly_worker *worker = &io->shared->workers[index];
	uint32_t pushed = vly_ring_push(io->lanes[index].to_worker, (void *const *)dgrams, count);

	if (pushed && vly_waker_is_asleep(&worker->waker))
		vly_waker_wake(&worker->waker);
	return pushed;
}

static struct vly_dgram *take_oldest(struct vly_backlog *backlog)
{
	struct vly_dgram *dgram = backlog->slots[backlog->head];

	backlog->head = (backlog->head + 1) & (backlog->size - 1);
	backlog->count--;
	return dgram;
}

// Lets datagrams wait; the oldest that have waited give way when there are too many.
static void let_wait(struct vly_io *io, struct vly_backlog *backlog, struct vly_dgram **dgrams,
		     uint32_t count)
{
	struct vly_dgram *oldest[VLY_LOOP_BURST];
	uint32_t dropped = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (backlog->count == backlog->size)
			oldest[dropped++] = take_oldest(backlog);
		backlog->slots[(backlog->head + backlog->count++) & (backlog->size - 1)] =
			dgrams[i];
	}
	vly_io_drop(io, oldest, dropped, VLY_DROP_RING_OLDEST);
}

// The newest are those that wait and, of the ring, so many that a ring is full of them all.
static void publish_floor(struct vly_lane *lane)
{
	struct vly_backlog *backlog = lane->backlog;
	uint32_t newest_in_ring = vly_ring_capacity(lane->to_worker) - backlog->count;

	atomic_store_explicit(&backlog->floor, backlog->pushed - newest_in_ring,
			      memory_order_relaxed);
}

static void give_or_let_wait(struct vly_io *io, uint32_t index, struct vly_dgram **dgrams,
			     uint32_t count)
{
	struct vly_lane *lane = &io->lanes[index];
	struct vly_backlog *backlog = lane->backlog;
	uint32_t pushed = 0;

	if (!backlog->count) // else it would overtake
		pushed = push(io, index, dgrams, count);
	backlog->pushed += pushed;
	if (pushed < count) {
		let_wait(io, backlog, dgrams + pushed, count - pushed);
		io->waiting_lanes |= UINT64_C(1) << index;
	}
	if (io->shared->overload == VLY_OVERLOAD_DROP_OLDEST)
		publish_floor(lane); // always: positions run free, and must not fall far behind
}

static void give(struct vly_io *io, uint32_t index, struct vly_dgram **dgrams, uint32_t count)
{
	uint32_t pushed;

	if (io->lanes[index].backlog) {
		give_or_let_wait(io, index, dgrams, count);
		return;
	}
	pushed = push(io, index, dgrams, count);
	if (VLY_UNLIKELY(pushed < count))
		vly_io_drop(io, dgrams + pushed, count - pushed, VLY_DROP_RING_FULL);
}

static uint32_t move_waiting(struct vly_io *io, uint32_t index)
{
	struct vly_backlog *backlog = io->lanes[index].backlog;
	uint32_t moved = 0;

	while (backlog->count) {
		uint32_t run = backlog->size - backlog->head;
		uint32_t pushed;

		if (run > backlog->count)
			run = backlog->count;
		pushed = push(io, index, backlog->slots + backlog->head, run);
		backlog->head = (backlog->head + pushed) & (backlog->size - 1);
		backlog->count -= pushed;
		backlog->pushed += pushed; // the floor stays: what moved is as new as before
		moved += pushed;
		if (pushed < run)
			return moved;
	}
	io->waiting_lanes &= ~(UINT64_C(1) << index);
	return moved;
}

uint32_t vly_steer_waiting(struct vly_io *io)
{
	uint32_t moved = 0;

	for (uint64_t lanes = io->waiting_lanes; lanes; lanes &= lanes - 1)
		moved += move_waiting(io, (uint32_t)__builtin_ctzll(lanes));
	return moved;
}

void vly_steer_abandon(struct vly_io *io)
{
	for (uint64_t lanes = io->waiting_lanes; lanes; lanes &= lanes - 1) {
		struct vly_backlog *backlog = io->lanes[__builtin_ctzll(lanes)].backlog;

		while (backlog->count) {
			struct vly_dgram *dgram = take_oldest(backlog);

			vly_io_drop(io, &dgram, 1, VLY_DROP_STOPPING);
		}
	}
	io->waiting_lanes = 0;
}

uint32_t vly_steer_count_old(struct vly_backlog *backlog, uint32_t count)
{
	uint32_t floor = atomic_load_explicit(&backlog->floor, memory_order_relaxed);
	int32_t old = (int32_t)(floor - backlog->popped);

	backlog->popped += count;
	if (old <= 0)
		return 0;
	return (uint32_t)old < count ? (uint32_t)old : count;
}

// --- steering -----------------------------------------------------------------------------------
//
// Each function writes the owner of each datagram, and returns a bit for each worker that gets any.

static uint64_t assign_by_flow(const struct vly_io *io, struct vly_dgram *const *dgrams,
			       uint32_t count, uint8_t *owner)
{
	uint32_t worker_count = io->shared->worker_count;
	uint64_t owners = 0;

	for (uint32_t i = 0; i < count; i++) {
		owner[i] = (uint8_t)(((uint64_t)dgrams[i]->flow_hash * worker_count) >> 32);
		owners |= UINT64_C(1) << owner[i];
	}
	return owners;
}

static uint64_t assign_in_turn(struct vly_io *io, uint32_t count, uint8_t *owner)
{
	uint32_t worker_count = io->shared->worker_count;
	uint32_t next = io->next_worker;
	uint64_t owners = 0;

	for (uint32_t i = 0; i < count; i++) {
		owner[i] = (uint8_t)next;
		owners |= UINT64_C(1) << next;
		next = next + 1 < worker_count ? next + 1 : 0;
	}
	io->next_worker = next;
	return owners;
}

static uint32_t load_of(const struct vly_lane *lane)
{
	return vly_ring_count(lane->to_worker) + (lane->backlog ? lane->backlog->count : 0);
}

// The least loaded, the next in turn of several: else a quiet engine would use one worker alone.
static uint32_t find_emptiest(const uint32_t *loads, uint32_t worker_count, uint32_t first)
{
	uint32_t best = first;
	uint32_t w = first;

	for (uint32_t i = 1; i < worker_count; i++) {
		w = w + 1 < worker_count ? w + 1 : 0;
		if (loads[w] < loads[best])
			best = w;
	}
	return best;
}

static uint64_t assign_to_emptiest(struct vly_io *io, uint32_t count, uint8_t *owner)
{
	uint32_t worker_count = io->shared->worker_count;
	uint32_t loads[VLY_WORKERS_MAX];
	uint64_t owners = 0;

	for (uint32_t w = 0; w < worker_count; w++)
		loads[w] = load_of(&io->lanes[w]);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t best = find_emptiest(loads, worker_count, io->next_worker);

		loads[best]++;
		owner[i] = (uint8_t)best;
		owners |= UINT64_C(1) << best;
		io->next_worker = best + 1 < worker_count ? best + 1 : 0;
	}
	return owners;
}

static uint64_t assign(struct vly_io *io, struct vly_dgram *const *dgrams, uint32_t count,
		       uint8_t *owner)
{
	switch (io->shared->steer) {
	case VLY_STEER_ROUND_ROBIN:
		return assign_in_turn(io, count, owner);
	case VLY_STEER_LEAST_LOADED:
		return assign_to_emptiest(io, count, owner);
	case VLY_STEER_FLOW:
		break;
	}
	return assign_by_flow(io, dgrams, count, owner);
}

void vly_steer_burst(struct vly_io *io, struct vly_dgram **dgrams, uint32_t count)
{
	struct vly_dgram *mine[VLY_LOOP_BURST];
	uint8_t owner[VLY_LOOP_BURST];
	uint64_t owners;

	if (io->shared->worker_count == 1) {
		give(io, 0, dgrams, count);
		return;
	}
	for (owners = assign(io, dgrams, count, owner); owners; owners &= owners - 1) {
		uint32_t index = (uint32_t)__builtin_ctzll(owners);
		uint32_t n = 0;

		for (uint32_t i = 0; i < count; i++) {
			if (owner[i] == index)
				mine[n++] = dgrams[i];
		}
		give(io, index, mine, n);
	}
}
