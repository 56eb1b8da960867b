// SPDX-License-Identifier: BSD-3-Clause
#include "chat/input.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct chat_input {
	pthread_mutex_t mutex;
	pthread_cond_t is_used; // the line, so that the next one may be read
	struct vly_queue *queue;
	enum chat_input_state state;
	char *line;
	size_t size;
	size_t len;
};

static void hand_over(struct chat_input *input, enum chat_input_state state)
{
	pthread_mutex_lock(&input->mutex);
	input->state = state;
	vly_queue_wake(input->queue);
	while (input->state == CHAT_INPUT_LINE)
		pthread_cond_wait(&input->is_used, &input->mutex);
	pthread_mutex_unlock(&input->mutex);
}

static void *read_lines(void *arg)
{
	struct chat_input *input = arg;
	ssize_t len;

	while ((len = getline(&input->line, &input->size, stdin)) >= 0) {
		while (len > 0 && (input->line[len - 1] == '\n' || input->line[len - 1] == '\r'))
			len--;
		input->len = (size_t)len;
		hand_over(input, CHAT_INPUT_LINE);
	}
	hand_over(input, CHAT_INPUT_ENDED);
	return NULL;
}

struct chat_input *chat_input_open(struct vly_queue *queue)
{
	struct chat_input *input = calloc(1, sizeof(*input));
	pthread_t thread;

	if (!input)
		return NULL;
	pthread_mutex_init(&input->mutex, NULL);
	pthread_cond_init(&input->is_used, NULL);
	input->queue = queue;
	if (pthread_create(&thread, NULL, read_lines, input) != 0) {
		free(input);
		return NULL;
	}
	pthread_detach(thread);
	return input;
}

enum chat_input_state chat_input_next(struct chat_input *input, const char **text, size_t *len)
{
	enum chat_input_state state;

	pthread_mutex_lock(&input->mutex);
	state = input->state;
	*text = input->line;
	*len = input->len;
	pthread_mutex_unlock(&input->mutex);
	return state;
}

void chat_input_done(struct chat_input *input)
{
	pthread_mutex_lock(&input->mutex);
	input->state = CHAT_INPUT_NONE;
	pthread_cond_signal(&input->is_used);
	pthread_mutex_unlock(&input->mutex);
}
