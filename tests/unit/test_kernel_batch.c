// SPDX-License-Identifier: BSD-3-Clause
//
// From datagrams to messages and back, without a kernel: which are joined, and what becomes of a
// burst that was taken in part.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "backend/kernel_batch.h"
#include "prng.h"

enum {
	BLOCKS = 512,
	PORT = 4000,
};

struct fixture {
	struct vly_kernel_pool pool;
	struct vly_kernel_sockets sockets;
	struct vly_kernel_sender sender;
	struct vly_kernel_batch batch;
	struct vly_ledger_block ledger;
	struct vly_dgram *dgrams[VLY_KERNEL_BATCH];
	uint32_t log_lines;
};

static void count_line(void *arg, const char *text)
{
	(void)text;
	((struct fixture *)arg)->log_lines++;
}

static int set_up(void **state)
{
	static struct fixture fixture;
	struct fixture *f = &fixture;

	memset(f, 0, sizeof(*f));
	assert_int_equal(vly_kernel_pool_open(&f->pool, BLOCKS, NULL), 0);
	f->sockets.count = 1;
	f->sockets.list[0] = (struct vly_kernel_socket){
		.fd = -1, .is_ipv6 = true, .is_wildcard = true, .bound = {.port = PORT}};
	f->sender = (struct vly_kernel_sender){.sockets = &f->sockets,
					       .pool = &f->pool,
					       .ledger = &f->ledger,
					       .gso = true,
					       .log = {.line = count_line, .arg = f}};
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	vly_kernel_pool_close(&f->pool);
	return 0;
}

// Datagram i of the burst, to peer number `peer`.
static void make(struct fixture *f, uint32_t i, uint16_t peer, uint16_t len)
{
	struct vly_dgram *dgram;

	assert_int_equal(vly_kernel_pool_alloc(&f->pool, &f->dgrams[i], 1), 1);
	dgram = f->dgrams[i];
	memset(&dgram->peer, 0, sizeof(dgram->peer) + sizeof(dgram->local));
	dgram->peer.ip[15] = 1;
	dgram->peer.port = (uint16_t)(1 + peer);
	dgram->link = 0;
	dgram->len = len;
	dgram->fate = VLY_FATE_SEND;
	dgram->ttl = dgram->tos = 0;
}

static uint64_t sent(const struct fixture *f)
{
	return atomic_load(&f->ledger.sent);
}

static void test_equal_sizes_join(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 64; i++)
		make(f, i, 0, 1000);
	vly_kernel_batch_fill(&f->batch, &f->sender, f->dgrams, 64);
	assert_int_equal(f->batch.group_count, 1);
	assert_int_equal(f->batch.msgs[0].msg_hdr.msg_iovlen, 64);
	vly_kernel_batch_abandon(&f->batch, &f->sender);
	assert_int_equal(f->pool.free_count, BLOCKS);
	assert_int_equal(atomic_load(&f->ledger.dropped[VLY_DROP_TX_FULL]), 64);
}

static void test_message_has_limits(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 64; i++)
		make(f, i, 0, 1472);
	vly_kernel_batch_fill(&f->batch, &f->sender, f->dgrams, 64);
	assert_int_equal(f->batch.group_count, 2);
	assert_int_equal(f->batch.groups[0].bytes, 44 * 1472); // the most below 65,508
	vly_kernel_batch_abandon(&f->batch, &f->sender);
}

static void test_what_does_not_join(void **state)
{
	static const uint16_t lens[] = {100, 100, 50, 100, 0, 0, 200, 100};
	// 100 100 50 | 100 | 0 | 0 | 200 100
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 8; i++)
		make(f, i, 0, lens[i]);
	vly_kernel_batch_fill(&f->batch, &f->sender, f->dgrams, 8);
	assert_int_equal(f->batch.group_count, 5);
	assert_int_equal(f->batch.groups[0].count, 3);
	assert_int_equal(f->batch.groups[4].count, 2);
	vly_kernel_batch_abandon(&f->batch, &f->sender);
	for (uint32_t i = 0; i < 4; i++)
		make(f, i, 0, 100);
	f->dgrams[1]->tos = 4;
	f->dgrams[2]->ttl = 9;
	f->dgrams[3]->local.ip[15] = 7;
	vly_kernel_batch_fill(&f->batch, &f->sender, f->dgrams, 4);
	assert_int_equal(f->batch.group_count, 4);
	vly_kernel_batch_abandon(&f->batch, &f->sender);
}

// The segments of a received train lie side by side: one piece, however many datagrams.
static void test_neighbours_are_one_piece(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 8; i++) {
		make(f, i, 0, 100);
		f->dgrams[i]->data_offset =
			(int32_t)(vly_dgram_data(f->dgrams[0]) - (uint8_t *)f->dgrams[i]) +
			(int32_t)(100 * i);
	}
	vly_kernel_batch_fill(&f->batch, &f->sender, f->dgrams, 8);
	assert_int_equal(f->batch.group_count, 1);
	assert_int_equal(f->batch.msgs[0].msg_hdr.msg_iovlen, 1);
	assert_int_equal(f->batch.iovs[0].iov_len, 800);
	vly_kernel_batch_abandon(&f->batch, &f->sender);
}

// Bursts of many peers in turn, several together: a message for each peer.
static void test_gathered_bursts_join(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < VLY_KERNEL_BATCH; i++)
		make(f, i, i % 64, 100);
	assert_int_equal(vly_kernel_batch_gather(&f->batch, &f->sender), BLOCKS / 4);
	vly_kernel_batch_fill(&f->batch, &f->sender, f->dgrams, VLY_KERNEL_BATCH);
	assert_int_equal(f->batch.group_count, 64);
	for (uint32_t g = 0; g < 64; g++)
		assert_int_equal(f->batch.groups[g].count, VLY_KERNEL_BATCH / 64);
	assert_int_equal(vly_kernel_batch_unsent(&f->batch), VLY_KERNEL_BATCH);
	vly_kernel_batch_abandon(&f->batch, &f->sender);
	assert_int_equal(vly_kernel_batch_gather(&f->batch, &f->sender), BLOCKS / 4);
}

// Where gathering joins nothing it is left for a while, and tried again.
static void test_gathering_in_vain_is_left(void **state)
{
	struct fixture *f = *state;
	uint32_t asked = 0;

	for (uint32_t i = 0; i < VLY_KERNEL_BATCH; i++)
		make(f, i, (uint16_t)i, 100);
	vly_kernel_batch_fill(&f->batch, &f->sender, f->dgrams, VLY_KERNEL_BATCH);
	assert_int_equal(f->batch.group_count, VLY_KERNEL_BATCH);
	vly_kernel_batch_abandon(&f->batch, &f->sender);
	assert_int_equal(f->pool.free_count, BLOCKS);
	assert_int_equal(vly_kernel_batch_gather(&f->batch, &f->sender), 0);
	while (!vly_kernel_batch_gather(&f->batch, &f->sender))
		assert_true(++asked < 1000);
}

// A small pool would have nothing left to receive into; without segmentation nothing is joined.
static void test_gathering_needs_room_and_segments(void **state)
{
	struct fixture *f = *state;

	f->sender.gso = false;
	assert_int_equal(vly_kernel_batch_gather(&f->batch, &f->sender), 0);
	f->sender.gso = true;
	f->pool.count = 4 * VLY_BURST_MAX;
	assert_int_equal(vly_kernel_batch_gather(&f->batch, &f->sender), 0);
	f->pool.count = BLOCKS;
	assert_int_equal(vly_kernel_batch_gather(&f->batch, &f->sender), BLOCKS / 4);
}

// In whatever mixture, the messages taken in order hold each flow's datagrams in order.
static void test_flows_keep_their_order(void **state)
{
	enum {
		FLOWS = 40,
		BURSTS = 2000
	};
	struct fixture *f = *state;
	struct prng prng = prng_open();

	print_message("seed %llu\n", (unsigned long long)prng.seed);
	for (uint32_t burst = 0; burst < BURSTS; burst++) {
		uint32_t count = prng_between(&prng, 1, VLY_KERNEL_BATCH);
		uint32_t flows = prng_between(&prng, 1, FLOWS);
		int32_t last[FLOWS];
		uint32_t total = 0;

		memset(last, 0xff, sizeof(last));
		for (uint32_t i = 0; i < count; i++)
			make(f, i, (uint16_t)prng_below(&prng, flows),
			     (uint16_t)(prng_below(&prng, 4) * 10));
		vly_kernel_batch_fill(&f->batch, &f->sender, f->dgrams, count);
		for (uint32_t g = 0; g < f->batch.group_count; g++) {
			const struct vly_kernel_group *group = &f->batch.groups[g];
			uint32_t index = group->first;

			for (uint32_t i = 0; i < group->count; i++, index = f->batch.next[index]) {
				uint32_t flow = f->dgrams[index]->peer.port - 1u;

				assert_true((int32_t)index > last[flow]);
				last[flow] = (int32_t)index;
				// All but the last of a message are of its size.
				assert_true(i + 1 == group->count ||
					    f->dgrams[index]->len == group->size);
				total++;
			}
		}
		assert_int_equal(total, count);
		vly_kernel_batch_abandon(&f->batch, &f->sender);
	}
	assert_int_equal(f->pool.free_count, BLOCKS);
}

static void test_full_queue_gives_the_rest_back(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 6; i++)
		make(f, i, (uint16_t)(i / 2), 100); // three messages of two
	vly_kernel_batch_fill(&f->batch, &f->sender, f->dgrams, 6);
	assert_true(vly_kernel_batch_settle(&f->batch, &f->sender, 0, 0));
	assert_false(vly_kernel_batch_advance(&f->batch, &f->sender));
	assert_false(vly_kernel_batch_settle(&f->batch, &f->sender, 1, -EAGAIN));
	assert_int_equal(vly_kernel_batch_give_back(&f->batch, &f->sender, 1), 2);
	assert_int_equal(f->batch.count, 0);
	assert_int_equal(sent(f), 2);
	assert_int_equal(f->pool.free_count, BLOCKS - 4); // those are the caller's
}

// With more than 64 behind them, and more than 64 left.
static void test_full_queue_gives_many_back(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 200; i++)
		make(f, i, (uint16_t)(i / 10), 100); // twenty messages of ten
	vly_kernel_batch_fill(&f->batch, &f->sender, f->dgrams, 200);
	for (uint32_t g = 0; g < 9; g++)
		assert_true(vly_kernel_batch_settle(&f->batch, &f->sender, g, 0));
	assert_false(vly_kernel_batch_advance(&f->batch, &f->sender));
	assert_int_equal(vly_kernel_batch_unsent(&f->batch), 110);
	assert_int_equal(vly_kernel_batch_give_back(&f->batch, &f->sender, 1), 90);
	assert_int_equal(f->pool.free_count, BLOCKS - 110);
}

static void test_full_queue_keeps_what_is_mixed(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 6; i++)
		make(f, i, i % 2, 100); // two messages, in each other's midst
	vly_kernel_batch_fill(&f->batch, &f->sender, f->dgrams, 6);
	assert_true(vly_kernel_batch_settle(&f->batch, &f->sender, 0, 0));
	assert_false(vly_kernel_batch_advance(&f->batch, &f->sender));
	assert_int_equal(vly_kernel_batch_give_back(&f->batch, &f->sender, 1), 6);
	assert_int_equal(vly_kernel_batch_unsent(&f->batch), 3);
	assert_true(vly_kernel_batch_settle(&f->batch, &f->sender, 1, 0));
	assert_true(vly_kernel_batch_advance(&f->batch, &f->sender));
	assert_int_equal(sent(f), 6);
	assert_int_equal(f->pool.free_count, BLOCKS);
}

static void test_errors_have_names(void **state)
{
	static const struct {
		int error;
		enum vly_drop drop;
	} cases[] = {
		{-EMSGSIZE, VLY_DROP_TX_OVERSIZE},     {-ENETUNREACH, VLY_DROP_TX_NO_ROUTE},
		{-EHOSTUNREACH, VLY_DROP_TX_NO_ROUTE}, {-EAFNOSUPPORT, VLY_DROP_TX_NO_ROUTE},
		{-EPERM, VLY_DROP_TX_REFUSED},         {-ECONNREFUSED, VLY_DROP_TX_REFUSED},
		{-EIO, VLY_DROP_TX_REFUSED},
	};
	struct fixture *f = *state;

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t before = atomic_load(&f->ledger.dropped[cases[i].drop]);

		make(f, 0, 0, 100);
		vly_kernel_batch_fill(&f->batch, &f->sender, f->dgrams, 1);
		assert_true(vly_kernel_batch_settle(&f->batch, &f->sender, 0, cases[i].error));
		assert_true(vly_kernel_batch_advance(&f->batch, &f->sender));
		assert_int_equal(atomic_load(&f->ledger.dropped[cases[i].drop]), before + 1);
	}
}

static void fail_segments(struct fixture *f, uint16_t len, int error)
{
	make(f, 0, 0, len);
	make(f, 1, 0, len);
	vly_kernel_batch_fill(&f->batch, &f->sender, f->dgrams, 2);
	assert_int_equal(f->batch.group_count, 1);
	assert_true(vly_kernel_batch_settle(&f->batch, &f->sender, 0, error));
	assert_true(f->batch.groups[0].is_plain);
	vly_kernel_batch_abandon(&f->batch, &f->sender);
}

static uint32_t messages_of_two(struct fixture *f, uint16_t len)
{
	uint32_t n;

	make(f, 0, 0, len);
	make(f, 1, 0, len);
	vly_kernel_batch_fill(&f->batch, &f->sender, f->dgrams, 2);
	n = f->batch.group_count;
	vly_kernel_batch_abandon(&f->batch, &f->sender);
	return n;
}

// Where large segments fail, small ones are still joined; where all fail, none are. Said once.
static void test_paths_are_remembered(void **state)
{
	struct fixture *f = *state;

	fail_segments(f, 2000, -EINVAL);
	assert_int_equal(messages_of_two(f, 2000), 2);
	assert_int_equal(messages_of_two(f, 1400), 1);
	fail_segments(f, 1400, -EIO);
	assert_int_equal(messages_of_two(f, 10), 2);
	assert_int_equal(f->log_lines, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_equal_sizes_join, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_message_has_limits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_does_not_join, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_neighbours_are_one_piece, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gathered_bursts_join, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gathering_in_vain_is_left, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gathering_needs_room_and_segments, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_full_queue_gives_many_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_flows_keep_their_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_queue_gives_the_rest_back, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_full_queue_keeps_what_is_mixed, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_errors_have_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_paths_are_remembered, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
