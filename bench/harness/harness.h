// SPDX-License-Identifier: BSD-3-Clause
//
// Micro-benchmarks in C on Google Benchmark: a benchmark is a plain C function and a row of a const
// table. harness.cc is the only file that knows the library; the program takes all its flags
// (--benchmark_filter=, --benchmark_format=json, ...). The library chooses how many iterations are
// enough, and calls the function again with more until they are.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// One call of a benchmark function; valid during the call.
struct bench_run;

enum bench_limits {
	BENCH_ARGS_MAX = 8,
};

struct bench_entry {
	const char *name; // "ring/vly"; NULL ends a table
	void (*function)(struct bench_run *run);
	const char *arg_name;         // "burst": shown as "burst:8"; NULL: no argument
	int64_t args[BENCH_ARGS_MAX]; // one benchmark each, up to the first 0
	uint32_t threads;             // that call the function at once; 0: one
	bool is_timed_by_clock;       // real time; otherwise the processor time of the thread
};

// What becomes of a counter's value.
enum bench_counter {
	BENCH_VALUE,           // shown as it is
	BENCH_PER_SECOND,      // divided by the time
	BENCH_PER_ITERATION,   // divided by the iterations
	BENCH_SECONDS_PER_ONE, // the time divided by it
};

// Whether to do another `batch` iterations: the loop's condition. The time runs from the first call
// to the one that returns false; a batch makes the call itself cost nothing.
bool bench_goes_on(struct bench_run *run, uint64_t batch);

// The row's argument of this benchmark; 0 if it has none.
int64_t bench_arg(const struct bench_run *run);

// Which of the row's threads this is, from 0.
uint32_t bench_thread(const struct bench_run *run);

// After the loop: how many iterations were done, and what they moved. The library shows
// items_per_second and bytes_per_second; threads are added up.
uint64_t bench_iterations(const struct bench_run *run);
void bench_items(struct bench_run *run, uint64_t items);
void bench_bytes(struct bench_run *run, uint64_t bytes);
void bench_counter(struct bench_run *run, const char *name, double value, enum bench_counter kind);

// Instead of the loop: it cannot run here, and why.
void bench_skip(struct bench_run *run, const char *why);

// Stops the time, for preparations within the loop; costs some hundred nanoseconds itself.
void bench_pause(struct bench_run *run);
void bench_resume(struct bench_run *run);

// Makes the compiler believe that all memory which can be reached from `pointer` is read and
// changed here, so that it keeps the work.
static inline void bench_use(void *pointer);

// All tables of this build; ends with NULL. Generated from bench/micro/meson.build.
extern const struct bench_entry *const bench_tables[];

// --- inline definitions -------------------------------------------------------------------------

static inline void bench_use(void *pointer)
{
	// With no output, the compiler keeps it where it stands.
	__asm__("" : : "r"(pointer) : "memory");
}

#ifdef __cplusplus
}
#endif
