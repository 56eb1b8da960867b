// SPDX-License-Identifier: BSD-3-Clause
//
// Sending without a copy (IORING_OP_SENDMSG_ZC, Linux 6.1): the kernel pins the pages of the
// payload and hands them to the device. Two completions tell of it: that the call has been made, as
// of any send, and later, as a notification, that nobody reads the payload any more. Until then the
// blocks are held. Pinning costs more than a copy where the payload is small, and everywhere where
// somebody copies it later after all: loopback, veth, a packet tap, a device without scatter and
// gather. Only what lies in one piece is sent so, as a train does that was received: a message has
// room for 17 pieces of pages (MAX_SKB_FRAGS).
#include <errno.h>

#include "backend/uring.h"
#include "core/compiler.h"
#include "core/fail.h"

bool vly_uring_wants_uncopied(const struct vly_backend_queue *queue, uint32_t group)
{
	const struct vly_kernel_batch *batch = &queue->batch;

	return queue->features.zero_copy && ~queue->uncopied_used &&
	       batch->groups[group].bytes >= queue->features.zero_copy_bytes &&
	       batch->msgs[group].msg_hdr.msg_iovlen == 1;
}

void vly_uring_prepare_uncopied(struct vly_backend_queue *queue, uint32_t group)
{
	const struct vly_kernel_group *train = &queue->batch.groups[group];
	uint32_t slot = (uint32_t)__builtin_ctzll(~queue->uncopied_used);
	struct io_uring_sqe *sqe = vly_uring_sqe(queue);

	// Side by side in memory, so of one block.
	queue->uncopied[slot] =
		(uint16_t)vly_kernel_pool_hold(&queue->pool, queue->batch.dgrams[train->first]);
	queue->uncopied_used |= UINT64_C(1) << slot;
	io_uring_prep_sendmsg_zc(sqe, vly_kernel_group_fd(train), &queue->batch.msgs[group].msg_hdr,
				 queue->features.sqpoll ? 0 : MSG_DONTWAIT);
	if (!train->route)
		vly_uring_sqe_set_socket(queue, sqe, train->sock);
	sqe->user_data = (uint64_t)VLY_URING_UNCOPIED_SEND << VLY_URING_KIND_SHIFT |
			 slot << VLY_URING_SLOT_SHIFT | group;
	queue->in_flight++;
}

// What an ordinary send may still do: pinned pages count against RLIMIT_MEMLOCK, and not every
// kind of socket has it. The message is then left, as if the queue were full, for the next try.
static bool gives_up(struct vly_backend_queue *queue, int error)
{
	if (VLY_LIKELY(error != -ENOMEM && error != -EOPNOTSUPP))
		return false;
	if (queue->features.zero_copy)
		vly_log_line(&queue->sender.log,
			     error == -ENOMEM ? "uring: no memory may be pinned to send it without "
						"a copy: copying; raise: ulimit -l"
					      : "uring: the sockets cannot send without a copy: "
						"copying");
	queue->features.zero_copy = false;
	return true;
}

void vly_uring_uncopied_completed(struct vly_backend_queue *queue, const struct io_uring_cqe *cqe)
{
	uint32_t index = (uint32_t)cqe->user_data;
	uint32_t slot = index >> VLY_URING_SLOT_SHIFT;
	uint32_t group = index & ((1u << VLY_URING_SLOT_SHIFT) - 1);

	if (!(cqe->flags & IORING_CQE_F_NOTIF))
		vly_uring_sent(queue, group, gives_up(queue, cqe->res) ? -EAGAIN : cqe->res);
	// A call that has failed early has no notification.
	if (cqe->flags & IORING_CQE_F_MORE)
		return;
	queue->uncopied_used &= ~(UINT64_C(1) << slot);
	vly_kernel_pool_let_go(&queue->pool, queue->uncopied[slot]);
}
