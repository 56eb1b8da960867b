// SPDX-License-Identifier: BSD-3-Clause
//
// The bursts of the socket backend; waiting is in socket_wait.c.
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "backend/kernel_call.h"
#include "backend/kernel_error.h"
#include "backend/kernel_message.h"
#include "backend/socket.h"
#include "core/compiler.h"

enum {
	NAME_BYTES = 32,
	TRAIN_DATAGRAMS = 4 * VLY_BURST_MAX, // to ask the kernel for at a time
	HELD_LIMIT_NS = 500000000,           // for which a full queue is waited for
	LARGE_BYTES = 16384,
	PATIENCE = 16,
	READY_MAX = 32,
	SLEPT_NS = 2000, // what no receive takes that does not sleep
	SKIP_POLLS = 2,  // the burst that delivers, and the one after its handlers
};

// --- receiving ----------------------------------------------------------------------------------

static void arm(struct vly_backend_queue *queue, uint32_t slot, uint32_t block)
{
	uint8_t *payload = vly_kernel_pool_payload(&queue->pool, block);
	uint8_t *lead = payload - VLY_KERNEL_LEAD_BYTES;

	queue->blocks[slot] = block;
	queue->iovs[slot] = (struct iovec){
		.iov_base = payload,
		.iov_len = VLY_KERNEL_PAYLOAD_BYTES,
	};
	queue->msgs[slot].msg_hdr = (struct msghdr){
		.msg_name = lead,
		.msg_namelen = NAME_BYTES,
		.msg_control = lead + NAME_BYTES,
		.msg_controllen = VLY_KERNEL_LEAD_BYTES - NAME_BYTES,
		.msg_iov = &queue->iovs[slot],
		.msg_iovlen = 1,
	};
}

void vly_socket_queue_arm(struct vly_backend_queue *queue)
{
	uint32_t share = queue->pool.count / 4;

	queue->armed_max = share < VLY_SOCKET_MESSAGES ? share : VLY_SOCKET_MESSAGES;
	queue->train_length = 1;
	queue->ask = 1;
	while (queue->armed < queue->armed_max)
		arm(queue, queue->armed++, vly_kernel_pool_take(&queue->pool));
}

static void rearm_used(struct vly_backend_queue *queue, uint32_t used)
{
	queue->used = 0;
	for (uint32_t i = 0; i < used; i++) {
		if (VLY_LIKELY(queue->pool.free_count)) {
			arm(queue, i, vly_kernel_pool_take(&queue->pool));
		} else if (queue->armed > used) {
			arm(queue, i, queue->blocks[--queue->armed]);
		} else {
			queue->armed = i;
			return;
		}
	}
}

void vly_socket_queue_rearm(struct vly_backend_queue *queue)
{
	if (queue->used)
		rearm_used(queue, queue->used);
	while (queue->armed < queue->armed_max && queue->pool.free_count)
		arm(queue, queue->armed++, vly_kernel_pool_take(&queue->pool));
}

// The empty datagram that ends a wait is nobody's.
static bool is_waker(const struct vly_backend_queue *queue, const struct msghdr *msg)
{
	struct vly_addr peer;

	if (queue->waker_fd < 0)
		return false;
	vly_kernel_addr_read(&peer, msg->msg_name);
	return peer.port == queue->waker.port &&
	       memcmp(peer.ip, queue->waker.ip, sizeof(peer.ip)) == 0;
}

uint32_t vly_socket_receive(struct vly_backend_queue *queue, struct vly_kernel_socket *sock,
			    uint32_t limit, int flags, uint64_t now_ns)
{
	uint32_t before = vly_kernel_trains_count(&queue->trains);
	uint32_t room = VLY_KERNEL_TRAINS - before;
	uint32_t datagrams = 0;
	uint32_t bytes = 0;
	int n;

	vly_socket_queue_rearm(queue);
	limit = limit < queue->armed ? limit : queue->armed;
	limit = limit < room ? limit : room;
	if (!limit)
		return 0;
	n = vly_call_recvmmsg(sock->fd, queue->msgs, limit, flags);
	if (n <= 0) {
		vly_kernel_errors_receive(sock, queue->ledger, -errno);
		return 0;
	}
	for (int i = 0; i < n; i++) {
		struct mmsghdr *msg = &queue->msgs[i];

		if (VLY_UNLIKELY(!msg->msg_len && is_waker(queue, &msg->msg_hdr))) {
			vly_kernel_pool_put(&queue->pool, queue->blocks[i]);
			continue;
		}
		bytes += msg->msg_len;
		datagrams += vly_kernel_trains_add(&queue->trains, &queue->pool, sock,
						   queue->ledger, &msg->msg_hdr, queue->blocks[i],
						   msg->msg_len, now_ns);
	}
	queue->used = (uint32_t)n;
	queue->train_length = datagrams / (uint32_t)n;
	queue->train_bytes = bytes / (uint32_t)n;
	return (uint32_t)n;
}

bool vly_socket_receive_one(struct vly_backend_queue *queue, int flags)
{
	struct vly_kernel_socket *sock = &queue->sockets.list[0];
	struct msghdr msg = queue->msgs[0].msg_hdr;
	ssize_t bytes = vly_call_recvmsg(sock->fd, &msg, flags);

	if (bytes < 0) {
		vly_kernel_errors_receive(sock, queue->ledger, -errno);
		return false;
	}
	if (VLY_UNLIKELY(!bytes && is_waker(queue, &msg))) // its block stays where it is
		return true;
	vly_kernel_trains_add(&queue->trains, &queue->pool, sock, queue->ledger, &msg,
			      queue->blocks[0], (uint32_t)bytes, 0);
	queue->train_bytes = (uint32_t)bytes;
	queue->used = 1;
	return true;
}

// Long trains fill the caller's burst many times over: as many messages as are soon delivered. Of
// trains that fill their blocks, a second would push the first out of the cache before it is
// answered.
static uint32_t message_limit(const struct vly_backend_queue *queue, uint32_t wanted)
{
	uint32_t enough = queue->train_bytes >= LARGE_BYTES
				  ? 1
				  : TRAIN_DATAGRAMS / (queue->train_length + 1) + 1;

	return wanted < enough ? wanted : enough;
}

// Asking for a second message costs a good part of a round trip when there is none. So we ask for
// one while they come one by one, and for twice as many whenever all came that we asked for; where
// that was in vain, only after a while again.
static void adapt(struct vly_backend_queue *queue, uint32_t asked, uint32_t got)
{
	if (got < asked) {
		queue->ask = got ? got : 1;
		queue->patience = asked > 1 ? PATIENCE : queue->patience;
	} else if (queue->patience) {
		queue->patience--;
	} else if (queue->ask < VLY_SOCKET_MESSAGES) {
		queue->ask *= 2;
	}
}

static void receive_only(struct vly_backend_queue *queue, uint32_t limit, uint64_t now_ns)
{
	uint32_t asked = limit < queue->ask ? limit : queue->ask;
	uint32_t got;

	vly_socket_queue_rearm(queue);
	if (!queue->armed)
		return;
	if (asked == 1)
		got = vly_socket_receive_one(queue, MSG_DONTWAIT);
	else
		got = vly_socket_receive(queue, &queue->sockets.list[0], asked, MSG_DONTWAIT,
					 now_ns);
	adapt(queue, asked, got);
}

// One socket is asked at once; of several, those that have something, which the kernel names in
// turn, a call for however many there are.
static void receive_any(struct vly_backend_queue *queue, uint32_t wanted, uint64_t now_ns)
{
	struct epoll_event ready[READY_MAX];
	uint32_t limit = message_limit(queue, wanted);
	int n;

	if (VLY_LIKELY(queue->sockets.count == 1)) {
		receive_only(queue, limit, now_ns);
		return;
	}
	n = epoll_wait(queue->epoll_fd, ready, READY_MAX, 0);
	for (int i = 0; i < n && vly_kernel_trains_count(&queue->trains) < wanted; i++)
		vly_socket_receive(queue, &queue->sockets.list[ready[i].data.u32], limit,
				   MSG_DONTWAIT, now_ns);
}

uint32_t vly_socket_rx_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			     uint32_t count, uint64_t now_ns)
{
	uint32_t n = vly_kernel_trains_deliver(&queue->trains, &queue->pool, queue->ledger, dgrams,
					       0, count, now_ns);

	queue->now_ns = now_ns;
	vly_kernel_sockets_ask_missed(&queue->sockets, queue->ledger, now_ns);
	if (queue->slept_from_ns) {
		queue->skip_polls = now_ns - queue->slept_from_ns >= SLEPT_NS ? SKIP_POLLS : 0;
		queue->slept_from_ns = 0;
	}
	if (n == count || vly_kernel_trains_count(&queue->trains) ||
	    (n && queue->train_bytes >= LARGE_BYTES))
		return n;
	if (queue->skip_polls) {
		queue->skip_polls--;
		return n;
	}
	receive_any(queue, count - n, now_ns);
	return vly_kernel_trains_deliver(&queue->trains, &queue->pool, queue->ledger, dgrams, n,
					 count, now_ns);
}

// --- sending ------------------------------------------------------------------------------------

uint32_t vly_socket_tx_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			     uint32_t count, uint64_t now_ns)
{
	uint32_t taken = 0;

	if (VLY_UNLIKELY(queue->batch.count) &&
	    !vly_kernel_batch_push(&queue->batch, &queue->sender))
		return 0;
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
	return vly_kernel_batch_unsent(batch);
}
