// SPDX-License-Identifier: BSD-3-Clause
//
// What captures and taps are told and find. The first byte of the input says what the rest is:
//
//     K    keys of the handler capture, as after -H: then some datagrams pass it
//     F    one byte (bits of a prefix), two (a port), and an Ethernet frame that was dropped
//     R    what an engine has put into the memory that it shares with a tap
//
// Prefixes are compared with a model that goes bit by bit; what a tap writes must be whole blocks
// of pcapng whatever it reads.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <volley/kit.h>

#include "endings.h"
#include "tap/read.h"

enum {
	KEYS_MAX = 200,
	ADDR_BITS = 128,
	RING_BYTES = 4096,
	BLOCK_BYTES_MIN = 12,
};

enum verdict {
	VERDICT_KEYS,
	VERDICT_BAD_KEYS,
	VERDICT_TAKEN,
	VERDICT_LEFT,
	VERDICT_NO_PACKET,
	VERDICT_READ,
	VERDICT_BAD_RING,
};

struct endings fuzz_endings = {
	.verdict_names = {"keys", "bad keys", "frame taken", "frame left", "no packet", "ring",
			  "bad ring"},
	.first_drop = VLY_DROP_COUNT,
};

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz_capture: not so: %s\n", what);
	abort();
}

// --- keys ---------------------------------------------------------------------------------------

static void remove_all(const char *folder)
{
	char name[64];

	snprintf(name, sizeof(name), "%s/x_00001.pcapng", folder);
	unlink(name);
	rmdir(folder);
}

static void try_keys(const uint8_t *data, size_t size)
{
	char folder[] = "/tmp/fuzz-capture-XXXXXX";
	char keys[KEYS_MAX + 64];
	const struct vly_kit_config config = {.links = {{NULL, keys}, {NULL, "echo"}}};
	struct vly_kit *kit = NULL;

	if (size > KEYS_MAX || memchr(data, '\0', size))
		return;
	check(mkdtemp(folder) != NULL, "a folder can be made");
	snprintf(keys, sizeof(keys), "capture,file=%s/x,records=64,%.*s", folder, (int)size,
		 (const char *)data);
	if (vly_kit_open(&kit, &config, NULL)) {
		fuzz_endings.verdicts[VERDICT_BAD_KEYS]++;
	} else {
		fuzz_endings.verdicts[VERDICT_KEYS]++;
		vly_kit_receive(kit, "10.0.0.1:1000", "four", 4);
		vly_kit_receive(kit, "[fd00::1]:1001", "six", 3);
		vly_kit_run(kit);
		check(vly_kit_count(kit, VLY_FATE_REPLY) == 2, "a capture changes nothing");
		check(vly_kit_metric(kit, "captured") + vly_kit_metric(kit, "filtered") +
				      vly_kit_metric(kit, "missed") ==
			      4,
		      "each that passed is counted once");
		check(!vly_kit_complaint(kit), "it does what handlers may");
		vly_kit_close(kit);
	}
	remove_all(folder);
}

// --- frames -------------------------------------------------------------------------------------

static bool has_prefix(const uint8_t *ip, const uint8_t *prefix, uint32_t bits)
{
	for (uint32_t i = 0; i < bits; i++) {
		if ((ip[i / 8] ^ prefix[i / 8]) >> (7 - i % 8) & 1)
			return false;
	}
	return true;
}

static void try_frame(const uint8_t *data, size_t size)
{
	struct vly_filter filter = {.port = 0};
	struct vly_filter_packet packet;
	const uint8_t *frame = data + 3;
	bool takes;

	if (size < 3 || size - 3 > UINT16_MAX)
		return;
	if (!vly_filter_find_packet(&packet, frame, (uint32_t)(size - 3))) {
		fuzz_endings.verdicts[VERDICT_NO_PACKET]++;
		return;
	}
	check(packet.offset <= size - 3, "a packet lies in its frame");
	filter.prefix.bits = data[0] % (ADDR_BITS + 1);
	memcpy(filter.prefix.ip, packet.from.ip, sizeof(filter.prefix.ip));
	filter.prefix.ip[data[1] % 16] ^= data[2];
	filter.port = (uint16_t)(data[0] & 1 ? data[1] << 8 | data[2] : 0);
	takes = (!filter.port || packet.from.port == filter.port ||
		 packet.to.port == filter.port) &&
		(has_prefix(packet.from.ip, filter.prefix.ip, filter.prefix.bits) ||
		 has_prefix(packet.to.ip, filter.prefix.ip, filter.prefix.bits));
	check(vly_filter_takes(&filter, &packet.from, &packet.to) == takes,
	      "a filter takes what its prefix and port say");
	fuzz_endings.verdicts[takes ? VERDICT_TAKEN : VERDICT_LEFT]++;
}

// --- rings --------------------------------------------------------------------------------------

static void check_blocks(const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		uint32_t head[2];
		uint32_t tail;

		check(size >= BLOCK_BYTES_MIN, "a block is whole");
		memcpy(head, bytes, sizeof(head));
		check(head[1] >= BLOCK_BYTES_MIN && head[1] <= size && head[1] % 4 == 0,
		      "a block has a length");
		memcpy(&tail, bytes + head[1] - sizeof(tail), sizeof(tail));
		check(tail == head[1], "a block's length stands at its end, too");
		bytes += head[1];
		size -= head[1];
	}
}

// The page is sound, and the ring's position and bytes are the input's.
static void try_ring(const uint8_t *data, size_t size)
{
	static uint8_t out[VLY_TAP_READ_BYTES_MIN];
	uint64_t bytes = vly_tap_memory_bytes(1, RING_BYTES);
	uint8_t *memory = aligned_alloc(VLY_TAP_PAGE_ALIGN, bytes);
	const struct vly_tap_page page = {
		.ring_count = 1, .ring_bytes = RING_BYTES, .snap_bytes = 1024};
	struct vly_tap_ring *ring = (void *)(memory + VLY_TAP_PAGE_BYTES);
	struct vly_tap tap = {.fd = -1};
	uint16_t head;
	int64_t n;

	if (size < sizeof(head) || size - sizeof(head) > RING_BYTES) {
		free(memory);
		return;
	}
	memset(memory, 0, bytes);
	memcpy(memory, &page, sizeof(page));
	memcpy(&head, data, sizeof(head));
	memcpy(memory + vly_tap_data_offset(1), data + sizeof(head), size - sizeof(head));
	atomic_store(&ring->head, head);
	check(vly_tap_view(&tap, memory, bytes) == 0, "the page is sound");
	while ((n = vly_tap_read(&tap, out, sizeof(out), 2, 0)) > 0)
		check_blocks(out, (size_t)n);
	check(n == 0 || n == -EBADMSG, "it ends");
	fuzz_endings.verdicts[n ? VERDICT_BAD_RING : VERDICT_READ]++;
	free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	switch (data[0]) {
	case 'K':
		try_keys(data + 1, size - 1);
		break;
	case 'F':
		try_frame(data + 1, size - 1);
		break;
	case 'R':
		try_ring(data + 1, size - 1);
		break;
	default:
		break;
	}
	return 0;
}
