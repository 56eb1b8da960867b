// SPDX-License-Identifier: BSD-3-Clause
//
// What became of the messages of a batch: counting, going back to plain sends where segmentation
// is refused, and the full queue.
#include <errno.h>
#include <string.h>

#include "backend/kernel_batch.h"
#include "backend/kernel_call.h"
#include "backend/kernel_error.h"
#include "backend/kernel_message.h"
#include "backend/kernel_path.h"
#include "core/fail.h"

// EIO: a device without checksums on the route, or one inside a tunnel. EINVAL and EMSGSIZE: the
// segments are larger than the MTU, where single datagrams would be sent in fragments.
static bool is_about_segments(const struct vly_kernel_group *group, int error)
{
	return group->count > 1 && !group->is_plain &&
	       (error == -EIO || error == -EINVAL || error == -EMSGSIZE);
}

static void go_plain(struct vly_kernel_batch *batch, struct vly_kernel_sender *sender,
		     struct vly_kernel_group *group, int error)
{
	const struct vly_dgram *dgram = batch->dgrams[group->first];
	char text[VLY_ADDR_TEXT_BYTES];

	group->is_plain = true;
	vly_kernel_path_learn(&sender->paths, dgram->peer.ip,
			      error == -EIO ? 0 : (uint16_t)(group->size - 1));
	if (sender->has_told)
		return;
	sender->has_told = true;
	vly_log_line(&sender->log,
		     "segmentation offload does not work towards %s (%s, %u bytes): "
		     "sending one by one there, and wherever else it fails",
		     vly_addr_format(&dgram->peer, text, sizeof(text)), strerror(-error),
		     group->size);
}

// Those of a group that are left.
static void drop_group(const struct vly_kernel_batch *batch, struct vly_kernel_sender *sender,
		       const struct vly_kernel_group *group, enum vly_drop reason)
{
	uint32_t index = group->first;

	for (uint32_t i = 0; i < group->count; i++, index = batch->next[index])
		vly_count_drop(sender->ledger, batch->dgrams[index], reason);
}

// The route cannot send, as when the way there has changed: the message goes by its socket.
static int leave_route(struct vly_kernel_batch *batch, uint32_t index, int error)
{
	struct vly_kernel_group *group = &batch->groups[index];

	if (vly_kernel_is_full(error))
		return error;
	if (!is_about_segments(group, error)) // of which the route is not to blame
		vly_kernel_route_refuse(group->route);
	group->route = NULL;
	vly_kernel_batch_write(batch, index);
	if (vly_call_sendmsg(group->sock->fd, &batch->msgs[index].msg_hdr, MSG_DONTWAIT) < 0)
		return -errno;
	return 0;
}

bool vly_kernel_batch_settle(struct vly_kernel_batch *batch, struct vly_kernel_sender *sender,
			     uint32_t index, int error)
{
	struct vly_kernel_group *group = &batch->groups[index];

	if (VLY_LIKELY(!error)) {
		vly_count(&sender->ledger->sent, group->count);
		group->is_done = true;
		return true;
	}
	if (group->route)
		error = leave_route(batch, index, error);
	if (error && group->sock)
		error = vly_kernel_errors_resend(group->sock, sender->ledger,
						 &batch->msgs[index].msg_hdr, error);
	if (!error) {
		vly_count(&sender->ledger->sent, group->count);
		group->is_done = true;
		return true;
	}
	if (vly_kernel_is_full(error))
		return false;
	if (group->sock && is_about_segments(group, error)) {
		go_plain(batch, sender, group, error);
		return true;
	}
	drop_group(batch, sender, group, vly_kernel_drop_of(error));
	group->is_done = true;
	return true;
}

bool vly_kernel_batch_send_plain(struct vly_kernel_batch *batch, struct vly_kernel_sender *sender,
				 uint32_t index)
{
	struct vly_kernel_group *group = &batch->groups[index];

	while (group->count) {
		const struct vly_dgram *dgram = batch->dgrams[group->first];
		struct iovec iov = {.iov_base = vly_dgram_data(dgram), .iov_len = dgram->len};
		struct msghdr msg = batch->msgs[index].msg_hdr;
		int error;

		msg.msg_iov = &iov;
		msg.msg_iovlen = 1;
		// The segment size is the last control message; without it the others stay.
		msg.msg_controllen -= CMSG_SPACE(sizeof(group->size));
		if (!msg.msg_controllen)
			msg.msg_control = NULL;
		error = sendmsg(group->sock->fd, &msg, MSG_DONTWAIT) < 0 ? -errno : 0;
		if (error)
			error = vly_kernel_errors_resend(group->sock, sender->ledger, &msg, error);
		if (error && vly_kernel_is_full(error))
			return false;
		if (error)
			vly_count_drop(sender->ledger, dgram, vly_kernel_drop_of(error));
		else
			vly_count(&sender->ledger->sent, 1);
		group->first = batch->next[group->first];
		group->count--;
	}
	group->is_done = true;
	return true;
}

bool vly_kernel_batch_advance(struct vly_kernel_batch *batch, struct vly_kernel_sender *sender)
{
	while (batch->done < batch->group_count && batch->groups[batch->done].is_done)
		batch->done++;
	if (batch->done < batch->group_count)
		return false;
	if (!batch->groups[0].is_piece ||
	    !vly_kernel_pool_release_train(sender->pool, batch->dgrams, batch->count))
		vly_kernel_pool_release(sender->pool, batch->dgrams, batch->count);
	batch->count = 0;
	batch->group_count = 0;
	batch->done = 0;
	return true;
}

// How many datagrams are still to be sent, and the first of them.
static uint32_t find_unsent(const struct vly_kernel_batch *batch, uint32_t *first)
{
	uint32_t unsent = 0;

	*first = batch->count;
	for (uint32_t g = batch->done; g < batch->group_count; g++) {
		const struct vly_kernel_group *group = &batch->groups[g];

		if (group->is_done)
			continue;
		unsent += group->count;
		*first = group->first < *first ? group->first : *first;
	}
	return unsent;
}

uint32_t vly_kernel_batch_give_back(struct vly_kernel_batch *batch,
				    struct vly_kernel_sender *sender, uint64_t now_ns)
{
	uint32_t count = batch->count;
	uint32_t first;

	if (find_unsent(batch, &first) != count - first) {
		batch->since_ns = now_ns;
		return count;
	}
	vly_kernel_pool_release(sender->pool, batch->dgrams, first);
	batch->count = 0;
	batch->group_count = 0;
	batch->done = 0;
	return first;
}

void vly_kernel_batch_abandon(struct vly_kernel_batch *batch, struct vly_kernel_sender *sender)
{
	for (uint32_t g = batch->done; g < batch->group_count; g++) {
		struct vly_kernel_group *group = &batch->groups[g];

		if (!group->is_done)
			drop_group(batch, sender, group, VLY_DROP_TX_FULL);
		group->is_done = true;
	}
	if (batch->count)
		vly_kernel_batch_advance(batch, sender);
}

uint32_t vly_kernel_batch_unsent(const struct vly_kernel_batch *batch)
{
	uint32_t first;

	return find_unsent(batch, &first);
}
