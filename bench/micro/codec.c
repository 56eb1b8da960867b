// SPDX-License-Identifier: BSD-3-Clause
//
// Each codec by itself, into a structure (`in`) and back into bytes (`out`).
#include <string.h>

#include "harness/harness.h"
#include "micro/cycles.h"
#include "stack/arp.h"
#include "stack/eth.h"
#include "stack/ip4.h"
#include "stack/ip6.h"
#include "stack/udp.h"

enum {
	BATCH = 32,
	ROOM = 64,
};

// One header of each kind, as bytes and as values.
struct headers {
	uint8_t bytes[ROOM];
	struct vly_eth eth;
	struct vly_arp arp;
	struct vly_ip4 ip4;
	struct vly_ip6 ip6;
	struct vly_udp udp;
};

typedef int codec_call(struct headers *headers);

// Inlined into each user, so that `call` is a direct call.
static inline void codec_run(struct bench_run *run, codec_call *prepare, codec_call *call)
{
	struct headers headers;
	uint64_t begin;
	int rc;

	memset(&headers, 0, sizeof(headers));
	headers.eth.type = VLY_ETHERTYPE_IPV4;
	headers.arp.operation = VLY_ARP_REQUEST;
	headers.ip4.header_len = VLY_IP4_BYTES;
	headers.ip4.total_len = ROOM;
	headers.ip6.payload_len = ROOM - VLY_IP6_BYTES;
	headers.udp.len = ROOM;
	rc = prepare(&headers);
	begin = vly_cycles();
	while (bench_goes_on(run, BATCH)) {
		for (int i = 0; i < BATCH; i++) {
			bench_use(&headers);
			rc |= call(&headers);
		}
	}
	cycles_note(run, begin, bench_iterations(run));
	if (rc <= 0)
		bench_skip(run, "a header was refused");
}

static int eth_in(struct headers *headers)
{
	return vly_eth_decode(&headers->eth, headers->bytes, ROOM);
}

static int eth_out(struct headers *headers)
{
	return vly_eth_encode(&headers->eth, headers->bytes, ROOM);
}

static int arp_in(struct headers *headers)
{
	return vly_arp_decode(&headers->arp, headers->bytes, ROOM);
}

static int arp_out(struct headers *headers)
{
	return vly_arp_encode(&headers->arp, headers->bytes, ROOM);
}

static int ip4_in(struct headers *headers)
{
	return vly_ip4_decode(&headers->ip4, headers->bytes, ROOM);
}

static int ip4_out(struct headers *headers)
{
	return vly_ip4_encode(&headers->ip4, headers->bytes, ROOM);
}

static int ip6_in(struct headers *headers)
{
	return vly_ip6_decode(&headers->ip6, headers->bytes, ROOM);
}

static int ip6_out(struct headers *headers)
{
	return vly_ip6_encode(&headers->ip6, headers->bytes, ROOM);
}

static int udp_in(struct headers *headers)
{
	return vly_udp_decode(&headers->udp, headers->bytes, ROOM);
}

static int udp_out(struct headers *headers)
{
	return vly_udp_encode(&headers->udp, headers->bytes, ROOM);
}

static void run_eth_in(struct bench_run *run)
{
	codec_run(run, eth_out, eth_in);
}

static void run_eth_out(struct bench_run *run)
{
	codec_run(run, eth_out, eth_out);
}

static void run_arp_in(struct bench_run *run)
{
	codec_run(run, arp_out, arp_in);
}

static void run_arp_out(struct bench_run *run)
{
	codec_run(run, arp_out, arp_out);
}

static void run_ip4_in(struct bench_run *run)
{
	codec_run(run, ip4_out, ip4_in);
}

static void run_ip4_out(struct bench_run *run)
{
	codec_run(run, ip4_out, ip4_out);
}

static void run_ip6_in(struct bench_run *run)
{
	codec_run(run, ip6_out, ip6_in);
}

static void run_ip6_out(struct bench_run *run)
{
	codec_run(run, ip6_out, ip6_out);
}

static void run_udp_in(struct bench_run *run)
{
	codec_run(run, udp_out, udp_in);
}

static void run_udp_out(struct bench_run *run)
{
	codec_run(run, udp_out, udp_out);
}

extern const struct bench_entry bench_codec[];
const struct bench_entry bench_codec[] = {
	{.name = "codec/eth/in", .function = run_eth_in},
	{.name = "codec/eth/out", .function = run_eth_out},
	{.name = "codec/arp/in", .function = run_arp_in},
	{.name = "codec/arp/out", .function = run_arp_out},
	{.name = "codec/ip4/in", .function = run_ip4_in},
	{.name = "codec/ip4/out", .function = run_ip4_out},
	{.name = "codec/ip6/in", .function = run_ip6_in},
	{.name = "codec/ip6/out", .function = run_ip6_out},
	{.name = "codec/udp/in", .function = run_udp_in},
	{.name = "codec/udp/out", .function = run_udp_out},
	{.name = NULL},
};
