// SPDX-License-Identifier: BSD-3-Clause
#include "echo.h"

#include <netinet/udp.h>
#include <stddef.h>
#include <string.h>

enum {
	CONTROL_BYTES = 64,
};

// The control of the answer: cut again as it was.
static void set_segment(struct msghdr *msg, uint16_t segment)
{
	struct cmsghdr *cmsg;

	if (!segment) {
		msg->msg_control = NULL;
		msg->msg_controllen = 0;
		return;
	}
	msg->msg_controllen = CMSG_SPACE(sizeof(segment));
	cmsg = CMSG_FIRSTHDR(msg);
	cmsg->cmsg_level = SOL_UDP;
	cmsg->cmsg_type = UDP_SEGMENT;
	cmsg->cmsg_len = CMSG_LEN(sizeof(segment));
	memcpy(CMSG_DATA(cmsg), &segment, sizeof(segment));
}

bool echo_train(const struct server *server)
{
	static char payload[SERVER_PAYLOAD_BYTES];
	_Alignas(struct cmsghdr) char control[CONTROL_BYTES];
	struct sockaddr_storage peer;
	struct iovec iov = {.iov_base = payload, .iov_len = sizeof(payload)};
	struct msghdr msg = {
		.msg_name = &peer,
		.msg_namelen = sizeof(peer),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t length = recvmsg(server->fd, &msg, server->flags);
	uint16_t segment;

	if (length < 0)
		return false;
	segment = server_segment(&msg);
	iov.iov_len = (size_t)length;
	set_segment(&msg, segment < length ? segment : 0);
	sendmsg(server->fd, &msg, 0);
	return true;
}

struct batch {
	struct mmsghdr msgs[SERVER_BATCH];
	struct iovec iovs[SERVER_BATCH];
	struct sockaddr_storage peers[SERVER_BATCH];
	char payloads[SERVER_BATCH][SERVER_SMALL_BYTES];
};

static void prepare(struct batch *batch, int count)
{
	for (int i = 0; i < count; i++) {
		batch->iovs[i] = (struct iovec){.iov_base = batch->payloads[i],
						.iov_len = SERVER_SMALL_BYTES};
		batch->msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &batch->peers[i],
			.msg_namelen = sizeof(batch->peers[i]),
			.msg_iov = &batch->iovs[i],
			.msg_iovlen = 1,
		};
	}
}

// One that cannot be sent is left out; those behind it are sent.
static void send_all(const struct server *server, struct batch *batch, int count)
{
	int done = 0;

	while (done < count) {
		int n = sendmmsg(server->fd, batch->msgs + done, (unsigned)(count - done), 0);

		done += n > 0 ? n : 1;
	}
}

bool echo_batch(const struct server *server)
{
	static struct batch batch;
	static int used = SERVER_BATCH;
	int n;

	prepare(&batch, used);
	n = recvmmsg(server->fd, batch.msgs, SERVER_BATCH, server->flags | MSG_WAITFORONE, NULL);
	used = n > 0 ? n : 0;
	for (int i = 0; i < used; i++)
		batch.iovs[i].iov_len = batch.msgs[i].msg_len;
	send_all(server, &batch, used);
	return used > 0;
}
