// SPDX-License-Identifier: BSD-3-Clause
//
// A stack that is a member of groups, its reports byte by byte, and routers' questions.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/group.h"
#include "frames.h"
#include "one_stack.h"

enum {
	S = 1000000000,
	SPARES = 4,
	GROUPS = 8,
	L3 = 14,
	IGMP = L3 + 24, // behind a router alert
	MLD = L3 + 48,
	ICMPV6 = 58,
	HOP_BY_HOP = 0,
};

static struct frame spares[SPARES];
static struct vly_group groups[GROUPS];
static uint64_t due_ns;

static inline void open_with(const char *const *texts, struct vly_stack_config config)
{
	struct station station = {.config = config};
	struct vly_error error;

	for (; texts[station.config.group_count]; station.config.group_count++)
		assert_int_equal(vly_group_parse(&groups[station.config.group_count],
						 texts[station.config.group_count], &error),
				 0);
	station.config.groups = groups;
	stack = station_open_fresh(&station);
}

static inline uint32_t poll_at(uint64_t now_ns)
{
	struct vly_dgram *list[SPARES];
	struct vly_stack_poll out;

	for (int i = 0; i < SPARES; i++) {
		frame_clear(&spares[i]);
		list[i] = &spares[i].dgram;
	}
	return vly_stack_poll(stack, list, SPARES, now_ns, &out);
}

// The next moment that a poll is due, to a millisecond, looked for from now_ns on.
static inline uint64_t next_due(uint64_t now_ns, uint64_t end_ns)
{
	for (due_ns = now_ns; due_ns < end_ns; due_ns += S / 1000)
		if (vly_stack_poll_is_due(stack, due_ns))
			return due_ns;
	return end_ns;
}

// The announcements of the two addresses, and then what is said of groups.
static inline uint32_t begin(void)
{
	uint32_t count = poll_at(0);

	assert_true(count >= 2);
	return count - 2;
}

// The frame that was made as the nth of a poll.
static inline const uint8_t *made(uint32_t nth)
{
	const struct vly_dgram *dgram = &spares[SPARES - 1 - nth].dgram;

	assert_null(frame_is_wrong(vly_dgram_data(dgram), dgram->len));
	return vly_dgram_data(dgram);
}

static inline void assert_bytes(const uint8_t *p, const char *text)
{
	uint8_t bytes[256];
	size_t len = frame_hex(bytes, text);

	assert_memory_equal(p, bytes, len);
}

// The whole message behind IPv4 and its option, but for the checksum, which must be right.
static inline void assert_igmp(uint32_t nth, const char *mac, const char *dst, const char *message)
{
	const uint8_t *p = made(nth);
	uint8_t bytes[256];
	size_t len = frame_hex(bytes, message);
	uint8_t ip[16];

	frame_ip(ip, dst);
	assert_bytes(p, mac);
	assert_memory_equal(p + 6, frame_our_mac, 6);
	assert_int_equal(spares[SPARES - 1 - nth].dgram.len, IGMP + len);
	assert_int_equal(p[L3], 0x46);
	assert_int_equal(p[L3 + 8], 1); // TTL
	assert_int_equal(p[L3 + 9], 2);
	assert_bytes(p + L3 + 12, "0a000001");
	assert_memory_equal(p + L3 + 16, ip + 12, 4);
	assert_bytes(p + L3 + 20, "94040000");
	assert_int_equal(frame_sum(0, p + IGMP, len), 0xffff);
	memcpy(bytes + 2, p + IGMP + 2, 2);
	assert_memory_equal(p + IGMP, bytes, len);
}

static inline void assert_mld(uint32_t nth, const char *mac, const char *dst, const char *message)
{
	const uint8_t *p = made(nth);
	uint8_t bytes[256];
	size_t len = frame_hex(bytes, message);
	uint8_t tail[8] = {0, 0, 0, (uint8_t)len, 0, 0, 0, ICMPV6};
	uint8_t ip[16];

	frame_ip(ip, dst);
	assert_bytes(p, mac);
	assert_int_equal(spares[SPARES - 1 - nth].dgram.len, MLD + len);
	assert_int_equal(p[L3 + 6], HOP_BY_HOP);
	assert_int_equal(p[L3 + 7], 1); // hop limit
	assert_bytes(p + L3 + 8, "fe80 0000 0000 0000 0000 00ff fe00 0001");
	assert_memory_equal(p + L3 + 24, ip, 16);
	assert_bytes(p + L3 + 40, "3a00 0502 0000 0100");
	assert_int_equal(frame_sum(frame_sum(frame_sum(0, p + L3 + 8, 32), tail, 8), p + MLD, len),
			 0xffff);
	memcpy(bytes + 2, p + MLD + 2, 2);
	assert_memory_equal(p + MLD, bytes, len);
}

// --- questions ----------------------------------------------------------------------------------

static inline enum vly_drop input(struct frame *frame, uint64_t now_ns)
{
	enum vly_drop reason = VLY_DROP_COUNT;

	if (vly_stack_input(stack, &frame->dgram, now_ns, &reason) != VLY_STACK_DROP)
		return VLY_DROP_COUNT;
	return reason;
}

// An IGMP message with the right checksum, where it is left as zeros.
static inline enum vly_drop igmp_from(const char *src, const char *dst, const char *message,
				      uint64_t now_ns)
{
	uint8_t bytes[256];
	size_t len = frame_hex(bytes, message);
	uint16_t sum = (uint16_t)~frame_sum(0, bytes, len);
	struct frame frame;

	if (len >= 4 && !bytes[2] && !bytes[3]) {
		bytes[2] = (uint8_t)(sum >> 8);
		bytes[3] = (uint8_t)sum;
	}
	frame_build(&frame, &(struct frame_spec){.dst_mac = frame_broadcast_mac,
						 .src = src,
						 .dst = dst,
						 .ttl = 1,
						 .protocol = 2,
						 .payload = bytes,
						 .payload_len = len});
	return input(&frame, now_ns);
}

static inline enum vly_drop igmp(const char *dst, const char *message, uint64_t now_ns)
{
	return igmp_from("10.0.0.254", dst, message, now_ns);
}

static inline enum vly_drop mld_from(const char *src, uint8_t ttl, const char *message,
				     uint64_t now_ns)
{
	static const uint8_t alert[] = {ICMPV6, 0, 5, 2, 0, 0, 1, 0};
	uint8_t bytes[256];
	size_t len = frame_hex(bytes, message);
	struct frame frame;

	frame_build(&frame, &(struct frame_spec){.dst_mac = frame_broadcast_mac,
						 .src = src,
						 .dst = "ff02::1",
						 .ttl = ttl,
						 .protocol = ICMPV6,
						 .options = alert,
						 .options_len = sizeof(alert),
						 .extension = HOP_BY_HOP,
						 .payload = bytes,
						 .payload_len = len});
	return input(&frame, now_ns);
}

static inline enum vly_drop mld(const char *message, uint64_t now_ns)
{
	return mld_from("fe80::9", 1, message, now_ns);
}

static const char *const any4[] = {"239.1.1.1", NULL};
static const char *const any6[] = {"ff15::1", NULL};
static const char *const from4[] = {"232.1.1.1,source=10.0.0.7", "232.1.1.1,source=10.0.0.8", NULL};
static const char *const from6[] = {"ff35::1,source=fd00::7", NULL};
static const char *const all_hosts[] = {"224.0.0.1", "ff02::1", "ff01::5", NULL};

static const char routers4[] = "01005e000016";
static const char routers6[] = "333300000016";
static const char general4[] = "11640000 00000000 027d0000"; // 10 s
static const char general6[] = "82000000 27100000 00000000000000000000000000000000 027d0000";
