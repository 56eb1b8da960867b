// SPDX-License-Identifier: BSD-3-Clause
//
// The exception path: what the stack leaves to the kernel, and a queue's frames to an interface of
// the kernel's and back, in a network namespace of this test's own.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/exception.h"
#include "frames.h"
#include "stations.h"

enum {
	FRAMES = 1024,
	FLOOD = 700, // more than may be out at a time
	WAIT_MS = 5000,
};

// --- the stack
// ----------------------------------------------------------------------------------

static void assert_left(struct vly_stack *stack, struct frame *frame, enum vly_drop expected)
{
	enum vly_drop reason = VLY_DROP_COUNT;
	struct frame before = *frame;

	assert_int_equal(vly_stack_input(stack, &frame->dgram, 1, &reason), VLY_STACK_DROP);
	assert_int_equal(reason, expected);
	assert_int_equal(frame->dgram.data_offset, before.dgram.data_offset);
	assert_int_equal(frame->dgram.len, before.dgram.len);
	assert_memory_equal(frame->bytes, before.bytes, before.dgram.len);
	assert_true(vly_exception_wants(&frame->dgram, reason));
}

// Nobody answers but the kernel, and nothing is said of closed ports.
static void test_stack_leaves_answers(void **state)
{
	struct vly_stack *stack = station_open(&(struct station){.config.has_kernel = true});
	struct vly_stack_poll out;
	uint8_t message[64];
	struct frame frame;
	struct vly_dgram *spare = &frame.dgram;

	(void)state;
	frame_arp(&frame, 1, frame_peer_mac, "10.0.0.2", "10.0.0.1");
	assert_left(stack, &frame, VLY_DROP_ARP);
	frame_build(&frame,
		    &(struct frame_spec){
			    .dst = "fd00::1",
			    .src = "fd00::2",
			    .ttl = 255,
			    .protocol = 58,
			    .payload = message,
			    .payload_len = frame_ndp(message, 135, 0, "fd00::1", 1, frame_peer_mac),
		    });
	assert_left(stack, &frame, VLY_DROP_NDP);
	frame_build(&frame, &(struct frame_spec){
				    .protocol = 1, .payload = "\10\0\0\0abcd", .payload_len = 8});
	assert_left(stack, &frame, VLY_DROP_ICMP);
	frame_build(&frame, &(struct frame_spec){.dst_port = 9});
	assert_left(stack, &frame, VLY_DROP_NO_LISTENER);
	frame_build(&frame,
		    &(struct frame_spec){.protocol = 6, .payload = message, .payload_len = 20});
	assert_left(stack, &frame, VLY_DROP_IP_PROTOCOL);
	frame_clear(&frame);
	assert_int_equal(vly_stack_poll(stack, &spare, 1, 2, &out), 0);
	vly_stack_close(stack);
}

// What the kernel answers the stack has heard: it asks for nobody.
static void test_stack_learns(void **state)
{
	struct vly_stack *stack = station_open(&(struct station){.config.has_kernel = true});
	enum vly_drop reason = VLY_DROP_COUNT;
	struct frame frame;

	(void)state;
	frame_arp(&frame, 1, frame_peer_mac, "10.0.0.2", "10.0.0.1");
	assert_left(stack, &frame, VLY_DROP_ARP);
	frame_clear(&frame);
	frame_ip(frame.dgram.peer.ip, "10.0.0.2");
	frame.dgram.peer.port = 9;
	frame.dgram.fate = VLY_FATE_SEND;
	assert_int_equal(vly_stack_output(stack, &frame.dgram, 2, &reason), VLY_STACK_TRANSMIT);
	vly_stack_close(stack);
}

static void test_wants_no_lies(void **state)
{
	static const enum vly_drop lies[] = {VLY_DROP_FRAME_SHORT, VLY_DROP_IP_HEADER,
					     VLY_DROP_IP_CHECKSUM, VLY_DROP_IP_SOURCE,
					     VLY_DROP_UDP_LENGTH,  VLY_DROP_UDP_CHECKSUM};
	struct frame frame;

	(void)state;
	frame_build(&frame, &(struct frame_spec){.dst_mac = frame_peer_mac});
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		assert_false(vly_exception_wants(&frame.dgram, lies[i]));
	assert_false(vly_exception_wants(&frame.dgram, VLY_DROP_NOT_OUR_MAC));
	frame_build(&frame, &(struct frame_spec){.dst_mac = frame_broadcast_mac});
	assert_true(vly_exception_wants(&frame.dgram, VLY_DROP_NOT_OUR_MAC));
}

// --- a queue and the kernel
// ---------------------------------------------------------------------

// A backend with a stack of frames as its pool, and a wire that takes all.
struct vly_backend_queue {
	struct frame *frames;
	struct vly_dgram *free[FRAMES];
	uint32_t free_count;
	struct vly_ledger_block *ledger;
	uint32_t arps; // that left
};

static uint32_t pool_alloc(struct vly_backend_queue *pool, struct vly_dgram **dgrams,
			   uint32_t count)
{
	uint32_t n = 0;

	for (; n < count && pool->free_count; n++)
		dgrams[n] = pool->free[--pool->free_count];
	return n;
}

static void pool_release(struct vly_backend_queue *pool, struct vly_dgram **dgrams, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		pool->free[pool->free_count++] = dgrams[i];
}

static uint32_t wire_send(struct vly_backend_queue *pool, struct vly_dgram **dgrams, uint32_t count,
			  uint64_t now_ns)
{
	(void)now_ns;
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *p = vly_dgram_data(dgrams[i]);

		pool->arps += p[12] == 8 && p[13] == 6;
	}
	vly_count(&pool->ledger->sent, count);
	pool_release(pool, dgrams, count);
	return count;
}

struct bench {
	struct vly_backend backend;
	struct vly_backend_queue pool;
	struct vly_ledger_block ledger;
	struct vly_queue queue;
	struct vly_exception *exception;
};

static struct vly_prefix own;

static int open_bench(struct bench *bench, const char *text, struct vly_error *error)
{
	struct vly_link_info link = {.mac = {2, 0, 0, 0, 0, 1}, .mtu = 1400};
	struct vly_port_config config = {.addrs = &own, .addr_count = 1};
	int rc;

	assert_int_equal(vly_prefix_parse(&own, "10.0.0.1/24", error), 0);
	memset(bench, 0, sizeof(*bench));
	bench->backend = (struct vly_backend){
		.tx_burst = wire_send, .alloc_burst = pool_alloc, .release_burst = pool_release};
	bench->pool.ledger = &bench->ledger;
	bench->queue.backend = &bench->backend;
	bench->queue.inner = &bench->pool;
	bench->queue.ledger = &bench->ledger;
	rc = vly_exception_open(&bench->exception, text, &link, &config, &bench->queue, 1, error);
	if (rc)
		return rc;
	bench->pool.frames = aligned_alloc(64, FRAMES * sizeof(struct frame));
	assert_non_null(bench->pool.frames);
	for (uint32_t i = 0; i < FRAMES; i++) {
		frame_clear(&bench->pool.frames[i]);
		bench->pool.free[bench->pool.free_count++] = &bench->pool.frames[i].dgram;
	}
	return 0;
}

static void close_bench(struct bench *bench)
{
	vly_exception_close(bench->exception);
	free(bench->pool.frames);
}

// Exchanges until a counter has so many, or the time is over. Returns what it has.
static uint64_t await_count(struct bench *bench, const _Atomic uint64_t *counter, uint64_t count)
{
	for (uint32_t i = 0; i < WAIT_MS && atomic_load(counter) < count; i++) {
		const struct timespec pause = {.tv_nsec = 1000000};

		vly_queue_exchange(&bench->queue, i);
		nanosleep(&pause, NULL);
	}
	return atomic_load(counter);
}

// Frames of a peer who asks for us, received by the queue.
static uint32_t receive(struct bench *bench, struct vly_dgram **frames, uint32_t count)
{
	struct frame request;

	frame_arp(&request, 1, frame_peer_mac, "10.0.0.2", "10.0.0.1");
	count = pool_alloc(&bench->pool, frames, count);
	for (uint32_t i = 0; i < count; i++) {
		memcpy(vly_dgram_data(frames[i]), request.bytes, request.dgram.len);
		frames[i]->len = request.dgram.len;
	}
	vly_count(&bench->ledger.received, count);
	return count;
}

static bool is_balanced(const struct bench *bench)
{
	struct vly_ledger ledger = {.received = 0};

	vly_ledger_block_read(&bench->ledger, &ledger);
	return vly_ledger_is_balanced(&ledger);
}

static void test_kernel_answers(void **state)
{
	struct vly_error error = {""};
	struct vly_dgram *frames[4];
	struct bench bench;

	(void)state;
	assert_int_equal(open_bench(&bench, "tap:volleytest", &error), 0);
	assert_true(if_nametoindex("volleytest") > 0);
	vly_queue_exchange(&bench.queue, 0); // spare buffers, for what the kernel says
	vly_queue_hand(&bench.queue, frames, receive(&bench, frames, 4));
	assert_int_equal(await_count(&bench, &bench.ledger.to_kernel, 4), 4);
	assert_true(await_count(&bench, &bench.ledger.from_kernel, 4) >= 4);
	assert_true(bench.pool.arps >= 4); // its answers
	assert_true(is_balanced(&bench));
	close_bench(&bench);
	assert_int_equal(if_nametoindex("volleytest"), 0);
}

static void test_full_is_counted(void **state)
{
	struct vly_dgram *frames[VLY_BURST_MAX];
	struct vly_error error = {""};
	struct bench bench;
	uint32_t handed = 0;

	(void)state;
	assert_int_equal(open_bench(&bench, "tap:volleytest", &error), 0);
	for (; handed < FLOOD; handed += VLY_BURST_MAX)
		vly_queue_hand(&bench.queue, frames, receive(&bench, frames, VLY_BURST_MAX));
	assert_true(bench.queue.exception->out <= VLY_EXCEPTION_OUT_MAX);
	assert_true(atomic_load(&bench.ledger.dropped[VLY_DROP_KERNEL_FULL]) > 0);
	while (bench.queue.exception->out)
		vly_queue_exchange(&bench.queue, 0);
	assert_true(is_balanced(&bench));
	assert_int_equal(bench.pool.free_count + bench.queue.exception->spares, FRAMES);
	close_bench(&bench);
}

static void test_refusals_name_the_fix(void **state)
{
	struct vly_error error = {""};
	struct bench bench;

	(void)state;
	assert_int_equal(open_bench(&bench, "tap", &error), -EINVAL);
	assert_non_null(strstr(error.text, "tap:NAME"));
	assert_int_equal(open_bench(&bench, "tap:", &error), -EINVAL);
	assert_int_equal(open_bench(&bench, "tap:sixteenletters-x", &error), -EINVAL);
	assert_int_equal(open_bench(&bench, "tap:lo", &error), -EBUSY);
	assert_non_null(strstr(error.text, "lo already"));
}

// The kernel's part needs a namespace of our own and the right to make an interface.
static bool may_make_interfaces(void)
{
	return geteuid() == 0 && unshare(CLONE_NEWNET) == 0 && access("/dev/net/tun", W_OK) == 0;
}

int main(void)
{
	const struct CMUnitTest stack[] = {
		cmocka_unit_test(test_stack_leaves_answers),
		cmocka_unit_test(test_stack_learns),
		cmocka_unit_test(test_wants_no_lies),
	};
	const struct CMUnitTest kernel[] = {
		cmocka_unit_test(test_kernel_answers),
		cmocka_unit_test(test_full_is_counted),
		cmocka_unit_test(test_refusals_name_the_fix),
	};
	int failed = cmocka_run_group_tests_name("stack", stack, NULL, NULL);

	if (may_make_interfaces())
		return failed + cmocka_run_group_tests_name("kernel", kernel, NULL, NULL);
	print_message("skipped with the kernel: needs root and /dev/net/tun\n");
	return failed;
}
