// SPDX-License-Identifier: BSD-3-Clause
//
// What an I/O thread sends together: full bursts that come one after the other. The wire is an
// array of the test's; it says how much has come, and notes each send.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/loops.h"
#include "core/port.h"

enum {
	DGRAMS = 1024,
	SENDS = 32,
	PEERS = 64,
	SLOW_NS = 300000, // more than answers are held back for
	AN_HOUR_S = 3600,
	REFUSED_ONCE = 100,
};

// All that a handler and the wire do. Datagrams are numbered in rx_ns, from 1.
struct vly_backend_queue {
	struct vly_dgram dgrams[DGRAMS];
	struct vly_dgram *wire[DGRAMS]; // as they are received
	uint32_t waiting;               // of them have come and are not received
	uint32_t received;
	uint32_t wanted; // to be sent together
	uint32_t room;   // that the next send finds, and only that
	uint32_t sends[SENDS];
	uint32_t send_count;
	struct vly_dgram *sent[DGRAMS];
	uint32_t sent_count;
	uint32_t released;
	bool is_slow;
	bool drops_odd;
};

static uint32_t rx_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams, uint32_t count,
			 uint64_t now_ns)
{
	uint32_t n = count < queue->waiting ? count : queue->waiting;

	(void)now_ns;
	memcpy(dgrams, queue->wire + queue->received, n * sizeof(dgrams[0]));
	for (uint32_t i = 0; i < n; i++)
		dgrams[i]->rx_ns = ++queue->received;
	queue->waiting -= n;
	return n;
}

static uint32_t tx_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams, uint32_t count,
			 uint64_t now_ns)
{
	(void)now_ns;
	count = count < queue->room ? count : queue->room;
	queue->room = DGRAMS;
	memcpy(queue->sent + queue->sent_count, dgrams, count * sizeof(dgrams[0]));
	queue->sent_count += count;
	assert_true(queue->send_count < SENDS);
	queue->sends[queue->send_count++] = count;
	return count;
}

static void release_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			  uint32_t count)
{
	(void)dgrams;
	queue->released += count;
}

static uint32_t gather(struct vly_backend_queue *queue)
{
	return queue->wanted;
}

static void number(struct vly_backend_queue *queue, uint8_t index)
{
	(void)queue;
	(void)index;
}

static const struct vly_backend backend = {
	.name = "array",
	.layer = VLY_LAYER_DATAGRAM,
	.number = number,
	.rx_burst = rx_burst,
	.tx_burst = tx_burst,
	.gather = gather,
	.release_burst = release_burst,
};

struct bench {
	struct vly_backend_queue wire;
	struct vly_queue queue;
	struct vly_ledger_block ledger;
	struct vly_shared shared;
	struct vly_chain chain;
	struct vly_io io;
};

static int open_handler(void **state, const struct vly_handler_env *env, struct vly_error *error)
{
	(void)error;
	*state = *env->shared;
	return 0;
}

static void answer(void *state, struct vly_burst *burst)
{
	const struct vly_backend_queue *wire = state;
	struct timespec pause = {.tv_nsec = SLOW_NS};

	if (wire->is_slow)
		nanosleep(&pause, NULL);
	for (uint32_t i = 0; i < burst->count; i++) {
		if (wire->drops_odd && burst->in[i]->rx_ns % 2)
			vly_drop(burst->in[i], VLY_DROP_RATE_LIMITED);
		else
			vly_reply(burst->in[i]);
	}
}

static const struct vly_handler_ops handler = {
	.abi = VLY_HANDLER_ABI,
	.name = "answer",
	.summary = "answers",
	.open = open_handler,
	.on_burst = answer,
};

// `waiting` datagrams have come, of `peers` in turn.
static struct bench *open_bench(uint32_t waiting, uint32_t peers)
{
	struct bench *bench = aligned_alloc(128, (sizeof(*bench) / 128 + 1) * 128);
	struct vly_loaded_handler loaded = {.ops = &handler};
	struct vly_handler_env place = {.worker_count = 1};

	assert_non_null(bench);
	memset(bench, 0, sizeof(*bench));
	for (uint32_t i = 0; i < DGRAMS; i++) {
		bench->wire.wire[i] = &bench->wire.dgrams[i];
		bench->wire.dgrams[i].flow_hash = 1 + i % peers;
		bench->wire.dgrams[i].fate = VLY_FATE_UNDECIDED;
	}
	bench->wire.waiting = waiting;
	bench->wire.wanted = VLY_GATHER_MAX;
	bench->wire.room = DGRAMS;
	bench->queue = (struct vly_queue){
		.backend = &backend, .inner = &bench->wire, .ledger = &bench->ledger};
	loaded.shared = &bench->wire;
	bench->chain.ops = &vly_io_chain_ops;
	bench->chain.arg = &bench->io;
	assert_int_equal(vly_chain_open(&bench->chain, &loaded, 1, &place, NULL), 0);
	bench->io.shared = &bench->shared;
	bench->io.queue = &bench->queue;
	bench->io.burst = VLY_BURST_MAX;
	bench->io.chain = &bench->chain;
	return bench;
}

// A turn that begins with a full burst, and an hour early, so that only handlers that are slow by
// intent make it end by time. Returns what it leaves to be done next.
static uint32_t run(struct bench *bench)
{
	struct vly_dgram *dgrams[VLY_BURST_MAX];
	uint64_t ahead_ns = bench->wire.is_slow ? 0 : AN_HOUR_S * UINT64_C(1000000000);

	assert_int_equal(vly_io_receive(&bench->io, dgrams, 1), VLY_BURST_MAX);
	return vly_io_run_full(&bench->io, dgrams, vly_clock_ns() + ahead_ns);
}

// All that were received, each once and in order, in so many sends; none is held any more.
static void close_bench(struct bench *bench, const uint32_t *sends, uint32_t send_count)
{
	uint64_t last = 0;

	assert_int_equal(bench->io.gathered_count, 0);
	assert_int_equal(bench->wire.sent_count + bench->wire.released, bench->wire.received);
	for (uint32_t i = 0; i < bench->wire.sent_count; i++) {
		assert_true(bench->wire.sent[i]->rx_ns > last);
		last = bench->wire.sent[i]->rx_ns;
	}
	assert_int_equal(bench->wire.send_count, send_count);
	for (uint32_t i = 0; i < send_count; i++)
		assert_int_equal(bench->wire.sends[i], sends[i]);
	vly_chain_close(&bench->chain);
	free(bench);
}

static void test_full_bursts_leave_together(void **state)
{
	struct bench *bench = open_bench(3 * 64 + 10, PEERS);

	(void)state;
	assert_int_equal(run(bench), 10); // not full: there is no more
	close_bench(bench, (uint32_t[]){202}, 1);
}

static void test_nothing_waits_for_what_has_not_come(void **state)
{
	struct bench *bench = open_bench(64, PEERS);

	(void)state;
	assert_int_equal(run(bench), 1);
	close_bench(bench, (uint32_t[]){64}, 1);
}

static void test_held_back_is_no_more_than_asked_for(void **state)
{
	struct bench *bench = open_bench(640, PEERS);

	(void)state;
	assert_int_equal(run(bench), 64);
	bench->wire.wanted = 130;
	assert_int_equal(run(bench), 64);
	bench->wire.wanted = 0;
	assert_int_equal(run(bench), 64);
	close_bench(bench, (uint32_t[]){256, 128, 64}, 3);
}

static void test_slow_handlers_delay_no_answer(void **state)
{
	struct bench *bench = open_bench(640, PEERS);

	(void)state;
	bench->wire.is_slow = true;
	assert_int_equal(run(bench), 64);
	close_bench(bench, (uint32_t[]){64}, 1);
}

static void test_a_train_goes_as_it_came(void **state)
{
	struct bench *bench = open_bench(640, 1);

	(void)state;
	assert_int_equal(run(bench), 64);
	close_bench(bench, (uint32_t[]){64}, 1);
}

static void test_what_ends_here_is_not_held(void **state)
{
	struct bench *bench = open_bench(256, PEERS);

	(void)state;
	bench->wire.drops_odd = true;
	assert_int_equal(run(bench), 64);
	assert_int_equal(bench->wire.released, 128);
	assert_int_equal(atomic_load(&bench->ledger.dropped[VLY_DROP_RATE_LIMITED]), 128);
	close_bench(bench, (uint32_t[]){128}, 1);
}

static void test_a_full_send_queue_loses_nothing(void **state)
{
	struct bench *bench = open_bench(256, PEERS);

	(void)state;
	bench->wire.room = REFUSED_ONCE;
	assert_int_equal(run(bench), 64);
	close_bench(bench, (uint32_t[]){REFUSED_ONCE, 256 - REFUSED_ONCE}, 2);
}

// What a handler has made is counted as it is sent, in parts of a burst.
static void test_made_here_is_counted(void **state)
{
	struct bench *bench = open_bench(256, PEERS);

	(void)state;
	for (uint32_t i = 0; i < 256; i++)
		bench->wire.wire[i]->rx_ns = i % 2;
	vly_io_send(&bench->io, bench->wire.wire, 256, 1);
	assert_int_equal(atomic_load(&bench->ledger.originated), 128);
	assert_int_equal(bench->wire.sent_count, 256);
	vly_chain_close(&bench->chain);
	free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_bursts_leave_together),
		cmocka_unit_test(test_nothing_waits_for_what_has_not_come),
		cmocka_unit_test(test_held_back_is_no_more_than_asked_for),
		cmocka_unit_test(test_slow_handlers_delay_no_answer),
		cmocka_unit_test(test_a_train_goes_as_it_came),
		cmocka_unit_test(test_what_ends_here_is_not_held),
		cmocka_unit_test(test_a_full_send_queue_loses_nothing),
		cmocka_unit_test(test_made_here_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
