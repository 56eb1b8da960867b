// SPDX-License-Identifier: BSD-3-Clause
#include "pieces.h"

#include <stdlib.h>
#include <string.h>

enum {
	ETH = 14,
	IP4 = 20,
	IP6 = 40,
	FRAGMENT = 8, // IPv6's header for it
	UDP = 8,
};

static size_t get16(const uint8_t *p)
{
	return (size_t)p[0] << 8 | p[1];
}

static void put16(uint8_t *p, size_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static size_t eth_len(const uint8_t *p)
{
	return get16(p + 12) == 0x8100 ? ETH + 4 : ETH;
}

// One fragment as its headers have it.
struct part {
	const uint8_t *data;
	size_t len;
	size_t offset;
	uint32_t id;
	uint8_t next;
	bool has_more;
	bool is_fragment;
};

static const char *read4(struct part *part, const uint8_t *p, size_t left)
{
	if (p[0] != 0x45 || get16(p + 2) != left || frame_sum(0, p, IP4) != 0xffff)
		return "a fragment's IPv4 header";
	part->is_fragment = get16(p + 6) & 0x3fff;
	part->has_more = p[6] & 0x20;
	part->offset = (get16(p + 6) & 0x1fff) * 8;
	part->id = (uint32_t)get16(p + 4);
	part->next = p[9];
	part->data = p + IP4;
	part->len = left - IP4;
	return NULL;
}

static const char *read6(struct part *part, const uint8_t *p, size_t left)
{
	if (p[0] >> 4 != 6 || get16(p + 4) != left - IP6)
		return "a fragment's IPv6 header";
	part->next = p[6];
	part->data = p + IP6;
	part->len = left - IP6;
	part->is_fragment = part->next == 44;
	if (!part->is_fragment)
		return NULL;
	part->next = p[IP6];
	part->offset = get16(p + IP6 + 2) & 0xfff8;
	part->has_more = p[IP6 + 3] & 1;
	memcpy(&part->id, p + IP6 + 4, 4);
	part->data += FRAGMENT;
	part->len -= FRAGMENT;
	return NULL;
}

static const char *read_part(struct part *part, const struct vly_dgram *dgram, uint32_t mtu)
{
	const uint8_t *p = vly_dgram_data(dgram);
	size_t l2 = eth_len(p);

	memset(part, 0, sizeof(*part));
	if (dgram->data_offset < (int32_t)sizeof(*dgram) || dgram->len > dgram->capacity)
		return "a frame is not in its buffer";
	if (dgram->len - l2 > mtu)
		return "a frame is larger than the MTU";
	return get16(p + l2 - 2) == 0x0800 ? read4(part, p + l2, dgram->len - l2)
					   : read6(part, p + l2, dgram->len - l2);
}

static const char *add_part(struct pieces *pieces, const struct part *part, size_t at, bool is_last)
{
	if (part->offset != at || (!is_last && part->len % 8))
		return "a fragment's place or length";
	if (part->has_more == is_last || part->is_fragment != (pieces->count > 1))
		return "what a fragment says of the others";
	memcpy(pieces->packet + pieces->transport + at, part->data, part->len);
	return NULL;
}

// The headers of the whole, from the first frame's.
static void begin_packet(struct pieces *pieces, const struct part *first)
{
	const uint8_t *p = vly_dgram_data(&pieces->frames[0].dgram);
	size_t l2 = eth_len(p);
	bool is_ipv6 = get16(p + l2 - 2) == 0x86dd;

	pieces->transport = (uint8_t)(l2 + (is_ipv6 ? IP6 : IP4));
	memcpy(pieces->packet, p, pieces->transport);
	if (is_ipv6)
		pieces->packet[l2 + 6] = first->next;
}

static const char *check_packet(struct pieces *pieces, size_t l4_len)
{
	uint8_t *p = pieces->packet + eth_len(pieces->packet);

	pieces->len = pieces->transport + l4_len;
	if (p[0] >> 4 == 6) {
		put16(p + 4, l4_len);
	} else {
		put16(p + 2, IP4 + l4_len);
		put16(p + 6, 0);
		put16(p + 10, 0);
		put16(p + 10, (uint16_t)~frame_sum(0, p, IP4));
	}
	return frame_is_wrong(pieces->packet, pieces->len);
}

const char *pieces_take(struct pieces *pieces, struct vly_stack *stack, uint32_t mtu)
{
	struct vly_dgram *frames[VLY_STACK_SPLIT_MAX];
	struct part part;
	uint32_t id = 0;
	size_t at = 0;

	pieces->count = vly_stack_split_count(stack);
	if (pieces->count < 1 || pieces->count > VLY_STACK_SPLIT_MAX)
		return "the number of frames";
	pieces->frames = aligned_alloc(64, pieces->count * sizeof(struct frame));
	if (!pieces->frames)
		abort();
	for (uint32_t i = 0; i < pieces->count; i++) {
		frame_clear(&pieces->frames[i]);
		frames[i] = &pieces->frames[i].dgram;
	}
	if (!vly_stack_split(stack, frames))
		return "a buffer is too small";
	for (uint32_t i = 0; i < pieces->count; i++) {
		const char *wrong = read_part(&part, frames[i], mtu);

		if (!wrong && i == 0)
			begin_packet(pieces, &part);
		if (!wrong && i > 0 && part.id != id)
			wrong = "two fragments of different names";
		if (!wrong)
			wrong = add_part(pieces, &part, at, i == pieces->count - 1);
		if (wrong)
			return wrong;
		id = part.id;
		at += part.len;
	}
	return check_packet(pieces, at);
}

void pieces_free(struct pieces *pieces)
{
	free(pieces->frames);
	pieces->frames = NULL;
}

void piece_cut(struct frame *piece, const uint8_t *bytes, size_t bytes_len, uint32_t id,
	       uint32_t offset, uint32_t len)
{
	bool is_ipv6 = get16(bytes + ETH - 2) == 0x86dd;
	size_t header = ETH + (is_ipv6 ? IP6 : IP4);
	size_t has_more = offset + len < bytes_len - header;
	uint8_t *p = piece->bytes;

	frame_clear(piece);
	memcpy(p, bytes, header);
	if (is_ipv6) {
		put16(p + ETH + 4, FRAGMENT + len);
		p[ETH + 6] = 44;
		p[header] = bytes[ETH + 6];
		p[header + 1] = 0;
		put16(p + header + 2, offset | has_more);
		put16(p + header + 4, id >> 16);
		put16(p + header + 6, id);
		memcpy(p + header + FRAGMENT, bytes + header + offset, len);
		piece->dgram.len = (uint16_t)(header + FRAGMENT + len);
		return;
	}
	put16(p + ETH + 2, IP4 + len);
	put16(p + ETH + 4, id);
	put16(p + ETH + 6, offset / 8 | has_more << 13);
	frame_fix_ip4(piece, ETH);
	memcpy(p + header, bytes + header + offset, len);
	piece->dgram.len = (uint16_t)(header + len);
}

size_t piece_whole(uint8_t *bytes, bool is_ipv6, const uint8_t *payload, size_t len)
{
	static const uint8_t zero[1];
	struct frame frame;
	size_t header = ETH + (is_ipv6 ? IP6 : IP4);
	uint8_t *udp = bytes + header;
	uint8_t *addrs = bytes + ETH + (is_ipv6 ? 8 : 12);
	uint8_t tail[4] = {0, 17, 0, 0};
	uint16_t sum;

	frame_build(&frame, &(struct frame_spec){.src = is_ipv6 ? "fd00::2" : "10.0.0.2",
						 .dst = is_ipv6 ? "fd00::1" : "10.0.0.1",
						 .payload = zero,
						 .payload_len = 0});
	memcpy(bytes, frame.bytes, header + UDP);
	memcpy(udp + UDP, payload, len);
	put16(udp + 4, UDP + len);
	put16(udp + 6, 0);
	put16(tail + 2, UDP + len);
	sum = frame_sum(frame_sum(0, addrs, is_ipv6 ? 32 : 8), tail, sizeof(tail));
	put16(udp + 6, (uint16_t)~frame_sum(sum, udp, UDP + len));
	return header + UDP + len;
}
