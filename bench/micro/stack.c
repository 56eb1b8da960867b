// SPDX-License-Identifier: BSD-3-Clause
//
// All codecs and checksums together, in bursts: from a frame to a payload (`in`) and from a reply
// to a frame (`out`), on the straight way and on the one that takes everything.
#include <stdlib.h>
#include <string.h>

#include "harness/harness.h"
#include "micro/cycles.h"
#include "stack/eth.h"
#include "stack/fast.h"
#include "stack/ip4.h"
#include "stack/udp.h"

enum {
	BURST = 32,
	ROOM = 2048,
	FRAME_OFFSET = VLY_CACHE_LINE_BYTES + VLY_BACKEND_HEADROOM,
	HEADER_BYTES = VLY_ETH_BYTES + VLY_IP4_BYTES + VLY_UDP_BYTES,
	PORT = 9000,
	NOW_NS = 1000000000,
};

struct slot {
	struct vly_dgram dgram;
	uint8_t bytes[VLY_BACKEND_HEADROOM + ROOM];
} VLY_ALIGNED(128);

struct bed {
	struct vly_stack *stack;
	struct slot *slots;
	struct vly_dgram *dgrams[BURST];
	uint16_t frame_len;
};

static const uint8_t our_mac[VLY_MAC_BYTES] = {2, 0, 0, 0, 0, 1};
static const uint8_t peer_mac[VLY_MAC_BYTES] = {2, 0, 0, 0, 0, 2};

static struct vly_stack *open_stack(void)
{
	struct vly_prefix prefix;
	struct vly_endpoint listen = {.addr = {.port = PORT}};
	struct vly_stack_config config = {
		.addrs = &prefix,
		.addr_count = 1,
		.listens = &listen,
		.listen_count = 1,
		.link = {.mtu = VLY_MTU_DEFAULT},
	};
	struct vly_stack *stack = NULL;

	memcpy(config.link.mac, our_mac, VLY_MAC_BYTES);
	if (vly_prefix_parse(&prefix, "10.0.0.1/24", NULL) || vly_stack_open(&stack, &config, NULL))
		return NULL;
	return stack;
}

// From 10.0.0.2 to 10.0.0.1, as a peer would send it.
static void build_frame(uint8_t *frame, uint16_t payload_len)
{
	struct vly_eth eth = {.type = VLY_ETHERTYPE_IPV4};
	struct vly_udp udp = {PORT + 1, PORT, (uint16_t)(VLY_UDP_BYTES + payload_len), 0};
	struct vly_ip4 ip = {
		.header_len = VLY_IP4_BYTES,
		.total_len = (uint16_t)(VLY_IP4_BYTES + VLY_UDP_BYTES + payload_len),
		.ttl = VLY_IP_TTL,
		.protocol = VLY_PROTOCOL_UDP,
		.src_raw = htobe32(0x0a000002),
		.dst_raw = htobe32(0x0a000001),
	};
	uint8_t *l4 = frame + VLY_ETH_BYTES + VLY_IP4_BYTES;
	uint64_t sum = vly_ip4_pseudo_sum(ip.src_raw, ip.dst_raw, ip.protocol, udp.len);

	memcpy(eth.dst, our_mac, VLY_MAC_BYTES);
	memcpy(eth.src, peer_mac, VLY_MAC_BYTES);
	ip.checksum_raw = vly_ip4_checksum(&ip);
	for (uint16_t i = 0; i < payload_len; i++)
		l4[VLY_UDP_BYTES + i] = (uint8_t)i;
	vly_eth_encode(&eth, frame, VLY_ETH_BYTES);
	vly_ip4_encode(&ip, frame + VLY_ETH_BYTES, VLY_IP4_BYTES);
	vly_udp_encode(&udp, l4, VLY_UDP_BYTES);
	udp.checksum_raw = vly_sum_finish(vly_sum(sum, l4, udp.len));
	vly_udp_encode(&udp, l4, VLY_UDP_BYTES);
}

static void become_frame(const struct bed *bed, struct vly_dgram *dgram)
{
	dgram->data_offset = FRAME_OFFSET;
	dgram->len = bed->frame_len;
	dgram->capacity = ROOM;
	dgram->link = 0;
	dgram->flow_hash = 0;
}

static void close_bed(struct bed *bed)
{
	vly_stack_close(bed->stack);
	free(bed->slots);
}

// Returns false after bench_skip().
static bool open_bed(struct bed *bed, struct bench_run *run)
{
	uint16_t payload_len = (uint16_t)bench_arg(run);

	bed->stack = open_stack();
	bed->slots = aligned_alloc(128, BURST * sizeof(bed->slots[0]));
	bed->frame_len = (uint16_t)(HEADER_BYTES + payload_len);
	if (!bed->stack || !bed->slots) {
		bench_skip(run, "the stack does not open");
		close_bed(bed);
		return false;
	}
	memset(bed->slots, 0, BURST * sizeof(bed->slots[0]));
	for (uint32_t i = 0; i < BURST; i++) {
		bed->dgrams[i] = &bed->slots[i].dgram;
		bed->dgrams[i]->rx_ns = NOW_NS;
		become_frame(bed, bed->dgrams[i]);
		build_frame(vly_dgram_data(bed->dgrams[i]), payload_len);
	}
	return true;
}

static uint32_t input(struct bed *bed, bool straight)
{
	enum vly_drop reason;
	uint32_t n = 0;

	if (straight)
		return vly_stack_input_fast(bed->stack, bed->dgrams, BURST, 0);
	for (uint32_t i = 0; i < BURST; i++)
		n += vly_stack_input(bed->stack, bed->dgrams[i], NOW_NS, &reason) ==
		     VLY_STACK_DELIVER;
	return n;
}

static uint32_t output(struct bed *bed, bool straight)
{
	enum vly_drop reason;
	uint32_t n = 0;

	if (straight)
		return vly_stack_output_fast(bed->stack, bed->dgrams, BURST);
	for (uint32_t i = 0; i < BURST; i++)
		n += vly_stack_output(bed->stack, bed->dgrams[i], NOW_NS, &reason) ==
		     VLY_STACK_TRANSMIT;
	return n;
}

static void run_in(struct bench_run *run, bool straight)
{
	struct bed bed;
	uint64_t done = 0;
	uint64_t begin;

	if (!open_bed(&bed, run))
		return;
	begin = vly_cycles();
	while (bench_goes_on(run, BURST)) {
		for (uint32_t i = 0; i < BURST; i++)
			become_frame(&bed, bed.dgrams[i]);
		done += input(&bed, straight);
	}
	cycles_note(run, begin, bench_iterations(run));
	if (done != bench_iterations(run))
		bench_skip(run, "a frame was not taken");
	close_bed(&bed);
}

// A reply is made of the frame before, whose sender and receiver then change places.
static void run_out(struct bench_run *run, bool straight)
{
	struct vly_dgram received[BURST];
	struct bed bed;
	uint64_t done = 0;
	uint64_t begin;

	if (!open_bed(&bed, run))
		return;
	if (input(&bed, straight) != BURST)
		bench_skip(run, "a frame was not taken");
	for (uint32_t i = 0; i < BURST; i++) {
		bed.dgrams[i]->fate = VLY_FATE_REPLY;
		received[i] = *bed.dgrams[i];
	}
	begin = vly_cycles();
	while (bench_goes_on(run, BURST)) {
		for (uint32_t i = 0; i < BURST; i++)
			*bed.dgrams[i] = received[i];
		done += output(&bed, straight);
	}
	cycles_note(run, begin, bench_iterations(run));
	if (done != bench_iterations(run))
		bench_skip(run, "a reply was not sent");
	close_bed(&bed);
}

static void run_in_straight(struct bench_run *run)
{
	run_in(run, true);
}

static void run_in_any(struct bench_run *run)
{
	run_in(run, false);
}

static void run_out_straight(struct bench_run *run)
{
	run_out(run, true);
}

static void run_out_any(struct bench_run *run)
{
	run_out(run, false);
}

extern const struct bench_entry bench_stack[];
const struct bench_entry bench_stack[] = {
	{.name = "stack/in/straight",
	 .function = run_in_straight,
	 .arg_name = "bytes",
	 .args = {64, 1472}},
	{.name = "stack/in/any", .function = run_in_any, .arg_name = "bytes", .args = {64, 1472}},
	{.name = "stack/out/straight",
	 .function = run_out_straight,
	 .arg_name = "bytes",
	 .args = {64, 1472}},
	{.name = "stack/out/any", .function = run_out_any, .arg_name = "bytes", .args = {64, 1472}},
	{.name = NULL},
};
