// SPDX-License-Identifier: BSD-3-Clause
#include "tap/lane.h"

#include <string.h>

#include "core/clock.h"
#include "tap/seen.h"

void vly_tap_switch(struct vly_tap_switch *self, struct vly_ledger_block *ledger)
{
	// Pairs with the release of who wants it: the lanes are as they were made.
	uint32_t wanted = atomic_load_explicit(&self->wanted, memory_order_acquire);

	self->own->attached = wanted;
	self->watch = wanted ? self->own : NULL;
	ledger->watch = wanted ? &self->own->drops : NULL;
	// Whoever sees this knows that the lanes left out are not touched any more.
	atomic_store_explicit(&self->taken, wanted, memory_order_release);
}

// --- into a ring --------------------------------------------------------------------------------

// Whether `need` bytes from head on are free. What the tap says it has read is looked at only when
// there seems to be too little, and not believed where it cannot be.
static bool has_room(struct vly_tap_lane *lane, uint64_t need)
{
	if (lane->head + need - lane->tail <= lane->size)
		return true;
	lane->tail = atomic_load_explicit(&lane->ring->tail, memory_order_acquire);
	if (lane->head - lane->tail > lane->size) { // from the future, or overwritten: full
		lane->tail = lane->head - lane->size;
		return false;
	}
	return lane->head + need - lane->tail <= lane->size;
}

static void miss(struct vly_tap_lane *lane)
{
	lane->missed++;
	lane->missed_since++;
}

// Puts a record there, with the first bytes of its payload.
static void put(struct vly_tap_lane *lane, struct vly_tap_record *record, const uint8_t *payload)
{
	uint64_t at = lane->head & (lane->size - 1);
	uint64_t to_end = lane->size - at;
	uint64_t skip;

	record->captured =
		record->len < lane->snap_bytes ? record->len : (uint16_t)lane->snap_bytes;
	record->size = (uint32_t)(sizeof(*record) + record->captured + VLY_TAP_RECORD_ALIGN - 1) &
		       ~(VLY_TAP_RECORD_ALIGN - 1u);
	record->missed = lane->missed_since;
	skip = record->size > to_end ? to_end : 0;
	if (!has_room(lane, skip + record->size)) {
		miss(lane);
		return;
	}
	if (skip) {
		const uint64_t filler = to_end; // its size; kind 0

		memcpy(lane->bytes + at, &filler, sizeof(filler));
		lane->head += skip;
		at = 0;
	}
	memcpy(lane->bytes + at, record, sizeof(*record));
	memcpy(lane->bytes + at + sizeof(*record), payload, record->captured);
	lane->head += record->size;
	lane->missed_since = 0;
	lane->taken++;
}

// The counts first: who has read to the head has them.
static void publish(struct vly_tap_lane *lane)
{
	struct vly_tap_ring *ring = lane->ring;

	atomic_store_explicit(&ring->taken, lane->taken, memory_order_relaxed);
	atomic_store_explicit(&ring->missed, lane->missed, memory_order_relaxed);
	atomic_store_explicit(&ring->filtered, lane->filtered, memory_order_relaxed);
	atomic_store_explicit(&ring->head, lane->head, memory_order_release);
}

// --- what is put there --------------------------------------------------------------------------

static void describe(struct vly_tap_record *record, const struct vly_dgram *dgram,
		     enum vly_tap_point point, bool is_outbound, uint64_t time_ns)
{
	bool has_class = !is_outbound || dgram->fate == VLY_FATE_SEND; // a reply has the presets

	*record = (struct vly_tap_record){
		.point = (uint8_t)point,
		.drop = VLY_DROP_COUNT,
		.is_outbound = is_outbound,
		.time_ns = time_ns,
		.id = point == VLY_TAP_OUT ? 0 : vly_seen_id(dgram),
		.source = is_outbound ? vly_seen_local(dgram) : dgram->peer,
		.target = is_outbound ? dgram->peer : vly_seen_local(dgram),
		.link = dgram->link,
		.len = dgram->len,
		.queue = dgram->queue,
		.ttl = has_class ? dgram->ttl : 0,
		.tos = has_class ? dgram->tos : 0,
	};
}

static void show_to(struct vly_tap_lane *lane, struct vly_dgram *const *dgrams, uint32_t count,
		    enum vly_tap_point point, uint64_t now_ns)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct vly_dgram *dgram = dgrams[i];
		struct vly_tap_record record;

		if (!vly_filter_takes(&lane->filter, &dgram->peer, &dgram->local)) {
			lane->filtered++;
			continue;
		}
		describe(&record, dgram, point, point == VLY_TAP_OUT,
			 point == VLY_TAP_IN && dgram->rx_ns ? dgram->rx_ns : now_ns);
		put(lane, &record, vly_dgram_data(dgram));
	}
	publish(lane);
}

void vly_tap_show(struct vly_tap_watch *watch, struct vly_dgram *const *dgrams, uint32_t count,
		  enum vly_tap_point point, uint64_t now_ns)
{
	for (uint32_t i = 0; i < VLY_TAPS_MAX; i++) {
		if (watch->attached >> i & 1 && watch->lanes[i].points & point)
			show_to(&watch->lanes[i], dgrams, count, point, now_ns);
	}
}

// --- what is dropped ----------------------------------------------------------------------------

static void drop_datagram(struct vly_tap_lane *lane, const struct vly_dgram *dgram,
			  enum vly_drop reason)
{
	struct vly_tap_record record;

	if (!vly_filter_takes(&lane->filter, &dgram->peer, &dgram->local)) {
		lane->filtered++;
		return;
	}
	describe(&record, dgram, VLY_TAP_DROP, reason >= VLY_DROP_TX_NO_BUFFER, vly_clock_ns());
	record.drop = (uint8_t)reason;
	put(lane, &record, vly_dgram_data(dgram));
}

static void drop_frame(struct vly_tap_lane *lane, const struct vly_dgram *frame,
		       enum vly_drop reason)
{
	const uint8_t *bytes = vly_dgram_data(frame);
	struct vly_filter_packet packet;
	struct vly_tap_record record;

	if (!vly_filter_find_packet(&packet, bytes, frame->len) ||
	    !vly_filter_takes(&lane->filter, &packet.from, &packet.to)) {
		lane->filtered++;
		return;
	}
	describe(&record, frame, VLY_TAP_DROP, reason >= VLY_DROP_TX_NO_BUFFER, vly_clock_ns());
	record.queue = lane->queue;
	record.source = packet.from;
	record.target = packet.to;
	record.drop = (uint8_t)reason;
	record.has_headers = true;
	record.id = 0;
	record.len = (uint16_t)(frame->len - packet.offset);
	put(lane, &record, bytes + packet.offset);
}

void vly_tap_show_drop(struct vly_drop_watch *watch, const struct vly_dgram *dgram,
		       enum vly_drop reason, bool is_frame)
{
	struct vly_tap_watch *self = (struct vly_tap_watch *)watch;

	for (uint32_t i = 0; i < VLY_TAPS_MAX; i++) {
		struct vly_tap_lane *lane = &self->lanes[i];

		if (!(self->attached >> i & 1) || !(lane->points & VLY_TAP_DROP))
			continue;
		if (is_frame)
			drop_frame(lane, dgram, reason);
		else
			drop_datagram(lane, dgram, reason);
		publish(lane);
	}
}
