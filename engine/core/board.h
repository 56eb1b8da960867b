// SPDX-License-Identifier: BSD-3-Clause
//
// The notice board of a port: what the stack of one queue learns of neighbours, the others read.
// Each queue has a column that only its thread writes; everybody reads all columns, at a pace of
// their own, without a lock and without being waited for. A column keeps the last notices only: a
// reader that falls behind misses some, and asks the wire itself.
//
// One column more than there are queues belongs to whoever knows neighbours from outside.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <volley/port.h>

#include "core/compiler.h"
#include "stack/stack.h"

enum vly_board_limits {
	VLY_BOARD_NOTICES = 128, // that a column keeps; a power of two
	VLY_BOARD_WORDS = 3,     // of a notice
};

struct vly_board_column {
	_Atomic uint32_t written VLY_ALIGNED(128); // its owner: w, others: r; runs free
	_Atomic uint64_t notices[VLY_BOARD_NOTICES][VLY_BOARD_WORDS];
};

struct vly_board {
	_Atomic uint32_t version
		VLY_ALIGNED(128); // all: rw, at each notice; others look here first
	uint32_t column_count;
	struct vly_board_column columns[];
};

// How far one reader has read.
struct vly_board_reader {
	uint32_t version;
	uint32_t position[VLY_QUEUES_MAX + 1];
};

// Returns NULL when there is no memory. The caller frees it with free().
struct vly_board *vly_board_open(uint32_t column_count);

// Puts a notice up in a column. The column's owner.
void vly_board_write(struct vly_board *board, uint32_t column, const struct vly_stack_news *news);

// Whether there may be something new. Any thread; cheap enough for each burst.
static inline bool vly_board_has_news(const struct vly_board *board,
				      const struct vly_board_reader *reader)
{
	return atomic_load_explicit(&board->version, memory_order_acquire) != reader->version;
}

// The next notice that is not of column `own`. False when there is none, until has_news() says so
// again. The reader's thread.
bool vly_board_read(struct vly_board *board, struct vly_board_reader *reader, uint32_t own,
		    struct vly_stack_news *news);
