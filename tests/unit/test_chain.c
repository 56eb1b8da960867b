// SPDX-License-Identifier: BSD-3-Clause
//
// The chain alone: handlers on arrays, no engine, no port.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "handler/chain.h"

enum {
	DGRAMS = 128,
};

// What came out of a chain, and what it may allocate from.
struct catcher {
	struct vly_dgram *tx[4 * DGRAMS];
	struct vly_dgram *ended[4 * DGRAMS];
	uint32_t tx_count;
	uint32_t ended_count;
	struct vly_dgram spare[DGRAMS];
	uint32_t spare_used;
};

static void catch_emit(void *arg, struct vly_dgram **tx, uint32_t tx_count,
		       struct vly_dgram **ended, uint32_t ended_count, uint64_t now_ns)
{
	struct catcher *catcher = arg;

	(void)now_ns;
	memcpy(catcher->tx + catcher->tx_count, tx, tx_count * sizeof(tx[0]));
	catcher->tx_count += tx_count;
	memcpy(catcher->ended + catcher->ended_count, ended, ended_count * sizeof(ended[0]));
	catcher->ended_count += ended_count;
}

static uint32_t catch_alloc(void *arg, struct vly_dgram **dgrams, uint32_t count)
{
	struct catcher *catcher = arg;
	uint32_t n = 0;

	while (n < count && catcher->spare_used < DGRAMS)
		dgrams[n++] = &catcher->spare[catcher->spare_used++];
	return n;
}

static const struct vly_chain_ops catch_ops = {.emit = catch_emit, .alloc = catch_alloc};

// Decides by the payload's length, so that a test can script a burst.
enum script {
	SCRIPT_REPLY,
	SCRIPT_PASS,
	SCRIPT_KEEP,
	SCRIPT_CONSUME,
	SCRIPT_DROP,
	SCRIPT_LEAVE,
	SCRIPT_SEND_IN_PLACE,
	SCRIPT_ALLOC_AND_SEND,
	SCRIPT_KEEP_THEN_SEND,
	SCRIPT_COUNT,
};

static struct vly_dgram *kept[DGRAMS];
static uint32_t kept_count;

static void scripted_on_burst(void *state, struct vly_burst *burst)
{
	(void)state;
	for (uint32_t i = 0; i < burst->count; i++) {
		struct vly_dgram *dgram = burst->in[i];
		struct vly_dgram *fresh;

		switch ((enum script)dgram->len) {
		case SCRIPT_REPLY:
			vly_reply(dgram);
			break;
		case SCRIPT_PASS:
			vly_pass(dgram);
			break;
		case SCRIPT_KEEP:
			vly_keep(dgram);
			kept[kept_count++] = dgram;
			break;
		case SCRIPT_CONSUME:
			vly_consume(dgram);
			break;
		case SCRIPT_DROP:
			vly_drop(dgram, VLY_DROP_RATE_LIMITED);
			break;
		case SCRIPT_SEND_IN_PLACE:
			vly_send(burst, dgram);
			break;
		case SCRIPT_ALLOC_AND_SEND:
			if (vly_alloc(burst, &fresh, 1) == 1)
				vly_send(burst, fresh);
			vly_consume(dgram);
			break;
		case SCRIPT_KEEP_THEN_SEND:
			vly_keep(dgram);
			vly_send(burst, dgram);
			break;
		case SCRIPT_LEAVE:
		case SCRIPT_COUNT:
			break;
		}
	}
}

static void give_back_kept(void *state, struct vly_burst *burst)
{
	(void)state;
	for (uint32_t i = 0; i < kept_count; i++) {
		if (i % 2)
			vly_send(burst, kept[i]);
		else
			vly_release(burst, kept[i]);
	}
	kept_count = 0;
}

static const struct vly_handler_ops scripted = {
	.abi = VLY_HANDLER_ABI,
	.name = "scripted",
	.summary = "does what the length says",
	.on_burst = scripted_on_burst,
	.on_tick = give_back_kept,
};

static struct vly_dgram dgrams[DGRAMS];
static struct vly_dgram *burst_in[DGRAMS];

static void start(struct vly_chain *chain, struct catcher *catcher, uint32_t links)
{
	struct vly_loaded_handler handlers[2] = {{.ops = &scripted}, {.ops = &scripted}};
	const struct vly_handler_env place = {.worker_count = 1};

	memset(chain, 0, sizeof(*chain));
	memset(catcher, 0, sizeof(*catcher));
	kept_count = 0;
	assert_int_equal(vly_chain_open(chain, handlers, links, &place, NULL), 0);
	chain->ops = &catch_ops;
	chain->arg = catcher;
	for (uint32_t i = 0; i < DGRAMS; i++) {
		memset(&dgrams[i], 0, sizeof(dgrams[i]));
		dgrams[i].fate = VLY_FATE_UNDECIDED;
		dgrams[i].rx_ns = 1;
		burst_in[i] = &dgrams[i];
	}
}

static void every_fate_ends_once(void **state)
{
	static struct catcher catcher;
	struct vly_chain chain;

	(void)state;
	start(&chain, &catcher, 1);
	for (uint16_t i = 0; i < SCRIPT_COUNT; i++)
		dgrams[i].len = i;
	vly_chain_run(&chain, burst_in, SCRIPT_COUNT, 1);
	assert_int_equal(catcher.tx_count, 4); // reply, in place, allocated, kept then sent
	assert_ptr_equal(catcher.tx[0], &dgrams[SCRIPT_REPLY]);
	assert_int_equal(dgrams[SCRIPT_REPLY].fate, VLY_FATE_REPLY);
	assert_ptr_equal(catcher.tx[1], &dgrams[SCRIPT_SEND_IN_PLACE]);
	assert_ptr_equal(catcher.tx[3], &catcher.spare[0]);
	assert_int_equal(catcher.ended_count, 5);
	assert_int_equal(dgrams[SCRIPT_PASS].fate, VLY_DROP_NO_HANDLER);
	assert_int_equal(dgrams[SCRIPT_DROP].fate, VLY_DROP_RATE_LIMITED);
	assert_int_equal(dgrams[SCRIPT_LEAVE].fate, VLY_DROP_UNDECIDED);
	assert_int_equal(dgrams[SCRIPT_CONSUME].fate, VLY_FATE_RELEASE);
	assert_int_equal(chain.held, 1);
	vly_chain_close(&chain);
}

static void kept_ones_come_back_later(void **state)
{
	static struct catcher catcher;
	struct vly_chain chain;

	(void)state;
	start(&chain, &catcher, 1);
	for (uint32_t i = 0; i < 64; i++)
		dgrams[i].len = SCRIPT_KEEP;
	vly_chain_run(&chain, burst_in, 64, 1);
	assert_int_equal(catcher.tx_count + catcher.ended_count, 0);
	assert_int_equal(chain.held, 64);
	vly_chain_alarm(&chain, 2);
	assert_int_equal(chain.held, 0);
	assert_int_equal(catcher.tx_count, 32);
	assert_int_equal(catcher.ended_count, 32);
	vly_chain_close(&chain);
}

// The first handler answers some and passes others: what leaves is in the order of arrival.
static void order_of_arrival_is_kept(void **state)
{
	static struct catcher catcher;
	struct vly_chain chain;

	(void)state;
	start(&chain, &catcher, 2);
	for (uint32_t i = 0; i < 64; i++)
		dgrams[i].len = i % 3 ? SCRIPT_REPLY : SCRIPT_PASS;
	vly_chain_run(&chain, burst_in, 64, 1);
	assert_int_equal(catcher.ended_count, 22); // passed twice: no handler
	for (uint32_t i = 1; i < catcher.tx_count; i++)
		assert_true(catcher.tx[i - 1] < catcher.tx[i]);
	for (uint32_t i = 1; i < catcher.ended_count; i++)
		assert_true(catcher.ended[i - 1] < catcher.ended[i]);
	vly_chain_close(&chain);
}

static void a_dry_pool_is_no_error(void **state)
{
	static struct catcher catcher;
	struct vly_chain chain;

	(void)state;
	start(&chain, &catcher, 1);
	catcher.spare_used = DGRAMS - 1;
	dgrams[0].len = dgrams[1].len = SCRIPT_ALLOC_AND_SEND;
	vly_chain_run(&chain, burst_in, 2, 1);
	assert_int_equal(catcher.tx_count, 1);
	assert_int_equal(catcher.ended_count, 2);
	assert_int_equal(chain.held, 0);
	vly_chain_close(&chain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fate_ends_once),
		cmocka_unit_test(kept_ones_come_back_later),
		cmocka_unit_test(order_of_arrival_is_kept),
		cmocka_unit_test(a_dry_pool_is_no_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
