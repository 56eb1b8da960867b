// SPDX-License-Identifier: BSD-3-Clause
//
// The machine of steps.h: two coroutines, and a search through all its choices, depth first. Each
// way of running starts anew and repeats the choices of the one before up to the last that has an
// alternative left.
#include "steps.h"

#include <string.h>
#include <ucontext.h>

enum {
	LOCATIONS = STEPS_SLOTS_MAX + STEPS_CELLS_MAX,
	STORES_MAX = 64, // to one location
	CHOICES_MAX = 400,
	STACK_BYTES = 64 * 1024,
};

// Of each location, the number of the oldest store that a thread may still see.
struct view {
	uint8_t seen[LOCATIONS];
};

struct stored {
	uintptr_t value;
	struct view view; // what its writer knew, if it was released; else only of itself
};

struct location {
	struct stored stores[STORES_MAX];
	uint32_t count;
};

struct choice {
	uint8_t taken;
	uint8_t count;
};

struct machine {
	const struct steps_case *steps;
	_Atomic(void *) *slots;
	uint32_t slot_count;
	struct location locations[LOCATIONS];
	struct view views[STEPS_SIDES];
	struct choice choices[CHOICES_MAX];
	uint32_t choice_count; // of the way before, and how far it is repeated
	uint32_t depth;
	ucontext_t sides[STEPS_SIDES];
	ucontext_t main;
	bool is_done[STEPS_SIDES];
	bool runs_sides; // not begin() or end()
	enum steps_side side;
	const char *error;
};

// The one machine: the ring's code has no argument to hand it through.
static struct machine machine;
static _Alignas(64) char stacks[STEPS_SIDES][STACK_BYTES];

static uint32_t choose(uint32_t count)
{
	struct choice *choice = &machine.choices[machine.depth];

	if (count == 1)
		return 0;
	if (machine.depth == CHOICES_MAX) {
		machine.error = "the machine is too small: CHOICES_MAX";
		return 0;
	}
	if (machine.depth == machine.choice_count) {
		*choice = (struct choice){.count = (uint8_t)count};
		machine.choice_count++;
	}
	machine.depth++;
	return choice->taken;
}

// Takes the next alternative of the last choice that has one. Returns false when there is none.
static bool next_way(void)
{
	while (machine.choice_count > 0) {
		struct choice *last = &machine.choices[machine.choice_count - 1];

		if (++last->taken < last->count)
			return true;
		machine.choice_count--;
	}
	return false;
}

static void leave_side(void)
{
	swapcontext(&machine.sides[machine.side], &machine.main);
}

// The other side may go first, wherever this one stands.
static void step(void)
{
	if (!machine.runs_sides)
		return;
	if (machine.error)
		leave_side(); // for good
	if (machine.is_done[!machine.side] || choose(2) == 0)
		return;
	leave_side();
}

static void run_side(void)
{
	machine.steps->sides[machine.side](machine.steps->arg);
	machine.is_done[machine.side] = true;
	leave_side();
}

static void run_sides(void)
{
	for (uint32_t side = 0; side < STEPS_SIDES; side++) {
		getcontext(&machine.sides[side]);
		machine.sides[side].uc_stack.ss_sp = stacks[side];
		machine.sides[side].uc_stack.ss_size = STACK_BYTES;
		machine.sides[side].uc_link = NULL;
		makecontext(&machine.sides[side], run_side, 0);
		machine.is_done[side] = false;
	}
	machine.runs_sides = true;
	machine.side = choose(2) ? STEPS_CONSUMER : STEPS_PRODUCER;
	while (!machine.error) {
		swapcontext(&machine.main, &machine.sides[machine.side]);
		if (machine.is_done[STEPS_PRODUCER] && machine.is_done[STEPS_CONSUMER])
			break;
		machine.side = !machine.side;
	}
	machine.runs_sides = false;
}

// Both sides know all: they have been joined, or have not begun.
static void know_all(void)
{
	for (uint32_t i = 0; i < LOCATIONS; i++) {
		const uint8_t last = (uint8_t)(machine.locations[i].count - 1);

		machine.views[STEPS_PRODUCER].seen[i] = last;
		machine.views[STEPS_CONSUMER].seen[i] = last;
	}
}

uint64_t steps_run(const struct steps_case *steps, const char **error)
{
	uint64_t ways = 0;

	memset(&machine, 0, sizeof(machine));
	machine.steps = steps;
	do {
		machine.depth = 0;
		memset(machine.locations, 0, sizeof(machine.locations));
		for (uint32_t i = 0; i < LOCATIONS; i++)
			machine.locations[i].count = 1; // zero, as all memory starts
		steps->begin(steps->arg);
		know_all();
		run_sides();
		know_all();
		steps->end(steps->arg);
		ways++;
	} while (!machine.error && next_way());
	*error = machine.error;
	return ways;
}

void steps_watch(_Atomic(void *) *slots, uint32_t count)
{
	machine.slots = slots;
	machine.slot_count = count;
	for (uint32_t i = 0; i < count; i++)
		machine.locations[i].stores[0].value = (uintptr_t) * (void **)&slots[i];
}

void steps_fail(const char *error)
{
	if (!machine.error)
		machine.error = error;
}

static bool knows_latest(uint32_t location)
{
	return machine.views[machine.side].seen[location] == machine.locations[location].count - 1;
}

static void append(uint32_t location, uintptr_t value, bool is_release)
{
	struct location *at = &machine.locations[location];
	struct view *view = &machine.views[machine.side];
	struct stored *stored = &at->stores[at->count];

	if (at->count == STORES_MAX) {
		steps_fail("the machine is too small: STORES_MAX");
		return;
	}
	view->seen[location] = (uint8_t)at->count++;
	*stored = (struct stored){.value = value};
	if (is_release)
		stored->view = *view;
	stored->view.seen[location] = view->seen[location];
}

uintptr_t steps_cell_read(uint32_t cell)
{
	const uint32_t location = STEPS_SLOTS_MAX + cell;

	if (!knows_latest(location))
		steps_fail("a data race: a read of what the other side has written");
	return machine.locations[location].stores[machine.locations[location].count - 1].value;
}

void steps_cell_write(uint32_t cell, uintptr_t value)
{
	if (!knows_latest(STEPS_SLOTS_MAX + cell))
		steps_fail("a data race: a write over what the other side has written");
	append(STEPS_SLOTS_MAX + cell, value, false);
}

// Whether the ordering is there, and has not been taken away.
static bool is_kept(memory_order order, memory_order wanted)
{
	const bool is_load = wanted == memory_order_acquire;
	const enum steps_weak weak = machine.side == STEPS_PRODUCER
					     ? (is_load ? STEPS_WEAK_A2 : STEPS_WEAK_R1)
					     : (is_load ? STEPS_WEAK_A1 : STEPS_WEAK_R2);

	return (order == wanted || order == memory_order_acq_rel ||
		order == memory_order_seq_cst) &&
	       machine.steps->weak != weak;
}

void *steps_load(const _Atomic(void *) *slot, memory_order order)
{
	const uint32_t location = (uint32_t)(slot - machine.slots);
	struct view *view = &machine.views[machine.side];
	const struct stored *stored;
	uint32_t oldest;

	step();
	// The latest first, so that a way which ends well is found early.
	oldest = view->seen[location];
	view->seen[location] = (uint8_t)(machine.locations[location].count - 1 -
					 choose(machine.locations[location].count - oldest));
	stored = &machine.locations[location].stores[view->seen[location]];
	if (is_kept(order, memory_order_acquire)) {
		for (uint32_t i = 0; i < LOCATIONS; i++) {
			if (view->seen[i] < stored->view.seen[i])
				view->seen[i] = stored->view.seen[i];
		}
	}
	return (void *)stored->value;
}

void steps_store(_Atomic(void *) *slot, void *value, memory_order order)
{
	const uint32_t location = (uint32_t)(slot - machine.slots);

	step();
	if (!knows_latest(location))
		steps_fail("a slot is overwritten by a side that does not know its value");
	append(location, (uintptr_t)value, is_kept(order, memory_order_release));
	*(void **)slot = value; // for the plain reads
}

// An index is one side's own: no other looks at it here.
uint32_t steps_load_index(const _Atomic uint32_t *index, memory_order order)
{
	(void)order;
	return *(const uint32_t *)index;
}

void steps_store_index(_Atomic uint32_t *index, uint32_t value, memory_order order)
{
	(void)order;
	*(uint32_t *)index = value;
}
