// SPDX-License-Identifier: BSD-3-Clause
//
// Frames into a whole stack, and what it delivers or answers out again. The input is
//
//     1 byte   of the stack: 1 VLAN 5, 2 client, 4 checksums left to the device, 8 more buffers
//     and for each frame
//     1 byte   1 and 2: the device verified IP, UDP; 4: right checksums are put in before;
//              8: poll before; 16: the reply's payload is moved; 32: it is sent, not replied
//     1 byte   room behind the frame, and by how much the payload moves
//     2 bytes  length, big-endian
//     n bytes  frame
//
// Fragments meet each other in the stack's table, so an input of several frames is also one of its
// states. Each frame, each fragment that was kept and each datagram must end exactly once.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endings.h"
#include "frames.h"
#include "pieces.h"
#include "stations.h"
#include "straight.h"

enum {
	HEADROOM = 96,
	FRAME_MAX = 2000,
	HELD_MAX = 512,
	LARGE_COUNT = 8,       // fewer than the table has places
	LARGE_COUNT_MORE = 20, // more than one source may have
	SECOND_NS = 1000000000,
};

enum record_flag {
	VERIFIED_IP = 1,
	VERIFIED_UDP = 2,
	FIX = 4,
	POLL = 8,
	MOVE = 16,
	SEND = 32,
};

struct run {
	struct vly_stack *stack;
	uint64_t now_ns;
	uint32_t held;      // by the stack
	uint32_t fragments; // kept by it
	bool is_offloading;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct endings fuzz_endings = {
	.verdict_names =
		{
			[VLY_STACK_DELIVER] = "delivered",
			[VLY_STACK_REPLY] = "answered",
			[VLY_STACK_ABSORBED] = "absorbed",
			[VLY_STACK_DROP] = "dropped",
			[VLY_STACK_HELD] = "held",
			[VLY_STACK_WHOLE] = "whole",
		},
	.first_drop = VLY_DROP_FRAME_SHORT,
	.last_drop = VLY_DROP_NO_LISTENER,
};

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

static struct vly_dgram *dgram_make(size_t capacity)
{
	struct vly_dgram *dgram =
		aligned_alloc(64, (sizeof(*dgram) + HEADROOM + capacity + 63) / 64 * 64);

	check(dgram != NULL, "memory");
	memset(dgram, 0, sizeof(*dgram));
	dgram->data_offset = (int32_t)sizeof(*dgram) + HEADROOM;
	dgram->capacity = (uint16_t)capacity;
	return dgram;
}

static void check_frame(const struct run *run, const struct vly_dgram *dgram)
{
	const char *wrong;

	check(dgram->data_offset >= (int32_t)sizeof(*dgram), "a frame begins in its buffer");
	check(dgram->len <= dgram->capacity, "a frame ends in its buffer");
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

static void dgram_free(const struct run *run, struct vly_dgram *dgram)
{
	if (dgram && vly_stack_large_has(run->stack, dgram))
		vly_stack_large_give(run->stack, dgram);
	else
		free(dgram);
}

static void poll(struct run *run, uint32_t spare_count)
{
	struct vly_dgram *spares[4];
	struct vly_stack_poll out;
	uint32_t taken;

	for (uint32_t i = 0; i < spare_count; i++)
		spares[i] = dgram_make(FRAME_MAX);
	taken = vly_stack_poll(run->stack, spares, spare_count, run->now_ns, &out);
	check(taken <= spare_count, "no more spares are taken than there are");
	for (uint32_t i = 0; i < spare_count; i++) {
		if (i >= spare_count - taken)
			check_frame(run, spares[i]);
		free(spares[i]);
	}
	for (uint32_t i = 0; i < out.frame_count; i++) {
		check_frame(run, out.frames[i]);
		free(out.frames[i]);
	}
	for (uint32_t i = 0; i < out.refused_count; i++) {
		check(out.refused[i]->fate < VLY_DROP_COUNT, "a refusal has a reason");
		dgram_free(run, out.refused[i]);
	}
	if (out.split)
		check_split(run);
	dgram_free(run, out.split);
	check(out.frame_count + out.refused_count + !!out.split <= run->held,
	      "only what was kept comes back");
	run->held -= out.frame_count + out.refused_count + !!out.split;
	for (uint32_t i = 0; i < VLY_DROP_COUNT; i++) {
		check(out.lost[i] <= run->fragments, "no more fragments are lost than were kept");
		run->fragments -= out.lost[i];
		fuzz_endings.drops[i] += out.lost[i];
	}
}

static void put_sum(uint8_t *p, uint16_t sum)
{
	p[0] = (uint8_t)(sum >> 8);
	p[1] = (uint8_t)sum;
}

// Right checksums for UDP and ICMP directly in IP, so that what lies behind them is reached.
static void fix_transport(uint8_t *l4, size_t len, uint8_t protocol, const uint8_t *addrs,
			  size_t addrs_len)
{
	size_t at = protocol == 17 ? 6 : 2;
	uint8_t tail[4] = {0, protocol, (uint8_t)(len >> 8), (uint8_t)len};
	uint16_t sum = frame_sum(frame_sum(0, addrs, addrs_len), tail, 4);

	if (len < 8 || (protocol != 1 && protocol != 17 && protocol != 58))
		return;
	put_sum(l4 + at, 0);
	put_sum(l4 + at, (uint16_t)~frame_sum(protocol == 1 ? 0 : sum, l4, len));
}

static void fix(uint8_t *p, size_t len)
{
	size_t l2 = len > 18 && p[12] == 0x81 && p[13] == 0 ? 18 : 14;
	size_t header;
	size_t total;

	if (len < l2 + 40)
		return;
	p += l2;
	len -= l2;
	if (p[0] >> 4 == 6) {
		total = (size_t)p[4] << 8 | p[5];
		if (total + 40 <= len)
			fix_transport(p + 40, total, p[6], p + 8, 32);
		return;
	}
	header = (size_t)(p[0] & 0xf) * 4;
	total = (size_t)p[2] << 8 | p[3];
	if (header < 20 || total < header || total > len)
		return;
	put_sum(p + 10, 0);
	put_sum(p + 10, (uint16_t)~frame_sum(0, p, header));
	fix_transport(p + header, total - header, p[9], p + 12, 8);
}

// What a handler may do: move the payload, change it, reply or send.
static void answer(struct run *run, struct vly_dgram *dgram, uint8_t flags, uint8_t extra)
{
	enum vly_drop reason = VLY_DROP_COUNT;
	int32_t move = flags & MOVE ? (int8_t)extra : 0;

	if (move <= dgram->len && dgram->data_offset + move >= (int32_t)sizeof(*dgram)) {
		dgram->data_offset += move;
		dgram->capacity = (uint16_t)(dgram->capacity - move);
		dgram->len = (uint16_t)(dgram->len - move);
	}
	dgram->fate = flags & SEND ? VLY_FATE_SEND : VLY_FATE_REPLY;
	switch (straight_output(run->stack, dgram, run->now_ns, &reason, NULL)) {
	case VLY_STACK_TRANSMIT:
		check_frame(run, dgram);
		break;
	case VLY_STACK_WAIT:
		run->held++;
		return;
	case VLY_STACK_REFUSED:
		check(reason < VLY_DROP_COUNT, "a refusal has a reason");
		break;
	case VLY_STACK_SPLIT:
		check_split(run);
		break;
	}
	dgram_free(run, dgram);
}

// A datagram that came in fragments.
static void one_whole(struct run *run, uint8_t flags, uint8_t extra)
{
	struct vly_stack_whole whole = vly_stack_take_whole(run->stack);

	check(whole.fragments - 1 <= run->fragments, "only what was kept becomes whole");
	run->fragments -= whole.fragments - 1;
	check(vly_stack_large_has(run->stack, whole.dgram), "it lies in a large buffer");
	switch (whole.verdict) {
	case VLY_STACK_DELIVER:
		check(whole.dgram->len <= whole.dgram->capacity, "a payload is in its buffer");
		check(whole.dgram->flow_hash != 0, "a flow has a hash");
		answer(run, whole.dgram, flags, extra);
		return;
	case VLY_STACK_REPLY:
		check_split(run);
		break;
	case VLY_STACK_DROP:
		check(whole.reason < VLY_DROP_COUNT, "a drop has a reason");
		break;
	default:
		check(whole.verdict == VLY_STACK_ABSORBED, "a verdict for a whole datagram");
		break;
	}
	dgram_free(run, whole.dgram);
}

static void one_frame(struct run *run, const uint8_t *bytes, size_t len, uint8_t flags,
		      uint8_t extra)
{
	enum vly_drop reason = VLY_DROP_COUNT;
	struct vly_dgram *dgram = dgram_make(len + (flags & MOVE ? 0 : extra));
	uint8_t *p = vly_dgram_data(dgram);
	const uint8_t *end = p + dgram->capacity;
	enum vly_stack_verdict verdict;

	memcpy(p, bytes, len);
	if (flags & FIX)
		fix(p, len);
	dgram->len = (uint16_t)len;
	dgram->link = (flags & VERIFIED_IP ? VLY_FRAME_IP_CSUM : 0) |
		      (flags & VERIFIED_UDP ? VLY_FRAME_UDP_CSUM : 0);
	dgram->rx_ns = 1;
	verdict = straight_input(run->stack, dgram, run->now_ns, &reason, NULL);
	fuzz_endings.verdicts[verdict]++;
	switch (verdict) {
	case VLY_STACK_DELIVER:
		check(vly_dgram_data(dgram) + dgram->len <= p + len, "a payload is in its frame");
		check(vly_dgram_data(dgram) + dgram->capacity == end, "capacity ends as before");
		check(dgram->flow_hash != 0, "a flow has a hash");
		answer(run, dgram, flags, extra);
		return;
	case VLY_STACK_REPLY:
		check_frame(run, dgram);
		break;
	case VLY_STACK_ABSORBED:
		break;
	case VLY_STACK_DROP:
		check(reason < VLY_DROP_COUNT, "a drop has a reason");
		fuzz_endings.drops[reason]++;
		break;
	case VLY_STACK_HELD:
		run->fragments++;
		break;
	case VLY_STACK_WHOLE:
		one_whole(run, flags, extra);
		break;
	}
	free(dgram);
}

static void finish(struct run *run)
{
	for (int i = 0; i < HELD_MAX && run->held + run->fragments > 0; i++) {
		run->now_ns += 3600u * (uint64_t)SECOND_NS;
		poll(run, 0);
	}
	check(run->held == 0, "what was kept comes back");
	check(run->fragments == 0, "what was kept of fragments ends");
	check(!vly_stack_large_is_out(run->stack), "no large buffer is lost");
	vly_stack_close(run->stack);
}

// 239.1.1.1, 232.1.1.1 from 10.0.0.2, ff15::1, and ff35::1 from fd00::2.
static void join_groups(struct vly_stack_config *config)
{
	static const struct vly_group groups[] = {
		{.ip = {[10] = 0xff, 0xff, 239, 1, 1, 1}},
		{.ip = {[10] = 0xff, 0xff, 232, 1, 1, 1},
		 .source = {[10] = 0xff, 0xff, 10, [15] = 2}},
		{.ip = {0xff, 0x15, [15] = 1}},
		{.ip = {0xff, 0x35, [15] = 1}, .source = {0xfd, [15] = 2}},
	};

	config->groups = groups;
	config->group_count = sizeof(groups) / sizeof(groups[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct station station = {.routes = {"10.0.0.254"}};
	struct run run = {0};

	if (size < 1)
		return 0;
	join_groups(&station.config);
	station.config.vlan = data[0] & 1 ? 5 : 0;
	station.is_client = data[0] & 2;
	run.is_offloading = data[0] & 4;
	if (run.is_offloading)
		station.config.link.offloads_tx = VLY_FRAME_IP_CSUM | VLY_FRAME_UDP_CSUM;
	station.config.large_count = data[0] & 8 ? LARGE_COUNT_MORE : LARGE_COUNT;
	run.stack = station_open(&station);
	for (data++, size--; size >= 4;) {
		size_t len = (size_t)data[2] << 8 | data[3];

		if (len > size - 4)
			len = size - 4;
		if (len > FRAME_MAX)
			len = FRAME_MAX;
		if (data[0] & POLL) {
			run.now_ns += SECOND_NS;
			poll(&run, data[1] % 4);
		}
		one_frame(&run, data + 4, len, data[0], data[1]);
		data += 4 + len;
		size -= 4 + len;
	}
	finish(&run);
	return 0;
}
