// SPDX-License-Identifier: BSD-3-Clause
//
// The direct way, which a queue with one socket takes: it receives by plain calls, as the socket
// backend does, and the ring only sends and waits. A multishot receive costs each datagram task
// work, the choice of a buffer, a completion and a header of its own, and saves no call where one
// socket is asked for all it has at once. The ring pays with several sockets, for which one call
// does, and with a kernel thread that calls for us (SQPOLL).
//
// A wait leaves a single receive with the ring. It disarms itself: what completes it is the next
// datagram, and until then nobody receives past it, so a flow keeps its order.
#include <errno.h>

#include "backend/kernel_error.h"
#include "backend/kernel_lone.h"
#include "backend/uring.h"
#include "core/clock.h"
#include "core/compiler.h"

enum {
	SLEPT_NS = 5000, // what no wait takes that finds something at once
	SKIP_POLLS = 2,  // after a sleep: the burst that delivers, and the one after its handlers
};

void vly_uring_direct_open(struct vly_backend_queue *queue)
{
	queue->is_direct =
		queue->sockets.count == 1 && !queue->features.sqpoll && !queue->features.multishot;
	if (queue->is_direct)
		vly_kernel_receiver_open(&queue->receiver, &queue->pool, &queue->trains,
					 queue->ledger);
}

// What the ring tells of: the receive that a wait has left with it, sends, wakes.
static void ask_ring(struct vly_backend_queue *queue, uint64_t now_ns)
{
	if (vly_uring_has_work(&queue->ring) || io_uring_sq_ready(&queue->ring))
		io_uring_submit_and_get_events(&queue->ring);
	if (io_uring_cq_ready(&queue->ring))
		vly_uring_reap(queue, now_ns);
}

// Who has slept until a datagram came has it alone: the kernel had just run dry.
static void note_sleep(struct vly_backend_queue *queue, uint64_t now_ns)
{
	bool has_slept = vly_kernel_receiver_believes(&queue->receiver,
						      now_ns - queue->slept_from_ns >= SLEPT_NS);

	queue->slept_from_ns = 0;
	queue->finds_at_once = !has_slept;
	queue->skip_polls = has_slept ? SKIP_POLLS : 0;
}

uint32_t vly_uring_direct_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
				uint32_t count, uint64_t now_ns)
{
	uint32_t n = vly_kernel_trains_deliver(&queue->trains, &queue->pool, queue->ledger, dgrams,
					       0, count, now_ns);
	uint32_t all;

	queue->now_ns = now_ns;
	vly_kernel_sockets_ask_missed(&queue->sockets, queue->ledger, now_ns);
	if (queue->slept_from_ns)
		note_sleep(queue, now_ns);
	if (n == count || vly_kernel_trains_count(&queue->trains) ||
	    (n && queue->receiver.train_bytes >= VLY_KERNEL_LARGE_BYTES))
		return n;
	if (queue->skip_polls) {
		queue->skip_polls--;
		return n;
	}
	ask_ring(queue, now_ns);
	if (queue->is_awaited || vly_kernel_trains_count(&queue->trains))
		return vly_kernel_trains_deliver(&queue->trains, &queue->pool, queue->ledger,
						 dgrams, n, count, now_ns);
	all = vly_kernel_receive_burst(&queue->receiver, &queue->sockets, dgrams, n, count, now_ns);
	vly_kernel_receiver_checked(&queue->receiver, n, all);
	return all;
}

// Gives the ring the one receive, which waits for a datagram before it looks for one. Without a
// block to receive into, what lies in the socket is nothing to wake for.
static void await(struct vly_backend_queue *queue)
{
	struct vly_kernel_socket *sock = &queue->sockets.list[0];
	struct io_uring_sqe *sqe;

	if (queue->is_awaited || !queue->receiver.armed)
		return;
	sqe = vly_uring_sqe(queue);
	io_uring_prep_recvmsg(sqe, sock->fd, &queue->receiver.msgs[0].msg_hdr, 0);
	sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
	vly_uring_sqe_set_socket(queue, sqe, sock);
	sqe->user_data = (uint64_t)VLY_URING_AWAITED << VLY_URING_KIND_SHIFT;
	queue->is_awaited = true;
}

bool vly_uring_direct_prepare_wait(struct vly_backend_queue *queue)
{
	if (vly_kernel_receiver_was_dense(&queue->receiver))
		return false;
	if (!queue->is_awaited) {
		vly_kernel_receiver_rearm(&queue->receiver);
		if (queue->finds_at_once && queue->receiver.armed &&
		    vly_kernel_receive_one(&queue->receiver, &queue->sockets.list[0], MSG_DONTWAIT))
			return false;
		queue->finds_at_once = false;
	}
	await(queue);
	queue->slept_from_ns = vly_clock_ns();
	return true;
}

void vly_uring_awaited_completed(struct vly_backend_queue *queue, int res, uint64_t now_ns)
{
	queue->is_awaited = false;
	if (VLY_UNLIKELY(res == -ECANCELED)) // the thread that has left it is gone
		return;
	if (VLY_UNLIKELY(res < 0))
		vly_kernel_errors_receive(&queue->sockets.list[0], queue->ledger, res);
	else
		vly_kernel_receiver_take(&queue->receiver, &queue->sockets.list[0],
					 &queue->receiver.msgs[0].msg_hdr, (uint32_t)res, now_ns);
}
