// SPDX-License-Identifier: BSD-3-Clause
//
// The bursts of the socket backend; waiting is in socket_wait.c.
#include <sys/epoll.h>

#include "backend/kernel_lone.h"
#include "backend/kernel_message.h"
#include "backend/socket.h"
#include "core/compiler.h"

enum {
	HELD_LIMIT_NS = 500000000, // for which a full queue is waited for
	READY_MAX = 32,
	SLEPT_NS = 2000, // what no receive takes that does not sleep
	SKIP_POLLS = 2,  // the burst that delivers, and the one after its handlers
};

// --- receiving ----------------------------------------------------------------------------------

// Of several sockets those that have something, which the kernel names in turn, are asked by a call
// each for however many there are.
static uint32_t receive_any(struct vly_backend_queue *queue, struct vly_dgram **dgrams, uint32_t n,
			    uint32_t count, uint64_t now_ns)
{
	uint32_t limit = vly_kernel_receive_limit(&queue->receiver, count - n);
	struct epoll_event ready[READY_MAX];
	int found = epoll_wait(queue->epoll_fd, ready, READY_MAX, 0);

	for (int i = 0; i < found && vly_kernel_trains_count(&queue->trains) < count - n; i++)
		vly_kernel_receive(&queue->receiver, &queue->sockets.list[ready[i].data.u32], limit,
				   MSG_DONTWAIT, now_ns);
	return vly_kernel_trains_deliver(&queue->trains, &queue->pool, queue->ledger, dgrams, n,
					 count, now_ns);
}

uint32_t vly_socket_rx_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			     uint32_t count, uint64_t now_ns)
{
	uint32_t n = vly_kernel_trains_deliver(&queue->trains, &queue->pool, queue->ledger, dgrams,
					       0, count, now_ns);
	uint32_t all;

	queue->now_ns = now_ns;
	vly_kernel_sockets_ask_missed(&queue->sockets, queue->ledger, now_ns);
	if (queue->slept_from_ns) {
		bool was_long = now_ns - queue->slept_from_ns >= SLEPT_NS;

		queue->slept_from_ns = 0;
		queue->skip_polls =
			vly_kernel_receiver_believes(&queue->receiver, was_long) ? SKIP_POLLS : 0;
	}
	if (n == count || vly_kernel_trains_count(&queue->trains) ||
	    (n && queue->receiver.train_bytes >= VLY_KERNEL_LARGE_BYTES))
		return n;
	if (queue->skip_polls) {
		queue->skip_polls--;
		return n;
	}
	if (VLY_UNLIKELY(queue->sockets.count > 1))
		return receive_any(queue, dgrams, n, count, now_ns);
	all = vly_kernel_receive_burst(&queue->receiver, &queue->sockets, dgrams, n, count, now_ns);
	vly_kernel_receiver_checked(&queue->receiver, n, all);
	return all;
}

// --- sending ------------------------------------------------------------------------------------

uint32_t vly_socket_tx_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			     uint32_t count, uint64_t now_ns)
{
	uint32_t taken = 0;

	if (VLY_UNLIKELY(queue->batch.count) &&
	    !vly_kernel_batch_push(&queue->batch, &queue->sender))
		return 0;
	vly_kernel_routes_age(&queue->sender.routes, now_ns);
	if (count == 1)
		return vly_kernel_send_lone(&queue->sender, dgrams[0]) ? 1 : 0;
	while (taken < count) {
		uint32_t n = count - taken < VLY_KERNEL_BATCH ? count - taken : VLY_KERNEL_BATCH;

		vly_kernel_batch_fill(&queue->batch, &queue->sender, dgrams + taken, n);
		if (VLY_UNLIKELY(!vly_kernel_batch_push(&queue->batch, &queue->sender)))
			return taken +
			       vly_kernel_batch_give_back(&queue->batch, &queue->sender, now_ns);
		taken += n;
	}
	return taken;
}

uint32_t vly_socket_flush(struct vly_backend_queue *queue)
{
	struct vly_kernel_batch *batch = &queue->batch;

	if (batch->count && !vly_kernel_batch_push(&queue->batch, &queue->sender) &&
	    queue->now_ns > batch->since_ns + HELD_LIMIT_NS)
		vly_kernel_batch_abandon(batch, &queue->sender);
	if (!batch->count)
		vly_kernel_routes_age(&queue->sender.routes, queue->now_ns);
	return vly_kernel_batch_unsent(batch);
}
