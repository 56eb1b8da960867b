// SPDX-License-Identifier: BSD-3-Clause
#include "backend/kernel_error.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <string.h>

#include "core/compiler.h"

enum {
	RESENDS = 4, // each after an error that has come meanwhile
	CONTROL_BYTES = 256,
};

void vly_kernel_errors_enable(struct vly_kernel_socket *sock)
{
	int on = 1;

	sock->tells_errors = setsockopt(sock->fd, SOL_IP, IP_RECVERR, &on, sizeof(on)) == 0;
	if (sock->is_ipv6)
		setsockopt(sock->fd, SOL_IPV6, IPV6_RECVERR, &on, sizeof(on));
}

// What the errors of RFC 792 and RFC 4443 become on a socket.
static bool is_remote(int error)
{
	switch (error) {
	case -ECONNREFUSED:
	case -EHOSTUNREACH:
	case -ENETUNREACH:
	case -EHOSTDOWN:
	case -ENONET:
	case -EPROTO:
	case -ENOPROTOOPT:
	case -EOPNOTSUPP:
	case -EACCES:
	case -EMSGSIZE:
		return true;
	default:
		return false;
	}
}

static bool is_error(const struct cmsghdr *cmsg)
{
	return (cmsg->cmsg_level == SOL_IP && cmsg->cmsg_type == IP_RECVERR) ||
	       (cmsg->cmsg_level == SOL_IPV6 && cmsg->cmsg_type == IPV6_RECVERR);
}

// Those that the kernel itself has made, the failing call has told already.
static uint32_t count_one(struct msghdr *msg, struct vly_ledger_block *ledger)
{
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		struct sock_extended_err err;

		if (!is_error(cmsg))
			continue;
		memcpy(&err, CMSG_DATA(cmsg), sizeof(err));
		if (err.ee_origin != SO_EE_ORIGIN_ICMP && err.ee_origin != SO_EE_ORIGIN_ICMP6)
			return 0;
		vly_count_lost(ledger,
			       err.ee_errno == ECONNREFUSED ? VLY_DROP_RX_REFUSED
							    : VLY_DROP_RX_UNREACHABLE,
			       1);
		return 1;
	}
	return 0;
}

uint32_t vly_kernel_errors_take(const struct vly_kernel_socket *sock,
				struct vly_ledger_block *ledger)
{
	uint32_t n = 0;

	if (!sock->tells_errors)
		return 0;
	for (;;) {
		_Alignas(8) uint8_t control[CONTROL_BYTES];
		struct msghdr msg = {.msg_control = control, .msg_controllen = sizeof(control)};

		if (recvmsg(sock->fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			return n;
		n += count_one(&msg, ledger);
	}
}

void vly_kernel_errors_receive(const struct vly_kernel_socket *sock,
			       struct vly_ledger_block *ledger, int error)
{
	if (error == -EAGAIN || error == -EINTR)
		return;
	if (vly_kernel_errors_take(sock, ledger) || (sock->tells_errors && is_remote(error)))
		return;
	vly_count_lost(ledger, VLY_DROP_RX_ERROR, 1);
}

int vly_kernel_errors_resend(const struct vly_kernel_socket *sock, struct vly_ledger_block *ledger,
			     const struct msghdr *msg, int error)
{
	for (uint32_t i = 0; i < RESENDS && sock->tells_errors && is_remote(error); i++) {
		// Refused is never said of a datagram that has not left yet; the others may be.
		if (!vly_kernel_errors_take(sock, ledger) && error != -ECONNREFUSED)
			break;
		error = sendmsg(sock->fd, msg, MSG_DONTWAIT) < 0 ? -errno : 0;
	}
	return error;
}
