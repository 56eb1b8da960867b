// SPDX-License-Identifier: BSD-3-Clause
//
// From rings to a pcapng file. What stands in the rings is another process's, so each number is
// looked at once, copied, and checked.
#include "tap/read.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "tap/pcapng.h"

enum {
	NAP_MS_FIRST = 1, // between two looks at rings in which there was nothing
	NAP_MS_MAX = 16,
	NS_PER_MS = 1000000,
	PACKET_ROOM = UINT16_MAX + VLY_PCAPNG_AROUND_BYTES + VLY_PCAPNG_INTERFACE_BYTES,
};

_Static_assert(PACKET_ROOM + VLY_PCAPNG_SECTION_BYTES <= VLY_TAP_READ_BYTES_MIN,
	       "there is room for one packet at least");

int vly_tap_view(struct vly_tap *tap, uint8_t *memory, uint64_t bytes)
{
	struct vly_tap_page *page = &tap->page;

	if (bytes < VLY_TAP_PAGE_BYTES)
		return -EBADMSG;
	memcpy(page, memory, sizeof(*page));
	if (!page->ring_count || page->ring_count > VLY_QUEUES_MAX ||
	    page->wire_count > VLY_PORTS_MAX || page->ring_bytes > VLY_TAP_BUFFER_MAX ||
	    page->ring_bytes < VLY_TAP_RECORD_ALIGN || page->ring_bytes & (page->ring_bytes - 1) ||
	    page->snap_bytes > UINT16_MAX ||
	    vly_tap_memory_bytes(page->ring_count, page->ring_bytes) != bytes)
		return -EBADMSG;
	for (uint32_t i = 0; i < page->wire_count; i++)
		page->wires[i].name[VLY_WIRE_NAME_BYTES - 1] = '\0';
	tap->memory = memory;
	tap->bytes = bytes;
	tap->rings = (struct vly_tap_ring *)(void *)(memory + VLY_TAP_PAGE_BYTES);
	tap->data = memory + vly_tap_data_offset(page->ring_count);
	return 0;
}

// --- one ring -----------------------------------------------------------------------------------

struct found {
	struct vly_tap_record record;
	const uint8_t *payload;
};

static bool is_sound(const struct vly_tap *tap, const struct vly_tap_record *record, uint64_t there)
{
	return record->size >= sizeof(*record) && record->size <= there &&
	       record->size % VLY_TAP_RECORD_ALIGN == 0 && record->captured <= record->len &&
	       record->captured <= record->size - sizeof(*record) &&
	       record->captured <= tap->page.snap_bytes && record->drop <= VLY_DROP_COUNT;
}

// The ring's next record, which stays there. Returns 1, 0 (none) or -EBADMSG.
static int peek(struct vly_tap *tap, uint32_t index, struct found *found)
{
	const uint8_t *data = tap->data + (uint64_t)index * tap->page.ring_bytes;
	uint64_t head = atomic_load_explicit(&tap->rings[index].head, memory_order_acquire);

	for (;;) {
		uint64_t at = tap->tails[index] & (tap->page.ring_bytes - 1);
		uint64_t there = head - tap->tails[index];
		uint64_t to_end = tap->page.ring_bytes - at;
		uint64_t first;

		if (!there)
			return 0;
		if (there > tap->page.ring_bytes || there % VLY_TAP_RECORD_ALIGN)
			return -EBADMSG;
		memcpy(&first, data + at, sizeof(first));
		there = there < to_end ? there : to_end;
		if (first == to_end && first == there) { // of kind 0: what follows begins anew
			tap->tails[index] += to_end;
			continue;
		}
		if (there < sizeof(found->record))
			return -EBADMSG;
		memcpy(&found->record, data + at, sizeof(found->record));
		found->payload = data + at + sizeof(found->record);
		return found->record.point && is_sound(tap, &found->record, there) ? 1 : -EBADMSG;
	}
}

// The oldest of all rings' next records. Returns 1, 0 or -EBADMSG; *index is its ring.
static int find_oldest(struct vly_tap *tap, struct found *oldest, uint32_t *index)
{
	int count = 0;

	for (uint32_t i = 0; i < tap->page.ring_count; i++) {
		struct found found = {.payload = NULL};
		int rc = peek(tap, i, &found);

		if (rc < 0)
			return rc;
		if (!rc || (count && found.record.time_ns >= oldest->record.time_ns))
			continue;
		*oldest = found;
		*index = i;
		count = 1;
	}
	return count;
}

// --- into a file --------------------------------------------------------------------------------

static uint64_t find_epoch_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec - vly_clock_ns();
}

static uint32_t write_packet(struct vly_tap *tap, const struct found *found, uint64_t epoch_ns,
			     uint8_t *bytes)
{
	const struct vly_tap_record *record = &found->record;
	struct vly_pcapng_packet packet = {
		.source = record->source,
		.target = record->target,
		.time_ns = record->time_ns + epoch_ns,
		.id = record->id,
		.direction = record->is_outbound ? VLY_PCAPNG_OUTBOUND : VLY_PCAPNG_INBOUND,
		.queue = record->queue,
		.missed = record->missed,
		.drop = record->drop,
		.has_headers = record->has_headers != 0,
		.ttl = record->ttl,
		.tos = record->tos,
		.len = record->len,
		.captured = record->captured,
	};
	uint32_t used;

	packet.interface = vly_interfaces_find(&tap->interfaces, tap->page.wires,
					       tap->page.wire_count, record->queue, record->link,
					       tap->page.snap_bytes, bytes, &used);
	return used + vly_pcapng_packet(bytes + used, &packet, found->payload);
}

static void give_back(struct vly_tap *tap)
{
	for (uint32_t i = 0; i < tap->page.ring_count; i++)
		atomic_store_explicit(&tap->rings[i].tail, tap->tails[i], memory_order_release);
}

// What there is now.
static int64_t read_some(struct vly_tap *tap, uint8_t *bytes, uint32_t size, uint32_t packets)
{
	uint64_t epoch_ns = find_epoch_ns();
	uint32_t used = 0;
	int rc = 1;

	for (uint32_t i = 0; i < packets && size - used >= PACKET_ROOM; i++) {
		struct found found = {.payload = NULL};
		uint32_t index = 0;

		rc = find_oldest(tap, &found, &index);
		if (rc <= 0)
			break;
		used += write_packet(tap, &found, epoch_ns, bytes + used);
		tap->tails[index] += found.record.size;
		tap->read++;
	}
	give_back(tap);
	if (rc < 0 && !used)
		return rc;
	return used;
}

// Waits a moment, or for the engine's end. What it has put there before its end is still read.
static void nap(struct vly_tap *tap, int ms)
{
	struct pollfd engine = {.fd = tap->fd, .events = POLLIN | POLLRDHUP};

	if (poll(&engine, 1, ms) > 0)
		tap->has_ended = true;
}

int64_t vly_tap_read(struct vly_tap *tap, uint8_t *bytes, uint32_t size, uint32_t packets,
		     uint64_t timeout_ns)
{
	uint64_t start_ns = vly_clock_ns();
	uint32_t used = 0;
	int nap_ms = NAP_MS_FIRST;

	if (size < VLY_TAP_READ_BYTES_MIN)
		return -EINVAL;
	if (!tap->has_begun)
		used = vly_pcapng_section(bytes);
	tap->has_begun = true;
	for (;;) {
		bool has_ended = tap->has_ended; // before the look: an empty one is then the last
		int64_t n = read_some(tap, bytes + used, size - used, packets);

		if (n || used)
			return n < 0 ? n : n + used;
		if (has_ended)
			return -EPIPE;
		if (vly_clock_ns() - start_ns >= timeout_ns)
			return 0;
		nap(tap, nap_ms);
		nap_ms = nap_ms < NAP_MS_MAX ? nap_ms * 2 : NAP_MS_MAX;
	}
}

void vly_tap_read_counts(const struct vly_tap *tap, struct vly_tap_counts *counts)
{
	*counts = (struct vly_tap_counts){.read = tap->read};
	for (uint32_t i = 0; i < tap->page.ring_count; i++) {
		const struct vly_tap_ring *ring = &tap->rings[i];

		counts->taken += atomic_load_explicit(&ring->taken, memory_order_relaxed);
		counts->missed += atomic_load_explicit(&ring->missed, memory_order_relaxed);
		counts->filtered += atomic_load_explicit(&ring->filtered, memory_order_relaxed);
	}
}
