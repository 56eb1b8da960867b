// SPDX-License-Identifier: BSD-3-Clause
#include "frames.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

enum {
	PROTOCOL_ICMP = 1,
	PROTOCOL_IGMP = 2,
	PROTOCOL_UDP = 17,
	PROTOCOL_ICMPV6 = 58,
	ETH_BYTES = 14,
	IP4_BYTES = 20,
	IP6_BYTES = 40,
	UDP_BYTES = 8,
};

const uint8_t frame_our_mac[6] = {0x02, 0x00, 0x00, 0x00, 0x00, 0x01};
const uint8_t frame_peer_mac[6] = {0x02, 0x00, 0x00, 0x00, 0x00, 0x02};
const uint8_t frame_broadcast_mac[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static void put16(uint8_t *p, size_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static size_t get16(const uint8_t *p)
{
	return (size_t)p[0] << 8 | p[1];
}

uint16_t frame_sum(uint16_t sum, const uint8_t *bytes, size_t len)
{
	uint32_t total = sum;

	for (size_t i = 0; i < len; i++) {
		total += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
		if (total > 0xffff)
			total -= 0xffff;
	}
	return (uint16_t)total;
}

void frame_ip(uint8_t *ip, const char *text)
{
	memset(ip, 0, 16);
	if (inet_pton(AF_INET, text, ip + 12) == 1)
		memset(ip + 10, 0xff, 2);
	else
		inet_pton(AF_INET6, text, ip);
}

static bool is_ip6(const struct frame_spec *spec)
{
	return spec->dst && strchr(spec->dst, ':');
}

// The sum of the pseudo-header, for ICMP over IPv4 nothing.
static uint16_t pseudo_sum(const uint8_t *addrs, size_t addrs_len, uint8_t protocol, size_t len)
{
	uint8_t tail[4] = {0, protocol, 0, 0};

	if (protocol == PROTOCOL_ICMP || protocol == PROTOCOL_IGMP)
		return 0;
	put16(tail + 2, len);
	return frame_sum(frame_sum(0, addrs, addrs_len), tail, sizeof(tail));
}

static size_t transport_put(uint8_t *p, const struct frame_spec *spec, uint8_t protocol)
{
	size_t header = protocol == PROTOCOL_UDP ? UDP_BYTES : 0;

	if (header) {
		put16(p, spec->src_port ? spec->src_port : 1234);
		put16(p + 2, spec->dst_port ? spec->dst_port : 9000);
		put16(p + 4, header + spec->payload_len);
		put16(p + 6, 0);
	}
	if (spec->payload_len)
		memcpy(p + header, spec->payload, spec->payload_len);
	return header + spec->payload_len;
}

static void transport_seal(uint8_t *p, size_t len, const struct frame_spec *spec, uint8_t protocol,
			   uint16_t pseudo)
{
	size_t at = protocol == PROTOCOL_UDP ? 6 : 2;
	uint16_t sum;

	if (protocol != PROTOCOL_UDP && protocol != PROTOCOL_ICMP && protocol != PROTOCOL_ICMPV6)
		return;
	if (len < at + 2 || (protocol == PROTOCOL_UDP && spec->has_no_checksum))
		return;
	put16(p + at, 0);
	if (spec->has_partial_checksum) {
		put16(p + at, pseudo);
		return;
	}
	sum = (uint16_t)~frame_sum(pseudo, p, len);
	put16(p + at, sum || protocol != PROTOCOL_UDP ? sum : 0xffff);
}

static size_t ip4_put(uint8_t *p, const struct frame_spec *spec, uint8_t protocol)
{
	size_t header = IP4_BYTES + spec->options_len;
	size_t len = transport_put(p + header, spec, protocol);

	memset(p, 0, IP4_BYTES);
	p[0] = (uint8_t)(0x40 | header / 4);
	p[1] = spec->tos;
	put16(p + 2, header + len);
	put16(p + 6, spec->fragment);
	p[8] = spec->ttl ? spec->ttl : 64;
	p[9] = protocol;
	inet_pton(AF_INET, spec->src ? spec->src : "10.0.0.2", p + 12);
	inet_pton(AF_INET, spec->dst ? spec->dst : "10.0.0.1", p + 16);
	if (spec->options_len)
		memcpy(p + IP4_BYTES, spec->options, spec->options_len);
	put16(p + 10, (uint16_t)~frame_sum(0, p, header));
	transport_seal(p + header, len, spec, protocol, pseudo_sum(p + 12, 8, protocol, len));
	return header + len;
}

static size_t ip6_put(uint8_t *p, const struct frame_spec *spec, uint8_t protocol)
{
	size_t header = IP6_BYTES + spec->options_len;
	size_t len = transport_put(p + header, spec, protocol);

	memset(p, 0, 8);
	p[0] = (uint8_t)(0x60 | spec->tos >> 4);
	p[1] = (uint8_t)(spec->tos << 4);
	put16(p + 4, spec->options_len + len);
	p[6] = spec->options_len ? spec->extension : protocol;
	p[7] = spec->ttl ? spec->ttl : 64;
	inet_pton(AF_INET6, spec->src ? spec->src : "fd00::2", p + 8);
	inet_pton(AF_INET6, spec->dst, p + 24);
	if (spec->options_len)
		memcpy(p + IP6_BYTES, spec->options, spec->options_len);
	transport_seal(p + header, len, spec, protocol, pseudo_sum(p + 8, 32, protocol, len));
	return header + len;
}

void frame_clear(struct frame *frame)
{
	memset(frame, 0, sizeof(*frame));
	memset(frame->guard, 0xa5, sizeof(frame->guard));
	frame->dgram.data_offset = (int32_t)offsetof(struct frame, bytes);
	frame->dgram.capacity = FRAME_BYTES;
	frame->dgram.rx_ns = 1;
}

void frame_set(struct frame *frame, const void *bytes, size_t len)
{
	frame_clear(frame);
	memcpy(frame->bytes, bytes, len);
	frame->dgram.len = (uint16_t)len;
}

void frame_build(struct frame *frame, const struct frame_spec *spec)
{
	uint8_t protocol = spec->protocol ? spec->protocol : PROTOCOL_UDP;
	uint8_t *p = frame->bytes;
	size_t at = 12;

	frame_clear(frame);
	memcpy(p, spec->dst_mac ? spec->dst_mac : frame_our_mac, 6);
	memcpy(p + 6, spec->src_mac ? spec->src_mac : frame_peer_mac, 6);
	if (spec->is_tagged) {
		put16(p + at, 0x8100);
		put16(p + at + 2, spec->tci);
		at += 4;
	}
	put16(p + at, is_ip6(spec) ? 0x86dd : 0x0800);
	at += 2;
	at += is_ip6(spec) ? ip6_put(p + at, spec, protocol) : ip4_put(p + at, spec, protocol);
	frame->dgram.len = (uint16_t)at;
}

void frame_fix_ip4(struct frame *frame, size_t l2_len)
{
	uint8_t *p = frame->bytes + l2_len;

	put16(p + 10, 0);
	put16(p + 10, (uint16_t)~frame_sum(0, p, (size_t)(p[0] & 0xf) * 4));
}

size_t frame_hex(uint8_t *bytes, const char *text)
{
	size_t digits = 0;

	for (; *text; text++) {
		int low = tolower((unsigned char)*text);
		uint8_t digit = (uint8_t)(low >= 'a' ? low - 'a' + 10 : low - '0');

		if (!isxdigit((unsigned char)*text))
			continue;
		bytes[digits / 2] = (uint8_t)(digits % 2 ? bytes[digits / 2] | digit : digit << 4);
		digits++;
	}
	return digits / 2;
}

void frame_arp(struct frame *frame, uint16_t operation, const uint8_t *sender_mac,
	       const char *sender, const char *target)
{
	uint8_t *p = frame->bytes;

	frame_clear(frame);
	memcpy(p, frame_broadcast_mac, 6);
	memcpy(p + 6, sender_mac, 6);
	put16(p + 12, 0x0806);
	p += ETH_BYTES;
	frame_hex(p, "0001 0800 06 04");
	put16(p + 6, operation);
	memcpy(p + 8, sender_mac, 6);
	inet_pton(AF_INET, sender, p + 14);
	inet_pton(AF_INET, target, p + 24);
	frame->dgram.len = 60; // as short frames arrive: padded
}

size_t frame_ndp(uint8_t *bytes, uint8_t type, uint8_t flags, const char *target, uint8_t option,
		 const uint8_t *mac)
{
	memset(bytes, 0, 32);
	bytes[0] = type;
	bytes[4] = flags;
	inet_pton(AF_INET6, target, bytes + 8);
	if (!mac)
		return 24;
	bytes[24] = option;
	bytes[25] = 1;
	memcpy(bytes + 26, mac, 6);
	return 32;
}

// --- reading ------------------------------------------------------------------------------------

static const char *transport_is_wrong(const uint8_t *p, size_t len, uint8_t protocol,
				      uint16_t pseudo)
{
	if (protocol == PROTOCOL_UDP && (len < UDP_BYTES || get16(p + 4) != len))
		return "UDP length";
	if (protocol == PROTOCOL_UDP && get16(p + 6) == 0)
		return "UDP checksum is absent";
	return frame_sum(pseudo, p, len) == 0xffff ? NULL : "transport checksum";
}

const char *frame_is_wrong(const uint8_t *bytes, size_t len)
{
	size_t l2 = get16(bytes + 12) == 0x8100 ? 18 : 14;
	const uint8_t *p = bytes + l2;
	size_t left = len - l2;
	size_t type = get16(bytes + l2 - 2);
	size_t extension;

	if (type == 0x0806)
		return left == 28 ? NULL : "ARP length";
	if (type == 0x0800) {
		size_t header = (size_t)(p[0] & 0xf) * 4;

		if (left < header || p[0] >> 4 != 4 || header < IP4_BYTES || get16(p + 2) != left)
			return "IPv4 header";
		if (frame_sum(0, p, header) != 0xffff)
			return "IPv4 checksum";
		return transport_is_wrong(p + header, left - header, p[9],
					  pseudo_sum(p + 12, 8, p[9], left - header));
	}
	if (type != 0x86dd || left < IP6_BYTES || p[0] >> 4 != 6 ||
	    get16(p + 4) != left - IP6_BYTES)
		return "IPv6 header";
	// Of a hop-by-hop header we send one of 8 bytes.
	extension = p[6] == 0 ? 8 : 0;
	type = extension ? p[IP6_BYTES] : p[6];
	left -= IP6_BYTES + extension;
	return transport_is_wrong(p + IP6_BYTES + extension, left, (uint8_t)type,
				  pseudo_sum(p + 8, 32, (uint8_t)type, left));
}
