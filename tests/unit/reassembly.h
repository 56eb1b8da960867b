// SPDX-License-Identifier: BSD-3-Clause
//
// What the tests of reassembly have in common: a stack, a datagram, and its fragments one by one.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "one_stack.h"
#include "pieces.h"
#include "stack/large.h"
#include "stack/reassembly.h"

enum {
	LARGEST = 65507,
	CHUNK = 1400,
	L4_IP4 = 34, // where UDP begins in a frame
	SECOND = 1000000000,
};

static uint64_t now_ns;
static struct vly_stack_poll polled;
static struct frame spares[4];
static struct vly_dgram *spare[4];
static uint32_t taken;

static uint8_t payload[LARGEST];
static uint8_t packet[PIECES_BYTES];
static size_t packet_len;

static inline int open_stack(void **state)
{
	(void)state;
	now_ns = 1;
	stack = station_open(&(struct station){.config.large_count = 80});
	for (uint32_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 167 + (i >> 8));
	return 0;
}

static enum vly_drop reason;

static inline enum vly_stack_verdict input(struct frame *frame)
{
	reason = VLY_DROP_COUNT;
	frame->dgram.rx_ns = now_ns;
	return vly_stack_input(stack, &frame->dgram, now_ns, &reason);
}

static inline void make_packet(bool is_ipv6, size_t len)
{
	packet_len = piece_whole(packet, is_ipv6, payload, len);
}

// The fragment of the present packet from `offset` on.
static inline enum vly_stack_verdict give(uint32_t id, uint32_t offset, uint32_t len)
{
	struct frame frame;
	size_t l4 = packet[12] == 0x86 ? 54 : L4_IP4;

	if (offset + len > packet_len - l4)
		len = (uint32_t)(packet_len - l4) - offset;
	piece_cut(&frame, packet, packet_len, id, offset, len);
	return input(&frame);
}

static inline void assert_dropped(enum vly_stack_verdict verdict, enum vly_drop expected)
{
	assert_int_equal(verdict, VLY_STACK_DROP);
	assert_string_equal(vly_drop_name(reason), vly_drop_name(expected));
}

static inline void poll(void)
{
	for (uint32_t i = 0; i < 4; i++) {
		frame_clear(&spares[i]);
		spare[i] = &spares[i].dgram;
	}
	taken = vly_stack_poll(stack, spare, 4, now_ns, &polled);
}

// The datagram that has just become whole is right, and goes away.
static inline void assert_whole(uint32_t fragments, size_t len)
{
	struct vly_stack_whole whole = vly_stack_take_whole(stack);

	assert_int_equal(whole.verdict, VLY_STACK_DELIVER);
	assert_int_equal(whole.fragments, fragments);
	assert_int_equal(whole.dgram->len, len);
	assert_int_equal(whole.dgram->capacity, VLY_DGRAM_BYTES_MAX);
	assert_int_equal(whole.dgram->rx_ns, now_ns);
	assert_int_equal(whole.dgram->peer.port, 1234);
	assert_int_equal(whole.dgram->local.port, 9000);
	assert_int_not_equal(whole.dgram->flow_hash, 0);
	assert_memory_equal(vly_dgram_data(whole.dgram), payload, len);
	vly_stack_large_give(stack, whole.dgram);
}

static inline void assert_nothing_out(void)
{
	assert_false(vly_stack_large_is_out(stack));
}
