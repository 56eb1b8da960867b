// SPDX-License-Identifier: BSD-3-Clause
//
// A tap's ring, both sides of it in one thread: what goes in comes out, over its end, when it is
// full, and when the other side lies.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tap/lane.h"
#include "tap/pcapng.h"
#include "tap/read.h"

enum {
	RING_BYTES = 4096,
	PAYLOAD = 100,
	BURST = 8,
	OUT_BYTES = 1 << 20,
};

struct dgram {
	struct vly_dgram dgram;
	uint8_t payload[PAYLOAD];
};

// One queue, one tap.
struct pair {
	uint8_t *memory;
	struct vly_tap_watch watch;
	struct vly_tap tap;
	struct dgram dgrams[BURST];
	struct vly_dgram *burst[BURST];
	uint8_t *out;
};

static struct pair *open_pair(void)
{
	const struct vly_tap_page page = {
		.ring_count = 1, .ring_bytes = RING_BYTES, .snap_bytes = PAYLOAD};
	uint64_t bytes = vly_tap_memory_bytes(1, RING_BYTES);
	struct pair *pair = aligned_alloc(128, (sizeof(*pair) + 127) / 128 * 128);

	memset(pair, 0, sizeof(*pair));
	pair->memory = aligned_alloc(VLY_TAP_PAGE_ALIGN, bytes);
	pair->out = malloc(OUT_BYTES);
	memset(pair->memory, 0, bytes);
	memcpy(pair->memory, &page, sizeof(page));
	pair->tap.fd = -1;
	assert_int_equal(vly_tap_view(&pair->tap, pair->memory, bytes), 0);
	pair->watch.attached = 1;
	pair->watch.lanes[0] = (struct vly_tap_lane){
		.points = VLY_TAP_ALL,
		.snap_bytes = PAYLOAD,
		.ring = pair->tap.rings,
		.bytes = pair->memory + vly_tap_data_offset(1),
		.size = RING_BYTES,
	};
	for (uint32_t i = 0; i < BURST; i++) {
		struct vly_dgram *dgram = &pair->dgrams[i].dgram;

		dgram->peer = (struct vly_addr){{[10] = 0xff, [11] = 0xff, [12] = 10}, 1000};
		dgram->rx_ns = 1;
		dgram->data_offset = offsetof(struct dgram, payload);
		dgram->len = PAYLOAD;
		pair->burst[i] = dgram;
	}
	return pair;
}

static void close_pair(struct pair *pair)
{
	free(pair->memory);
	free(pair->out);
	free(pair);
}

static void show(struct pair *pair, uint32_t count)
{
	vly_tap_show(&pair->watch, pair->burst, count, VLY_TAP_IN, 1);
}

static int64_t take(struct pair *pair, uint32_t packets)
{
	return vly_tap_read(&pair->tap, pair->out, OUT_BYTES, packets, 0);
}

static struct vly_tap_counts counts(const struct pair *pair)
{
	struct vly_tap_counts now;

	vly_tap_read_counts(&pair->tap, &now);
	return now;
}

static void what_goes_in_comes_out(void **state)
{
	struct pair *pair = open_pair();
	uint64_t total = 0;

	(void)state;
	// Bursts of any size, so that each way to meet the ring's end comes.
	for (uint32_t i = 0; i < 1000; i++) {
		uint32_t count = 1 + i % BURST;

		for (uint32_t d = 0; d < count; d++) {
			pair->dgrams[d].dgram.len = (uint16_t)((i * 7 + d) % (PAYLOAD + 1));
			memset(pair->dgrams[d].payload, (int)(total + d), PAYLOAD);
		}
		show(pair, count);
		total += count;
		assert_true(take(pair, UINT32_MAX) > 0);
		assert_int_equal(counts(pair).read, total);
	}
	assert_int_equal(take(pair, 1), 0);
	assert_int_equal(counts(pair).taken, total);
	assert_int_equal(counts(pair).missed, 0);
	close_pair(pair);
}

static void a_full_ring_is_counted(void **state)
{
	struct pair *pair = open_pair();
	uint64_t taken;

	(void)state;
	for (uint32_t i = 0; i < 20; i++)
		show(pair, BURST);
	taken = counts(pair).taken;
	assert_in_range(taken, 1, RING_BYTES / PAYLOAD);
	assert_int_equal(counts(pair).missed, 20 * BURST - taken);
	assert_true(take(pair, 1) > 0); // makes room for one
	show(pair, BURST);
	assert_int_equal(counts(pair).taken, taken + 1);
	assert_true(take(pair, UINT32_MAX) > 0);
	assert_int_equal(counts(pair).read, taken + 1);
	close_pair(pair);
}

static void a_tap_that_lies_makes_the_ring_look_full(void **state)
{
	static const uint64_t lies[] = {UINT64_MAX, 1ULL << 63, RING_BYTES * 2, 1};
	struct pair *pair = open_pair();
	uint64_t before;

	(void)state;
	for (uint32_t i = 0; i < 20; i++)
		show(pair, BURST);
	before = counts(pair).taken;
	for (uint32_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		atomic_store(&pair->tap.rings[0].tail, lies[i]);
		show(pair, 1);
		assert_int_equal(counts(pair).taken, before);
	}
	// It may take its word back, and finds what it has not read.
	atomic_store(&pair->tap.rings[0].tail, 0);
	assert_true(take(pair, UINT32_MAX) > 0);
	assert_int_equal(counts(pair).read, before);
	show(pair, 1);
	assert_int_equal(counts(pair).taken, before + 1);
	close_pair(pair);
}

static void an_engine_that_lies_is_found_out(void **state)
{
	static const uint64_t heads[] = {4, RING_BYTES + 8, UINT64_MAX - 7, 16};
	const uint64_t bytes = vly_tap_memory_bytes(1, RING_BYTES);

	(void)state;
	for (uint32_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct pair *pair = open_pair();

		assert_true(take(pair, 1) > 0); // the file's beginning
		atomic_store(&pair->tap.rings[0].head, heads[i]);
		assert_int_equal(take(pair, 1), -EBADMSG);
		close_pair(pair);
	}
	for (uint32_t i = 0; i < 5; i++) {
		struct pair *pair = open_pair();
		struct vly_tap_page *page = (void *)pair->memory;
		uint64_t size = bytes;

		page->ring_count = i == 0 ? 65 : 1;
		page->ring_bytes = i == 1 ? RING_BYTES - 1 : RING_BYTES;
		page->snap_bytes = i == 2 ? 65536 : PAYLOAD;
		page->wire_count = i == 3 ? VLY_PORTS_MAX + 1 : 0;
		size -= i == 4;
		assert_int_equal(vly_tap_view(&pair->tap, pair->memory, size), -EBADMSG);
		close_pair(pair);
	}
}

// A frame that is dropped begins with its IP header, and a filter looks at that.
static void frames_are_seen_by_their_packets(void **state)
{
	static const uint8_t ip[] = {0x45, 0,  0, 29, 0, 0, 0, 0,  64, 17, 0, 0, 10, 0,  0,
				     2,    10, 0, 0,  1, 4, 0, 35, 40, 0,  9, 0, 0,  'x'};
	struct pair *pair = open_pair();
	struct dgram *frame = &pair->dgrams[0];
	struct vly_tap_record record;

	(void)state;
	memset(frame->payload, 0, PAYLOAD);
	frame->payload[12] = 8;
	memcpy(frame->payload + 14, ip, sizeof(ip));
	frame->dgram.len = 14 + sizeof(ip);
	pair->watch.lanes[0].queue = 3;
	pair->watch.lanes[0].filter.port = 9000;
	vly_tap_show_drop(&pair->watch.drops, &frame->dgram, VLY_DROP_UDP_CHECKSUM, true);
	memcpy(&record, pair->watch.lanes[0].bytes, sizeof(record));
	assert_int_equal(record.point, VLY_TAP_DROP);
	assert_int_equal(record.drop, VLY_DROP_UDP_CHECKSUM);
	assert_true(record.has_headers);
	assert_false(record.is_outbound);
	assert_int_equal(record.len, sizeof(ip));
	assert_int_equal(record.queue, 3);
	assert_int_equal(record.target.port, 9000);
	assert_memory_equal(pair->watch.lanes[0].bytes + sizeof(record), ip, sizeof(ip));
	frame->payload[14 + 23] = 41; // another port
	vly_tap_show_drop(&pair->watch.drops, &frame->dgram, VLY_DROP_NO_LISTENER, true);
	frame->payload[12] = 9; // no IP
	vly_tap_show_drop(&pair->watch.drops, &frame->dgram, VLY_DROP_ETHERTYPE, true);
	assert_int_equal(counts(pair).taken, 1);
	assert_int_equal(counts(pair).filtered, 2);
	assert_true(take(pair, 9) > 0);
	close_pair(pair);
}

static void a_block_fits_its_room(void **state)
{
	static uint8_t payload[PAYLOAD];
	uint8_t bytes[PAYLOAD + VLY_PCAPNG_AROUND_BYTES];
	char name[200];

	(void)state;
	for (uint32_t drop = 0; drop <= VLY_DROP_COUNT; drop++) {
		const struct vly_pcapng_packet packet = {.id = 1,
							 .missed = 1,
							 .drop = (uint8_t)drop,
							 .captured = PAYLOAD,
							 .len = PAYLOAD};

		assert_true(vly_pcapng_packet(bytes, &packet, payload) <= sizeof(bytes));
	}
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_true(vly_pcapng_interface(bytes, name, name, 1) <= VLY_PCAPNG_INTERFACE_BYTES);
	assert_true(vly_pcapng_section(bytes) <= VLY_PCAPNG_SECTION_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_comes_out),
		cmocka_unit_test(a_full_ring_is_counted),
		cmocka_unit_test(a_tap_that_lies_makes_the_ring_look_full),
		cmocka_unit_test(an_engine_that_lies_is_found_out),
		cmocka_unit_test(frames_are_seen_by_their_packets),
		cmocka_unit_test(a_block_fits_its_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
