// SPDX-License-Identifier: BSD-3-Clause
#include "core/board.h"

#include <stdlib.h>
#include <string.h>

enum {
	BOARD_ALIGNMENT = 128,
};

_Static_assert(sizeof(struct vly_stack_news) <= VLY_BOARD_WORDS * sizeof(uint64_t),
	       "a notice holds the news");

struct vly_board *vly_board_open(uint32_t column_count)
{
	size_t size = sizeof(struct vly_board) + column_count * sizeof(struct vly_board_column);
	struct vly_board *board = aligned_alloc(BOARD_ALIGNMENT, size);

	if (!board)
		return NULL;
	memset(board, 0, size);
	board->column_count = column_count;
	return board;
}

// W: the words of a notice are stored after `written` has passed the one that they replace, in the
// order of release stores. Who reads one of the new words, by acquire, finds that `written` in R.
void vly_board_write(struct vly_board *board, uint32_t column, const struct vly_stack_news *news)
{
	struct vly_board_column *to = &board->columns[column];
	uint32_t at = atomic_load_explicit(&to->written, memory_order_relaxed);
	uint64_t words[VLY_BOARD_WORDS] = {0};

	memcpy(words, news, sizeof(*news));
	for (uint32_t i = 0; i < VLY_BOARD_WORDS; i++)
		atomic_store_explicit(&to->notices[at % VLY_BOARD_NOTICES][i], words[i],
				      memory_order_release);
	atomic_store_explicit(&to->written, at + 1, memory_order_release);
	atomic_fetch_add_explicit(&board->version, 1, memory_order_release);
}

// R: a notice was read whole if its place was not being written again by then.
static bool read_column(struct vly_board_column *from, uint32_t *position,
			struct vly_stack_news *news)
{
	for (;;) {
		uint32_t written = atomic_load_explicit(&from->written, memory_order_acquire);
		uint64_t words[VLY_BOARD_WORDS];

		if (*position == written)
			return false;
		if (written - *position >= VLY_BOARD_NOTICES)
			*position = written - VLY_BOARD_NOTICES / 2;
		for (uint32_t i = 0; i < VLY_BOARD_WORDS; i++)
			words[i] = atomic_load_explicit(
				&from->notices[*position % VLY_BOARD_NOTICES][i],
				memory_order_acquire);
		written = atomic_load_explicit(&from->written, memory_order_relaxed);
		if (written - *position >= VLY_BOARD_NOTICES)
			continue;
		memcpy(news, words, sizeof(*news));
		(*position)++;
		return true;
	}
}

bool vly_board_read(struct vly_board *board, struct vly_board_reader *reader, uint32_t own,
		    struct vly_stack_news *news)
{
	uint32_t version = atomic_load_explicit(&board->version, memory_order_acquire);

	for (uint32_t i = 0; i < board->column_count; i++)
		if (i != own && read_column(&board->columns[i], &reader->position[i], news))
			return true;
	reader->version = version;
	return false;
}
