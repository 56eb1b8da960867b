// SPDX-License-Identifier: BSD-3-Clause
//
// The timer wheel alone, against a plain table of when each timer is due.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "handler/timer.h"
#include "prng.h"

enum {
	TIMERS = 2000,
	STEPS = 20000,
	MANY = 1000000,
};

struct model {
	struct vly_wheel wheel;
	struct vly_timer timers[TIMERS];
	uint64_t due_ns[TIMERS]; // 0: does not run
	uint64_t now_ns;
	uint64_t fired;
};

// From a tick to years, each order of magnitude alike.
static uint64_t some_time(struct prng *prng)
{
	return prng_next(prng) >> (prng_next(prng) % 50 + 8);
}

static void start(struct model *model, struct prng *prng, uint32_t i)
{
	uint64_t due_ns = model->now_ns + some_time(prng);

	if (vly_timer_is_running(&model->timers[i]))
		vly_wheel_move(&model->wheel, &model->timers[i], due_ns, model->now_ns);
	else
		vly_wheel_put(&model->wheel, &model->timers[i], due_ns, model->now_ns);
	model->due_ns[i] = due_ns;
}

static void stop(struct model *model, uint32_t i)
{
	vly_wheel_take(&model->wheel, &model->timers[i]);
	model->due_ns[i] = 0;
}

// Never early, and never later than the tick's end.
static void turn(struct model *model, uint64_t ns)
{
	struct vly_timer *timer;
	uint64_t last_tick = 0;

	model->now_ns += ns;
	vly_wheel_turn(&model->wheel, model->now_ns);
	while ((timer = vly_wheel_pop(&model->wheel)) != NULL) {
		uint64_t *due_ns = &model->due_ns[timer - model->timers];
		uint64_t tick = (*due_ns + VLY_TICK_NS - 1) / VLY_TICK_NS;

		assert_true(*due_ns != 0 && *due_ns <= model->now_ns);
		assert_true(tick >= last_tick);
		last_tick = tick;
		*due_ns = 0;
		model->fired++;
	}
	for (uint32_t i = 0; i < TIMERS; i++) {
		assert_int_equal(vly_timer_is_running(&model->timers[i]), model->due_ns[i] != 0);
		if (model->due_ns[i])
			assert_true(model->due_ns[i] + VLY_TICK_NS > model->now_ns);
	}
}

static void it_agrees_with_a_table(void **state)
{
	struct model *model = calloc(1, sizeof(*model));
	struct prng prng = prng_open();

	(void)state;
	print_message("VLY_TEST_SEED=%llu\n", (unsigned long long)prng.seed);
	model->now_ns = prng_next(&prng) >> 4;
	vly_wheel_open(&model->wheel);
	for (uint32_t step = 0; step < STEPS; step++) {
		uint32_t i = (uint32_t)(prng_next(&prng) % TIMERS);

		if (prng_next(&prng) % 4)
			start(model, &prng, i);
		else
			stop(model, i);
		if (prng_next(&prng) % 16 == 0)
			turn(model, some_time(&prng) >> 8);
	}
	assert_true(model->fired > 0);
	free(model);
}

// Whoever sleeps until the time that the wheel says never sleeps too long, and not for nothing
// more often than once a level.
static void it_tells_when_to_look_again(void **state)
{
	struct prng prng = prng_open();
	struct vly_wheel wheel;

	(void)state;
	print_message("VLY_TEST_SEED=%llu\n", (unsigned long long)prng.seed);
	for (uint32_t i = 0; i < STEPS; i++) {
		struct vly_timer timer = {.fire = NULL};
		uint64_t now_ns = prng_next(&prng) >> 4;
		uint64_t due_ns = now_ns + some_time(&prng);
		uint32_t wakes = 0;

		vly_wheel_open(&wheel);
		assert_int_equal(vly_wheel_next_ns(&wheel), UINT64_MAX);
		vly_wheel_put(&wheel, &timer, due_ns, now_ns);
		while (vly_timer_is_running(&timer)) {
			if (vly_wheel_next_ns(&wheel) > now_ns)
				now_ns = vly_wheel_next_ns(&wheel);
			vly_wheel_turn(&wheel, now_ns);
			vly_wheel_pop(&wheel);
			wakes++;
		}
		assert_true(now_ns >= due_ns && now_ns < due_ns + VLY_TICK_NS);
		assert_true(wakes <= VLY_WHEEL_LEVELS);
	}
}

// What is due when it is put fires at the next turn of the hands, before a crowd that was there,
// and once in each turn even if it puts itself again.
static void what_is_due_at_once_comes_next(void **state)
{
	struct vly_timer late[3] = {{.fire = NULL}};
	struct vly_timer once[3] = {{.fire = NULL}};
	uint64_t now_ns = 10 * (uint64_t)VLY_TICK_NS + 5;
	struct vly_wheel wheel;

	(void)state;
	vly_wheel_open(&wheel);
	for (uint32_t i = 0; i < 3; i++)
		vly_wheel_put(&wheel, &late[i], now_ns + 1, now_ns);
	now_ns += 2 * (uint64_t)VLY_TICK_NS;
	vly_wheel_turn(&wheel, now_ns);
	assert_ptr_equal(vly_wheel_pop(&wheel), &late[0]);
	for (uint32_t i = 0; i < 3; i++)
		vly_wheel_put(&wheel, &once[i], now_ns, now_ns);
	vly_wheel_take(&wheel, &once[2]); // the last one
	assert_int_equal(vly_wheel_next_ns(&wheel), 0);
	assert_ptr_equal(vly_wheel_pop(&wheel), &late[1]);
	vly_wheel_turn(&wheel, now_ns);
	assert_ptr_equal(vly_wheel_pop(&wheel), &once[0]);
	vly_wheel_put(&wheel, &once[0], now_ns, now_ns);
	assert_ptr_equal(vly_wheel_pop(&wheel), &once[1]);
	vly_wheel_move(&wheel, &once[0], now_ns, now_ns);
	assert_ptr_equal(vly_wheel_pop(&wheel), &late[2]);
	assert_null(vly_wheel_pop(&wheel));
	vly_wheel_turn(&wheel, now_ns);
	assert_ptr_equal(vly_wheel_pop(&wheel), &once[0]);
	assert_null(vly_wheel_pop(&wheel));
	assert_int_equal(vly_wheel_next_ns(&wheel), UINT64_MAX);
	vly_wheel_put(&wheel, &once[0], now_ns, now_ns);
	vly_wheel_move(&wheel, &once[0], now_ns + VLY_TICK_NS, now_ns); // to later
	vly_wheel_turn(&wheel, now_ns);
	assert_null(vly_wheel_pop(&wheel));
	vly_wheel_take(&wheel, &once[0]);
}

static void the_end_of_time_is_far(void **state)
{
	struct vly_timer timer = {.fire = NULL};
	struct vly_wheel wheel;

	(void)state;
	vly_wheel_open(&wheel);
	vly_wheel_put(&wheel, &timer, UINT64_MAX, 5);
	vly_wheel_turn(&wheel, UINT64_MAX / 2);
	assert_null(vly_wheel_pop(&wheel));
	vly_wheel_take(&wheel, &timer);
	assert_false(vly_timer_is_running(&timer));
	vly_wheel_take(&wheel, &timer);
}

static void a_million_run_at_once(void **state)
{
	struct vly_timer *timers = calloc(MANY, sizeof(*timers));
	struct vly_wheel wheel;
	uint32_t fired = 0;

	(void)state;
	vly_wheel_open(&wheel);
	for (uint32_t i = 0; i < MANY; i++)
		vly_wheel_put(&wheel, &timers[i], (uint64_t)i * VLY_TICK_NS / 10, 0);
	for (uint32_t i = 0; i < MANY; i += 2)
		vly_wheel_take(&wheel, &timers[i]);
	vly_wheel_turn(&wheel, (uint64_t)MANY * VLY_TICK_NS);
	for (struct vly_timer *timer; (timer = vly_wheel_pop(&wheel)) != NULL; fired++)
		assert_int_equal((timer - timers) % 2, 1);
	assert_int_equal(fired, MANY / 2);
	assert_int_equal(vly_wheel_next_ns(&wheel), UINT64_MAX);
	free(timers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_agrees_with_a_table),
		cmocka_unit_test(it_tells_when_to_look_again),
		cmocka_unit_test(what_is_due_at_once_comes_next),
		cmocka_unit_test(the_end_of_time_is_far),
		cmocka_unit_test(a_million_run_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
