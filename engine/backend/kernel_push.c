// SPDX-License-Identifier: BSD-3-Clause
//
// Sending a batch by plain calls, in order: the socket backend's way, and the ring's where that
// takes fewer calls, or its completions have no room. The kernel stops at the first message that it
// does not take, so none overtakes.
#include <errno.h>

#include "backend/kernel_batch.h"
#include "backend/kernel_call.h"
#include "backend/kernel_error.h"
#include "core/compiler.h"

// Messages from the first unsent one on that go out together.
static uint32_t run_length(const struct vly_kernel_batch *batch)
{
	const struct vly_kernel_group *first = &batch->groups[batch->done];
	uint32_t n = 1;

	while (batch->done + n < batch->group_count && !first[n].is_done && !first[n].is_plain &&
	       first[n].sock == first->sock && first[n].route == first->route)
		n++;
	return n;
}

static int send_run(struct vly_kernel_batch *batch, uint32_t n)
{
	int fd = vly_kernel_group_fd(&batch->groups[batch->done]);
	struct mmsghdr *msgs = &batch->msgs[batch->done];
	const struct msghdr *msg = &msgs->msg_hdr;
	int rc;

	if (n > 1)
		rc = vly_call_sendmmsg(fd, msgs, n, MSG_DONTWAIT);
	else if (!msg->msg_name && !msg->msg_control && msg->msg_iovlen == 1)
		rc = vly_call_sendto(fd, msg->msg_iov->iov_base, msg->msg_iov->iov_len,
				     MSG_DONTWAIT, NULL, 0) < 0
			     ? -1
			     : 1;
	else
		rc = vly_call_sendmsg(fd, msg, MSG_DONTWAIT) < 0 ? -1 : 1;
	return rc < 0 ? -errno : rc;
}

bool vly_kernel_batch_push(struct vly_kernel_batch *batch, struct vly_kernel_sender *sender)
{
	while (!vly_kernel_batch_advance(batch, sender)) {
		uint32_t first = batch->done;
		uint32_t asked;
		int rc;

		if (VLY_UNLIKELY(batch->groups[first].is_plain)) {
			if (!vly_kernel_batch_send_plain(batch, sender, first))
				return false;
			continue;
		}
		asked = run_length(batch);
		rc = send_run(batch, asked);
		if (VLY_UNLIKELY(rc < 0)) {
			if (!vly_kernel_batch_settle(batch, sender, first, rc))
				return false;
			continue;
		}
		// A call that has sent some does not say why it sent no more.
		if (VLY_UNLIKELY((uint32_t)rc < asked))
			vly_kernel_errors_take(batch->groups[first].sock, sender->ledger);
		for (uint32_t i = 0; i < (uint32_t)rc; i++)
			vly_kernel_batch_settle(batch, sender, first + i, 0);
	}
	return true;
}
