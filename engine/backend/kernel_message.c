// SPDX-License-Identifier: BSD-3-Clause
#include "backend/kernel_message.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

#include "backend/kernel_call.h"
#include "backend/kernel_error.h"
#include "backend/kernel_line.h"
#include "core/compiler.h"

bool vly_kernel_is_full(int error)
{
	return error == -EAGAIN || error == -ENOBUFS || error == -ENOMEM || error == -EINTR;
}

enum vly_drop vly_kernel_drop_of(int error)
{
	switch (error) {
	case -EMSGSIZE:
		return VLY_DROP_TX_OVERSIZE;
	case -ENETUNREACH:
	case -EHOSTUNREACH:
	case -EAFNOSUPPORT:
	case -EADDRNOTAVAIL: // no address of that family to send from, as without IPv6
	case -ENETDOWN:
	case -ENODEV:
		return VLY_DROP_TX_NO_ROUTE;
	default:
		return VLY_DROP_TX_REFUSED;
	}
}

static void add_control(struct msghdr *msg, int level, int type, const void *data, size_t bytes)
{
	struct cmsghdr *cmsg =
		(struct cmsghdr *)(void *)((uint8_t *)msg->msg_control + msg->msg_controllen);

	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(bytes);
	memcpy(CMSG_DATA(cmsg), data, bytes);
	msg->msg_controllen += CMSG_SPACE(bytes);
}

// The source, where the socket leaves it open; and the interface towards a group or everybody, whom
// there may be one on each.
static void add_source_ipv4(struct msghdr *msg, const struct vly_kernel_socket *sock,
			    const struct vly_dgram *dgram)
{
	const struct vly_addr *local = sock->is_wildcard ? &dgram->local : &sock->bound;
	const uint8_t *ip = local->ip + 12;
	// A group's or everybody's address is no source; 0.0.0.0 leaves it to the routes.
	bool has_source = vly_addr_is_ipv4(local) && ip[0] && ip[0] < 224;
	bool has_interface = dgram->peer.ip[12] >= 224 && dgram->link;
	struct in_pktinfo info = {.ipi_ifindex = has_interface ? (int)dgram->link : 0};

	if (!has_interface && !(sock->is_wildcard && has_source))
		return;
	if (has_source)
		memcpy(&info.ipi_spec_dst, ip, sizeof(info.ipi_spec_dst));
	add_control(msg, SOL_IP, IP_PKTINFO, &info, sizeof(info));
}

static void add_source_ipv6(struct msghdr *msg, const struct vly_dgram *dgram)
{
	struct in6_pktinfo info = {.ipi6_ifindex = 0};

	if (vly_addr_is_wildcard(&dgram->local) || dgram->local.ip[0] == 0xff)
		return;
	memcpy(&info.ipi6_addr, dgram->local.ip, sizeof(info.ipi6_addr));
	if (vly_kernel_ip_is_scoped(dgram->peer.ip))
		info.ipi6_ifindex = dgram->link;
	add_control(msg, SOL_IPV6, IPV6_PKTINFO, &info, sizeof(info));
}

void vly_kernel_message_write(struct msghdr *msg, struct sockaddr_in6 *name, uint8_t *control,
			      const struct vly_kernel_socket *sock, const struct vly_dgram *dgram,
			      uint16_t segment)
{
	bool is_ipv4 = vly_addr_is_ipv4(&dgram->peer);
	int level = is_ipv4 ? SOL_IP : SOL_IPV6;

	msg->msg_name = name;
	msg->msg_namelen = vly_kernel_addr_write(name, sock->is_ipv6, &dgram->peer, dgram->link);
	msg->msg_control = control;
	msg->msg_controllen = 0;
	if (is_ipv4)
		add_source_ipv4(msg, sock, dgram);
	else if (sock->is_wildcard && !vly_addr_is_ipv4(&dgram->local))
		add_source_ipv6(msg, dgram);
	if (!vly_kernel_is_reply(dgram) && dgram->ttl) {
		int ttl = dgram->ttl;

		add_control(msg, level, is_ipv4 ? IP_TTL : IPV6_HOPLIMIT, &ttl, sizeof(ttl));
	}
	if (!vly_kernel_is_reply(dgram) && dgram->tos) {
		int tos = dgram->tos;

		add_control(msg, level, is_ipv4 ? IP_TOS : IPV6_TCLASS, &tos, sizeof(tos));
	}
	if (segment)
		add_control(msg, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment));
	if (!msg->msg_controllen)
		msg->msg_control = NULL;
}

void vly_kernel_message_write_bare(struct msghdr *msg, uint8_t *control, uint16_t segment)
{
	msg->msg_name = NULL;
	msg->msg_namelen = 0;
	msg->msg_control = segment ? control : NULL;
	msg->msg_controllen = 0;
	if (segment)
		add_control(msg, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment));
}

// The reply to what came alone to the only socket: its name is all there is to say.
static bool is_straight(const struct vly_kernel_sockets *sockets, const struct vly_dgram *dgram)
{
	return sockets->count == 1 && sockets->list[0].is_bare && vly_kernel_is_reply(dgram) &&
	       !dgram->link && dgram->peer.port && vly_addr_is_ipv4(&dgram->peer);
}

static void write_name(struct msghdr *msg, struct sockaddr_in6 *name, const struct vly_addr *peer)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(peer->port)};

	memcpy(&in.sin_addr, peer->ip + 12, sizeof(in.sin_addr));
	memcpy(name, &in, sizeof(in));
	msg->msg_name = name;
	msg->msg_namelen = sizeof(in);
}

// True: it was sent by a route (*error is 0), or the route's queue is full. False: the socket is to
// send it; a route that failed is closed.
static bool send_by_route(struct vly_kernel_sender *sender, const struct vly_kernel_socket *sock,
			  const struct vly_dgram *dgram, int *error)
{
	struct vly_kernel_route *route;

	vly_kernel_routes_begin(&sender->routes);
	route = vly_kernel_routes_get(&sender->routes, sock, dgram);
	if (!route)
		return false;
	*error = 0;
	if (VLY_LIKELY(vly_call_sendto(route->fd, vly_dgram_data(dgram), dgram->len, MSG_DONTWAIT,
				       NULL, 0) >= 0))
		return true;
	*error = -errno;
	if (vly_kernel_is_full(*error))
		return true;
	vly_kernel_route_refuse(route);
	return false;
}

static int send_by_socket(struct vly_kernel_sender *sender, const struct vly_kernel_socket *sock,
			  const struct vly_dgram *dgram, bool straight)
{
	_Alignas(8) uint8_t control[VLY_KERNEL_CONTROL_BYTES];
	struct sockaddr_in6 name;
	struct iovec iov = {.iov_base = vly_dgram_data(dgram), .iov_len = dgram->len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t rc;

	if (VLY_LIKELY(straight))
		write_name(&msg, &name, &dgram->peer);
	else
		vly_kernel_message_write(&msg, &name, control, sock, dgram, 0);
	if (msg.msg_control)
		rc = vly_call_sendmsg(sock->fd, &msg, MSG_DONTWAIT);
	else
		rc = vly_call_sendto(sock->fd, iov.iov_base, iov.iov_len, MSG_DONTWAIT, &name,
				     msg.msg_namelen);
	if (VLY_LIKELY(rc >= 0))
		return 0;
	return vly_kernel_errors_resend(sock, sender->ledger, &msg, -errno);
}

bool vly_kernel_send_lone(struct vly_kernel_sender *sender, struct vly_dgram *dgram)
{
	bool straight = is_straight(sender->sockets, dgram);
	const struct vly_kernel_socket *sock =
		straight ? sender->sockets->list : vly_kernel_sockets_pick(sender->sockets, dgram);
	int error = 0;

	if (VLY_UNLIKELY(!sock || !dgram->peer.port))
		error = sock ? -EDESTADDRREQ : -EAFNOSUPPORT;
	else if (!(straight &&
		   vly_kernel_line_send(&sender->sockets->line, dgram, sender->ledger)) &&
		 !send_by_route(sender, sock, dgram, &error))
		error = send_by_socket(sender, sock, dgram, straight);
	if (VLY_LIKELY(!error))
		vly_count(&sender->ledger->sent, 1);
	else if (vly_kernel_is_full(error))
		return false;
	else
		vly_count_drop(sender->ledger, dgram, vly_kernel_drop_of(error));
	vly_kernel_pool_release(sender->pool, &dgram, 1);
	return true;
}
