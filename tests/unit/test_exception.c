// SPDX-License-Identifier: BSD-3-Clause
//
// The exception path: a queue's frames to an interface of the kernel's and back, in a network
// namespace of this test's own.
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
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "core/exception.h"
#include "frames.h"
#include "pieces.h"

enum {
	FRAMES = 1024,
	FLOOD = 700, // more than may be out at a time
	LARGE = 60000,
	CHUNK = 1200, // of it in each frame
	UDP_BYTES = 8,
	WAIT_MS = 5000,
};

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
		frames[i]->rx_ns = 1;
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

static const uint8_t large[LARGE];

// The fragments of a datagram to port 9000, which has come in as many.
static uint32_t receive_parts(struct bench *bench, struct vly_dgram **frames)
{
	static uint8_t bytes[PIECES_BYTES];
	size_t len = piece_whole(bytes, false, large, LARGE);
	uint32_t l4_len = LARGE + UDP_BYTES;
	uint32_t count = (l4_len + CHUNK - 1) / CHUNK;
	struct frame piece;

	assert_int_equal(pool_alloc(&bench->pool, frames, count), count);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = i * CHUNK;

		piece_cut(&piece, bytes, len, 7, at, l4_len - at < CHUNK ? l4_len - at : CHUNK);
		memcpy(vly_dgram_data(frames[i]), piece.bytes, piece.dgram.len);
		frames[i]->len = piece.dgram.len;
		frames[i]->rx_ns = i == count - 1;
	}
	vly_count(&bench->ledger.received, count);
	vly_count(&bench->ledger.answered, count - 1);
	return count;
}

static int open_socket(void)
{
	const struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(9000)};
	const struct timeval limit = {.tv_sec = 5};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	return fd;
}

// A socket of the kernel's gets the datagram, and all its frames count as one.
static void test_parts_are_one(void **state)
{
	static uint8_t got[LARGE + 1];
	struct vly_dgram *frames[VLY_STACK_SPLIT_MAX];
	struct vly_error error = {""};
	struct bench bench;
	int fd;

	(void)state;
	assert_int_equal(open_bench(&bench, "tap:volleytest", &error), 0);
	fd = open_socket();
	vly_queue_hand_parts(&bench.queue, frames, receive_parts(&bench, frames));
	assert_int_equal(await_count(&bench, &bench.ledger.to_kernel, 1), 1);
	assert_int_equal(recv(fd, got, sizeof(got), 0), LARGE);
	assert_memory_equal(got, large, LARGE);
	assert_int_equal(bench.queue.exception->out, 0);
	assert_int_equal(bench.queue.exception->out_parts, 0);
	assert_true(is_balanced(&bench));
	close(fd);
	close_bench(&bench);
}

// All or none: those for which there is no room are one that was dropped.
static void test_parts_find_no_room(void **state)
{
	struct vly_dgram *frames[VLY_STACK_SPLIT_MAX];
	struct vly_error error = {""};
	struct bench bench;
	uint64_t dropped;
	uint32_t count = 0;

	(void)state;
	assert_int_equal(open_bench(&bench, "tap:volleytest", &error), 0);
	for (uint32_t i = 0; i < 10; i++)
		vly_queue_hand_parts(&bench.queue, frames, count = receive_parts(&bench, frames));
	assert_true(bench.queue.exception->out > 0);
	dropped = atomic_load(&bench.ledger.dropped[VLY_DROP_KERNEL_FULL]);
	assert_int_equal(dropped, 10 - VLY_EXCEPTION_OUT_MAX / count);
	while (bench.queue.exception->out)
		vly_queue_exchange(&bench.queue, 0);
	assert_int_equal(atomic_load(&bench.ledger.to_kernel), 10 - dropped);
	assert_true(is_balanced(&bench));
	close_bench(&bench);
}

// What the kernel never gave back was as many datagrams, not frames.
static void test_parts_are_forsaken(void **state)
{
	struct vly_dgram *frames[VLY_STACK_SPLIT_MAX];
	struct vly_error error = {""};
	struct bench bench;

	(void)state;
	assert_int_equal(open_bench(&bench, "tap:volleytest", &error), 0);
	for (uint32_t i = 0; i < 3; i++)
		vly_queue_hand_parts(&bench.queue, frames, receive_parts(&bench, frames));
	vly_queue_forsake(&bench.queue);
	assert_int_equal(atomic_load(&bench.ledger.dropped[VLY_DROP_KERNEL_FULL]), 3);
	assert_true(is_balanced(&bench));
	close_bench(&bench);
}

static void set_interface(const char *name, bool is_up)
{
	struct ifreq request = {.ifr_flags = 0};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	memcpy(request.ifr_name, name, strlen(name) + 1);
	assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &request), 0);
	request.ifr_flags =
		(short)(is_up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
}

// An interface that is down takes nothing: one is lost for each datagram. Then it is up again, and
// takes the next.
static void test_parts_are_refused(void **state)
{
	struct vly_dgram *frames[VLY_STACK_SPLIT_MAX];
	struct vly_error error = {""};
	struct bench bench;

	(void)state;
	assert_int_equal(open_bench(&bench, "tap:volleytest", &error), 0);
	set_interface("volleytest", false);
	vly_queue_hand_parts(&bench.queue, frames, receive_parts(&bench, frames));
	vly_queue_hand_parts(&bench.queue, frames, receive_parts(&bench, frames));
	assert_int_equal(await_count(&bench, &bench.ledger.dropped[VLY_DROP_KERNEL_FULL], 2), 2);
	set_interface("volleytest", true);
	vly_queue_hand_parts(&bench.queue, frames, receive_parts(&bench, frames));
	assert_int_equal(await_count(&bench, &bench.ledger.to_kernel, 1), 1);
	assert_true(is_balanced(&bench));
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
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_answers),
		cmocka_unit_test(test_full_is_counted),
		cmocka_unit_test(test_parts_are_one),
		cmocka_unit_test(test_parts_find_no_room),
		cmocka_unit_test(test_parts_are_forsaken),
		cmocka_unit_test(test_parts_are_refused),
		cmocka_unit_test(test_refusals_name_the_fix),
	};

	if (may_make_interfaces())
		return cmocka_run_group_tests(tests, NULL, NULL);
	print_message("skipped: needs root and /dev/net/tun\n");
	return 0;
}
