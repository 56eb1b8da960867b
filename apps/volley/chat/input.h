// SPDX-License-Identifier: BSD-3-Clause
//
// Standard input, read by a thread of its own: a terminal, a pipe or a file, while the program
// waits for datagrams. The thread wakes the queue when it has a line.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <volley/volley.h>

enum chat_input_state {
	CHAT_INPUT_NONE, // yet
	CHAT_INPUT_LINE,
	CHAT_INPUT_ENDED,
};

struct chat_input;

// Starts the thread. It ends with the program, as it may wait for a line for ever: there is no
// close. NULL when there is no thread or memory.
struct chat_input *chat_input_open(struct vly_queue *queue);

// The next line without its end, which stays until chat_input_done().
enum chat_input_state chat_input_next(struct chat_input *input, const char **text, size_t *len);

// The line has been used.
void chat_input_done(struct chat_input *input);
