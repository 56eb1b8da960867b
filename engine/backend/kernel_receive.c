// SPDX-License-Identifier: BSD-3-Clause
#include "backend/kernel_receive.h"

#include <errno.h>
#include <string.h>

#include "backend/kernel_call.h"
#include "backend/kernel_error.h"
#include "core/compiler.h"

enum {
	NAME_BYTES = 32,
	TRAIN_DATAGRAMS = 4 * VLY_BURST_MAX, // to ask the kernel for at a time
};

static void arm(struct vly_kernel_receiver *receiver, uint32_t slot, uint32_t block)
{
	uint8_t *payload = vly_kernel_pool_payload(receiver->pool, block);
	uint8_t *lead = payload - VLY_KERNEL_LEAD_BYTES;

	receiver->blocks[slot] = block;
	receiver->iovs[slot] = (struct iovec){
		.iov_base = payload,
		.iov_len = VLY_KERNEL_PAYLOAD_BYTES,
	};
	receiver->msgs[slot].msg_hdr = (struct msghdr){
		.msg_name = lead,
		.msg_namelen = NAME_BYTES,
		.msg_control = lead + NAME_BYTES,
		.msg_controllen = VLY_KERNEL_LEAD_BYTES - NAME_BYTES,
		.msg_iov = &receiver->iovs[slot],
		.msg_iovlen = 1,
	};
}

void vly_kernel_receiver_open(struct vly_kernel_receiver *receiver, struct vly_kernel_pool *pool,
			      struct vly_kernel_trains *trains, struct vly_ledger_block *ledger)
{
	uint32_t share = pool->count / 4;

	receiver->pool = pool;
	receiver->trains = trains;
	receiver->ledger = ledger;
	receiver->armed_max = share < VLY_KERNEL_MESSAGES ? share : VLY_KERNEL_MESSAGES;
	receiver->train_length = 1;
	receiver->ask = 1;
	receiver->looks = 1;
	receiver->lone.name_bytes = sizeof(receiver->lone.name);
	while (receiver->armed < receiver->armed_max)
		arm(receiver, receiver->armed++, vly_kernel_pool_take(pool));
}

static void rearm_used(struct vly_kernel_receiver *receiver, uint32_t used)
{
	receiver->used = 0;
	for (uint32_t i = 0; i < used; i++) {
		if (VLY_LIKELY(receiver->pool->free_count)) {
			arm(receiver, i, vly_kernel_pool_take(receiver->pool));
		} else if (receiver->armed > used) {
			arm(receiver, i, receiver->blocks[--receiver->armed]);
		} else {
			receiver->armed = i;
			return;
		}
	}
}

void vly_kernel_receiver_rearm(struct vly_kernel_receiver *receiver)
{
	if (receiver->used)
		rearm_used(receiver, receiver->used);
	while (receiver->armed < receiver->armed_max && receiver->pool->free_count)
		arm(receiver, receiver->armed++, vly_kernel_pool_take(receiver->pool));
}

// The one that was tried at the start may come when it is no longer waited for.
bool vly_kernel_receiver_takes_wake(const struct vly_kernel_receiver *receiver,
				    const struct vly_addr *peer)
{
	if (!receiver->waker.port || peer->port != receiver->waker.port ||
	    memcmp(peer->ip, receiver->waker.ip, sizeof(peer->ip)) != 0)
		return false;
	if (atomic_load(receiver->wakes))
		atomic_fetch_sub(receiver->wakes, 1);
	return true;
}

static bool takes_wake(const struct vly_kernel_receiver *receiver, const struct msghdr *msg)
{
	struct vly_addr peer;

	if (!receiver->waker.port)
		return false;
	vly_kernel_addr_read(&peer, msg->msg_name);
	return vly_kernel_receiver_takes_wake(receiver, &peer);
}

bool vly_kernel_receiver_was_dense(struct vly_kernel_receiver *receiver)
{
	bool was_dense = receiver->used >= VLY_KERNEL_DENSE;

	if (was_dense)
		vly_kernel_receiver_rearm(receiver);
	return was_dense;
}

// Whether the second of two messages is what UDP_GRO would have joined to the first.
static bool follows(const struct mmsghdr *first, const struct mmsghdr *second)
{
	return second->msg_len && second->msg_len <= first->msg_len &&
	       memcmp(first->msg_hdr.msg_name, second->msg_hdr.msg_name,
		      sizeof(struct sockaddr_in)) == 0;
}

// A bare socket joins from the first train on that it was seen to miss.
static void look_for_trains(const struct vly_kernel_receiver *receiver,
			    struct vly_kernel_socket *sock, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		if (follows(&receiver->msgs[i - 1], &receiver->msgs[i])) {
			vly_kernel_socket_join(sock);
			return;
		}
	}
}

uint32_t vly_kernel_receive(struct vly_kernel_receiver *receiver, struct vly_kernel_socket *sock,
			    uint32_t limit, int flags, uint64_t now_ns)
{
	uint32_t before = vly_kernel_trains_count(receiver->trains);
	uint32_t room = VLY_KERNEL_TRAINS - before;
	uint32_t datagrams = 0;
	uint32_t bytes = 0;
	int n;

	vly_kernel_receiver_rearm(receiver);
	limit = limit < receiver->armed ? limit : receiver->armed;
	limit = limit < room ? limit : room;
	if (!limit)
		return 0;
	n = vly_call_recvmmsg(sock->fd, receiver->msgs, limit, flags);
	if (n <= 0) {
		vly_kernel_errors_receive(sock, receiver->ledger, -errno);
		return 0;
	}
	for (int i = 0; i < n; i++) {
		struct mmsghdr *msg = &receiver->msgs[i];

		if (VLY_UNLIKELY(!msg->msg_len && takes_wake(receiver, &msg->msg_hdr))) {
			vly_kernel_pool_put(receiver->pool, receiver->blocks[i]);
			continue;
		}
		bytes += msg->msg_len;
		datagrams += vly_kernel_trains_add(receiver->trains, receiver->pool, sock,
						   receiver->ledger, &msg->msg_hdr,
						   receiver->blocks[i], msg->msg_len, now_ns);
	}
	if (VLY_UNLIKELY(sock->may_join))
		look_for_trains(receiver, sock, (uint32_t)n);
	receiver->used = (uint32_t)n;
	receiver->train_length = datagrams / (uint32_t)n;
	receiver->train_bytes = bytes / (uint32_t)n;
	return (uint32_t)n;
}

void vly_kernel_receiver_take(struct vly_kernel_receiver *receiver, struct vly_kernel_socket *sock,
			      const struct msghdr *msg, uint32_t bytes, uint64_t now_ns)
{
	vly_kernel_trains_add(receiver->trains, receiver->pool, sock, receiver->ledger, msg,
			      receiver->blocks[0], bytes, now_ns);
	receiver->train_bytes = bytes;
	receiver->used = 1;
}

bool vly_kernel_receive_one(struct vly_kernel_receiver *receiver, struct vly_kernel_socket *sock,
			    int flags)
{
	struct msghdr msg = receiver->msgs[0].msg_hdr;
	uint32_t looks = flags & MSG_DONTWAIT ? receiver->looks : 1;
	ssize_t bytes;

	// What is not there is not written into the message either.
	do
		bytes = vly_call_recvmsg(sock->fd, &msg, flags);
	while (bytes < 0 && errno == EAGAIN && --looks);
	if (bytes < 0) {
		vly_kernel_errors_receive(sock, receiver->ledger, -errno);
		return false;
	}
	if (VLY_UNLIKELY(!bytes && takes_wake(receiver, &msg))) // its block stays where it is
		return true;
	vly_kernel_receiver_take(receiver, sock, &msg, (uint32_t)bytes, 0);
	return true;
}

// Long trains fill the caller's burst many times over: as many messages as are soon delivered. Of
// trains that fill their blocks, a second would push the first out of the cache before it is
// answered.
uint32_t vly_kernel_receive_limit(const struct vly_kernel_receiver *receiver, uint32_t wanted)
{
	uint32_t enough = receiver->train_bytes >= VLY_KERNEL_LARGE_BYTES
				  ? 1
				  : TRAIN_DATAGRAMS / (receiver->train_length + 1) + 1;

	return wanted < enough ? wanted : enough;
}

void vly_kernel_receive_some(struct vly_kernel_receiver *receiver, struct vly_kernel_socket *sock,
			     uint32_t wanted, uint64_t now_ns)
{
	uint32_t limit = vly_kernel_receive_limit(receiver, wanted);
	uint32_t asked = limit < receiver->ask ? limit : receiver->ask;
	uint32_t got;

	vly_kernel_receiver_rearm(receiver);
	if (!receiver->armed)
		return;
	if (asked == 1)
		got = vly_kernel_receive_one(receiver, sock, MSG_DONTWAIT);
	else
		got = vly_kernel_receive(receiver, sock, asked, MSG_DONTWAIT, now_ns);
	vly_kernel_receiver_adapt(receiver, asked, got);
}
