// SPDX-License-Identifier: BSD-3-Clause
//
// One datagram at a time: while there is but one in flight, a round trip is what counts, and every
// instruction between two system calls is a part of it. A bare socket (kernel_socket.h) tells
// nothing of a datagram but who sent it, so recvfrom will do, which has no message's header to copy
// in and out; and who sent it is as a rule who sent the one before, whose header is kept. The way
// back is vly_kernel_send_lone() (kernel_message.h).
#pragma once

#include <errno.h>

#include "backend/kernel_call.h"
#include "backend/kernel_receive.h"

// Receives without waiting what the only socket has, alone or as a message, and fills up a burst of
// up to `count` datagrams, `n` of which are there already; nothing waits in the trains. Counts
// them. Returns how many there are now.
uint32_t vly_kernel_receive_burst(struct vly_kernel_receiver *receiver,
				  struct vly_kernel_sockets *sockets, struct vly_dgram **dgrams,
				  uint32_t n, uint32_t count, uint64_t now_ns);

// -------------------------------------------------------------------------------------------------

// As recvfrom(2), `looks` times at most, 1 or more. An IPv4 datagram always fits the block.
static inline ssize_t vly_kernel_lone_look(struct vly_kernel_lone *lone, int fd, void *payload,
					   uint32_t looks)
{
	ssize_t bytes;

	do
		bytes = vly_call_recvfrom(fd, payload, VLY_KERNEL_PAYLOAD_BYTES, MSG_DONTWAIT,
					  &lone->name, &lone->name_bytes);
	while (bytes < 0 && errno == EAGAIN && --looks);
	return bytes;
}
