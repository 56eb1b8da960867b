// SPDX-License-Identifier: BSD-3-Clause
//
// Ports of several queues: each is one wire of its own, the device is told to spread flows over
// all of them, and a device that has fewer says so.
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_thash.h>

#include "backend/backends.h"
#include "backend/dpdk_private.h"
#include "core/clock.h"
#include "prng.h"
#include "stack/flow.h"

enum {
	QUEUES = 2,
	BURST = 32,
	BUFFERS = 1023,
	FRAMES = 5000, // on each queue, each way
	LIMIT_S = 30,
	TABLE = RTE_ETH_RSS_RETA_SIZE_128,
};

struct end {
	struct vly_backend_port *port;
	struct vly_ledger_block *ledgers[QUEUES];
	uint32_t count;
	char lines[2000]; // of the log
};

static const struct vly_backend *const dpdk = &vly_backend_dpdk;

static void take_line(void *arg, const char *line)
{
	struct end *end = arg;
	size_t used = strlen(end->lines);

	snprintf(end->lines + used, sizeof(end->lines) - used, "%s\n", line);
}

static void open_end(struct end *end, const char *device)
{
	const struct vly_port_config config = {
		.device = device,
		.queues = QUEUES,
		.buffers = BUFFERS,
		.log = {.line = take_line, .arg = end},
	};
	const char *word = "hugepages=off";
	union vly_value values[VLY_KEYS_MAX];
	struct vly_error error = {""};
	int rc = vly_keys_parse(dpdk->keys, &word, 1, values, &error);

	assert_int_equal(rc, 0);
	memset(end, 0, sizeof(*end));
	for (uint32_t i = 0; i < QUEUES; i++) {
		end->ledgers[i] =
			aligned_alloc(128, (sizeof(struct vly_ledger_block) + 127) / 128 * 128);
		assert_non_null(end->ledgers[i]);
		memset(end->ledgers[i], 0, sizeof(struct vly_ledger_block));
	}
	rc = dpdk->open(&end->port, &config, values, end->ledgers, &error);
	if (rc)
		print_error("%s: %s\n", device, error.text);
	assert_int_equal(rc, 0);
	end->count = dpdk->queue_count(end->port);
}

static void close_end(struct end *end)
{
	dpdk->close(end->port);
	for (uint32_t i = 0; i < QUEUES; i++)
		free(end->ledgers[i]);
}

// Sends frames that carry their queue's number.
static uint32_t send_some(struct end *from, uint32_t index, uint32_t left)
{
	struct vly_backend_queue *queue = dpdk->queue(from->port, index);
	struct vly_dgram *dgrams[BURST];
	uint32_t got = dpdk->alloc_burst(queue, dgrams, left < BURST ? left : BURST);
	uint32_t taken;

	for (uint32_t i = 0; i < got; i++) {
		dgrams[i]->len = 60;
		memset(vly_dgram_data(dgrams[i]), (int)index + 1, 60);
	}
	taken = dpdk->tx_burst(queue, dgrams, got, 1);
	dpdk->release_burst(queue, dgrams + taken, got - taken);
	return taken;
}

static uint32_t receive_some(struct end *to, uint32_t index)
{
	struct vly_backend_queue *queue = dpdk->queue(to->port, index);
	struct vly_dgram *dgrams[BURST];
	uint32_t got = dpdk->rx_burst(queue, dgrams, BURST, 1);

	for (uint32_t i = 0; i < got; i++) {
		assert_int_equal(dgrams[i]->len, 60);
		assert_int_equal(vly_dgram_data(dgrams[i])[59], index + 1);
	}
	dpdk->release_burst(queue, dgrams, got);
	dpdk->flush(queue);
	return got;
}

static void cross(struct end *from, struct end *to)
{
	uint64_t limit_ns = vly_clock_ns() + LIMIT_S * 1000000000ull;
	uint32_t received[QUEUES] = {0};
	uint32_t sent[QUEUES] = {0};

	while (received[0] < FRAMES || received[1] < FRAMES) {
		uint32_t got = 0;

		assert_true(vly_clock_ns() < limit_ns);
		for (uint32_t i = 0; i < QUEUES; i++) {
			uint32_t some;

			if (sent[i] < FRAMES)
				sent[i] += send_some(from, i, FRAMES - sent[i]);
			some = receive_some(to, i);
			received[i] += some;
			got += some;
		}
		if (!got)
			sched_yield();
	}
}

// What comes on a queue of one end left by that queue of the other.
static void test_queues_are_wires(void **state)
{
	char folder[] = "/tmp/volley-dpdk-XXXXXX";
	char device[64];
	struct end server;
	struct end client;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(device, sizeof(device), "vhost-user:%s/wire", folder);
	open_end(&server, device);
	snprintf(device, sizeof(device), "virtio-user:%s/wire", folder);
	open_end(&client, device);
	assert_int_equal(server.count, QUEUES);
	assert_int_equal(client.count, QUEUES);
	cross(&client, &server);
	cross(&server, &client);
	for (uint32_t i = 0; i < QUEUES; i++) {
		assert_int_equal(client.ledgers[i]->sent, FRAMES);
		assert_int_equal(client.ledgers[i]->received, FRAMES);
		assert_int_equal(server.ledgers[i]->sent, FRAMES);
		assert_int_equal(server.ledgers[i]->received, FRAMES);
	}
	close_end(&client);
	close_end(&server);
	assert_int_equal(rmdir(folder), 0);
}

// The device's table names each queue as often as the other.
static void test_flows_are_spread(void **state)
{
	struct rte_eth_rss_reta_entry64 table[TABLE / RTE_ETH_RETA_GROUP_SIZE];
	uint32_t entries[QUEUES] = {0};
	struct end end;

	(void)state;
	open_end(&end, "vdev:net_null0");
	assert_int_equal(end.count, QUEUES);
	memset(table, 0xff, sizeof(table)); // asks for all entries
	assert_int_equal(rte_eth_dev_rss_reta_query(end.port->port_id, table, TABLE), 0);
	for (uint32_t i = 0; i < TABLE; i++) {
		uint16_t queue =
			table[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];

		assert_true(queue < QUEUES);
		entries[queue]++;
	}
	assert_int_equal(entries[0], TABLE / QUEUES);
	close_end(&end);
}

// What a device computes with the key and over the fields that it is given.
static uint32_t reference(const struct vly_addr *a, const struct vly_addr *b, uint32_t ip_bytes,
			  bool with_ports)
{
	uint8_t tuple[36];
	uint32_t words[9];
	uint8_t key[40];
	uint32_t len = 2 * ip_bytes;

	for (uint32_t i = 0; i < sizeof(key); i++)
		key[i] = i % 2 ? 0x5a : 0x6d;
	memcpy(tuple, a->ip + 16 - ip_bytes, ip_bytes);
	memcpy(tuple + ip_bytes, b->ip + 16 - ip_bytes, ip_bytes);
	if (with_ports) {
		tuple[len++] = (uint8_t)(a->port >> 8);
		tuple[len++] = (uint8_t)a->port;
		tuple[len++] = (uint8_t)(b->port >> 8);
		tuple[len++] = (uint8_t)b->port;
	}
	for (uint32_t i = 0; i < len / 4; i++) {
		memcpy(&words[i], tuple + 4 * i, 4);
		words[i] = rte_be_to_cpu_32(words[i]);
	}
	return rte_softrss(words, len / 4, key);
}

// So a datagram has the same worker whether the device gave its hash or not.
static void test_hash_is_the_devices(void **state)
{
	struct prng prng = prng_open();

	(void)state;
	for (int i = 0; i < 10000; i++) {
		bool is_ipv4 = prng_between(&prng, 0, 1);
		bool with_ports = prng_between(&prng, 0, 1);
		struct vly_addr ends[2];
		uint32_t expected;

		prng_fill(&prng, (uint8_t *)ends, sizeof(ends));
		for (int k = 0; is_ipv4 && k < 2; k++) {
			memset(ends[k].ip, 0, 10);
			memset(ends[k].ip + 10, 0xff, 2);
		}
		expected = reference(&ends[0], &ends[1], is_ipv4 ? 4 : 16, with_ports);
		expected |= expected == 0;
		assert_int_equal(vly_flow_toeplitz(&ends[0], &ends[1], with_ports), expected);
		assert_int_equal(vly_flow_toeplitz(&ends[1], &ends[0], with_ports), expected);
	}
}

static void test_fewer_are_told(void **state)
{
	// An empty capture (the libpcap format of 1998).
	const uint32_t head[] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
	char folder[] = "/tmp/volley-dpdk-XXXXXX";
	char path[64];
	char device[128];
	struct end end;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/capture", folder);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(head, sizeof(head), 1, file), 1);
	assert_int_equal(fclose(file), 0);
	snprintf(device, sizeof(device), "vdev:net_pcap_test,rx_pcap=%s", path);
	open_end(&end, device);
	assert_int_equal(end.count, 1);
	assert_non_null(strstr(end.lines, "has 1 of the 2 queues asked for"));
	close_end(&end);
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queues_are_wires),
		cmocka_unit_test(test_flows_are_spread),
		cmocka_unit_test(test_hash_is_the_devices),
		cmocka_unit_test(test_fewer_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
