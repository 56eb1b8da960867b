// SPDX-License-Identifier: BSD-3-Clause
//
// The notice board: what is put up is read once by everybody else, and a reader that falls behind
// misses notices but never sees half of one, also while others write.
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/board.h"

enum {
	COLUMNS = 3,
	NOTICES = 200000, // of each writing thread
};

static struct vly_stack_news news_of(uint32_t column, uint32_t number)
{
	struct vly_stack_news news = {.kind = (uint8_t)column};

	for (size_t i = 0; i < sizeof(news.ip); i += 4)
		memcpy(news.ip + i, &number, sizeof(number));
	memcpy(news.mac, &number, sizeof(number));
	return news;
}

static uint32_t number_of(const struct vly_stack_news *news)
{
	struct vly_stack_news whole;
	uint32_t number;

	memcpy(&number, news->ip, sizeof(number));
	whole = news_of(news->kind, number);
	assert_memory_equal(&whole, news, sizeof(whole));
	return number;
}

static void test_all_others_read_in_order(void **state)
{
	struct vly_board *board = vly_board_open(COLUMNS);
	struct vly_board_reader reader[COLUMNS] = {{0}};
	struct vly_stack_news news;

	(void)state;
	assert_false(vly_board_has_news(board, &reader[1]));
	for (uint32_t i = 1; i <= 3; i++) {
		news = news_of(0, i);
		vly_board_write(board, 0, &news);
	}
	for (uint32_t r = 1; r < COLUMNS; r++) {
		assert_true(vly_board_has_news(board, &reader[r]));
		for (uint32_t i = 1; i <= 3; i++) {
			assert_true(vly_board_read(board, &reader[r], r, &news));
			assert_int_equal(number_of(&news), i);
		}
		assert_false(vly_board_read(board, &reader[r], r, &news));
		assert_false(vly_board_has_news(board, &reader[r]));
	}
	assert_false(vly_board_read(board, &reader[0], 0, &news)); // its own
	free(board);
}

static void test_who_falls_behind_gets_the_latest(void **state)
{
	struct vly_board *board = vly_board_open(COLUMNS);
	struct vly_board_reader reader = {0};
	struct vly_stack_news news;
	uint32_t count = 0;
	uint32_t last = 0;

	(void)state;
	for (uint32_t i = 1; i <= 1000; i++) {
		news = news_of(0, i);
		vly_board_write(board, 0, &news);
	}
	for (; vly_board_read(board, &reader, 1, &news); count++) {
		assert_true(number_of(&news) > last);
		last = number_of(&news);
	}
	assert_int_equal(last, 1000);
	assert_in_range(count, VLY_BOARD_NOTICES / 2, VLY_BOARD_NOTICES);
	free(board);
}

struct writer {
	struct vly_board *board;
	uint32_t column;
};

static void *write_many(void *arg)
{
	const struct writer *writer = arg;

	for (uint32_t i = 1; i <= NOTICES; i++) {
		struct vly_stack_news news = news_of(writer->column, i);

		vly_board_write(writer->board, writer->column, &news);
	}
	return NULL;
}

static void test_a_notice_is_whole_or_missed(void **state)
{
	struct vly_board *board = vly_board_open(COLUMNS);
	struct vly_board_reader reader = {0};
	struct writer writers[2] = {{board, 0}, {board, 1}};
	uint32_t last[2] = {0};
	struct vly_stack_news news;
	pthread_t threads[2];

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
	while (last[0] < NOTICES || last[1] < NOTICES) {
		if (!vly_board_has_news(board, &reader))
			continue;
		while (vly_board_read(board, &reader, 2, &news)) {
			assert_in_range(news.kind, 0, 1);
			assert_true(number_of(&news) > last[news.kind]);
			last[news.kind] = number_of(&news);
		}
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	free(board);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_others_read_in_order),
		cmocka_unit_test(test_who_falls_behind_gets_the_latest),
		cmocka_unit_test(test_a_notice_is_whole_or_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
