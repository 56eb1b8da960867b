// SPDX-License-Identifier: BSD-3-Clause
//
// Received messages taken apart, with messages of the test's own making: what a kernel gives
// rarely, or to some sockets only.
#include "kernel_port.h"

#include <netinet/udp.h>

#include "backend/kernel_train.h"

enum {
	NAME_BYTES = 32,
	SEGMENTS = 200, // more than a block has headers
	BROADCAST_LOW = 255,
};

struct bench {
	struct vly_kernel_pool pool;
	struct vly_kernel_trains trains;
	struct vly_kernel_socket sock;
	struct vly_ledger_block ledger;
	struct vly_dgram *dgrams[SEGMENTS];
	_Alignas(8) uint8_t control[256];
	struct sockaddr_in name;
	struct msghdr msg;
};

static int bench_open(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	struct vly_error error = {""};

	assert_non_null(bench);
	assert_int_equal(vly_kernel_pool_open(&bench->pool, 0, &error), 0);
	bench->name = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(7)};
	bench->msg = (struct msghdr){
		.msg_name = &bench->name,
		.msg_namelen = sizeof(bench->name),
		.msg_control = bench->control,
	};
	*state = bench;
	return 0;
}

static int bench_close(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(bench->pool.free_count, bench->pool.count); // no block is missing
	vly_kernel_pool_close(&bench->pool);
	free(bench);
	return 0;
}

static void add_control(struct bench *bench, int level, int type, const void *data, size_t bytes)
{
	struct cmsghdr *cmsg = (void *)(bench->control + bench->msg.msg_controllen);

	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(bytes);
	memcpy(CMSG_DATA(cmsg), data, bytes);
	bench->msg.msg_controllen += CMSG_SPACE(bytes);
}

// What the header said, and the address of ours that it came to.
static void add_addressee(struct bench *bench, const uint8_t *header, const uint8_t *ours)
{
	struct in_pktinfo info = {.ipi_ifindex = 1};

	memcpy(&info.ipi_addr, header, 4);
	memcpy(&info.ipi_spec_dst, ours, 4);
	add_control(bench, SOL_IP, IP_PKTINFO, &info, sizeof(info));
}

static uint32_t add(struct bench *bench, uint32_t bytes)
{
	return vly_kernel_trains_add(&bench->trains, &bench->pool, &bench->sock, &bench->ledger,
				     &bench->msg, vly_kernel_pool_take(&bench->pool), bytes, 1);
}

static uint32_t deliver(struct bench *bench)
{
	uint32_t n = 0;
	uint32_t more;

	do {
		more = vly_kernel_trains_deliver(&bench->trains, &bench->pool, &bench->ledger,
						 bench->dgrams + n, 0, VLY_BURST_MAX, 1);
		n += more;
	} while (more);
	return n;
}

static struct vly_ledger ledger_of(const struct bench *bench)
{
	struct vly_ledger ledger = {.received = 0};

	vly_ledger_block_read(&bench->ledger, &ledger);
	return ledger;
}

static void test_truncated_message(void **state)
{
	struct bench *bench = *state;

	bench->msg.msg_flags = MSG_TRUNC;
	assert_int_equal(add(bench, VLY_DGRAM_BYTES_MAX), 0);
	assert_int_equal(deliver(bench), 0);
	assert_int_equal(ledger_of(bench).received, 1);
	assert_int_equal(ledger_of(bench).dropped[VLY_DROP_RX_TRUNCATED], 1);
}

// Over IPv6 a datagram may be longer than all that there is room for: not so one of a train, which
// may be as long as a block.
static void test_longer_than_over_ipv4(void **state)
{
	enum {
		COUNT = 64,
		SEGMENT = VLY_KERNEL_PAYLOAD_BYTES / COUNT
	};
	struct bench *bench = *state;
	int segment = SEGMENT;

	assert_int_equal(add(bench, VLY_DGRAM_BYTES_MAX + 1), 0);
	assert_int_equal(ledger_of(bench).received, 1);
	assert_int_equal(ledger_of(bench).dropped[VLY_DROP_RX_TRUNCATED], 1);
	assert_int_equal(add(bench, VLY_DGRAM_BYTES_MAX), 1);
	add_control(bench, SOL_UDP, UDP_GRO, &segment, sizeof(segment));
	assert_int_equal(add(bench, VLY_KERNEL_PAYLOAD_BYTES), COUNT);
	assert_int_equal(deliver(bench), 1 + COUNT);
	for (uint32_t i = 0; i <= COUNT; i++) {
		assert_int_equal(bench->dgrams[i]->len, i ? SEGMENT : VLY_DGRAM_BYTES_MAX);
		assert_true(bench->dgrams[i]->capacity >= bench->dgrams[i]->len);
	}
	assert_int_equal(ledger_of(bench).dropped[VLY_DROP_RX_TRUNCATED], 1);
	vly_kernel_pool_release(&bench->pool, bench->dgrams, 1 + COUNT);
}

static void test_train_of_more_than_fit(void **state)
{
	struct bench *bench = *state;
	int segment = 1;

	add_control(bench, SOL_UDP, UDP_GRO, &segment, sizeof(segment));
	assert_int_equal(add(bench, SEGMENTS), VLY_KERNEL_HEADERS);
	assert_int_equal(deliver(bench), VLY_KERNEL_HEADERS);
	assert_int_equal(ledger_of(bench).received, SEGMENTS);
	assert_int_equal(ledger_of(bench).dropped[VLY_DROP_RX_TRUNCATED],
			 SEGMENTS - VLY_KERNEL_HEADERS);
	vly_kernel_pool_release(&bench->pool, bench->dgrams, VLY_KERNEL_HEADERS);
}

// Only the first of a burst is cut; what has no room behind others waits, to leave as one again.
static void test_burst_is_filled_up(void **state)
{
	enum {
		COUNT = 40,
		ROOM = 2 * COUNT - 1
	};
	struct bench *bench = *state;
	int segment = 1;
	uint32_t n = 0;

	add_control(bench, SOL_UDP, UDP_GRO, &segment, sizeof(segment));
	assert_int_equal(add(bench, COUNT), COUNT);
	n = vly_kernel_trains_deliver(&bench->trains, &bench->pool, &bench->ledger, bench->dgrams,
				      0, ROOM, 1);
	assert_int_equal(n, COUNT);
	assert_int_equal(add(bench, COUNT), COUNT);
	n = vly_kernel_trains_deliver(&bench->trains, &bench->pool, &bench->ledger, bench->dgrams,
				      n, ROOM, 1);
	assert_int_equal(n, COUNT);
	assert_int_equal(ledger_of(bench).received, COUNT);
	n = vly_kernel_trains_deliver(&bench->trains, &bench->pool, &bench->ledger,
				      bench->dgrams + COUNT, 0, COUNT - 1, 1);
	assert_int_equal(n, COUNT - 1);
	n = vly_kernel_trains_deliver(&bench->trains, &bench->pool, &bench->ledger,
				      bench->dgrams + COUNT, n, COUNT, 1);
	assert_int_equal(n, COUNT);
	assert_int_equal(ledger_of(bench).received, 2 * COUNT);
	vly_kernel_pool_release(&bench->pool, bench->dgrams, 2 * COUNT);
}

// Where it came to: the group itself, or for a broadcast an address that can be answered from.
static void test_addressees(void **state)
{
	static const uint8_t ours[4] = {10, 0, 0, 2};
	static const uint8_t group[4] = {239, 1, 1, 1};
	static const uint8_t all[4] = {10, 0, 0, BROADCAST_LOW};
	struct bench *bench = *state;

	add_addressee(bench, group, ours);
	assert_int_equal(add(bench, 1), 1);
	bench->msg.msg_controllen = 0;
	add_addressee(bench, all, ours);
	assert_int_equal(add(bench, 1), 1);
	assert_int_equal(deliver(bench), 2);
	assert_true(vly_addr_is_multicast(&bench->dgrams[0]->local));
	assert_memory_equal(bench->dgrams[0]->local.ip + 12, group, 4);
	assert_memory_equal(bench->dgrams[1]->local.ip + 12, ours, 4);
	vly_kernel_pool_release(&bench->pool, bench->dgrams, 2);
}

// The kernel has made the copies, not the wire: they are nobody's, and count nowhere.
static void test_copies_are_no_datagrams(void **state)
{
	static const uint8_t ours[4] = {10, 0, 0, 2};
	static const uint8_t all[4] = {255, 255, 255, 255};
	struct bench *bench = *state;

	bench->sock.drops_copies = true;
	add_addressee(bench, all, ours);
	assert_int_equal(add(bench, 1), 0);
	bench->msg.msg_controllen = 0;
	add_addressee(bench, ours, ours);
	assert_int_equal(add(bench, 1), 1);
	assert_int_equal(deliver(bench), 1);
	assert_int_equal(ledger_of(bench).received, 1);
	vly_kernel_pool_release(&bench->pool, bench->dgrams, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_truncated_message, bench_open, bench_close),
		cmocka_unit_test_setup_teardown(test_longer_than_over_ipv4, bench_open,
						bench_close),
		cmocka_unit_test_setup_teardown(test_train_of_more_than_fit, bench_open,
						bench_close),
		cmocka_unit_test_setup_teardown(test_burst_is_filled_up, bench_open, bench_close),
		cmocka_unit_test_setup_teardown(test_addressees, bench_open, bench_close),
		cmocka_unit_test_setup_teardown(test_copies_are_no_datagrams, bench_open,
						bench_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
