// SPDX-License-Identifier: BSD-3-Clause
//
// Vhost-user messages, one at a time, between two stream sockets. What they mean is not looked at,
// but for which are answered, and one question of our own. The protocol: QEMU's
// docs/interop/vhost-user.rst.
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/dpdk_message.h"

enum {
	HEADER_BYTES = 12, // request, flags, size of what follows
	VALUE_BYTES = 8,   // of each answer to a network driver
	VERSION = 1,       // in the flags, as these
	VERSION_MASK = 3,
	IS_ANSWER = 4,
	WANTS_ANSWER = 8, // of a request that else has none
};

// Those that are always answered.
enum question {
	GET_FEATURES = 1, // may be asked at any time
	GET_VRING_BASE = 11,
	GET_PROTOCOL_FEATURES = 15,
	GET_QUEUE_NUM = 17,
	GET_STATUS = 40,
};

// In this machine's byte order, as both ends are on it.
struct header {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
};

// Room for the descriptors of a message.
union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(VLY_VHOST_FDS * sizeof(int))];
};

void vly_vhost_drop(struct vly_vhost_way *way)
{
	while (way->fd_count)
		close(way->fds[--way->fd_count]);
}

// How long the message is, as far as it is known: its header first.
static uint32_t message_length(const struct vly_vhost_way *way)
{
	uint32_t payload = 0;

	if (way->have >= HEADER_BYTES)
		memcpy(&payload, way->bytes + HEADER_BYTES - sizeof(payload), sizeof(payload));
	return payload <= VLY_VHOST_BYTES - HEADER_BYTES ? HEADER_BYTES + payload : UINT32_MAX;
}

static bool keep_fds(struct vly_vhost_way *way, struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		uint32_t count = (uint32_t)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		vly_vhost_drop(way); // a message has them once
		memcpy(way->fds, CMSG_DATA(c), count * sizeof(int));
		way->fd_count = count;
	}
	return !(msg->msg_flags & MSG_CTRUNC);
}

static struct header header_of(const struct vly_vhost_way *way)
{
	struct header header;

	memcpy(&header, way->bytes, sizeof(header));
	return header;
}

// Receives more of the message, never of the next.
static ssize_t read_more(struct vly_vhost_way *way, uint32_t wanted)
{
	union control control;
	struct iovec iov = {.iov_base = way->bytes + way->have, .iov_len = wanted};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(VLY_VHOST_FDS * sizeof(int)),
	};
	ssize_t n = recvmsg(way->from, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n > 0 && !keep_fds(way, &msg))
		return 0;
	return n;
}

// Who lets its socket's buffer fill up with messages of some hundred bytes reads none any more.
bool vly_vhost_give(struct vly_vhost_way *way)
{
	union control control;
	struct iovec iov = {.iov_base = way->bytes, .iov_len = way->have};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (way->fd_count) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(way->fd_count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(way->fd_count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), way->fds, way->fd_count * sizeof(int));
	}
	do {
		n = sendmsg(way->to, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	vly_vhost_drop(way);
	way->have = 0;
	return n == (ssize_t)iov.iov_len;
}

int vly_vhost_take(struct vly_vhost_way *way)
{
	ssize_t n = read_more(way, message_length(way) - way->have);
	uint32_t length;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	way->have += (uint32_t)n;
	length = message_length(way);
	if (n == 0 || length == UINT32_MAX)
		return n == 0 ? -ECONNRESET : -EPROTO;
	return way->have == length;
}

uint32_t vly_vhost_question(const struct vly_vhost_way *way)
{
	struct header header = header_of(way);

	switch (header.request) {
	case GET_FEATURES:
	case GET_VRING_BASE:
	case GET_PROTOCOL_FEATURES:
	case GET_QUEUE_NUM:
	case GET_STATUS:
		return header.request;
	default:
		return header.flags & WANTS_ANSWER ? header.request : 0;
	}
}

bool vly_vhost_is_answer(const struct vly_vhost_way *way, uint32_t question)
{
	struct header header = header_of(way);

	return question && header.request == question && header.size == VALUE_BYTES &&
	       (header.flags & VERSION_MASK) == VERSION && (header.flags & IS_ANSWER);
}

bool vly_vhost_answer(const struct vly_vhost_way *way, uint32_t question)
{
	const struct header header = {question, VERSION | IS_ANSWER, VALUE_BYTES};
	uint8_t bytes[HEADER_BYTES + VALUE_BYTES] = {0};

	memcpy(bytes, &header, sizeof(header));
	return send(way->from, bytes, sizeof(bytes), MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(bytes);
}

int vly_vhost_ask(int server, int stop_fd, int timeout_ms)
{
	const uint32_t question[] = {GET_FEATURES, VERSION, 0};
	struct vly_vhost_way answer = {.from = server};
	struct pollfd fds[] = {{.fd = server, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
	int rc = 0;

	if (send(server, question, sizeof(question), MSG_NOSIGNAL) != sizeof(question))
		return -ECONNRESET;
	while (rc == 0) {
		int n = poll(fds, 2, timeout_ms);

		if (n == 0)
			return -ETIMEDOUT;
		if (n > 0 && fds[1].revents)
			return -ECANCELED;
		if (n > 0)
			rc = vly_vhost_take(&answer);
	}
	vly_vhost_drop(&answer);
	if (rc == 1 && !vly_vhost_is_answer(&answer, GET_FEATURES))
		return -EPROTO;
	return rc == 1 ? 0 : rc;
}
