// SPDX-License-Identifier: BSD-3-Clause
//
// One message to the kernel: where it goes, what its headers shall say, and what its errors mean.
#pragma once

#include "backend/kernel_batch.h"

// An answer leaves with headers of its own, whatever the question's were.
static inline bool vly_kernel_is_reply(const struct vly_dgram *dgram)
{
	return dgram->fate == VLY_FATE_REPLY;
}

// Whether the error says that the queue is full, and nothing else.
bool vly_kernel_is_full(int error);

// Why a datagram that met this error will never be sent.
enum vly_drop vly_kernel_drop_of(int error);

// Writes name and control of a message like `dgram` that leaves by `sock`; `segment` is 0 for a
// datagram alone. The control is VLY_KERNEL_CONTROL_BYTES long and aligned to 8; if nothing needs
// it, msg_control is NULL. The segment size, if there is one, comes last.
void vly_kernel_message_write(struct msghdr *msg, struct sockaddr_in6 *name, uint8_t *control,
			      const struct vly_kernel_socket *sock, const struct vly_dgram *dgram,
			      uint16_t segment);

// As above, of a message that leaves by a connected socket.
void vly_kernel_message_write_bare(struct msghdr *msg, uint8_t *control, uint16_t segment);

// Sends one datagram by the plainest call that will do, and counts and releases it. A lone datagram
// is a matter of latency: this touches little memory that is cold after a sleep. False: the queue
// is full, and the datagram is still the caller's.
bool vly_kernel_send_lone(struct vly_kernel_sender *sender, struct vly_dgram *dgram);
