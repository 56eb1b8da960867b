// SPDX-License-Identifier: BSD-3-Clause
//
// The dpdk backend with DPDK started, without huge pages or privileges: ports come and go in one
// process, buffers are conserved, and frames cross a virtio pair both of whose ends are here.
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/backends.h"
#include "backend/dpdk_private.h"
#include "core/clock.h"
#include "prng.h"

enum {
	BURST = 32,
	BUFFERS = 1023,
	FRAMES = 20000,
	FRAME_MIN = 60,
	FRAME_MAX = 1514,
	JUMBO = 5000,
	LIMIT_S = 30,
	THREADS = 140, // more than DPDK has lcores
};

struct end {
	struct vly_backend_port *port;
	struct vly_ledger_block *ledger;
	struct vly_backend_queue *queue;
};

static const struct vly_backend *const dpdk = &vly_backend_dpdk;

static int try_open(struct end *end, const char *device, const char *option, uint32_t buffers,
		    struct vly_error *error)
{
	const struct vly_port_config config = {.device = device, .queues = 1, .buffers = buffers};
	const char *word = option ? option : "hugepages=off";
	union vly_value values[VLY_KEYS_MAX];
	int rc = vly_keys_parse(dpdk->keys, &word, 1, values, error);

	assert_int_equal(rc, 0);
	end->ledger = aligned_alloc(128, (sizeof(*end->ledger) + 127) / 128 * 128);
	assert_non_null(end->ledger);
	memset(end->ledger, 0, sizeof(*end->ledger));
	rc = dpdk->open(&end->port, &config, values, &end->ledger, error);
	if (rc)
		free(end->ledger);
	else
		end->queue = dpdk->queue(end->port, 0);
	return rc;
}

static struct end open_end(const char *device)
{
	struct vly_error error = {""};
	struct end end;
	int rc = try_open(&end, device, NULL, BUFFERS, &error);

	if (rc)
		print_error("%s: %s\n", device, error.text);
	assert_int_equal(rc, 0);
	return end;
}

static void close_end(struct end *end)
{
	dpdk->close(end->port);
	free(end->ledger);
}

// Takes all that the pool gives, and returns how many it were.
static uint32_t drain(struct end *end, struct vly_dgram **dgrams)
{
	uint32_t count = 0;
	uint32_t got;

	while ((got = dpdk->alloc_burst(end->queue, dgrams + count, BURST)))
		count += got;
	return count;
}

static void test_opens_again_and_again(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		struct end one = open_end("vdev:net_null0");
		struct end two = open_end("vdev:net_null1");

		close_end(&one);
		close_end(&two);
	}
}

static void test_refusals_leave_nothing(void **state)
{
	struct vly_error error = {""};
	struct end other;
	struct end end;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(try_open(&end, "pcap:/dev/null", NULL, 0, &error), -ENODEV);
		assert_non_null(strstr(error.text, "refused by its driver: "));
		assert_null(strchr(error.text, '\n'));
		assert_int_equal(try_open(&end, "vdev:net_nosuch0", NULL, 0, &error), -ENODEV);
		assert_int_equal(try_open(&end, "vdev:net_null0", NULL, 3, &error), -EINVAL);
		assert_non_null(strstr(error.text, "too few"));
	}
	end = open_end("vdev:net_null0");
	assert_int_equal(try_open(&other, "vdev:net_null0", NULL, 0, &error), -EBUSY);
	assert_non_null(strstr(error.text, "open in this process already"));
	assert_int_equal(try_open(&other, "vdev:net_null1", "hugepages=on", 0, &error), -EBUSY);
	assert_non_null(strstr(error.text, "hugepages=on to the first one"));
	close_end(&end);
}

static void test_keeps_the_affinity(void **state)
{
	cpu_set_t before;
	cpu_set_t after;
	struct end end;

	(void)state;
	sched_getaffinity(0, sizeof(before), &before);
	end = open_end("vdev:net_null0");
	sched_getaffinity(0, sizeof(after), &after);
	assert_true(CPU_EQUAL(&before, &after));
	close_end(&end);
}

static void test_buffers_are_conserved(void **state)
{
	struct vly_dgram *dgrams[BUFFERS + BURST];
	struct end end = open_end("vdev:net_null0");
	uint32_t all = drain(&end, dgrams);

	(void)state;
	// The null driver keeps none for itself.
	assert_int_equal(all, BUFFERS);
	for (uint32_t i = 0; i < all; i++) {
		assert_int_equal((uintptr_t)dgrams[i] % VLY_CACHE_LINE_BYTES, 0);
		assert_int_equal(dgrams[i]->len, 0);
		assert_true(dgrams[i]->capacity >= FRAME_MAX);
		assert_true(dgrams[i]->data_offset >=
			    (int)sizeof(struct vly_dgram) + VLY_BACKEND_HEADROOM);
		memset(vly_dgram_data(dgrams[i]), 0xa5, dgrams[i]->capacity);
	}
	dpdk->release_burst(end.queue, dgrams, all);
	for (int round = 0; round < 100; round++) {
		uint32_t got = dpdk->rx_burst(end.queue, dgrams, BURST, 7);

		assert_true(got > 0);
		assert_int_equal(dgrams[0]->rx_ns, 7);
		assert_int_equal(dpdk->tx_burst(end.queue, dgrams, got / 2, 7), got / 2);
		dpdk->release_burst(end.queue, dgrams + got / 2, got - got / 2);
	}
	assert_int_equal(drain(&end, dgrams), BUFFERS);
	dpdk->release_burst(end.queue, dgrams, BUFFERS);
	close_end(&end);
}

static void *burst_once(void *arg)
{
	struct vly_dgram *dgrams[BURST];
	struct end *end = arg;
	uint32_t got = dpdk->rx_burst(end->queue, dgrams, BURST, 1);

	dpdk->release_burst(end->queue, dgrams, got);
	return NULL;
}

// Every thread that ends gives its lcore id back, so that each has one, and with it a cache.
static void test_threads_come_and_go(void **state)
{
	struct vly_dgram *dgrams[BUFFERS + BURST];

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		struct end end = open_end("vdev:net_null0");
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, burst_once, &end), 0);
		pthread_join(thread, NULL);
		assert_non_null(end.queue->cache);
		assert_int_equal(drain(&end, dgrams), BUFFERS);
		dpdk->release_burst(end.queue, dgrams, BUFFERS);
		close_end(&end);
	}
}

// A capture (the libpcap format of 1998) of three frames of those lengths.
static void write_capture(const char *path, const uint32_t *lens)
{
	const uint32_t head[] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
	static const uint8_t zeros[JUMBO];
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(head, sizeof(head), 1, file), 1);
	for (int i = 0; i < 3; i++) {
		const uint32_t record[] = {0, 0, lens[i], lens[i]};

		assert_int_equal(fwrite(record, sizeof(record), 1, file), 1);
		assert_int_equal(fwrite(zeros, lens[i], 1, file), 1);
	}
	assert_int_equal(fclose(file), 0);
}

// A driver may chain buffers for a frame that is larger than any: it is lost, and counted.
static void test_too_large_is_counted(void **state)
{
	const uint32_t lens[] = {60, JUMBO, 61};
	struct vly_dgram *dgrams[BUFFERS + BURST];
	char folder[] = "/tmp/volley-dpdk-XXXXXX";
	char path[64];
	char device[128];
	struct end end;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/capture", folder);
	write_capture(path, lens);
	snprintf(device, sizeof(device), "vdev:net_pcap_test,rx_pcap=%s", path);
	end = open_end(device);
	assert_int_equal(dpdk->rx_burst(end.queue, dgrams, BURST, 1), 2);
	assert_int_equal(dgrams[0]->len, 60);
	assert_int_equal(dgrams[1]->len, 61);
	assert_int_equal(end.ledger->received, 3);
	assert_int_equal(end.ledger->dropped[VLY_DROP_RX_TRUNCATED], 1);
	dpdk->release_burst(end.queue, dgrams, 2);
	assert_int_equal(drain(&end, dgrams), BUFFERS);
	dpdk->release_burst(end.queue, dgrams, BUFFERS);
	close_end(&end);
	unlink(path);
	rmdir(folder);
}

// A frame whose content follows from its number.
static void make_frame(struct vly_dgram *dgram, uint64_t seed, uint32_t number)
{
	struct prng prng = prng_from(seed + number);

	dgram->len = (uint16_t)prng_between(&prng, FRAME_MIN, FRAME_MAX);
	dgram->link = 0;
	prng_fill(&prng, vly_dgram_data(dgram), dgram->len);
}

static void check_frame(const struct vly_dgram *dgram, uint64_t seed, uint32_t number)
{
	struct prng prng = prng_from(seed + number);
	uint8_t expected[FRAME_MAX];
	uint32_t len = prng_between(&prng, FRAME_MIN, FRAME_MAX);

	prng_fill(&prng, expected, len);
	if (dgram->len != len || memcmp(vly_dgram_data(dgram), expected, len))
		print_error("frame %u is not what was sent; VLY_TEST_SEED=%lu\n", number, seed);
	assert_int_equal(dgram->len, len);
	assert_memory_equal(vly_dgram_data(dgram), expected, len);
}

static uint32_t send_some(struct end *from, uint64_t seed, uint32_t sent)
{
	struct vly_dgram *dgrams[BURST];
	uint32_t want = FRAMES - sent < BURST ? FRAMES - sent : BURST;
	uint32_t got = dpdk->alloc_burst(from->queue, dgrams, want);
	uint32_t taken;

	for (uint32_t i = 0; i < got; i++)
		make_frame(dgrams[i], seed, sent + i);
	taken = dpdk->tx_burst(from->queue, dgrams, got, 1);
	dpdk->release_burst(from->queue, dgrams + taken, got - taken);
	return taken;
}

// All frames of one seed, in order, across the wire.
static void cross(struct end *from, struct end *to, uint64_t seed)
{
	uint64_t limit_ns = vly_clock_ns() + LIMIT_S * 1000000000ull;
	struct vly_dgram *dgrams[BURST];
	uint32_t received = 0;
	uint32_t sent = 0;

	while (received < FRAMES) {
		uint32_t got;

		assert_true(vly_clock_ns() < limit_ns);
		if (sent < FRAMES)
			sent += send_some(from, seed, sent);
		got = dpdk->rx_burst(to->queue, dgrams, BURST, 1);
		for (uint32_t i = 0; i < got; i++)
			check_frame(dgrams[i], seed, received + i);
		dpdk->release_burst(to->queue, dgrams, got);
		received += got;
		dpdk->flush(to->queue);
		if (!got)
			sched_yield();
	}
}

static void pair(const char *server_kind, const char *client_kind)
{
	char folder[] = "/tmp/volley-dpdk-XXXXXX";
	struct prng prng = prng_open();
	char device[64];
	struct end server;
	struct end client;

	assert_non_null(mkdtemp(folder));
	for (int round = 0; round < 2; round++) {
		snprintf(device, sizeof(device), "%s:%s/wire", server_kind, folder);
		server = open_end(device);
		snprintf(device, sizeof(device), "%s:%s/wire", client_kind, folder);
		client = open_end(device);
		cross(&client, &server, prng_next(&prng));
		cross(&server, &client, prng_next(&prng));
		assert_int_equal(client.ledger->sent, FRAMES);
		assert_int_equal(server.ledger->received, FRAMES);
		assert_int_equal(server.ledger->sent, FRAMES);
		assert_int_equal(client.ledger->received, FRAMES);
		close_end(&client);
		close_end(&server);
	}
	assert_int_equal(rmdir(folder), 0); // the socket went with its server
}

static void test_virtio_pair(void **state)
{
	(void)state;
	pair("vhost-user", "virtio-user");
}

static void test_memif_pair(void **state)
{
	(void)state;
	pair("memif", "memif");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keeps_the_affinity),
		cmocka_unit_test(test_opens_again_and_again),
		cmocka_unit_test(test_refusals_leave_nothing),
		cmocka_unit_test(test_buffers_are_conserved),
		cmocka_unit_test(test_threads_come_and_go),
		cmocka_unit_test(test_too_large_is_counted),
		cmocka_unit_test(test_virtio_pair),
		cmocka_unit_test(test_memif_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
