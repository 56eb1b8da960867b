// SPDX-License-Identifier: BSD-3-Clause
//
// ICMP errors that what we sent has met (IP_RECVERR). The kernel queues each of them by itself, and
// fails the socket's next call once, whichever it is and whomever it concerns: such a failure says
// nothing of that call's datagram. A queue that is not emptied would be a wake without end.
#pragma once

#include "backend/kernel_socket.h"

// Has the socket told of such errors. Old kernels or sandboxes may not: then none are known.
void vly_kernel_errors_enable(struct vly_kernel_socket *sock);

// Takes all that are queued and counts each as received and as what it is. Returns how many.
uint32_t vly_kernel_errors_take(const struct vly_kernel_socket *sock,
				struct vly_ledger_block *ledger);

// A receive has failed: counts why, unless it failed for an error that is queued, or for nothing.
void vly_kernel_errors_receive(const struct vly_kernel_socket *sock,
			       struct vly_ledger_block *ledger, int error);

// A send has failed with `error`, negative: sends again if that was another's fault. Returns what
// came of it: 0 or a negative errno.
int vly_kernel_errors_resend(const struct vly_kernel_socket *sock, struct vly_ledger_block *ledger,
			     const struct msghdr *msg, int error);
