// SPDX-License-Identifier: BSD-3-Clause
//
// What most programs would write: an array, a mutex and two conditions. A burst moves under one
// lock, and a side that has to wait sleeps.
#include "micro/stream.h"

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t has_items;
	pthread_cond_t has_room;
	uint32_t head;
	uint32_t tail;
	bool is_closed;
	void *slots[STREAM_SLOTS];
};

static uint32_t push(void *ring, void *const *items, uint32_t count)
{
	struct queue *queue = ring;
	uint32_t n = 0;

	pthread_mutex_lock(&queue->lock);
	while (queue->tail - queue->head == STREAM_SLOTS && !queue->is_closed)
		pthread_cond_wait(&queue->has_room, &queue->lock);
	while (n < count && queue->tail - queue->head < STREAM_SLOTS)
		queue->slots[queue->tail++ % STREAM_SLOTS] = items[n++];
	pthread_cond_signal(&queue->has_items);
	pthread_mutex_unlock(&queue->lock);
	return n;
}

static uint32_t pop(void *ring, void **items, uint32_t count)
{
	struct queue *queue = ring;
	uint32_t n = 0;

	pthread_mutex_lock(&queue->lock);
	while (queue->tail == queue->head && !queue->is_closed)
		pthread_cond_wait(&queue->has_items, &queue->lock);
	while (n < count && queue->tail != queue->head)
		items[n++] = queue->slots[queue->head++ % STREAM_SLOTS];
	pthread_cond_signal(&queue->has_room);
	pthread_mutex_unlock(&queue->lock);
	return n;
}

static void wake(void *ring)
{
	struct queue *queue = ring;

	pthread_mutex_lock(&queue->lock);
	queue->is_closed = true;
	pthread_cond_broadcast(&queue->has_room);
	pthread_cond_broadcast(&queue->has_items);
	pthread_mutex_unlock(&queue->lock);
}

static const struct stream_ring kind = {.push = push, .pop = pop, .wake = wake};

static void *produce(void *stream)
{
	stream_produce(stream, kind);
	return NULL;
}

static void run_stream(struct bench_run *run)
{
	struct queue queue = {.lock = PTHREAD_MUTEX_INITIALIZER,
			      .has_items = PTHREAD_COND_INITIALIZER,
			      .has_room = PTHREAD_COND_INITIALIZER};

	stream_run(run, &queue, kind, produce);
	pthread_cond_destroy(&queue.has_room);
	pthread_cond_destroy(&queue.has_items);
	pthread_mutex_destroy(&queue.lock);
}

extern const struct bench_entry bench_ring_mutex[];
const struct bench_entry bench_ring_mutex[] = {
	{.name = "ring/mutex",
	 .function = run_stream,
	 .arg_name = "burst",
	 .args = {STREAM_BURST_ONE, STREAM_BURST_LINE, STREAM_BURST_RX},
	 .is_timed_by_clock = true},
	{.name = NULL},
};
