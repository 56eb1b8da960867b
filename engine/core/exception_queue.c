// SPDX-License-Identifier: BSD-3-Clause
//
// A queue's side of the exception path.
#include "core/exception.h"

bool vly_exception_wants(const struct vly_dgram *frame, enum vly_drop reason)
{
	switch (reason) {
	case VLY_DROP_NOT_OUR_MAC:
		return *vly_dgram_data(frame) & 1; // a group that we do not know (LLDP)
	case VLY_DROP_VLAN:
	case VLY_DROP_ETHERTYPE:
	case VLY_DROP_ARP:
	case VLY_DROP_NOT_OUR_IP:
	case VLY_DROP_IP_PROTOCOL:
	case VLY_DROP_ICMP:
	case VLY_DROP_NDP:
	case VLY_DROP_IGMP:
	case VLY_DROP_NO_LISTENER:
		return true;
	default:
		return false;
	}
}

static void give_up(struct vly_queue *queue, struct vly_dgram **frames, uint32_t count,
		    enum vly_drop reason)
{
	if (!count)
		return;
	for (uint32_t i = 0; i < count; i++)
		vly_count_frame_drop(queue->ledger, frames[i], reason);
	queue->backend->release_burst(queue->inner, frames, count);
}

void vly_queue_hand(struct vly_queue *queue, struct vly_dgram **frames, uint32_t count)
{
	struct vly_exception_lane *lane = queue->exception;
	uint32_t room = VLY_EXCEPTION_OUT_MAX - lane->out;
	uint32_t taken =
		vly_ring_push(lane->to_kernel, (void *const *)frames, count < room ? count : room);

	lane->out += taken;
	give_up(queue, frames + taken, count - taken, VLY_DROP_KERNEL_FULL);
	vly_exception_wake(lane->exception);
}

void vly_queue_hand_parts(struct vly_queue *queue, struct vly_dgram **frames, uint32_t count)
{
	struct vly_exception_lane *lane = queue->exception;

	if (VLY_EXCEPTION_OUT_MAX - lane->out < count) {
		vly_count(&queue->ledger->dropped[VLY_DROP_KERNEL_FULL], 1);
		queue->backend->release_burst(queue->inner, frames, count);
		return;
	}
	lane->out_parts += count - 1;
	vly_queue_hand(queue, frames, count);
}

// The kernel's frames, ready as they are. The wire's own traffic goes first: what finds no room is
// dropped, as a device of the kernel's would.
static void send_for_kernel(struct vly_queue *queue, struct vly_dgram **frames, uint32_t count,
			    uint64_t now_ns)
{
	uint32_t taken = 0;

	vly_count(&queue->ledger->from_kernel, count);
	if (!queue->backlog_count)
		taken = queue->backend->tx_burst(queue->inner, frames, count, now_ns);
	give_up(queue, frames + taken, count - taken, VLY_DROP_TX_FULL);
}

static void take_back(struct vly_queue *queue, struct vly_dgram **frames, uint32_t count,
		      uint64_t now_ns)
{
	struct vly_exception_lane *lane = queue->exception;
	struct vly_dgram *sends[VLY_EXCEPTION_BURST];
	uint32_t send_count = 0;
	uint32_t back = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (frames[i]->fate == VLY_FATE_SEND) {
			sends[send_count++] = frames[i];
			continue;
		}
		if (vly_exception_is_part(frames[i]))
			lane->out_parts--;
		else if (frames[i]->fate == VLY_DROP_KERNEL_FULL)
			vly_count_frame_drop(queue->ledger, frames[i], VLY_DROP_KERNEL_FULL);
		else
			vly_count(&queue->ledger->to_kernel, 1);
		frames[back++] = frames[i];
	}
	lane->out -= back;
	lane->spares -= send_count;
	if (back)
		queue->backend->release_burst(queue->inner, frames, back);
	if (send_count)
		send_for_kernel(queue, sends, send_count, now_ns);
}

static void stock_up(struct vly_queue *queue)
{
	struct vly_exception_lane *lane = queue->exception;
	struct vly_dgram *frames[VLY_EXCEPTION_BURST];
	uint32_t wanted = lane->spares_max - lane->spares;
	uint32_t n = wanted < VLY_EXCEPTION_BURST ? wanted : VLY_EXCEPTION_BURST;

	n = queue->backend->alloc_burst(queue->inner, frames, n);
	vly_ring_push(lane->spare, (void *const *)frames, n);
	lane->spares += n;
	if (n)
		vly_exception_wake(lane->exception);
}

void vly_queue_do_exchange(struct vly_queue *queue, uint64_t now_ns)
{
	struct vly_exception_lane *lane = queue->exception;
	struct vly_dgram *frames[VLY_EXCEPTION_BURST];
	uint32_t n = vly_ring_pop(lane->to_io, (void **)frames, VLY_EXCEPTION_BURST);

	if (VLY_UNLIKELY(n > 0))
		take_back(queue, frames, n, now_ns);
	if (VLY_UNLIKELY(lane->spares < lane->spares_max))
		stock_up(queue);
}

void vly_queue_forsake(struct vly_queue *queue)
{
	struct vly_exception_lane *lane = queue->exception;

	if (!lane)
		return;
	vly_count(&queue->ledger->dropped[VLY_DROP_KERNEL_FULL], lane->out - lane->out_parts);
	lane->out = 0;
	lane->out_parts = 0;
}
