// SPDX-License-Identifier: BSD-3-Clause
//
// A line: a second socket at the address of a bare one, connected to the one peer that has had one
// datagram in flight for a while. The kernel then looks up neither the route of an answer nor, for
// what comes in, whose it is: a twentieth of a round trip. Only for a thread that spins: it looks
// at two sockets in turn then, at the line more often.
//
// Nothing is lost by it, and a flow keeps its order. From the dialling on the kernel gives the
// line what that peer sends; so what the line has waits until the other socket has run dry. A line
// that is no longer wanted is connected to ourselves, where nobody sends from, and what it still
// has is taken before the other socket is asked again.
#pragma once

#include "backend/kernel_receive.h"
#include "backend/kernel_socket.h"

// Whether it may have something: then vly_kernel_line_receive() or vly_kernel_line_leave() is asked
// for it.
static inline bool vly_kernel_line_is_used(const struct vly_kernel_line *line)
{
	return line->state >= VLY_KERNEL_LINE_NEW;
}

// Gives the peer of that name the line, if it has one coming: it was alone for long enough. To be
// called after a burst that found nothing.
void vly_kernel_line_dial(struct vly_kernel_sockets *sockets, const struct sockaddr_in *peer);

// As recvfrom(2) without waiting, from the line and the other socket; the receiver's first message
// is armed. The name goes to receiver->lone.
ssize_t vly_kernel_line_receive(struct vly_kernel_sockets *sockets,
				struct vly_kernel_receiver *receiver, void *payload);

// The line is given up, as what comes is not one datagram at a time any more. True: what the burst
// may have lies in the trains, if anything; false: the line has nothing more, and the burst goes on
// without it.
bool vly_kernel_line_leave(struct vly_kernel_sockets *sockets, struct vly_kernel_receiver *receiver,
			   uint32_t wanted, uint64_t now_ns);

// Before a wait, which is for the other socket alone. False: a burst has to come first.
bool vly_kernel_line_may_wait(struct vly_kernel_line *line);

// Sends an answer by the line. False: it is not for that peer, or could not be sent so, and shall
// leave by the other socket.
bool vly_kernel_line_send(const struct vly_kernel_line *line, const struct vly_dgram *dgram,
			  struct vly_ledger_block *ledger);

// Counts what the line has lost. What reached it late, when it was given up, is found so.
void vly_kernel_line_ask_missed(struct vly_kernel_line *line, struct vly_ledger_block *ledger);
