// SPDX-License-Identifier: BSD-3-Clause
//
// Receiving, completions and waiting in the io_uring backend; sending is in uring_send.c.
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "backend/kernel_error.h"
#include "backend/kernel_line.h"
#include "backend/uring.h"
#include "core/compiler.h"

enum {
	HELD_WAIT_NS = 1000000, // with datagrams that wait for room
	GOAL_REAPS = 512,
	NS_PER_S = 1000000000,
};

_Static_assert(sizeof(struct io_uring_recvmsg_out) + VLY_URING_NAME_BYTES +
			       VLY_URING_CONTROL_BYTES ==
		       VLY_KERNEL_LEAD_BYTES,
	       "the kernel's header, name and control fill the lead before the payload");

// --- entries ------------------------------------------------------------------------------------

struct io_uring_sqe *vly_uring_sqe(struct vly_backend_queue *queue)
{
	struct io_uring_sqe *sqe;

	// With SQPOLL the kernel's thread may be behind; otherwise one submit empties the queue.
	while (VLY_UNLIKELY(!(sqe = io_uring_get_sqe(&queue->ring)))) {
		io_uring_submit(&queue->ring);
		vly_pause();
	}
	return sqe;
}

void vly_uring_sqe_set_socket(const struct vly_backend_queue *queue, struct io_uring_sqe *sqe,
			      const struct vly_kernel_socket *sock)
{
	if (queue->features.fixed_files) {
		sqe->fd = (int)(sock - queue->sockets.list);
		sqe->flags |= IOSQE_FIXED_FILE;
	}
}

static uint64_t tag(enum vly_uring_kind kind, uint32_t index)
{
	return (uint64_t)kind << VLY_URING_KIND_SHIFT | index;
}

// The kernel takes the blocks in turn, so what it has is what the cache must hold. It gets twice as
// many when they did not suffice, and half of them when hardly any were used for a while.
static void set_goal(struct vly_backend_queue *queue, uint32_t used)
{
	queue->most_used = used > queue->most_used ? used : queue->most_used;
	if (VLY_LIKELY(++queue->reaps % GOAL_REAPS))
		return;
	if (queue->most_used * 4 < queue->provided_goal &&
	    queue->provided_goal > VLY_URING_PROVIDED_MIN)
		queue->provided_goal /= 2;
	queue->most_used = 0;
}

static void raise_goal(struct vly_backend_queue *queue)
{
	queue->provided_goal *= 2;
	if (queue->provided_goal > queue->provided_max)
		queue->provided_goal = queue->provided_max;
}

// Gives the kernel blocks again.
static void provide(struct vly_backend_queue *queue)
{
	int mask = io_uring_buf_ring_mask(queue->buffer_entries);
	int n = 0;

	while (queue->provided < queue->provided_goal && queue->pool.free_count) {
		uint32_t block = vly_kernel_pool_take(&queue->pool);
		uint8_t *payload = vly_kernel_pool_payload(&queue->pool, block);

		io_uring_buf_ring_add(queue->buffers, payload - VLY_KERNEL_LEAD_BYTES,
				      VLY_KERNEL_LEAD_BYTES + VLY_KERNEL_PAYLOAD_BYTES,
				      (unsigned short)block, mask, n++);
		queue->provided++;
	}
	if (n)
		io_uring_buf_ring_advance(queue->buffers, n);
}

// A multishot receive ends when blocks run out, and is begun again only with some in hand.
static void arm_receives(struct vly_backend_queue *queue)
{
	if (VLY_LIKELY(!queue->to_arm_count) || !queue->provided)
		return;
	for (uint32_t i = 0; i < queue->to_arm_count; i++) {
		uint32_t index = queue->to_arm[i];
		const struct vly_kernel_socket *sock = &queue->sockets.list[index];
		struct io_uring_sqe *sqe = vly_uring_sqe(queue);

		io_uring_prep_recvmsg_multishot(sqe, sock->fd, &queue->recv_msg, 0);
		vly_uring_sqe_set_socket(queue, sqe, sock);
		sqe->flags |= IOSQE_BUFFER_SELECT;
		sqe->buf_group = VLY_URING_GROUP;
		sqe->user_data = tag(VLY_URING_RECV, index);
	}
	queue->to_arm_count = 0;
}

static void arm_event(struct vly_backend_queue *queue)
{
	struct io_uring_sqe *sqe;

	if (queue->event_is_armed)
		return;
	sqe = vly_uring_sqe(queue);
	io_uring_prep_read(sqe, queue->event_fd, &queue->event_count, sizeof(queue->event_count),
			   0);
	sqe->user_data = tag(VLY_URING_EVENT, 0);
	queue->event_is_armed = true;
}

// --- completions --------------------------------------------------------------------------------

static void received(struct vly_backend_queue *queue, struct vly_kernel_socket *sock,
		     const struct io_uring_cqe *cqe, uint64_t now_ns)
{
	uint32_t block = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
	uint8_t *lead = vly_kernel_pool_payload(&queue->pool, block) - VLY_KERNEL_LEAD_BYTES;
	struct io_uring_recvmsg_out out;
	struct msghdr msg;

	queue->provided--;
	if (VLY_UNLIKELY(cqe->res < VLY_KERNEL_LEAD_BYTES)) {
		vly_count_lost(queue->ledger, VLY_DROP_RX_ERROR, 1);
		vly_kernel_pool_put(&queue->pool, block);
		return;
	}
	memcpy(&out, lead, sizeof(out));
	msg = (struct msghdr){
		.msg_name = lead + sizeof(out),
		.msg_control = lead + sizeof(out) + VLY_URING_NAME_BYTES,
		.msg_controllen = out.controllen,
		.msg_flags = (int)out.flags,
	};
	vly_kernel_trains_add(&queue->trains, &queue->pool, sock, queue->ledger, &msg, block,
			      (uint32_t)cqe->res - VLY_KERNEL_LEAD_BYTES, now_ns);
}

static void receive_completed(struct vly_backend_queue *queue, uint32_t index,
			      const struct io_uring_cqe *cqe, uint64_t now_ns)
{
	if (VLY_LIKELY(cqe->flags & IORING_CQE_F_BUFFER))
		received(queue, &queue->sockets.list[index], cqe, now_ns);
	else if (cqe->res == -ENOBUFS)
		raise_goal(queue);
	else if (cqe->res < 0 && cqe->res != -ECANCELED)
		vly_kernel_errors_receive(&queue->sockets.list[index], queue->ledger, cqe->res);
	if (VLY_UNLIKELY(!(cqe->flags & IORING_CQE_F_MORE)))
		queue->to_arm[queue->to_arm_count++] = (uint16_t)index;
}

void vly_uring_reap(struct vly_backend_queue *queue, uint64_t now_ns)
{
	struct io_uring_cqe *cqe;
	uint32_t head;
	uint32_t n = 0;

	io_uring_for_each_cqe(&queue->ring, head, cqe)
	{
		uint32_t index = (uint32_t)cqe->user_data;

		if (vly_kernel_trains_count(&queue->trains) == VLY_KERNEL_TRAINS)
			break;
		n++;
		switch (cqe->user_data >> VLY_URING_KIND_SHIFT) {
		case VLY_URING_RECV:
			receive_completed(queue, index, cqe, now_ns);
			break;
		case VLY_URING_AWAITED:
			vly_uring_awaited_completed(queue, cqe->res, now_ns);
			break;
		case VLY_URING_SEND:
			vly_uring_sent(queue, index, cqe->res);
			break;
		case VLY_URING_UNCOPIED_SEND:
			vly_uring_uncopied_completed(queue, cqe);
			break;
		case VLY_URING_EVENT:
			queue->event_is_armed = false;
			atomic_exchange(&queue->is_woken, false);
			break;
		default:
			break;
		}
	}
	io_uring_cq_advance(&queue->ring, n);
	set_goal(queue, n);
}

// --- receiving ----------------------------------------------------------------------------------

// Lets the kernel do what it has to do; a system call only if there is something.
static void enter(struct vly_backend_queue *queue)
{
	provide(queue);
	arm_receives(queue);
	if (vly_uring_has_work(&queue->ring))
		io_uring_submit_and_get_events(&queue->ring);
	else if (io_uring_sq_ready(&queue->ring))
		io_uring_submit(&queue->ring);
}

static uint32_t multishot_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
				uint32_t count, uint64_t now_ns)
{
	uint32_t n = vly_kernel_trains_deliver(&queue->trains, &queue->pool, queue->ledger, dgrams,
					       0, count, now_ns);

	queue->now_ns = now_ns;
	vly_kernel_sockets_ask_missed(&queue->sockets, queue->ledger, now_ns);
	if (n == count || vly_kernel_trains_count(&queue->trains))
		return n;
	if (!io_uring_cq_ready(&queue->ring))
		enter(queue);
	vly_uring_reap(queue, now_ns);
	n = vly_kernel_trains_deliver(&queue->trains, &queue->pool, queue->ledger, dgrams, n, count,
				      now_ns);
	// A burst that found nothing leaves the receives armed: then the descriptor tells of more.
	if (VLY_UNLIKELY(!n && queue->to_arm_count))
		enter(queue);
	return n;
}

uint32_t vly_uring_rx_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			    uint32_t count, uint64_t now_ns)
{
	if (VLY_UNLIKELY(!queue->is_enabled))
		vly_uring_ring_enable(queue);
	return queue->is_direct ? vly_uring_direct_burst(queue, dgrams, count, now_ns)
				: multishot_burst(queue, dgrams, count, now_ns);
}

// --- waiting ------------------------------------------------------------------------------------

void vly_uring_wake(struct vly_backend_queue *queue)
{
	uint64_t one = 1;

	// With sequential consistency: either we see that the thread sleeps, or it sees this before
	// it does.
	atomic_store(&queue->is_woken, true);
	if (atomic_load(&queue->sleeps) && write(queue->event_fd, &one, sizeof(one)) < 0)
		return; // it is full of wakes already
}

// Arms what may end a wait. False: there is something to receive already,
// or likely to be.
static bool prepare_wait(struct vly_backend_queue *queue)
{
	if (queue->is_direct) {
		if (!vly_uring_direct_prepare_wait(queue))
			return false;
	} else {
		provide(queue);
		arm_receives(queue);
	}
	arm_event(queue);
	return true;
}

int vly_uring_wait(struct vly_backend_queue *queue, uint64_t timeout_ns)
{
	struct __kernel_timespec timeout;
	struct io_uring_cqe *cqe;

	if (VLY_UNLIKELY(!queue->is_enabled))
		vly_uring_ring_enable(queue);
	if (vly_kernel_trains_count(&queue->trains) || io_uring_cq_ready(&queue->ring) ||
	    !vly_kernel_line_may_wait(&queue->sockets.line))
		return 0;
	if (VLY_UNLIKELY(queue->batch.count) && timeout_ns > HELD_WAIT_NS)
		timeout_ns = HELD_WAIT_NS;
	timeout = (struct __kernel_timespec){
		.tv_sec = (long long)(timeout_ns / NS_PER_S),
		.tv_nsec = (long long)(timeout_ns % NS_PER_S),
	};
	if (!prepare_wait(queue))
		return 0;
	atomic_store(&queue->sleeps, true);
	if (!atomic_exchange(&queue->is_woken, false))
		io_uring_submit_and_wait_timeout(&queue->ring, &cqe, 1, &timeout, NULL);
	atomic_store(&queue->sleeps, false);
	if (queue->is_direct) // so that the next burst need not ask for anything
		vly_uring_reap(queue, 0);
	return 0;
}
