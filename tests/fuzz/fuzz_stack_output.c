// SPDX-License-Identifier: BSD-3-Clause
//
// Datagrams of any shape out of a stack, with neighbours that answer or do not. The input is
//
//     1 byte   of the stack: 1 VLAN 5, 2 no gateways, 4 checksums left to the device
//     and records of 44 bytes: 16 peer, 16 local, 2 peer's port, 2 len, 2 capacity, 1 headroom,
//     1 ttl, 1 tos, 1 flags (see enum record_flag), 2 seconds that pass before
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endings.h"
#include "frames.h"
#include "pieces.h"
#include "stations.h"

enum {
	RECORD_BYTES = 44,
	HEADROOM_MAX = 128,
	CAPACITY_MAX = 4096,
	ROUNDS_MAX = 100,
	SECOND_NS = 1000000000,
};

enum record_flag {
	REPLY = 1,      // fate
	IPV4_PEER = 2,  // the peer's address is made an IPv4 one, of our prefix
	IPV4_LOCAL = 4, // the same of ours
	OPEN_LOCAL = 8, // left to the stack
	POLL = 16,
	ANSWER = 32, // neighbour requests of that poll are answered
};

struct run {
	struct vly_stack *stack;
	uint64_t now_ns;
	uint32_t held;
	bool is_offloading;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct endings fuzz_endings = {
	.verdict_names =
		{
			[VLY_STACK_TRANSMIT] = "transmitted",
			[VLY_STACK_WAIT] = "waited",
			[VLY_STACK_REFUSED] = "refused",
		},
	.first_drop = VLY_DROP_TX_OVERSIZE,
	.last_drop = VLY_DROP_TX_NO_NEIGHBOUR,
};

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

static struct vly_dgram *dgram_make(size_t headroom, size_t capacity)
{
	struct vly_dgram *dgram =
		aligned_alloc(64, (sizeof(*dgram) + headroom + capacity + 63) / 64 * 64);

	check(dgram != NULL, "memory");
	memset(dgram, 0, sizeof(*dgram) + headroom + capacity);
	dgram->data_offset = (int32_t)(sizeof(*dgram) + headroom);
	dgram->capacity = (uint16_t)capacity;
	return dgram;
}

static void check_frame(const struct run *run, const struct vly_dgram *dgram)
{
	const char *wrong;

	check(dgram->data_offset >= (int32_t)sizeof(*dgram), "a frame begins in its buffer");
	check(dgram->len <= dgram->capacity, "a frame ends in its buffer");
	check(dgram->len <= 1518, "a frame is no longer than the link takes");
	if (run->is_offloading && dgram->link & (VLY_FRAME_UDP_CSUM | VLY_FRAME_IP_CSUM))
		return;
	wrong = frame_is_wrong(vly_dgram_data(dgram), dgram->len);
	check(wrong == NULL, wrong);
}

// What leaves in several frames must make one packet again.
static void check_split(const struct run *run)
{
	static struct pieces pieces;
	const char *wrong = pieces_take(&pieces, run->stack, 1500);

	check(wrong == NULL, wrong);
	pieces_free(&pieces);
}

// Turns a request of the stack into its answer.
static void answer(struct run *run, const struct vly_dgram *request)
{
	const uint8_t *p = vly_dgram_data(request);
	const uint8_t *l3 = p + (request->link & 0xff);
	enum vly_drop reason = VLY_DROP_COUNT;
	static struct frame frame;
	uint8_t message[32] = {136, 0, 0, 0, 0x60};

	if (request->link & VLY_FRAME_IPV6) {
		if (l3[40] != 135)
			return;
		memcpy(message + 8, l3 + 48, 16);
		frame_build(&frame, &(struct frame_spec){.dst = "fd00::1",
							 .ttl = 255,
							 .protocol = 58,
							 .payload = message,
							 .payload_len = 24});
	} else {
		frame_arp(&frame, 2, frame_peer_mac, "10.0.0.2", "10.0.0.1");
		memcpy(frame.bytes + 28, l3 + 24, 4);
	}
	vly_stack_input(run->stack, &frame.dgram, run->now_ns, &reason);
}

static void poll(struct run *run, uint32_t spare_count, bool is_answered)
{
	struct vly_dgram *spares[4];
	struct vly_stack_poll out;
	uint32_t taken;

	for (uint32_t i = 0; i < spare_count; i++)
		spares[i] = dgram_make(96, 256);
	taken = vly_stack_poll(run->stack, spares, spare_count, run->now_ns, &out);
	check(taken <= spare_count, "no more spares are taken than there are");
	for (uint32_t i = 0; i < spare_count; i++) {
		if (i >= spare_count - taken) {
			check_frame(run, spares[i]);
			if (is_answered)
				answer(run, spares[i]);
		}
		free(spares[i]);
	}
	for (uint32_t i = 0; i < out.frame_count; i++) {
		check_frame(run, out.frames[i]);
		free(out.frames[i]);
	}
	for (uint32_t i = 0; i < out.refused_count; i++) {
		check(out.refused[i]->fate < VLY_DROP_COUNT, "a refusal has a reason");
		fuzz_endings.drops[out.refused[i]->fate]++;
		free(out.refused[i]);
	}
	if (out.split)
		check_split(run);
	free(out.split);
	check(out.frame_count + out.refused_count + !!out.split <= run->held,
	      "only what was kept comes back");
	run->held -= out.frame_count + out.refused_count + !!out.split;
}

static struct vly_dgram *datagram_read(const uint8_t *p)
{
	size_t capacity = ((size_t)p[36] << 8 | p[37]) % CAPACITY_MAX;
	struct vly_dgram *dgram = dgram_make(p[38] % HEADROOM_MAX, capacity);
	uint8_t flags = p[41];

	memcpy(dgram->peer.ip, p, 16);
	if (!(flags & OPEN_LOCAL))
		memcpy(dgram->local.ip, p + 16, 16);
	if (flags & IPV4_PEER)
		frame_ip(dgram->peer.ip, "10.0.0.0");
	dgram->peer.ip[15] = p[15];
	if (flags & IPV4_LOCAL)
		frame_ip(dgram->local.ip, "10.0.0.1");
	dgram->peer.port = (uint16_t)(p[32] << 8 | p[33]);
	dgram->len = (uint16_t)(p[34] << 8 | p[35]);
	dgram->ttl = p[39];
	dgram->tos = p[40];
	dgram->fate = flags & REPLY ? VLY_FATE_REPLY : VLY_FATE_SEND;
	return dgram;
}

static void one_datagram(struct run *run, const uint8_t *p)
{
	struct vly_dgram *dgram = datagram_read(p);
	struct vly_dgram before = *dgram;
	enum vly_drop reason = VLY_DROP_COUNT;
	enum vly_stack_output_verdict verdict;

	verdict = vly_stack_output(run->stack, dgram, run->now_ns, &reason);
	fuzz_endings.verdicts[verdict]++;
	switch (verdict) {
	case VLY_STACK_TRANSMIT:
		check_frame(run, dgram);
		break;
	case VLY_STACK_WAIT:
		check(!memcmp(dgram, &before, sizeof(before)), "what waits is unchanged");
		run->held++;
		return;
	case VLY_STACK_REFUSED:
		check(reason < VLY_DROP_COUNT, "a refusal has a reason");
		fuzz_endings.drops[reason]++;
		check(!memcmp(dgram, &before, sizeof(before)), "what is refused is unchanged");
		break;
	case VLY_STACK_SPLIT:
		check(!memcmp(dgram, &before, sizeof(before)), "what is split is unchanged");
		check_split(run);
		break;
	}
	free(dgram);
}

static void finish(struct run *run)
{
	for (int i = 0; i < ROUNDS_MAX && run->held > 0; i++) {
		run->now_ns += 3600u * (uint64_t)SECOND_NS;
		poll(run, 0, false);
	}
	check(run->held == 0, "what was kept comes back");
	vly_stack_close(run->stack);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct station station = {0};
	struct run run = {0};

	if (size < 1)
		return 0;
	station.config.vlan = data[0] & 1 ? 5 : 0;
	if (!(data[0] & 2)) {
		station.routes[0] = "10.0.0.254";
		station.routes[1] = "fd00::fe";
	}
	run.is_offloading = data[0] & 4;
	if (run.is_offloading)
		station.config.link.offloads_tx = VLY_FRAME_IP_CSUM | VLY_FRAME_UDP_CSUM;
	run.stack = station_open(&station);
	for (data++, size--; size >= RECORD_BYTES; data += RECORD_BYTES, size -= RECORD_BYTES) {
		run.now_ns += (uint64_t)(data[42] << 8 | data[43]) * (SECOND_NS / 16);
		one_datagram(&run, data);
		if (data[41] & POLL)
			poll(&run, data[43] % 4, data[41] & ANSWER);
	}
	finish(&run);
	return 0;
}
