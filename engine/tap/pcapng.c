// SPDX-License-Identifier: BSD-3-Clause
#include "tap/pcapng.h"

#include <stdio.h>
#include <string.h>

#include <volley/engine.h>

#include "stack/checksum.h"

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 6,
	ORDER_MARK = 0x1a2b3c4d,
	LINKTYPE_RAW = 101,
	OPTION_END = 0,
	SECTION_APPLICATION = 4,
	INTERFACE_NAME = 2,
	INTERFACE_DESCRIPTION = 3,
	INTERFACE_RESOLUTION = 9,
	RESOLUTION_NS = 9, // 10^-9 s
	PACKET_COMMENT = 1,
	PACKET_FLAGS = 2,
	PACKET_DROPS = 4,
	PACKET_ID = 5,
	PACKET_QUEUE = 6,
	TTL_DEFAULT = 64,
	UDP_BYTES = 8,
	IP4_BYTES = 20,
	IP6_BYTES = 40,
	PROTOCOL_UDP = 17,
};

// --- writing ------------------------------------------------------------------------------------

static uint8_t *put16(uint8_t *at, uint16_t value)
{
	memcpy(at, &value, sizeof(value));
	return at + sizeof(value);
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
	return at + sizeof(value);
}

static uint8_t *put_be16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return at + 2;
}

// With zeros up to a multiple of 4.
static uint8_t *put_padded(uint8_t *at, const void *bytes, uint32_t len)
{
	memcpy(at, bytes, len);
	memset(at + len, 0, -len & 3);
	return at + len + (-len & 3);
}

static uint8_t *put_option(uint8_t *at, uint16_t code, const void *bytes, uint32_t len)
{
	return put_padded(put16(put16(at, code), (uint16_t)len), bytes, len);
}

static uint8_t *put_text(uint8_t *at, uint16_t code, const char *text, uint32_t max)
{
	size_t len = strnlen(text, max);

	return put_option(at, code, text, (uint32_t)len);
}

// The options' end and the block's, whose length is now known and stands in both places.
static uint8_t *end_block(uint8_t *block, uint8_t *at)
{
	uint32_t length;

	at = put32(at, OPTION_END);
	length = (uint32_t)(at - block) + 4;
	put32(block + 4, length);
	return put32(at, length);
}

uint32_t vly_pcapng_section(uint8_t *bytes)
{
	const uint64_t unknown_length = UINT64_MAX;
	uint8_t *at = put32(put32(put32(bytes, BLOCK_SECTION), 0), ORDER_MARK);

	at = put16(put16(at, 1), 0); // version 1.0
	memcpy(at, &unknown_length, sizeof(unknown_length));
	at = put_text(at + sizeof(unknown_length), SECTION_APPLICATION, "volley",
		      VLY_PCAPNG_TEXT_BYTES_MAX);
	return (uint32_t)(end_block(bytes, at) - bytes);
}

uint32_t vly_pcapng_interface(uint8_t *bytes, const char *name, const char *description,
			      uint32_t snap_bytes)
{
	const uint8_t resolution = RESOLUTION_NS;
	uint8_t *at = put32(put32(bytes, BLOCK_INTERFACE), 0);

	at = put32(put16(put16(at, LINKTYPE_RAW), 0), snap_bytes + VLY_PCAPNG_HEADERS_BYTES);
	at = put_text(at, INTERFACE_NAME, name, VLY_PCAPNG_TEXT_BYTES_MAX);
	at = put_text(at, INTERFACE_DESCRIPTION, description, VLY_PCAPNG_TEXT_BYTES_MAX);
	at = put_option(at, INTERFACE_RESOLUTION, &resolution, sizeof(resolution));
	return (uint32_t)(end_block(bytes, at) - bytes);
}

// --- headers ------------------------------------------------------------------------------------

static uint8_t *put_ip4(uint8_t *at, const struct vly_pcapng_packet *packet)
{
	uint8_t *header = at;
	uint16_t sum;

	*at++ = 0x45;
	*at++ = packet->tos;
	at = put_be16(at, (uint16_t)(packet->len + UDP_BYTES + IP4_BYTES));
	memset(at, 0, 4); // identification, fragment
	at += 4;
	*at++ = packet->ttl ? packet->ttl : (uint8_t)TTL_DEFAULT;
	*at++ = PROTOCOL_UDP;
	at = put16(at, 0);
	memcpy(at, packet->source.ip + 12, 4);
	memcpy(at + 4, packet->target.ip + 12, 4);
	sum = vly_sum_finish(vly_sum(0, header, IP4_BYTES));
	put16(header + 10, sum);
	return at + 8;
}

static uint8_t *put_ip6(uint8_t *at, const struct vly_pcapng_packet *packet)
{
	*at++ = (uint8_t)(0x60 | packet->tos >> 4);
	*at++ = (uint8_t)(packet->tos << 4);
	at = put16(at, 0); // flow label
	at = put_be16(at, (uint16_t)(packet->len + UDP_BYTES));
	*at++ = PROTOCOL_UDP;
	*at++ = packet->ttl ? packet->ttl : (uint8_t)TTL_DEFAULT;
	memcpy(at, packet->source.ip, 16);
	memcpy(at + 16, packet->target.ip, 16);
	return at + 32;
}

// RFC 768: over a pseudo header, and 0 written as its other form.
static uint16_t udp_checksum(const struct vly_pcapng_packet *packet, uint32_t ip_offset,
			     const uint8_t *udp)
{
	uint32_t len = packet->len + UDP_BYTES;
	uint8_t pseudo[40] = {0};
	uint16_t sum;

	memcpy(pseudo, packet->source.ip + ip_offset, 16 - ip_offset);
	memcpy(pseudo + 16, packet->target.ip + ip_offset, 16 - ip_offset);
	put_be16(pseudo + 34, (uint16_t)len);
	put_be16(pseudo + 38, PROTOCOL_UDP);
	sum = vly_sum_finish(vly_sum(vly_sum(0, pseudo, sizeof(pseudo)), udp, len));
	return sum ? sum : 0xffff;
}

static uint8_t *put_frame(uint8_t *at, const struct vly_pcapng_packet *packet,
			  const uint8_t *payload)
{
	bool is_ipv4 = vly_addr_is_ipv4(&packet->target);
	uint8_t *udp;

	if (packet->has_headers) {
		memcpy(at, payload, packet->captured);
		return at + packet->captured;
	}
	udp = is_ipv4 ? put_ip4(at, packet) : put_ip6(at, packet);
	at = put_be16(put_be16(udp, packet->source.port), packet->target.port);
	at = put16(put_be16(at, (uint16_t)(packet->len + UDP_BYTES)), 0);
	memcpy(at, payload, packet->captured);
	if (packet->captured == packet->len)
		put16(at - 2, udp_checksum(packet, is_ipv4 ? 12 : 0, udp));
	return at + packet->captured;
}

static uint8_t *put_drop(uint8_t *at, uint8_t drop)
{
	char text[VLY_PCAPNG_COMMENT_BYTES_MAX];

	snprintf(text, sizeof(text), "dropped: %s (%s)", vly_drop_name(drop), vly_drop_text(drop));
	return put_text(at, PACKET_COMMENT, text, sizeof(text));
}

static uint8_t *put_options(uint8_t *at, const struct vly_pcapng_packet *packet)
{
	uint64_t missed = packet->missed;
	uint32_t flags = packet->direction;

	at = put_option(at, PACKET_FLAGS, &flags, sizeof(flags));
	at = put_option(at, PACKET_QUEUE, &packet->queue, sizeof(packet->queue));
	if (packet->id)
		at = put_option(at, PACKET_ID, &packet->id, sizeof(packet->id));
	if (packet->drop < VLY_DROP_COUNT)
		at = put_drop(at, packet->drop);
	if (!missed)
		return at;
	at = put_option(at, PACKET_DROPS, &missed, sizeof(missed));
	return put_text(at, PACKET_COMMENT, "volley missed some before this one",
			VLY_PCAPNG_COMMENT_BYTES_MAX);
}

uint32_t vly_pcapng_packet(uint8_t *bytes, const struct vly_pcapng_packet *packet,
			   const uint8_t *payload)
{
	uint8_t *at = put32(put32(put32(bytes, BLOCK_PACKET), 0), packet->interface);
	uint8_t *lengths, *frame, *frame_end;
	uint32_t captured;

	at = put32(put32(at, (uint32_t)(packet->time_ns >> 32)), (uint32_t)packet->time_ns);
	lengths = at;
	frame = at + 8;
	frame_end = put_frame(frame, packet, payload);
	captured = (uint32_t)(frame_end - frame);
	put32(lengths, captured);
	put32(lengths + 4, captured + packet->len - packet->captured);
	memset(frame_end, 0, 3);
	at = put_options(frame + ((captured + 3) & ~3u), packet);
	return (uint32_t)(end_block(bytes, at) - bytes);
}
