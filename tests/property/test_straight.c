// SPDX-License-Identifier: BSD-3-Clause
//
// The straight way through the stack (stack/fast.h) and the long one: the same of datagrams of all
// lengths, as they come and with a byte changed, and of all that a handler may make of them.
// VLY_TEST_SEED reproduces.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "chance.h"
#include "stations.h"
#include "straight.h"

enum {
	ROUNDS = 20000,
	PAYLOAD_MAX = 1472,
	MOVE_MAX = 64,
};

static void build(struct frame *frame)
{
	static const char *const sources[] = {"10.0.0.2", "192.0.2.7", "127.0.0.1", "224.0.0.1",
					      "10.0.0.1", "0.0.0.0",   "10.0.0.255"};
	static uint8_t payload[PAYLOAD_MAX];
	struct frame_spec spec = {
		.src = sources[prng_once_in(&prng, 4) ? prng_below(&prng, 7) : 0],
		.dst = prng_once_in(&prng, 8) ? "10.0.0.9" : NULL,
		.ttl = (uint8_t)prng_between(&prng, 1, 255),
		.tos = (uint8_t)prng_next(&prng),
		.src_port = (uint16_t)prng_next(&prng),
		.dst_port = prng_once_in(&prng, 8) ? 9001 : 9000,
		.fragment = prng_once_in(&prng, 8) ? (uint16_t)prng_next(&prng) : 0x4000,
		.has_no_checksum = prng_once_in(&prng, 4),
		.payload = payload,
		.payload_len = prng_below(&prng, prng_once_in(&prng, 2) ? 70 : PAYLOAD_MAX + 1),
	};

	prng_fill(&prng, payload, sizeof(payload));
	frame_build(frame, &spec);
	frame->dgram.rx_ns = 1;
	if (prng_once_in(&prng, 8)) // as when a short frame is filled up
		frame->dgram.len = (uint16_t)(frame->dgram.len + prng_below(&prng, 19));
	if (prng_once_in(&prng, 2))
		frame->bytes[prng_below(&prng, prng_once_in(&prng, 2) ? 42 : frame->dgram.len)] ^=
			(uint8_t)(1u << prng_below(&prng, 8));
}

// What a handler may do before it replies.
static void handle(struct vly_dgram *dgram)
{
	int32_t move = (int32_t)prng_below(&prng, 2 * MOVE_MAX) - MOVE_MAX;

	dgram->fate = prng_once_in(&prng, 8) ? VLY_FATE_SEND : VLY_FATE_REPLY;
	if (prng_once_in(&prng, 2))
		return;
	if (move < dgram->capacity) {
		dgram->data_offset += move;
		dgram->capacity = (uint16_t)(dgram->capacity - move);
	}
	dgram->len = (uint16_t)prng_below(&prng, PAYLOAD_MAX + 20);
	if (dgram->len > dgram->capacity)
		dgram->len = dgram->capacity;
	prng_fill(&prng, vly_dgram_data(dgram), dgram->len);
	if (prng_once_in(&prng, 16))
		dgram->rx_ns = 0;
	if (prng_once_in(&prng, 16))
		dgram->local.port = 0;
	if (prng_once_in(&prng, 16))
		dgram->peer.port = 0;
	if (prng_once_in(&prng, 16))
		prng_fill(&prng, dgram->peer.ip + 12, 4);
}

static void run(struct vly_stack *stack, uint32_t link)
{
	uint32_t in = 0;
	uint32_t out = 0;

	for (int round = 0; round < ROUNDS; round++) {
		enum vly_drop reason;
		struct frame frame;

		build(&frame);
		frame.dgram.link = link;
		if (straight_input(stack, &frame.dgram, 1, &reason, &in) != VLY_STACK_DELIVER)
			continue;
		handle(&frame.dgram);
		straight_output(stack, &frame.dgram, 1, &reason, &out);
	}
	// Else nothing has been compared.
	assert_in_range(in, ROUNDS / 10, ROUNDS);
	assert_in_range(out, ROUNDS / 20, ROUNDS);
}

static void test_sums_by_software(void **state)
{
	struct vly_stack *stack = station_open(&(struct station){.is_client = false});

	(void)state;
	run(stack, 0);
	vly_stack_close(stack);
}

static void test_sums_by_the_device(void **state)
{
	const uint32_t both = VLY_FRAME_IP_CSUM | VLY_FRAME_UDP_CSUM;
	struct vly_stack *stack =
		station_open(&(struct station){.config = {.link = {.offloads_tx = both}}});

	(void)state;
	run(stack, both);
	vly_stack_close(stack);
}

// Listening at an address is looked up, where listening at any is not.
static void test_exact_listener(void **state)
{
	struct vly_stack *stack =
		station_open(&(struct station){.listens = {"10.0.0.1:9000", "[fd00::1]:9001"}});

	(void)state;
	run(stack, 0);
	vly_stack_close(stack);
}

// A datagram made here, to one of the neighbours or to a group, with what a caller may say.
static void originate(struct frame *frame)
{
	static const char *const peers[] = {"10.0.0.2:7", "10.0.0.3:7", "192.0.2.7:9",
					    "239.1.1.1:7", "[fd00::2]:7"};
	struct vly_dgram *dgram = &frame->dgram;
	struct vly_endpoint peer;
	struct vly_error error;

	memset(dgram, 0, sizeof(*dgram));
	dgram->data_offset = (int32_t)((uint8_t *)frame->bytes - (uint8_t *)dgram) + 128;
	dgram->capacity = (uint16_t)(sizeof(frame->bytes) - 128);
	dgram->len = (uint16_t)prng_below(&prng, PAYLOAD_MAX + 20);
	prng_fill(&prng, vly_dgram_data(dgram), dgram->len);
	vly_endpoint_resolve(&peer, 1, peers[prng_once_in(&prng, 4) ? prng_below(&prng, 5) : 0],
			     false, &error);
	dgram->peer = peer.addr;
	dgram->peer.port = prng_once_in(&prng, 16) ? 0 : (uint16_t)prng_next(&prng);
	if (prng_once_in(&prng, 2))
		frame_ip(dgram->local.ip, prng_once_in(&prng, 8) ? "10.0.0.77" : "10.0.0.1");
	if (prng_once_in(&prng, 2))
		dgram->local.port = (uint16_t)prng_next(&prng);
	if (prng_once_in(&prng, 8))
		dgram->ttl = 9;
	if (prng_once_in(&prng, 8))
		dgram->tos = 4;
	if (prng_once_in(&prng, 16))
		dgram->rx_ns = 1;
	dgram->fate = prng_once_in(&prng, 16) ? VLY_FATE_REPLY : VLY_FATE_SEND;
}

static void run_alike(uint32_t offloads, uint16_t vlan)
{
	struct station station = {
		.is_client = true,
		.neighbours = {"10.0.0.2@02:00:00:00:00:02", "10.0.0.3@02:00:00:00:00:03",
			       "fd00::2@02:00:00:00:00:02"},
		.config = {.link = {.offloads_tx = offloads}, .vlan = vlan},
	};
	struct vly_stack *stack = station_open(&station);
	uint32_t taken = 0;
	uint32_t routed = 0;

	for (int round = 0; round < ROUNDS; round++) {
		struct frame model, frame;
		enum vly_drop reason;

		originate(&model);
		originate(&frame);
		if (straight_output(stack, &model.dgram, 1, &reason, &routed) == VLY_STACK_TRANSMIT)
			straight_like(stack, &model.dgram, &frame.dgram, 1, &reason, &taken);
	}
	if (vlan) {
		assert_int_equal(taken + routed, 0);
	} else {
		assert_in_range(taken, ROUNDS / 10, ROUNDS);
		assert_in_range(routed, ROUNDS / 10, ROUNDS);
	}
	vly_stack_close(stack);
}

static void test_alike(void **state)
{
	(void)state;
	run_alike(0, 0);
	run_alike(VLY_FRAME_IP_CSUM | VLY_FRAME_UDP_CSUM, 0);
	run_alike(VLY_FRAME_UDP_CSUM, 0);
	run_alike(0, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums_by_software),
		cmocka_unit_test(test_sums_by_the_device),
		cmocka_unit_test(test_exact_listener),
		cmocka_unit_test(test_alike),
	};

	return cmocka_run_group_tests(tests, open_chance, tell_seed);
}
