// SPDX-License-Identifier: BSD-3-Clause
//
// The harness over Google Benchmark, and the program's main(). Everything else in bench/ is C.
#include "harness/harness.h"

#include <benchmark/benchmark.h>

struct bench_run {
	benchmark::State &state;
	int64_t arg;
};

bool bench_goes_on(struct bench_run *run, uint64_t batch)
{
	return run->state.KeepRunningBatch(static_cast<benchmark::IterationCount>(batch));
}

int64_t bench_arg(const struct bench_run *run)
{
	return run->arg;
}

uint32_t bench_thread(const struct bench_run *run)
{
	return static_cast<uint32_t>(run->state.thread_index());
}

uint64_t bench_iterations(const struct bench_run *run)
{
	return static_cast<uint64_t>(run->state.iterations());
}

void bench_items(struct bench_run *run, uint64_t items)
{
	run->state.SetItemsProcessed(static_cast<int64_t>(items));
}

void bench_bytes(struct bench_run *run, uint64_t bytes)
{
	run->state.SetBytesProcessed(static_cast<int64_t>(bytes));
}

static benchmark::Counter::Flags flags_of(enum bench_counter kind)
{
	using Counter = benchmark::Counter;

	switch (kind) {
	case BENCH_PER_SECOND:
		return Counter::kIsRate;
	case BENCH_PER_ITERATION:
		return Counter::kAvgIterations;
	case BENCH_SECONDS_PER_ONE:
		return static_cast<Counter::Flags>(Counter::kIsRate | Counter::kInvert);
	case BENCH_VALUE:
		break;
	}
	return Counter::kDefaults;
}

void bench_counter(struct bench_run *run, const char *name, double value, enum bench_counter kind)
{
	run->state.counters[name] = benchmark::Counter(value, flags_of(kind));
}

void bench_skip(struct bench_run *run, const char *why)
{
	run->state.SkipWithError(why);
}

void bench_pause(struct bench_run *run)
{
	run->state.PauseTiming();
}

void bench_resume(struct bench_run *run)
{
	run->state.ResumeTiming();
}

static void add(const struct bench_entry &entry)
{
	auto *added = benchmark::RegisterBenchmark(entry.name, [&entry](benchmark::State &state) {
		bench_run run{state, entry.arg_name ? state.range(0) : 0};

		entry.function(&run);
	});

	if (entry.arg_name) {
		added->ArgName(entry.arg_name);
		for (int i = 0; i < BENCH_ARGS_MAX && entry.args[i]; i++)
			added->Arg(entry.args[i]);
	}
	if (entry.threads > 1)
		added->Threads(static_cast<int>(entry.threads));
	if (entry.is_timed_by_clock)
		added->UseRealTime();
}

int main(int argc, char **argv)
{
	benchmark::Initialize(&argc, argv);
	if (benchmark::ReportUnrecognizedArguments(argc, argv))
		return 1;
	for (const struct bench_entry *const *table = bench_tables; *table; table++) {
		for (const struct bench_entry *entry = *table; entry->name; entry++)
			add(*entry);
	}
	benchmark::RunSpecifiedBenchmarks();
	benchmark::Shutdown();
	return 0;
}
