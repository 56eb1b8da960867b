// SPDX-License-Identifier: BSD-3-Clause
//
// One stack behind standard input and output, for scapy_peer.py to speak to. Records in: a letter,
// a length (2 bytes, big-endian) and so many bytes:
//
//     F  a frame. Out comes D and the reply to what it delivered, its payload turned round; R and
//        the stack's own answer; A; or X and the number of the reason
//     S  16 bytes of address, 2 of port and a payload to send. T and the frame; W; or X
//     P  8 bytes of time to poll at. T and a frame, for each; in the end E
//
// Records out are of the same form.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frames.h"
#include "stations.h"

enum {
	SPARES = 4,
	ADDRESS_BYTES = 18, // with the port
	HELD = 64,
};

struct peer {
	struct vly_stack *stack;
	struct frame frame;
	struct frame spares[SPARES];
	struct frame held[HELD];
	struct frame split[VLY_STACK_SPLIT_MAX];
	uint32_t held_count;
};

static void put(char letter, const uint8_t *bytes, size_t len)
{
	uint8_t head[3] = {(uint8_t)letter, (uint8_t)(len >> 8), (uint8_t)len};

	fwrite(head, 1, sizeof(head), stdout);
	if (len)
		fwrite(bytes, 1, len, stdout);
	fflush(stdout);
}

static void put_dgram(char letter, const struct vly_dgram *dgram)
{
	put(letter, vly_dgram_data(dgram), dgram->len);
}

static void put_reason(enum vly_drop reason)
{
	uint8_t number = (uint8_t)reason;

	put('X', &number, 1);
}

static void turn_round(uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len / 2; i++) {
		uint8_t byte = bytes[i];

		bytes[i] = bytes[len - 1 - i];
		bytes[len - 1 - i] = byte;
	}
}

// The frames of what leaves in several, and an end.
static void put_split(struct peer *peer)
{
	struct vly_dgram *frames[VLY_STACK_SPLIT_MAX];
	uint32_t count = vly_stack_split_count(peer->stack);

	for (uint32_t i = 0; i < count; i++) {
		frame_clear(&peer->split[i]);
		frames[i] = &peer->split[i].dgram;
	}
	if (!vly_stack_split(peer->stack, frames))
		exit(1);
	for (uint32_t i = 0; i < count; i++)
		put_dgram('T', frames[i]);
	put('E', NULL, 0);
}

// A datagram that came in fragments goes back as any other.
static void whole_in(struct peer *peer)
{
	struct vly_stack_whole whole = vly_stack_take_whole(peer->stack);
	enum vly_drop reason = whole.reason;

	if (whole.verdict == VLY_STACK_DELIVER) {
		turn_round(vly_dgram_data(whole.dgram), whole.dgram->len);
		whole.dgram->fate = VLY_FATE_REPLY;
		if (vly_stack_output(peer->stack, whole.dgram, 1, &reason) == VLY_STACK_SPLIT)
			put_split(peer);
		else
			put_reason(reason);
	} else if (whole.verdict == VLY_STACK_REPLY) {
		put_split(peer);
	} else {
		put_reason(reason);
	}
	vly_stack_large_give(peer->stack, whole.dgram);
}

static void frame_in(struct peer *peer, const uint8_t *bytes, size_t len)
{
	struct vly_dgram *dgram = &peer->frame.dgram;
	enum vly_drop reason = VLY_DROP_COUNT;

	frame_set(&peer->frame, bytes, len);
	switch (vly_stack_input(peer->stack, dgram, 1, &reason)) {
	case VLY_STACK_DELIVER:
		turn_round(vly_dgram_data(dgram), dgram->len);
		dgram->fate = VLY_FATE_REPLY;
		if (vly_stack_output(peer->stack, dgram, 1, &reason) == VLY_STACK_TRANSMIT)
			put_dgram('D', dgram);
		else
			put_reason(reason);
		break;
	case VLY_STACK_REPLY:
		put_dgram('R', dgram);
		break;
	case VLY_STACK_ABSORBED:
		put('A', NULL, 0);
		break;
	case VLY_STACK_DROP:
		put_reason(reason);
		break;
	case VLY_STACK_HELD:
		put('H', NULL, 0);
		break;
	case VLY_STACK_WHOLE:
		whole_in(peer);
		break;
	}
}

static void datagram_out(struct peer *peer, const uint8_t *bytes, size_t len)
{
	struct frame *frame = &peer->held[peer->held_count % HELD];
	struct vly_dgram *dgram = &frame->dgram;
	enum vly_drop reason = VLY_DROP_COUNT;

	if (len < ADDRESS_BYTES)
		exit(1);
	frame_clear(frame);
	memcpy(dgram->peer.ip, bytes, 16);
	dgram->peer.port = (uint16_t)(bytes[16] << 8 | bytes[17]);
	dgram->fate = VLY_FATE_SEND;
	dgram->len = (uint16_t)(len - ADDRESS_BYTES);
	memcpy(frame->bytes, bytes + ADDRESS_BYTES, dgram->len);
	switch (vly_stack_output(peer->stack, dgram, 1, &reason)) {
	case VLY_STACK_TRANSMIT:
		put_dgram('T', dgram);
		break;
	case VLY_STACK_WAIT:
		peer->held_count++;
		put('W', NULL, 0);
		break;
	case VLY_STACK_REFUSED:
		put_reason(reason);
		break;
	case VLY_STACK_SPLIT:
		put_split(peer);
		break;
	}
}

static void poll_at(struct peer *peer, const uint8_t *bytes)
{
	struct vly_dgram *spares[SPARES];
	struct vly_stack_poll out;
	uint64_t now_ns = 0;
	uint32_t taken;

	for (int i = 0; i < 8; i++)
		now_ns = now_ns << 8 | bytes[i];
	for (int i = 0; i < SPARES; i++) {
		frame_clear(&peer->spares[i]);
		spares[i] = &peer->spares[i].dgram;
	}
	taken = vly_stack_poll(peer->stack, spares, SPARES, now_ns, &out);
	for (uint32_t i = 0; i < taken; i++)
		put_dgram('T', spares[SPARES - 1 - i]);
	for (uint32_t i = 0; i < out.frame_count; i++)
		put_dgram('T', out.frames[i]);
	put('E', NULL, 0);
}

int main(void)
{
	struct peer *peer = aligned_alloc(64, sizeof(*peer));
	uint8_t head[3];
	uint8_t bytes[FRAME_BYTES];

	if (!peer)
		return 1;
	memset(peer, 0, sizeof(*peer));
	peer->stack = station_open_fresh(&(struct station){0});
	while (fread(head, 1, sizeof(head), stdin) == sizeof(head)) {
		size_t len = (size_t)head[1] << 8 | head[2];

		if (len > sizeof(bytes) || fread(bytes, 1, len, stdin) != len)
			break;
		if (head[0] == 'F')
			frame_in(peer, bytes, len);
		else if (head[0] == 'S')
			datagram_out(peer, bytes, len);
		else if (head[0] == 'P' && len == 8)
			poll_at(peer, bytes);
		else
			break;
	}
	vly_stack_close(peer->stack);
	free(peer);
	return 0;
}
