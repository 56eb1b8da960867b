// SPDX-License-Identifier: BSD-3-Clause
#include "backend/kernel_line.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "backend/kernel_bind.h"
#include "backend/kernel_call.h"
#include "backend/kernel_error.h"
#include "backend/kernel_lone.h"
#include "core/compiler.h"

enum {
	STREAK = 256,        // datagrams of one peer, one by one, before it gets the line
	NEW_MAX = 256,       // from the other socket: what came before the dialling is among them
	ALONE_MAX = 4,       // bursts by the line until the other socket is asked all the same
	CREDIT = 32,         // that a line has
	CREDIT_MAX = 64,     // each of its datagrams adds one
	STRANGER_CREDIT = 4, // and each of anybody else takes so many
	MULTICAST = 224,     // the first byte of a group's address
};

// --- opening ------------------------------------------------------------------------------------

// Two sockets may have one address if both say so, while the second is bound. Nobody else may then.
static int bind_beside(int fd, const struct vly_kernel_socket *sock)
{
	struct sockaddr_in6 name;
	socklen_t bytes = vly_kernel_addr_write(&name, false, &sock->bound, 0);
	int on = 1;
	int off = 0;
	int rc;

	if (setsockopt(sock->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
		return -1;
	rc = bind(fd, (struct sockaddr *)&name, bytes);
	setsockopt(sock->fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof(off));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof(off));
	return rc;
}

// Refusals that its peer's host reports are nothing that an unconnected socket hears of: they are
// heard, and count as little as there (tells_errors), or as much.
static bool open_line(struct vly_kernel_line *line, const struct vly_kernel_socket *sock)
{
	int fd;

	line->sock = *sock;
	line->sock.missed = 0;
	line->sock.may_join = false;
	if (sock->bound.ip[12] >= MULTICAST) // each socket would get a copy
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	line->sock.fd = fd;
	vly_kernel_buffers_set(fd, line->options);
	vly_kernel_busy_poll_set(fd, line->options->busy_poll_us);
	if (sock->tells_errors)
		vly_kernel_errors_enable(&line->sock);
	line->sock.tells_errors = true;
	// To a broadcast address, of which again each would get a copy, none can be connected.
	if (bind_beside(fd, sock) || vly_kernel_connect(fd, false, &sock->bound)) {
		close(fd);
		return false;
	}
	line->state = VLY_KERNEL_LINE_IDLE;
	return true;
}

void vly_kernel_line_dial(struct vly_kernel_sockets *sockets, const struct sockaddr_in *peer)
{
	struct vly_kernel_line *line = &sockets->line;

	if (line->streak < STREAK || !line->options || line->state > VLY_KERNEL_LINE_IDLE)
		return;
	line->streak = 0;
	if (line->state == VLY_KERNEL_LINE_NONE && !open_line(line, &sockets->list[0])) {
		line->options = NULL; // it does not work here, and is not tried again
		return;
	}
	if (connect(line->sock.fd, (const struct sockaddr *)peer, sizeof(*peer)))
		return;
	vly_kernel_addr_read(&line->peer, peer);
	line->state = VLY_KERNEL_LINE_NEW;
	line->taken = 0;
}

// If even that fails, our address is gone, and nothing comes any more.
static void hang_up(struct vly_kernel_line *line)
{
	vly_kernel_connect(line->sock.fd, false, &line->sock.bound);
	line->state = VLY_KERNEL_LINE_OLD;
	line->streak = 0;
}

// --- receiving ----------------------------------------------------------------------------------

static void open_up(struct vly_kernel_line *line)
{
	line->state = VLY_KERNEL_LINE_OPEN;
	line->credit = CREDIT;
	line->alone = 0;
}

// One look at the line. An error is no datagram, and is dealt with.
static ssize_t look_at_line(struct vly_kernel_line *line, struct vly_kernel_receiver *receiver,
			    void *payload, uint32_t looks)
{
	ssize_t bytes = vly_kernel_lone_look(&receiver->lone, line->sock.fd, payload, looks);

	if (bytes < 0) {
		vly_kernel_errors_receive(&line->sock, receiver->ledger, -errno);
		errno = EAGAIN;
	}
	return bytes;
}

// Somebody else's, as a rule. When they are too many, the line is given up.
static ssize_t look_beside(struct vly_kernel_line *line, struct vly_kernel_receiver *receiver,
			   int fd, void *payload)
{
	ssize_t bytes = vly_kernel_lone_look(&receiver->lone, fd, payload, 1);

	line->alone = 0;
	if (bytes < 0)
		return bytes;
	if (line->credit < STRANGER_CREDIT)
		hang_up(line);
	else
		line->credit -= STRANGER_CREDIT;
	return bytes;
}

static ssize_t receive_new(struct vly_kernel_line *line, struct vly_kernel_receiver *receiver,
			   int fd, void *payload)
{
	ssize_t bytes = vly_kernel_lone_look(&receiver->lone, fd, payload, receiver->looks);

	if (bytes >= 0) {
		if (++line->taken >= NEW_MAX)
			open_up(line);
		return bytes;
	}
	if (errno != EAGAIN)
		return bytes;
	if (recv(line->sock.fd, payload, 0, MSG_PEEK | MSG_DONTWAIT) < 0) {
		vly_kernel_errors_receive(&line->sock, receiver->ledger, -errno);
		errno = EAGAIN;
		return -1;
	}
	// By now all that came before it is in the other socket.
	bytes = vly_kernel_lone_look(&receiver->lone, fd, payload, 1);
	if (bytes >= 0)
		return bytes;
	open_up(line);
	return look_at_line(line, receiver, payload, 1);
}

ssize_t vly_kernel_line_receive(struct vly_kernel_sockets *sockets,
				struct vly_kernel_receiver *receiver, void *payload)
{
	struct vly_kernel_line *line = &sockets->line;
	int fd = sockets->list[0].fd;
	ssize_t bytes;

	if (VLY_UNLIKELY(line->state == VLY_KERNEL_LINE_NEW))
		return receive_new(line, receiver, fd, payload);
	if (line->alone >= ALONE_MAX) {
		bytes = look_beside(line, receiver, fd, payload);
		if (bytes >= 0 || errno != EAGAIN)
			return bytes;
	}
	bytes = look_at_line(line, receiver, payload, receiver->looks - 1);
	if (bytes < 0)
		return look_beside(line, receiver, fd, payload);
	line->alone++;
	line->credit += line->credit < CREDIT_MAX;
	return bytes;
}

bool vly_kernel_line_leave(struct vly_kernel_sockets *sockets, struct vly_kernel_receiver *receiver,
			   uint32_t wanted, uint64_t now_ns)
{
	struct vly_kernel_line *line = &sockets->line;
	uint32_t limit = vly_kernel_receive_limit(receiver, wanted);
	uint32_t n;

	vly_kernel_receiver_rearm(receiver);
	if (!receiver->armed)
		return true;
	if (line->state == VLY_KERNEL_LINE_NEW) {
		n = vly_kernel_receive(receiver, &sockets->list[0], limit, MSG_DONTWAIT, now_ns);
		line->taken += n;
		if (n && line->taken < NEW_MAX)
			return true;
		hang_up(line);
		if (n)
			return true;
	}
	if (line->state == VLY_KERNEL_LINE_OPEN)
		hang_up(line);
	n = vly_kernel_receive(receiver, &line->sock, limit, MSG_DONTWAIT, now_ns);
	if (!n)
		line->state = VLY_KERNEL_LINE_IDLE;
	return n > 0;
}

bool vly_kernel_line_may_wait(struct vly_kernel_line *line)
{
	if (!vly_kernel_line_is_used(line))
		return true;
	if (line->state != VLY_KERNEL_LINE_OLD)
		hang_up(line);
	return false;
}

void vly_kernel_line_ask_missed(struct vly_kernel_line *line, struct vly_ledger_block *ledger)
{
	if (line->state == VLY_KERNEL_LINE_NONE)
		return;
	if (vly_kernel_socket_ask_missed(&line->sock, NULL, ledger) &&
	    line->state == VLY_KERNEL_LINE_IDLE)
		line->state = VLY_KERNEL_LINE_OLD;
}

// --- sending ------------------------------------------------------------------------------------

// A connected socket's error may be of a datagram before.
bool vly_kernel_line_send(const struct vly_kernel_line *line, const struct vly_dgram *dgram,
			  struct vly_ledger_block *ledger)
{
	if (line->state != VLY_KERNEL_LINE_OPEN && line->state != VLY_KERNEL_LINE_NEW)
		return false;
	if (memcmp(&line->peer, &dgram->peer, sizeof(line->peer)) != 0)
		return false;
	if (VLY_LIKELY(vly_call_sendto(line->sock.fd, vly_dgram_data(dgram), dgram->len,
				       MSG_DONTWAIT, NULL, 0) >= 0))
		return true;
	vly_kernel_errors_take(&line->sock, ledger);
	return false;
}
