// SPDX-License-Identifier: BSD-3-Clause
//
// The load generator held against the truth: the simulated wire knows what it has lost, doubled and
// delayed, and a clock of the test's own makes every run the same to the nanosecond.
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <volley/volley.h>

#include "backend/sim.h"
#include "core/port.h"
#include "load/generator.h"

enum {
	START_NS = 1000000000,
	STEP_NS = 100, // of the clock, each time it is read
	SECOND_NS = 1000000000,
	MS_NS = 1000000,
	BUFFERS = 8192,
	OPTIONS_MAX = 8,
};

// A clock that goes on by being looked at, and may jump once.
struct clock {
	uint64_t now_ns;
	uint64_t jump_at_ns; // 0: never
	int64_t jump_ns;
	uint64_t interrupt_at_ns; // 0: never
	atomic_bool interrupted;
};

static uint64_t read_clock(void *arg)
{
	struct clock *clock = arg;

	clock->now_ns += STEP_NS;
	if (clock->jump_at_ns && clock->now_ns >= clock->jump_at_ns) {
		clock->jump_at_ns = 0;
		clock->now_ns += (uint64_t)clock->jump_ns;
	}
	if (clock->interrupt_at_ns && clock->now_ns >= clock->interrupt_at_ns)
		atomic_store(&clock->interrupted, true);
	return clock->now_ns;
}

struct bench {
	struct vly_port *port;
	struct content content;
	struct clock clock;
	struct vly_addr locals[4];
	struct generator *generator;
};

static void open_bench(struct bench *bench, uint32_t bytes, uint32_t flows,
		       const char *const *options)
{
	struct vly_port_config port = {.backend = "sim", .options = options, .buffers = BUFFERS};
	struct generator_config config = {
		.target.addr = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}, .port = 9},
		.flow_count = flows,
		.is_stamped = true,
		.window = 1 << 16,
		.timeout_ns = SECOND_NS / 10,
		.idle = VLY_IDLE_BUSY,
		.clock = read_clock,
	};
	struct vly_error error = {""};

	*bench = (struct bench){.clock.now_ns = START_NS};
	while (options && options[port.option_count])
		port.option_count++;
	if (vly_port_open(&bench->port, &port, &error))
		fail_msg("%s", error.text);
	assert_int_equal(content_open_fixed(&bench->content, bytes, &error), 0);
	for (uint32_t i = 0; i < flows; i++)
		bench->locals[i].port = (uint16_t)(1000 + i);
	config.port = bench->port;
	config.queue = vly_port_queue(bench->port, 0);
	config.locals = bench->locals;
	config.content = &bench->content;
	config.stamp = stamp_make(false);
	config.clock_arg = &bench->clock;
	config.interrupted = &bench->clock.interrupted;
	assert_int_equal(generator_open(&bench->generator, &config, &error), 0);
}

static void close_bench(struct bench *bench)
{
	struct vly_ledger ledger;

	vly_port_ledger(bench->port, &ledger);
	assert_true(vly_ledger_is_balanced(&ledger));
	generator_close(bench->generator);
	content_close(&bench->content);
	vly_port_close(bench->port);
}

static struct generator_result run(struct bench *bench, enum arrivals_kind kind, double rate_pps)
{
	const struct generator_run config = {
		.arrivals =
			{
				.kind = kind,
				.burst = 10,
				.from_pps = rate_pps,
				.to_pps = rate_pps,
				.duration_ns = SECOND_NS,
				.seed = 1,
			},
	};

	return generator_run(bench->generator, &config);
}

static struct vly_sim_report truth(const struct bench *bench)
{
	struct vly_sim_report report;

	vly_sim_report_read(bench->port->inner, &report);
	return report;
}

static uint64_t lost(const struct generator_counts *counts)
{
	return counts->sent - counts->received - counts->corrupt - counts->truncated;
}

// Not below, and above by no more than a part in a thousand, and the clock's grain.
static void assert_close(uint64_t found, uint64_t expected, uint64_t slack_ns)
{
	if (found < expected || found - expected > expected / 1000 + slack_ns)
		fail_msg("%" PRIu64 " ns instead of %" PRIu64, found, expected);
}

static void a_clean_wire_loses_nothing_and_has_its_delay(void **state)
{
	static const char *const options[] = {"delay=123us", NULL};
	static const enum arrivals_kind kinds[] = {ARRIVALS_CONSTANT, ARRIVALS_POISSON,
						   ARRIVALS_BURST};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct generator_result result;
		struct bench bench;

		open_bench(&bench, 64, 4, options);
		result = run(&bench, kinds[i], 100000);
		if (kinds[i] == ARRIVALS_POISSON) // three deviations
			assert_in_range(result.counts.sent, 99050, 100950);
		else
			assert_int_equal(result.counts.sent, 100000);
		assert_int_equal(result.counts.received, result.counts.sent);
		assert_int_equal(result.counts.reordered + result.counts.duplicate, 0);
		assert_int_equal(result.counts.unsent, 0);
		assert_int_equal(result.latency->count, result.counts.received);
		assert_close(result.latency->min_ns, 123000, 10 * STEP_NS);
		assert_close(histogram_percentile(result.latency, 999000), 123000, 20 * STEP_NS);
		assert_true(result.lag->max_ns < 20 * STEP_NS);
		close_bench(&bench);
	}
}

static void loss_is_exact(void **state)
{
	static const char *const options[] = {"loss=12345", "delay=50us", NULL};
	struct generator_result result;
	struct bench bench;

	(void)state;
	open_bench(&bench, 64, 1, options);
	result = run(&bench, ARRIVALS_CONSTANT, 200000);
	assert_int_equal(result.counts.sent, 200000);
	assert_true(lost(&result.counts) > 2000);
	assert_int_equal(lost(&result.counts), truth(&bench).lost_in);
	assert_int_equal(result.counts.reordered, 0);
	close_bench(&bench);
}

static void duplicates_and_reordering_are_told_apart(void **state)
{
	static const char *const options[] = {"duplicate=10000", "reorder=10000", "loss=1000",
					      "delay=20us", NULL};
	struct generator_result result;
	struct vly_sim_report report;
	struct bench bench;

	(void)state;
	open_bench(&bench, 16, 1, options);
	result = run(&bench, ARRIVALS_CONSTANT, 200000);
	report = truth(&bench);
	assert_int_equal(lost(&result.counts), report.lost_in);
	assert_int_equal(result.counts.duplicate, report.duplicated);
	// 1 in 100 is held back for 50 us, in which ten others leave: nearly each is overtaken.
	assert_in_range(result.counts.reordered, 1850, 2150);
	assert_int_equal(result.counts.corrupt + result.counts.unrecognised, 0);
	// It is a late one for one percent, and on time for all else.
	assert_close(histogram_percentile(result.latency, 980000), 20000, 20 * STEP_NS);
	assert_close(histogram_percentile(result.latency, 995000), 70000, 20 * STEP_NS);
	close_bench(&bench);
}

static void percentiles_are_those_of_the_wire(void **state)
{
	static const char *const options[] = {"delay=1ms", "jitter=4ms", NULL};
	struct generator_result result;
	struct bench bench;

	(void)state;
	open_bench(&bench, 64, 1, options);
	result = run(&bench, ARRIVALS_POISSON, 400000);
	assert_int_equal(result.counts.received, result.counts.sent);
	for (uint32_t ppm = 50000; ppm < HISTOGRAM_PPM; ppm += 50000) {
		double part = ppm / (double)HISTOGRAM_PPM;
		double deviation = sqrt(part * (1 - part) / (double)result.counts.sent);
		double expected = MS_NS + 4.0 * MS_NS * part;
		double found = (double)histogram_percentile(result.latency, ppm);

		// The sample's own error, three times, and the slot's.
		assert_true(fabs(found - expected) <
			    3 * deviation * 4 * MS_NS + expected / 1000 + 20 * STEP_NS);
	}
	close_bench(&bench);
}

// The generator is held up for 100 ms: what was due meanwhile has it in its latency.
static void its_own_pause_is_not_hidden(void **state)
{
	static const char *const options[] = {"delay=10us", NULL};
	struct generator_result result;
	struct bench bench;

	(void)state;
	open_bench(&bench, 64, 1, options);
	bench.clock.jump_at_ns = START_NS + SECOND_NS / 2;
	bench.clock.jump_ns = 100 * MS_NS;
	result = run(&bench, ARRIVALS_CONSTANT, 20000);
	assert_int_equal(result.counts.sent, 20000);
	assert_int_equal(result.counts.received, 20000);
	assert_in_range(result.pause_max_ns, 100 * MS_NS, 101 * MS_NS);
	assert_in_range(result.lag->max_ns, 99 * MS_NS, 101 * MS_NS);
	// A tenth was due in that time: half of it late by more than 50 ms.
	assert_in_range(histogram_percentile(result.latency, 950000), 48 * MS_NS, 52 * MS_NS);
	assert_close(histogram_percentile(result.latency, 890000), 10000, 20 * STEP_NS);
	close_bench(&bench);
}

static void a_clock_that_goes_back_is_told(void **state)
{
	struct generator_result result;
	struct bench bench;

	(void)state;
	open_bench(&bench, 64, 1, NULL);
	result = run(&bench, ARRIVALS_CONSTANT, 1000);
	assert_false(result.has_clock_jumped);
	for (int64_t jump_ns = 10 * MS_NS; jump_ns < START_NS; jump_ns *= 10) {
		uint64_t begin_ns = bench.clock.now_ns;

		bench.clock.jump_at_ns = begin_ns + SECOND_NS / 2;
		bench.clock.jump_ns = -jump_ns;
		result = run(&bench, ARRIVALS_CONSTANT, 1000);
		assert_true(result.has_clock_jumped);
		assert_int_equal(result.counts.sent, 1000);
		assert_int_equal(result.counts.received, 1000);
		// It does not wait until the clock is there again.
		assert_in_range(bench.clock.now_ns + (uint64_t)jump_ns, begin_ns + SECOND_NS,
				begin_ns + SECOND_NS + 200 * MS_NS);
	}
	close_bench(&bench);
}

static void what_it_cannot_send_is_told(void **state)
{
	static const char *const options[] = {"tx-refuse=900000", NULL};
	struct generator_result result;
	struct bench bench;

	(void)state;
	open_bench(&bench, 64, 1, options);
	result = run(&bench, ARRIVALS_CONSTANT, 100 * 1000 * 1000.0);
	assert_true(result.counts.unsent > 0);
	assert_in_range(result.counts.sent + result.counts.unsent, 99999000, 100001000);
	assert_int_equal(result.counts.received, result.counts.sent);
	close_bench(&bench);
}

static void an_interruption_keeps_what_there_is(void **state)
{
	static const char *const options[] = {"delay=100us", NULL};
	struct generator_result result;
	struct bench bench;

	(void)state;
	open_bench(&bench, 64, 1, options);
	bench.clock.interrupt_at_ns = START_NS + SECOND_NS / 4;
	result = run(&bench, ARRIVALS_CONSTANT, 100000);
	assert_true(result.is_interrupted);
	assert_in_range(result.counts.sent, 24900, 25100);
	assert_int_equal(result.counts.received, result.counts.sent);
	assert_in_range(result.sending_ns, 249 * MS_NS, 251 * MS_NS);
	assert_int_equal(result.counts.unsent, 0);
	close_bench(&bench);
}

static void a_count_ends_it(void **state)
{
	const struct generator_run config = {
		.arrivals = {.from_pps = 1000, .to_pps = 1000, .duration_ns = 100ull * SECOND_NS},
		.count = 77,
	};
	struct generator_result result;
	struct bench bench;

	(void)state;
	open_bench(&bench, 64, 4, NULL);
	assert_true(generator_knock(bench.generator));
	result = generator_run(bench.generator, &config);
	assert_int_equal(result.counts.sent, 77);
	assert_int_equal(result.counts.received, 77);
	assert_int_equal(result.counts.unsent, 0);
	close_bench(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clean_wire_loses_nothing_and_has_its_delay),
		cmocka_unit_test(loss_is_exact),
		cmocka_unit_test(duplicates_and_reordering_are_told_apart),
		cmocka_unit_test(percentiles_are_those_of_the_wire),
		cmocka_unit_test(its_own_pause_is_not_hidden),
		cmocka_unit_test(a_clock_that_goes_back_is_told),
		cmocka_unit_test(what_it_cannot_send_is_told),
		cmocka_unit_test(an_interruption_keeps_what_there_is),
		cmocka_unit_test(a_count_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
