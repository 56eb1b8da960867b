// SPDX-License-Identifier: BSD-3-Clause
//
// The ring's life and its check; everything on a datagram's path is inline in spsc.h.
#include "ring/spsc.h"

#include <errno.h>
#include <stdlib.h>

#include "core/fail.h"

static uint32_t round_up_to_power_of_two(uint32_t n)
{
	uint32_t power = 1;

	while (power < n)
		power <<= 1;
	return power;
}

int vly_ring_open(struct vly_ring **ring, uint32_t capacity, struct vly_error *error)
{
	return vly_ring_open_at(ring, capacity, 0, error);
}

int vly_ring_open_at(struct vly_ring **ring, uint32_t capacity, uint32_t start,
		     struct vly_error *error)
{
	struct vly_ring *opened;
	size_t size_bytes;

	if (capacity == 0 || capacity > VLY_RING_CAPACITY_MAX)
		return vly_fail(error, -EINVAL, "ring: size %u is not possible; give 1 to %u",
				capacity, (uint32_t)VLY_RING_CAPACITY_MAX);

	capacity = round_up_to_power_of_two(capacity);
	// A guard behind the last slot too, whatever the allocator puts there.
	size_bytes = sizeof(*opened) + capacity * sizeof(opened->slots[0]);
	size_bytes = (size_bytes + 2 * VLY_RING_GUARD_BYTES - 1) / VLY_RING_GUARD_BYTES *
		     VLY_RING_GUARD_BYTES;
	opened = aligned_alloc(VLY_RING_GUARD_BYTES, size_bytes);
	if (!opened)
		return vly_fail(error, -ENOMEM,
				"ring: no memory for %u slots (%zu bytes); ask for fewer", capacity,
				size_bytes);

	*opened = (struct vly_ring){.capacity = capacity, .mask = capacity - 1};
	// Also writes every slot, so that no page fault is left for the path of a datagram.
	for (uint32_t i = 0; i < capacity; i++)
		opened->slots[i].item = vly_ring_free_mark(opened);
	atomic_init(&opened->producer.tail, start);
	atomic_init(&opened->consumer.head, start);
	*ring = opened;
	return 0;
}

void vly_ring_close(struct vly_ring *ring)
{
	free(ring);
}

bool vly_ring_invariants(const struct vly_ring *ring)
{
	const uint32_t tail = vly_ring_own_index(&ring->producer.tail);
	const uint32_t head = vly_ring_own_index(&ring->consumer.head);

	if (ring->capacity == 0 || (ring->capacity & ring->mask) != 0 ||
	    ring->mask != ring->capacity - 1 || tail - head > ring->capacity)
		return false;
	for (uint32_t i = 0; i < ring->capacity; i++) {
		if (vly_ring_slot_is_free(ring, head + i) != (i >= tail - head))
			return false;
	}
	return true;
}
