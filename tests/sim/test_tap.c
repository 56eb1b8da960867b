// SPDX-License-Identifier: BSD-3-Clause
//
// A tap on an engine over the simulated wire: it sees all that the ledger counts, or what it did
// not is counted; and comes and goes while traffic passes.
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "run.h"

enum {
	COUNT = 20000,
	BYTES = 1 << 20,
	BLOCK_PACKET = 6,
	OPTION_COMMENT = 1,
	TURN_NS = 1000000,
	ROUNDS = 20,
};

struct seen {
	uint64_t in;
	uint64_t out;
	uint64_t dropped;
	uint64_t missed; // that the file tells of
	uint64_t interfaces;
};

// One packet's block: its options come behind the bytes, padded.
static void see_packet(struct seen *seen, const uint8_t *block, uint32_t size)
{
	uint32_t captured, flags = 0;
	bool is_dropped = false;
	uint32_t at;

	memcpy(&captured, block + 20, sizeof(captured));
	at = 28 + ((captured + 3) & ~3u);
	while (at + 8 <= size) {
		uint16_t option[2];
		uint64_t missed;

		memcpy(option, block + at, sizeof(option));
		if (option[0] == OPTION_COMMENT)
			is_dropped |= memcmp(block + at + 4, "dropped: ", 9) == 0;
		if (option[0] == 2)
			memcpy(&flags, block + at + 4, sizeof(flags));
		if (option[0] == 4) {
			memcpy(&missed, block + at + 4, sizeof(missed));
			seen->missed += missed;
		}
		if (!option[0])
			break;
		at += 4 + ((option[1] + 3u) & ~3u);
	}
	if (is_dropped)
		seen->dropped++;
	else
		*(flags == 1 ? &seen->in : &seen->out) += 1;
}

static void see(struct seen *seen, const uint8_t *bytes, uint64_t size)
{
	while (size) {
		uint32_t head[2];

		assert_true(size >= 12);
		memcpy(head, bytes, sizeof(head));
		assert_true(head[1] >= 12 && head[1] <= size && head[1] % 4 == 0);
		if (head[0] == BLOCK_PACKET)
			see_packet(seen, bytes, head[1]);
		else if (head[0] == 1)
			seen->interfaces++;
		bytes += head[1];
		size -= head[1];
	}
}

// The tap's own thread, as the engine's control thread has to attend to it.
struct tapper {
	pthread_t thread;
	struct vly_tap_config config;
	struct vly_tap *tap;
	struct vly_error error;
	int status;
	atomic_bool is_done;
};

static void *attach(void *arg)
{
	struct tapper *tapper = arg;

	tapper->status =
		vly_tap_attach(&tapper->tap, (uint32_t)getpid(), &tapper->config, &tapper->error);
	atomic_store(&tapper->is_done, true);
	return NULL;
}

static void attach_to(struct vly_engine *engine, struct tapper *tapper)
{
	const struct timespec pause = {.tv_nsec = TURN_NS};

	atomic_store(&tapper->is_done, false);
	tapper->tap = NULL;
	assert_int_equal(pthread_create(&tapper->thread, NULL, attach, tapper), 0);
	while (!atomic_load(&tapper->is_done)) {
		vly_engine_poll(engine);
		nanosleep(&pause, NULL);
	}
	pthread_join(tapper->thread, NULL);
}

static struct vly_engine *open_tapped(const struct setup *setup)
{
	struct vly_engine *engine = open_engine(setup);
	struct vly_error error = {""};

	if (vly_engine_tap_listen(engine, &error))
		fail_msg("%s", error.text);
	return engine;
}

static void start(struct vly_engine *engine)
{
	struct vly_error error = {""};

	if (vly_engine_start(engine, &error))
		fail_msg("%s", error.text);
}

static uint8_t *bytes;

// Reads until the engine has ended.
static void read_all(struct vly_tap *tap, struct seen *seen)
{
	int64_t n;

	while ((n = vly_tap_read(tap, bytes, BYTES, UINT32_MAX, UINT64_MAX)) > 0)
		see(seen, bytes, (uint64_t)n);
	assert_int_equal(n, -EPIPE);
}

static void all_is_seen_or_counted(void **state)
{
	static const struct setup setups[] = {
		{.handler = "echo", .queues = 1, .count = COUNT},
		{.handler = "echo", .queues = 2, .count = COUNT, .tx_refuse_ppm = 100000},
		{.handler = "echo", .queues = 2, .count = COUNT, .workers = 2, .ring_size = 64},
		{.handler = "sink", .queues = 1, .count = COUNT},
	};

	(void)state;
	for (uint32_t i = 0; i < sizeof(setups) / sizeof(setups[0]); i++) {
		struct tapper tapper = {.config = {.snap_bytes = 16}};
		struct vly_engine *engine = open_tapped(&setups[i]);
		struct vly_tap_counts counts;
		struct seen seen = {.in = 0};
		struct outcome outcome;

		if (i % 2)
			tapper.config.buffer_bytes = VLY_TAP_BUFFER_MIN; // too small for all
		attach_to(engine, &tapper);
		assert_int_equal(tapper.status, 0);
		start(engine);
		wait_for_count(engine, COUNT);
		vly_engine_stop(engine);
		vly_tap_read_counts(tapper.tap, &counts);
		read_all(tapper.tap, &seen);
		vly_tap_detach(tapper.tap);
		outcome = finish(engine);
		check_truth(&outcome);
		assert_int_equal(counts.taken, seen.in + seen.out + seen.dropped);
		assert_int_equal(counts.taken + counts.missed,
				 outcome.ledger.received + outcome.ledger.sent +
					 outcome.ledger.dropped[VLY_DROP_TX_FULL] +
					 vly_ledger_dropped(&outcome.ledger));
		assert_true(seen.missed <= counts.missed);
		assert_int_equal(counts.filtered, 0);
		if (i % 2) {
			assert_true(counts.missed > 0);
		} else {
			assert_int_equal(seen.in, outcome.ledger.received);
			assert_int_equal(seen.dropped, vly_ledger_dropped(&outcome.ledger));
		}
	}
}

static void a_filter_takes_its_part(void **state)
{
	const struct setup setup = {.handler = "echo", .queues = 1, .count = 1000};
	struct tapper none = {.config = {.port = 9}};
	struct tapper out = {.config = {.port = 9000, .points = VLY_TAP_OUT}};
	struct vly_engine *engine = open_tapped(&setup);
	struct seen seen = {.in = 0};
	struct vly_tap_counts counts;

	(void)state;
	attach_to(engine, &none);
	attach_to(engine, &out);
	start(engine);
	wait_for_count(engine, 1000);
	vly_engine_stop(engine);
	read_all(none.tap, &seen);
	assert_int_equal(seen.in + seen.out + seen.dropped, 0);
	vly_tap_read_counts(none.tap, &counts);
	assert_int_equal(counts.filtered, 2000);
	read_all(out.tap, &seen);
	assert_int_equal(seen.in + seen.dropped, 0);
	assert_int_equal(seen.out, 1000);
	assert_int_equal(seen.interfaces, 1);
	vly_tap_detach(none.tap);
	vly_tap_detach(out.tap);
	finish(engine);
}

// While traffic passes; the last words of an engine that has more taps than it takes.
static void taps_come_and_go(void **state)
{
	const struct setup setup = {
		.handler = "echo", .queues = 2, .workers = 1, .count = 100000000};
	struct tapper tappers[VLY_TAPS_MAX + 1] = {{.status = 0}};
	struct vly_engine *engine = open_tapped(&setup);
	struct seen seen = {.in = 0};

	(void)state;
	start(engine);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct tapper *tapper = &tappers[round % VLY_TAPS_MAX];

		vly_tap_detach(tapper->tap);
		do
			attach_to(engine, tapper);
		while (tapper->status == -EBUSY); // the one before is still on its way out
		assert_int_equal(tapper->status, 0);
		for (uint32_t i = 0; i < 4; i++) {
			int64_t n = vly_tap_read(tapper->tap, bytes, BYTES, 1000, TURN_NS);

			assert_true(n >= 0);
			see(&seen, bytes, (uint64_t)n);
		}
	}
	attach_to(engine, &tappers[VLY_TAPS_MAX]);
	assert_int_equal(tappers[VLY_TAPS_MAX].status, -EBUSY);
	assert_non_null(strstr(tappers[VLY_TAPS_MAX].error.text, "as often as it can be"));
	assert_true(seen.in > 0 && seen.out > 0);
	finish(engine);
	for (uint32_t i = 0; i < VLY_TAPS_MAX; i++)
		vly_tap_detach(tappers[i].tap);
}

static void bad_wishes_name_the_fix(void **state)
{
	struct vly_tap_config config = {.buffer_bytes = 1};
	struct vly_error error = {""};
	struct vly_tap *tap = NULL;

	(void)state;
	assert_int_equal(vly_tap_attach(&tap, (uint32_t)getpid(), &config, &error), -EINVAL);
	assert_non_null(strstr(error.text, "256 KiB to 256 MiB"));
	config.buffer_bytes = 0;
	assert_int_equal(vly_tap_attach(&tap, (uint32_t)getpid(), &config, &error), -ESRCH);
	assert_non_null(strstr(error.text, "--no-tap"));
	assert_int_equal(vly_tap_attach(&tap, INT32_MAX, &config, &error), -ESRCH);
	assert_non_null(strstr(error.text, "no process"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_seen_or_counted),
		cmocka_unit_test(a_filter_takes_its_part),
		cmocka_unit_test(taps_come_and_go),
		cmocka_unit_test(bad_wishes_name_the_fix),
	};
	int failed;

	bytes = malloc(BYTES);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(bytes);
	return failed;
}
