// SPDX-License-Identifier: BSD-3-Clause
//
// Sending in the io_uring backend: the messages of a burst in one submit.
#include <errno.h>

#include "backend/kernel_call.h"
#include "backend/kernel_message.h"
#include "backend/uring.h"
#include "core/compiler.h"

enum {
	HELD_LIMIT_NS = 500000000, // for which a full queue is waited for
};

static void prepare(struct vly_backend_queue *queue, uint32_t group)
{
	const struct vly_kernel_batch *batch = &queue->batch;
	int fd = vly_kernel_group_fd(&batch->groups[group]);
	const struct msghdr *msg = &batch->msgs[group].msg_hdr;
	struct io_uring_sqe *sqe;
	bool sqpoll = queue->features.sqpoll;
	int flags = sqpoll ? 0 : MSG_DONTWAIT;

	if (VLY_UNLIKELY(vly_uring_wants_uncopied(queue, group))) {
		vly_uring_prepare_uncopied(queue, group);
		return;
	}
	sqe = vly_uring_sqe(queue);
	if (queue->features.send_to && !msg->msg_control && msg->msg_iovlen == 1) {
		io_uring_prep_send(sqe, fd, msg->msg_iov->iov_base, msg->msg_iov->iov_len, flags);
		io_uring_prep_send_set_addr(sqe, msg->msg_name, (uint16_t)msg->msg_namelen);
	} else {
		io_uring_prep_sendmsg(sqe, fd, msg, (unsigned)flags);
	}
	if (!batch->groups[group].route)
		vly_uring_sqe_set_socket(queue, sqe, batch->groups[group].sock);
	if (!sqpoll)
		sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
	sqe->user_data = (uint64_t)VLY_URING_SEND << VLY_URING_KIND_SHIFT | group;
	queue->in_flight++;
}

// The kernel has given a message back: with an error, or at all, with SQPOLL.
void vly_uring_sent(struct vly_backend_queue *queue, uint32_t group, int res)
{
	queue->in_flight--;
	queue->is_full |=
		!vly_kernel_batch_settle(&queue->batch, &queue->sender, group, res < 0 ? res : 0);
}

// What a submit has completed lies behind what was there before it: no need to take receptions
// off to find the sends.
static void settle_new(struct vly_backend_queue *queue, uint32_t from)
{
	struct io_uring_cq *cq = &queue->ring.cq;
	uint32_t tail = io_uring_smp_load_acquire(cq->ktail);

	for (; from != tail; from++) {
		struct io_uring_cqe *cqe = &cq->cqes[from & cq->ring_mask];
		uint32_t index = (uint32_t)cqe->user_data;

		switch (cqe->user_data >> VLY_URING_KIND_SHIFT) {
		case VLY_URING_SEND:
			vly_uring_sent(queue, index, cqe->res);
			break;
		case VLY_URING_UNCOPIED_SEND:
			vly_uring_uncopied_completed(queue, cqe);
			break;
		default:
			continue;
		}
		cqe->user_data = (uint64_t)VLY_URING_NONE << VLY_URING_KIND_SHIFT;
		// A notification is of a message before: it says nothing of this batch's.
		if (!(cqe->flags & IORING_CQE_F_NOTIF))
			queue->batch.groups[index % VLY_KERNEL_BATCH].is_asked = false;
	}
}

// Submits until the kernel has taken all entries. It refuses only for want of memory. What has
// arrived meanwhile is received by the same call.
static void submit_all(struct vly_backend_queue *queue)
{
	int rc;

	do {
		rc = vly_uring_has_work(&queue->ring) ? io_uring_submit_and_get_events(&queue->ring)
						      : io_uring_submit(&queue->ring);
	} while (VLY_UNLIKELY(rc < 0 || io_uring_sq_ready(&queue->ring)));
}

// No completion tells of what has been sent.
static void settle_untold(struct vly_backend_queue *queue)
{
	struct vly_kernel_batch *batch = &queue->batch;

	for (uint32_t g = batch->done; g < batch->group_count; g++) {
		if (!batch->groups[g].is_asked)
			continue;
		batch->groups[g].is_asked = false;
		vly_kernel_batch_settle(batch, &queue->sender, g, 0);
	}
}

// Sends one by one where segmentation was refused. False: the queue is full.
static bool push_plain(struct vly_backend_queue *queue, struct vly_kernel_batch *batch)
{
	for (uint32_t g = batch->done; g < batch->group_count; g++) {
		if (batch->groups[g].is_plain && !batch->groups[g].is_done &&
		    !vly_kernel_batch_send_plain(batch, &queue->sender, g))
			return false;
	}
	return true;
}

// One message: there is nothing to gather, and the plain call is the shorter way.
static bool push_one(struct vly_backend_queue *queue)
{
	struct vly_kernel_batch *batch = &queue->batch;
	int error = 0;

	if (vly_call_sendmsg(vly_kernel_group_fd(&batch->groups[0]), &batch->msgs[0].msg_hdr,
			     MSG_DONTWAIT) < 0)
		error = -errno;
	return vly_kernel_batch_settle(batch, &queue->sender, 0, error) &&
	       push_plain(queue, batch) && vly_kernel_batch_advance(batch, &queue->sender);
}

// The ring goes on after a message that could not be sent: the next of its flow is not asked for
// before that one has left.
static bool is_due(const struct vly_kernel_batch *batch, const struct vly_kernel_group *group)
{
	return !group->is_done && !group->is_plain &&
	       (!group->older || batch->groups[group->older - 1].is_done);
}

static void send_due(struct vly_backend_queue *queue)
{
	struct vly_kernel_batch *batch = &queue->batch;
	uint32_t tail = io_uring_smp_load_acquire(queue->ring.cq.ktail);

	for (uint32_t g = batch->done; g < batch->group_count; g++) {
		batch->groups[g].is_asked = is_due(batch, &batch->groups[g]);
		if (batch->groups[g].is_asked)
			prepare(queue, g);
	}
	queue->is_full = false;
	submit_all(queue);
	settle_new(queue, tail);
	settle_untold(queue);
	queue->in_flight = 0;
}

// The ring takes a call for each round, one message of each flow; plain calls one for each run of
// messages that leave by the same descriptor.
static bool needs_fewer_plain_calls(const struct vly_kernel_batch *batch)
{
	const struct vly_kernel_group *groups = batch->groups;
	uint32_t runs = 1;

	for (uint32_t g = batch->done + 1; g < batch->group_count && runs <= batch->depth; g++)
		runs += groups[g].sock != groups[g - 1].sock ||
			groups[g].route != groups[g - 1].route;
	return batch->depth > 1 && batch->depth >= runs;
}

// Each message may complete, with an error, before anything is reaped again; and a completion that
// found no room would not be seen, so that what it tells of would count as sent.
static bool has_room_for_completions(struct vly_backend_queue *queue)
{
	// Once each, and what is sent without a copy later again; then what is received meanwhile.
	uint32_t most = 2 * (queue->batch.group_count - queue->batch.done) + VLY_URING_UNCOPIED +
			VLY_URING_PROVIDED + queue->sockets.count + 2;

	if (io_uring_cq_ready(&queue->ring) + most <= VLY_URING_CQ_ENTRIES)
		return true;
	vly_uring_reap(queue, queue->now_ns);
	return io_uring_cq_ready(&queue->ring) + most <= VLY_URING_CQ_ENTRIES;
}

// Without SQPOLL: when this returns, every message has been sent or is still ours. False: the
// kernel takes no more now.
static bool push_inline(struct vly_backend_queue *queue)
{
	struct vly_kernel_batch *batch = &queue->batch;

	if (batch->group_count == 1 && !batch->groups[0].is_done && !batch->groups[0].is_plain &&
	    !vly_uring_wants_uncopied(queue, 0))
		return push_one(queue);
	if (needs_fewer_plain_calls(batch) || !has_room_for_completions(queue))
		return vly_kernel_batch_push(batch, &queue->sender);
	for (;;) {
		send_due(queue);
		if (!push_plain(queue, batch))
			return false;
		if (vly_kernel_batch_advance(batch, &queue->sender))
			return true;
		if (queue->is_full)
			return false;
	}
}

// With SQPOLL: moves on what is not with the kernel. True: the batch is empty. A batch waits until
// the one before is through, because a send that the kernel has parked could be overtaken.
static bool push_async(struct vly_backend_queue *queue)
{
	struct vly_kernel_batch *batch = &queue->batch;

	if (!batch->count)
		return true;
	if (queue->in_flight)
		return false;
	if (batch->depth > 1)
		return vly_kernel_batch_push(batch, &queue->sender);
	if (!push_plain(queue, batch))
		return false;
	if (vly_kernel_batch_advance(batch, &queue->sender))
		return true;
	for (uint32_t g = batch->done; g < batch->group_count; g++) {
		if (!batch->groups[g].is_done)
			prepare(queue, g);
	}
	io_uring_submit(&queue->ring);
	return false;
}

static uint32_t send_async(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			   uint32_t count, uint64_t now_ns)
{
	uint32_t taken = 0;

	vly_uring_reap(queue, now_ns);
	while (taken < count && push_async(queue)) {
		uint32_t n = count - taken < VLY_KERNEL_BATCH ? count - taken : VLY_KERNEL_BATCH;

		vly_kernel_batch_fill(&queue->batch, &queue->sender, dgrams + taken, n);
		queue->batch.since_ns = now_ns;
		push_async(queue);
		taken += n;
	}
	return taken;
}

static uint32_t send_inline(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			    uint32_t count, uint64_t now_ns)
{
	struct vly_kernel_batch *batch = &queue->batch;
	uint32_t taken = 0;

	if (VLY_UNLIKELY(batch->count) && !push_inline(queue))
		return 0;
	if (count == 1) // there is nothing to gather: the plain call is the shorter way
		return vly_kernel_send_lone(&queue->sender, dgrams[0]) ? 1 : 0;
	while (taken < count) {
		uint32_t n = count - taken < VLY_KERNEL_BATCH ? count - taken : VLY_KERNEL_BATCH;

		vly_kernel_batch_fill(batch, &queue->sender, dgrams + taken, n);
		if (VLY_UNLIKELY(!push_inline(queue)))
			return taken + vly_kernel_batch_give_back(batch, &queue->sender, now_ns);
		taken += n;
	}
	return taken;
}

uint32_t vly_uring_tx_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			    uint32_t count, uint64_t now_ns)
{
	if (VLY_UNLIKELY(!queue->is_enabled))
		vly_uring_ring_enable(queue);
	if (!queue->batch.count)
		vly_kernel_routes_age(&queue->sender.routes, now_ns);
	if (queue->features.sqpoll)
		return send_async(queue, dgrams, count, now_ns);
	return send_inline(queue, dgrams, count, now_ns);
}

uint32_t vly_uring_flush(struct vly_backend_queue *queue)
{
	struct vly_kernel_batch *batch = &queue->batch;

	if (queue->is_enabled && queue->features.sqpoll)
		vly_uring_reap(queue, queue->now_ns);
	if (batch->count && !(queue->features.sqpoll ? push_async(queue) : push_inline(queue)) &&
	    !queue->in_flight && queue->now_ns > batch->since_ns + HELD_LIMIT_NS)
		vly_kernel_batch_abandon(batch, &queue->sender);
	if (!batch->count)
		vly_kernel_routes_age(&queue->sender.routes, queue->now_ns);
	return vly_kernel_batch_unsent(batch);
}
