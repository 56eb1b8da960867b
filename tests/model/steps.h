// SPDX-License-Identifier: BSD-3-Clause
//
// A machine that runs the real code of the ring in every possible way. A file that includes this
// before ring/spsc.h gets the ring with each atomic access to a slot handed to the machine, which
// there may change from one side to the other, and chooses what a load sees.
//
// The memory is that of C11's release and acquire, without its reads from the future: each store to
// a slot is kept; a load may see any of them that is not older than what its thread has seen or
// knows of already; a load that acquires what a store released makes its thread know all that the
// other knew at the store. x86, Arm and POWER do no more than that here.
//
// The machine judges: a thread that overwrites a slot must know its latest value (else an item or
// a free slot is lost), and so must one that reads or writes a cell, which is plain memory that an
// item stands for (else it is a data race).
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum steps_side {
	STEPS_PRODUCER,
	STEPS_CONSUMER,
	STEPS_SIDES,
};

// One ordering that may be taken away from the code under test.
enum steps_weak {
	STEPS_SOUND,
	STEPS_WEAK_R1, // the producer's stores are relaxed
	STEPS_WEAK_A1, // the consumer's loads are relaxed
	STEPS_WEAK_R2, // the consumer's stores are relaxed
	STEPS_WEAK_A2, // the producer's loads are relaxed
};

enum steps_limits {
	STEPS_SLOTS_MAX = 4,
	STEPS_CELLS_MAX = 8,
};

struct steps_case {
	void (*sides[STEPS_SIDES])(void *arg); // what each does, once in each way
	void (*begin)(void *arg);              // makes the slots, and calls steps_watch()
	void (*end)(void *arg);                // both are done: the last checks, and frees
	void *arg;
	enum steps_weak weak;
};

// Runs a case in every way, or until the first that fails. Returns how many ways there were; *error
// is what went wrong, or NULL.
uint64_t steps_run(const struct steps_case *steps, const char **error);

// In begin(): the slots are `count` pointers from `slots` on.
void steps_watch(_Atomic(void *) *slots, uint32_t count);

// The side that runs now reads, or writes, plain memory: cell 0 .. STEPS_CELLS_MAX - 1.
uintptr_t steps_cell_read(uint32_t cell);
void steps_cell_write(uint32_t cell, uintptr_t value);

// Ends this way of running with an error, once the side has come to its next step.
void steps_fail(const char *error);

// --- what the macros below make of an access ----------------------------------------------------

void *steps_load(const _Atomic(void *) *slot, memory_order order);
void steps_store(_Atomic(void *) *slot, void *value, memory_order order);
uint32_t steps_load_index(const _Atomic uint32_t *index, memory_order order);
void steps_store_index(_Atomic uint32_t *index, uint32_t value, memory_order order);

#undef atomic_load_explicit
#define atomic_load_explicit(object, order)                                                        \
	_Generic((object),                                                                         \
		_Atomic uint32_t *: steps_load_index,                                              \
		const _Atomic uint32_t *: steps_load_index,                                        \
		_Atomic(void *) *: steps_load,                                                     \
		const _Atomic(void *) *: steps_load)(object, order)

#undef atomic_store_explicit
#define atomic_store_explicit(object, value, order)                                                \
	_Generic((object), _Atomic uint32_t *: steps_store_index, _Atomic(void *) *: steps_store)( \
		object, value, order)
