// SPDX-License-Identifier: BSD-3-Clause
//
// A client port on the echoing wire, driven by the public burst calls as applications do.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <volley/volley.h>

enum {
	START_NS = 1000000,
};

static struct vly_port *open_client(const char *const *options, uint32_t count)
{
	struct vly_port_config config = {
		.backend = "sim",
		.options = options,
		.option_count = count,
		.buffers = 256,
	};
	struct vly_error error = {""};
	struct vly_port *port = NULL;

	if (vly_port_open(&port, &config, &error))
		fail_msg("%s", error.text);
	return port;
}

static uint32_t send_numbered(struct vly_queue *queue, uint32_t count, uint64_t now_ns)
{
	struct vly_dgram *dgrams[VLY_BURST_MAX];
	uint32_t n = vly_alloc_burst(queue, dgrams, count);

	for (uint32_t i = 0; i < n; i++) {
		memcpy(vly_dgram_data(dgrams[i]), &i, sizeof(i));
		dgrams[i]->len = sizeof(i);
		dgrams[i]->peer.ip[15] = 1;
		dgrams[i]->peer.port = 7;
	}
	assert_int_equal(vly_tx_burst(queue, dgrams, n, now_ns), n);
	return n;
}

static void answers_come_after_the_delay_in_order(void **state)
{
	static const char *const options[] = {"delay=10us"};
	struct vly_port *port = open_client(options, 1);
	struct vly_queue *queue = vly_port_queue(port, 0);
	struct vly_dgram *dgrams[VLY_BURST_MAX];
	struct vly_ledger ledger;
	uint32_t n;

	(void)state;
	assert_int_equal(send_numbered(queue, 40, START_NS), 40);
	assert_int_equal(vly_rx_burst(queue, dgrams, VLY_BURST_MAX, START_NS + 9999), 0);
	n = vly_rx_burst(queue, dgrams, VLY_BURST_MAX, START_NS + 10000);
	assert_int_equal(n, 40);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t number;

		memcpy(&number, vly_dgram_data(dgrams[i]), sizeof(number));
		assert_int_equal(number, i);
		assert_int_equal(dgrams[i]->rx_ns, START_NS + 10000);
		assert_int_equal(dgrams[i]->fate, VLY_FATE_UNDECIDED);
	}
	vly_release_burst(queue, dgrams, n);
	vly_port_ledger(port, &ledger);
	assert_int_equal(ledger.originated, 40);
	assert_int_equal(ledger.sent, 40);
	assert_int_equal(ledger.received, 40);
	assert_int_equal(ledger.released, 40);
	assert_true(vly_ledger_is_balanced(&ledger));
	vly_port_close(port);
}

static void a_pool_ends_and_recovers(void **state)
{
	struct vly_port *port = open_client(NULL, 0);
	struct vly_queue *queue = vly_port_queue(port, 0);
	struct vly_dgram *all[256];
	struct vly_dgram *more;
	struct vly_ledger ledger;
	uint32_t n = 0;

	(void)state;
	while (n < 256)
		n += vly_alloc_burst(queue, all + n, VLY_BURST_MAX);
	assert_int_equal(vly_alloc_burst(queue, &more, 1), 0);
	for (uint32_t i = 0; i < 256; i += VLY_BURST_MAX)
		vly_release_burst(queue, all + i, VLY_BURST_MAX);
	assert_int_equal(vly_alloc_burst(queue, &more, 1), 1);
	vly_release_burst(queue, &more, 1);
	vly_port_ledger(port, &ledger);
	assert_int_equal(ledger.originated + ledger.released, 0);
	vly_port_close(port);
}

static void refuses_bad_configurations(void **state)
{
	static const char *const bad_option[] = {"delay=soon"};
	struct vly_port_config config = {
		.backend = "sim", .options = bad_option, .option_count = 1};
	struct vly_endpoint any = {.addr.port = 9000};
	struct vly_port *port = NULL;
	struct vly_error error = {""};

	(void)state;
	assert_true(vly_port_open(&port, &config, &error) < 0);
	assert_non_null(strstr(error.text, "delay"));
	config = (struct vly_port_config){
		.backend = "sim", .listens = &any, .listen_count = 1, .listen_span = 2};
	assert_true(vly_port_open(&port, &config, &error) < 0);
	assert_non_null(strstr(error.text, "in a row"));
	any.addr.port = 65535;
	assert_true(vly_port_open(&port, &config, &error) < 0);
	assert_non_null(strstr(error.text, "more than there are"));
	config = (struct vly_port_config){.backend = "quic"};
	assert_true(vly_port_open(&port, &config, &error) < 0);
	assert_non_null(strstr(error.text, "quic"));
	config = (struct vly_port_config){.backend = "sim", .queues = VLY_QUEUES_MAX + 1};
	assert_true(vly_port_open(&port, &config, &error) < 0);
	assert_null(port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_come_after_the_delay_in_order),
		cmocka_unit_test(a_pool_ends_and_recovers),
		cmocka_unit_test(refuses_bad_configurations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
