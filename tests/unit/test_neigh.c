// SPDX-License-Identifier: BSD-3-Clause
//
// The neighbour table by itself: bounds, who may take whose place, ageing.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stack/neigh.h"

enum {
	S = 1000000000,
};

static struct vly_neigh_table *table;

static int open_table(void **state)
{
	(void)state;
	table = malloc(sizeof(*table));
	vly_neigh_init(table);
	return table ? 0 : -1;
}

static int close_table(void **state)
{
	(void)state;
	free(table);
	return 0;
}

static struct vly_neigh_news news_of(uint32_t number)
{
	struct vly_neigh_news news = {.mac = {2},
				      .is_answer = true,
				      .may_replace = true,
				      .may_add = true,
				      .is_told = true};

	memcpy(news.ip, &number, sizeof(number));
	memcpy(news.mac + 1, &number, sizeof(number));
	return news;
}

static int learn(uint32_t number, uint64_t now_ns)
{
	struct vly_neigh_news news = news_of(number);

	return vly_neigh_learn(table, &news, now_ns);
}

static struct vly_neigh *find(uint32_t number)
{
	struct vly_neigh_news news = news_of(number);

	return vly_neigh_find(table, news.ip);
}

static void test_learn_and_find(void **state)
{
	struct vly_neigh_news news = news_of(1);

	(void)state;
	assert_null(find(1));
	news.may_add = false;
	assert_int_equal(vly_neigh_learn(table, &news, S), -ENOENT);
	assert_null(find(1));
	assert_int_equal(learn(1, S), VLY_NEIGH_CHANGED);
	assert_int_equal(learn(1, S), 0);
	assert_true(vly_neigh_is_resolved(find(1)));
	assert_memory_equal(find(1)->mac, news.mac, 6);
	assert_null(find(2));
}

// A flood of newcomers goes round among itself; who is spoken to stays.
static void test_flood_does_not_evict_what_is_in_use(void **state)
{
	uint32_t known = 0;

	(void)state;
	for (uint32_t i = 1; i <= 100; i++) {
		learn(i, S);
		vly_neigh_use(table, find(i), S);
	}
	for (uint32_t i = 1000; i < 101000; i++)
		learn(i, 2 * (uint64_t)S);
	for (uint32_t i = 1; i <= 100; i++)
		assert_non_null(find(i));
	for (uint32_t i = 100000; i < 101000; i++)
		known += find(i) != NULL;
	assert_in_range(known, 500, VLY_NEIGH_MAX - 100);
}

static void test_nobody_new_while_all_are_in_use(void **state)
{
	struct vly_neigh_news asked = news_of(5001);

	(void)state;
	for (uint32_t i = 0; i < VLY_NEIGH_MAX; i++) {
		assert_int_equal(learn(i, S), VLY_NEIGH_CHANGED);
		vly_neigh_use(table, find(i), S);
	}
	assert_int_equal(learn(5000, S), -ENOENT);
	// Whom we want to speak to ourselves gets a place.
	assert_non_null(vly_neigh_ask(table, asked.ip, S));
	assert_non_null(find(5001));
	assert_int_equal(learn(5000, 100 * (uint64_t)S), VLY_NEIGH_CHANGED);
}

static void test_asking_is_bounded_and_not_evicted(void **state)
{
	struct vly_neigh_news news = news_of(7000);

	(void)state;
	for (uint32_t i = 0; i < VLY_NEIGH_ASKING_MAX; i++) {
		struct vly_neigh_news asked = news_of(i);

		assert_non_null(vly_neigh_ask(table, asked.ip, S));
	}
	assert_null(vly_neigh_ask(table, news.ip, S));
	for (uint32_t i = 1000; i < 21000; i++)
		learn(i, 1000 * (uint64_t)S);
	for (uint32_t i = 0; i < VLY_NEIGH_ASKING_MAX; i++)
		assert_int_equal(find(i)->state, VLY_NEIGH_INCOMPLETE);
	// Also when it was answered, but what waits for it has not left yet.
	assert_int_equal(learn(3, 1000 * (uint64_t)S), VLY_NEIGH_WAITING | VLY_NEIGH_CHANGED);
	for (uint32_t i = 1000; i < 21000; i++)
		learn(i, 2000 * (uint64_t)S);
	assert_non_null(find(3));
	vly_neigh_settle(table, 3, false);
	assert_non_null(vly_neigh_ask(table, news.ip, S));
}

static void test_held_datagrams_come_back_in_order(void **state)
{
	struct vly_neigh_news news = news_of(1);
	struct vly_neigh *neigh = vly_neigh_ask(table, news.ip, S);
	struct vly_dgram dgrams[VLY_NEIGH_HELD_EACH_MAX + 1];

	(void)state;
	for (int round = 0; round < 10; round++) {
		assert_null(vly_neigh_unhold(table, neigh));
		for (int i = 0; i < VLY_NEIGH_HELD_EACH_MAX; i++)
			assert_true(vly_neigh_hold(table, neigh, &dgrams[i]));
		assert_false(vly_neigh_hold(table, neigh, &dgrams[VLY_NEIGH_HELD_EACH_MAX]));
		for (int i = 0; i < VLY_NEIGH_HELD_EACH_MAX; i++)
			assert_ptr_equal(vly_neigh_unhold(table, neigh), &dgrams[i]);
	}
}

static void test_held_datagrams_are_bounded_in_total(void **state)
{
	struct vly_dgram dgram;
	uint32_t held = 0;

	(void)state;
	for (uint32_t i = 0; i < VLY_NEIGH_ASKING_MAX; i++) {
		struct vly_neigh_news news = news_of(i);
		struct vly_neigh *neigh = vly_neigh_ask(table, news.ip, S);

		for (int n = 0; n < 10; n++)
			held += vly_neigh_hold(table, neigh, &dgram);
	}
	assert_int_equal(held, VLY_NEIGH_HELD_MAX);
}

// 30 seconds after the last sign of life the next use asks again, once; an answer ends that.
static void test_ageing(void **state)
{
	(void)state;
	learn(1, S);
	assert_false(vly_neigh_use(table, find(1), 30 * (uint64_t)S));
	assert_true(vly_neigh_use(table, find(1), 31 * (uint64_t)S));
	assert_false(vly_neigh_use(table, find(1), 32 * (uint64_t)S));
	assert_int_equal(find(1)->state, VLY_NEIGH_PROBED);
	assert_true(vly_neigh_is_resolved(find(1)));
	assert_int_equal(learn(1, 32 * (uint64_t)S), VLY_NEIGH_WAITING | VLY_NEIGH_CHANGED);
	assert_int_equal(find(1)->state, VLY_NEIGH_RESOLVED);
	vly_neigh_settle(table, 0, false);
	assert_false(vly_neigh_use(table, find(1), 61 * (uint64_t)S));
	assert_true(vly_neigh_use(table, find(1), 62 * (uint64_t)S));
	vly_neigh_settle(table, 0, true); // no answer
	assert_null(find(1));
	assert_int_equal(table->asking_count, 0);
}

// What is only heard is believed, and verified when it is used.
static void test_heard_is_not_fresh(void **state)
{
	struct vly_neigh_news news = news_of(1);

	(void)state;
	news.is_answer = false;
	assert_int_equal(vly_neigh_learn(table, &news, S), VLY_NEIGH_CHANGED);
	assert_true(vly_neigh_use(table, find(1), S));
	assert_int_equal(vly_neigh_learn(table, &news, S), 0);
	assert_int_equal(find(1)->state, VLY_NEIGH_PROBED);
}

// Of a flood of strangers only 64 a second are taken in, and a told one always is.
static void test_heard_newcomers_are_limited(void **state)
{
	struct vly_neigh_news news;
	uint32_t added = 0;

	(void)state;
	for (uint32_t i = 1; i <= 1000; i++) {
		news = news_of(i);
		news.is_told = false;
		news.is_answer = false;
		added += vly_neigh_learn(table, &news, S) >= 0;
	}
	assert_int_equal(added, VLY_NEIGH_HEARD_BURST);
	assert_int_equal(learn(1001, S), VLY_NEIGH_CHANGED);
	assert_int_equal(vly_neigh_learn(table, &news, S), -ENOENT);
	assert_int_equal(vly_neigh_learn(table, &news, 2 * (uint64_t)S), VLY_NEIGH_CHANGED);
	// Who is known already is no newcomer.
	news = news_of(1);
	news.is_told = false;
	news.mac[5] = 7;
	assert_int_equal(vly_neigh_learn(table, &news, S), VLY_NEIGH_CHANGED);
}

static void test_static_stays(void **state)
{
	struct vly_neigh_news news = news_of(1);
	static const uint8_t mac[6] = {2, 9, 9, 9, 9, 9};

	(void)state;
	assert_true(vly_neigh_add_static(table, news.ip, mac));
	assert_int_equal(vly_neigh_learn(table, &news, S), -ENOENT);
	assert_false(vly_neigh_use(table, find(1), 1000 * (uint64_t)S));
	vly_neigh_end(table, news.ip);
	for (uint32_t i = 1000; i < 21000; i++)
		learn(i, 2000 * (uint64_t)S);
	assert_non_null(find(1));
	assert_memory_equal(find(1)->mac, mac, 6);
}

// Another stack asks: its answer finds a place here, and our own question takes it over.
static void test_expected(void **state)
{
	struct vly_neigh_news news = news_of(1);

	(void)state;
	news.may_add = false;
	vly_neigh_expect(table, news.ip, S);
	assert_int_equal(find(1)->state, VLY_NEIGH_EXPECTED);
	assert_false(vly_neigh_is_resolved(find(1)));
	assert_int_equal(table->asking_count, 0);
	assert_ptr_equal(vly_neigh_ask(table, news.ip, S), find(1));
	assert_int_equal(find(1)->state, VLY_NEIGH_INCOMPLETE);
	vly_neigh_expect(table, news.ip, S);
	assert_int_equal(find(1)->state, VLY_NEIGH_INCOMPLETE);
	assert_int_equal(vly_neigh_learn(table, &news, S), VLY_NEIGH_WAITING | VLY_NEIGH_CHANGED);
	news = news_of(2);
	news.may_add = false;
	vly_neigh_expect(table, news.ip, S);
	assert_int_equal(vly_neigh_learn(table, &news, S), VLY_NEIGH_CHANGED);
	assert_true(vly_neigh_is_resolved(find(2)));
}

static void test_nobody_has_it(void **state)
{
	struct vly_neigh_news news = news_of(1);

	(void)state;
	vly_neigh_ask(table, news.ip, S);
	vly_neigh_end(table, news.ip);
	assert_int_equal(find(1)->give_up_ns, 0);
	learn(2, S);
	news = news_of(2);
	vly_neigh_end(table, news.ip);
	assert_null(find(2));
	vly_neigh_end(table, news.ip);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_learn_and_find, open_table, close_table),
		cmocka_unit_test_setup_teardown(test_flood_does_not_evict_what_is_in_use,
						open_table, close_table),
		cmocka_unit_test_setup_teardown(test_nobody_new_while_all_are_in_use, open_table,
						close_table),
		cmocka_unit_test_setup_teardown(test_asking_is_bounded_and_not_evicted, open_table,
						close_table),
		cmocka_unit_test_setup_teardown(test_held_datagrams_come_back_in_order, open_table,
						close_table),
		cmocka_unit_test_setup_teardown(test_held_datagrams_are_bounded_in_total,
						open_table, close_table),
		cmocka_unit_test_setup_teardown(test_ageing, open_table, close_table),
		cmocka_unit_test_setup_teardown(test_heard_is_not_fresh, open_table, close_table),
		cmocka_unit_test_setup_teardown(test_nobody_has_it, open_table, close_table),
		cmocka_unit_test_setup_teardown(test_expected, open_table, close_table),
		cmocka_unit_test_setup_teardown(test_static_stays, open_table, close_table),
		cmocka_unit_test_setup_teardown(test_heard_newcomers_are_limited, open_table,
						close_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
