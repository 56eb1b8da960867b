// SPDX-License-Identifier: BSD-3-Clause
//
// An echo server that returns trains as they came: the datagrams of one peer that the kernel has
// joined (UDP_GRO) go back as one message, which it cuts again (UDP_SEGMENT). It never looks at a
// single datagram, so it does less than any server that must: the limit of what the kernel can do.
//
//     train_echo ADDRESS PORT [busy]
#include <netinet/udp.h>
#include <string.h>

#include "server.h"

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

static void echo(const struct server *server)
{
	static char payload[SERVER_PAYLOAD_BYTES];
	_Alignas(struct cmsghdr) char control[CONTROL_BYTES];
	struct sockaddr_storage peer;

	for (;;) {
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
			continue;
		segment = server_segment(&msg);
		iov.iov_len = (size_t)length;
		set_segment(&msg, segment < length ? segment : 0);
		sendmsg(server->fd, &msg, 0);
	}
}

int main(int argc, char **argv)
{
	struct server server = server_open(argc, argv);

	server_join_received(&server);
	server_ready(argv);
	echo(&server);
}
