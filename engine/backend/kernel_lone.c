// SPDX-License-Identifier: BSD-3-Clause
#include "backend/kernel_lone.h"

#include <errno.h>
#include <string.h>

#include "backend/kernel_error.h"
#include "backend/kernel_line.h"
#include "core/compiler.h"
#include "stack/flow.h"

_Static_assert(sizeof(struct sockaddr_in) == 16 && offsetof(struct sockaddr_in, sin_zero) == 8,
	       "family, port and address are the first word");

static uint64_t word_of(const struct sockaddr_in *name)
{
	uint64_t word;

	memcpy(&word, name, sizeof(word));
	return word;
}

// The header of all that this peer sends, but for length and time.
static void meet(struct vly_kernel_lone *lone, const struct vly_kernel_socket *sock, uint8_t queue)
{
	lone->known = word_of(&lone->name);
	lone->model = (struct vly_dgram){
		.local = sock->bound,
		.data_offset = VLY_CACHE_LINE_BYTES + VLY_KERNEL_LEAD_BYTES,
		.capacity = VLY_DGRAM_BYTES_MAX,
		.queue = queue,
		.fate = VLY_FATE_UNDECIDED,
	};
	vly_kernel_addr_read(&lone->model.peer, &lone->name);
	lone->model.flow_hash = vly_flow_hash(&lone->model.peer, &lone->model.local);
}

// By the line, where there is one.
static ssize_t look(struct vly_kernel_receiver *receiver, struct vly_kernel_sockets *sockets,
		    void *payload)
{
	if (vly_kernel_line_is_used(&sockets->line))
		return vly_kernel_line_receive(sockets, receiver, payload);
	return vly_kernel_lone_look(&receiver->lone, sockets->list[0].fd, payload, receiver->looks);
}

// Nothing was there: time to see whether who was alone gets a line.
static void find_nothing(struct vly_kernel_receiver *receiver, struct vly_kernel_sockets *sockets)
{
	vly_kernel_receiver_adapt(receiver, 1, 0);
	vly_kernel_errors_receive(&sockets->list[0], receiver->ledger, -errno);
	if (receiver->looks > 1)
		vly_kernel_line_dial(sockets, &receiver->lone.name);
}

// A datagram with its header and the time. NULL: there was none, or a waker's.
static struct vly_dgram *receive_lone(struct vly_kernel_receiver *receiver,
				      struct vly_kernel_sockets *sockets, uint64_t now_ns)
{
	struct vly_kernel_lone *lone = &receiver->lone;
	struct vly_dgram *dgram;
	uint32_t block;
	ssize_t bytes;

	vly_kernel_receiver_rearm(receiver);
	if (VLY_UNLIKELY(!receiver->armed))
		return NULL;
	block = receiver->blocks[0];
	bytes = look(receiver, sockets, vly_kernel_pool_payload(receiver->pool, block));
	if (bytes < 0) {
		find_nothing(receiver, sockets);
		return NULL;
	}
	vly_kernel_receiver_adapt(receiver, 1, 1);
	if (VLY_UNLIKELY(word_of(&lone->name) != lone->known)) {
		meet(lone, &sockets->list[0], receiver->trains->queue);
		sockets->line.streak = 0;
	}
	sockets->line.streak++;
	if (VLY_UNLIKELY(!bytes && vly_kernel_receiver_takes_wake(receiver, &lone->model.peer)))
		return NULL; // its block stays where it is
	dgram = vly_kernel_pool_header(receiver->pool, block, 0);
	*dgram = lone->model;
	dgram->rx_ns = now_ns;
	dgram->len = (uint16_t)bytes;
	receiver->pool->refs[block] = 1;
	receiver->used = 1;
	receiver->train_bytes = (uint32_t)bytes;
	return dgram;
}

// Whether the socket is to be asked for one datagram, and tells nothing of it but who sent it.
static bool is_lone(const struct vly_kernel_receiver *receiver,
		    const struct vly_kernel_sockets *sockets)
{
	const struct vly_kernel_socket *sock = &sockets->list[0];

	return receiver->ask == 1 && sock->is_bare && !sock->joins &&
	       !atomic_load_explicit(&sockets->tells_class, memory_order_relaxed);
}

uint32_t vly_kernel_receive_burst(struct vly_kernel_receiver *receiver,
				  struct vly_kernel_sockets *sockets, struct vly_dgram **dgrams,
				  uint32_t n, uint32_t count, uint64_t now_ns)
{
	bool lone = !n && is_lone(receiver, sockets);

	if (VLY_UNLIKELY(vly_kernel_line_is_used(&sockets->line)) &&
	    !(lone && receiver->looks > 1 && sockets->line.state != VLY_KERNEL_LINE_OLD) &&
	    vly_kernel_line_leave(sockets, receiver, count - n, now_ns))
		return vly_kernel_trains_deliver(receiver->trains, receiver->pool, receiver->ledger,
						 dgrams, n, count, now_ns);
	if (lone) {
		dgrams[0] = receive_lone(receiver, sockets, now_ns);
		if (!dgrams[0])
			return 0;
		vly_count(&receiver->ledger->received, 1);
		return 1;
	}
	sockets->line.streak = 0;
	vly_kernel_receive_some(receiver, &sockets->list[0], count - n, now_ns);
	return vly_kernel_trains_deliver(receiver->trains, receiver->pool, receiver->ledger, dgrams,
					 n, count, now_ns);
}
