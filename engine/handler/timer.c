// SPDX-License-Identifier: BSD-3-Clause
#include "handler/timer.h"

#include <stddef.h>

#include "core/compiler.h"

enum {
	LIST_DUE = VLY_WHEEL_LISTS, // what timer->slot says of wheel->due
	LIST_SOON,
};

static void empty(struct vly_timer_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

void vly_wheel_open(struct vly_wheel *wheel)
{
	wheel->now_tick = 0;
	wheel->next_tick = UINT64_MAX;
	for (uint32_t level = 0; level < VLY_WHEEL_LEVELS; level++)
		wheel->used[level] = 0;
	for (uint32_t list = 0; list < VLY_WHEEL_LISTS; list++)
		empty(&wheel->lists[list]);
	wheel->lane = 0;
	empty(&wheel->due);
	empty(&wheel->soon);
}

static struct vly_timer_list *list_of(struct vly_wheel *wheel, uint32_t list)
{
	if (list == LIST_DUE)
		return &wheel->due;
	if (list == LIST_SOON)
		return &wheel->soon;
	return &wheel->lists[list];
}

// The first of a slot's lists.
static uint32_t lanes_of(uint32_t level, uint32_t slot)
{
	return (level * VLY_WHEEL_SLOTS + slot) * VLY_WHEEL_LANES;
}

static void append(struct vly_timer_list *list, struct vly_timer *timer, uint32_t number)
{
	timer->next = NULL;
	timer->link = list->end;
	timer->slot = (uint16_t)number;
	*list->end = timer;
	list->end = &timer->next;
}

// The first tick that begins no earlier.
static uint64_t tick_at(uint64_t due_ns)
{
	return due_ns / VLY_TICK_NS + (due_ns % VLY_TICK_NS != 0);
}

// From where the hands are. The slot under a level's hand is 64 steps away: it has been emptied.
static void place(struct vly_wheel *wheel, struct vly_timer *timer)
{
	uint64_t tick = tick_at(timer->due_ns);
	uint32_t level;
	uint32_t shift;
	uint32_t slot;
	uint32_t list;

	if (tick <= wheel->now_tick) {
		append(&wheel->due, timer, LIST_DUE);
		return;
	}
	level = (63 - (uint32_t)__builtin_clzll(tick - wheel->now_tick)) / VLY_WHEEL_BITS;
	shift = level * VLY_WHEEL_BITS;
	slot = (uint32_t)(tick >> shift) % VLY_WHEEL_SLOTS;
	list = lanes_of(level, slot);
	if (level > 0)
		list += wheel->lane++ % VLY_WHEEL_LANES;
	append(&wheel->lists[list], timer, list);
	wheel->used[level] |= UINT64_C(1) << slot;
	tick = tick >> shift << shift; // when the hand of this level comes
	if (tick < wheel->next_tick)
		wheel->next_tick = tick;
}

void vly_wheel_put(struct vly_wheel *wheel, struct vly_timer *timer, uint64_t due_ns,
		   uint64_t now_ns)
{
	uint64_t now_tick = now_ns / VLY_TICK_NS;

	// Up to the next thing to do the hands pass over empty slots: they may jump.
	if (now_tick < wheel->next_tick)
		wheel->now_tick = now_tick;
	timer->due_ns = due_ns;
	if (due_ns <= now_ns)
		append(&wheel->soon, timer, LIST_SOON);
	else
		place(wheel, timer);
}

void vly_wheel_move(struct vly_wheel *wheel, struct vly_timer *timer, uint64_t due_ns,
		    uint64_t now_ns)
{
	if (due_ns >= timer->due_ns && timer->slot < LIST_DUE) {
		timer->due_ns = due_ns;
		return;
	}
	vly_wheel_take(wheel, timer);
	vly_wheel_put(wheel, timer, due_ns, now_ns);
}

void vly_wheel_take(struct vly_wheel *wheel, struct vly_timer *timer)
{
	if (!timer->link)
		return;
	*timer->link = timer->next;
	if (timer->next)
		timer->next->link = timer->link;
	else
		list_of(wheel, timer->slot)->end = timer->link;
	timer->link = NULL;
}

// When a hand next comes to a slot that may have timers.
static uint64_t find_next(const struct vly_wheel *wheel)
{
	uint64_t next = UINT64_MAX;

	for (uint32_t level = 0; level < VLY_WHEEL_LEVELS; level++) {
		uint32_t shift = level * VLY_WHEEL_BITS;
		uint64_t first = (wheel->now_tick >> shift) + 1; // the hand's next step
		uint32_t turn = (uint32_t)first % VLY_WHEEL_SLOTS;
		uint64_t used = wheel->used[level];
		uint64_t tick;

		if (!used)
			continue;
		used = used >> turn | used << (-turn % VLY_WHEEL_SLOTS);
		tick = (first + (uint32_t)__builtin_ctzll(used)) << shift;
		if (tick < next)
			next = tick;
	}
	return next;
}

// It may lie in two cache lines.
static void fetch(const struct vly_timer *timer)
{
	vly_prefetch(timer);
	vly_prefetch(&timer->slot);
}

// The hand of a level has come to a slot: each timer goes where it now belongs, and the next one of
// its lane is on its way while those of the other lanes are placed.
static void empty_slot(struct vly_wheel *wheel, uint32_t level, uint32_t slot)
{
	struct vly_timer_list *lists = &wheel->lists[lanes_of(level, slot)];
	struct vly_timer *lanes[VLY_WHEEL_LANES];
	uint32_t count = 0;

	for (uint32_t i = 0; i < VLY_WHEEL_LANES; i++) {
		if (!lists[i].first)
			continue;
		lanes[count] = lists[i].first;
		fetch(lanes[count++]);
		empty(&lists[i]);
	}
	wheel->used[level] &= ~(UINT64_C(1) << slot);
	while (count) {
		for (uint32_t i = 0; i < count; i++) {
			struct vly_timer *timer = lanes[i];

			lanes[i] = timer->next;
			if (lanes[i])
				fetch(lanes[i]);
			else
				lanes[i--] = lanes[--count];
			place(wheel, timer);
		}
	}
}

static void step_to(struct vly_wheel *wheel, uint64_t tick)
{
	wheel->now_tick = tick;
	// From the slowest hand down: what one moves may be for the next.
	for (uint32_t level = VLY_WHEEL_LEVELS; level-- > 0;) {
		uint32_t shift = level * VLY_WHEEL_BITS;
		uint32_t slot = (uint32_t)(tick >> shift) % VLY_WHEEL_SLOTS;

		if (tick == tick >> shift << shift && wheel->used[level] >> slot & 1)
			empty_slot(wheel, level, slot);
	}
	wheel->next_tick = find_next(wheel);
}

// In front of what else is due: it has one turn each, and may not wait for all of a crowd.
static void move_soon(struct vly_wheel *wheel)
{
	struct vly_timer_list *soon = &wheel->soon;
	struct vly_timer_list *due = &wheel->due;

	for (struct vly_timer *timer = soon->first; timer; timer = timer->next)
		timer->slot = LIST_DUE;
	*soon->end = due->first;
	if (due->first)
		due->first->link = soon->end;
	else
		due->end = soon->end;
	due->first = soon->first;
	due->first->link = &due->first;
	empty(soon);
}

void vly_wheel_turn(struct vly_wheel *wheel, uint64_t now_ns)
{
	uint64_t now_tick = now_ns / VLY_TICK_NS;

	while (wheel->next_tick <= now_tick)
		step_to(wheel, wheel->next_tick);
	if (VLY_UNLIKELY(wheel->soon.first != NULL))
		move_soon(wheel);
}

struct vly_timer *vly_wheel_pop(struct vly_wheel *wheel)
{
	struct vly_timer *timer = wheel->due.first;

	if (timer) {
		vly_prefetch(timer->next); // on its way while this one fires
		vly_wheel_take(wheel, timer);
	}
	return timer;
}

uint64_t vly_wheel_next_ns(const struct vly_wheel *wheel)
{
	if (wheel->due.first || wheel->soon.first)
		return 0;
	if (wheel->next_tick > UINT64_MAX / VLY_TICK_NS)
		return UINT64_MAX;
	return wheel->next_tick * VLY_TICK_NS;
}
