// SPDX-License-Identifier: BSD-3-Clause
//
// Waiting in the socket backend. Two ways, because a system call is a tenth of a round trip:
//
// - in ppoll, on the sockets and an event descriptor: always right, and exact in time;
// - in recvmsg itself, one call less: with one socket, while datagrams keep coming, and while
//   nobody wakes us as a rule. Nothing but a datagram ends such a wait, so wake() sends one: empty,
//   over the loopback, from a socket that only we know. That it gets through is tried at start; and
//   no such wait is longer than RECEIVE_SLICE_US, rounded up to the kernel's ticks.
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

#include "backend/kernel_error.h"
#include "backend/kernel_line.h"
#include "backend/socket.h"
#include "core/clock.h"
#include "core/compiler.h"

enum {
	RECEIVE_SLICE_US = 1000,
	RECEIVE_WAIT_MIN_NS = 1000000, // a caller with less to spare wants to be exact
	WAKER_TRY_MS = 20,
	HELD_WAIT_NS = 1000000, // with datagrams that wait for room
	NS_PER_S = 1000000000,
};

// --- the datagram that wakes --------------------------------------------------------------------

// Where our socket is reached on this machine.
static struct vly_addr waker_target(const struct vly_kernel_socket *sock)
{
	struct vly_addr target = sock->bound;

	if (sock->is_wildcard) {
		static const uint8_t loopback[16] = {[10] = 0xff, 0xff, 127, 0, 0, 1};

		memcpy(target.ip, loopback, sizeof(target.ip));
	}
	return target;
}

static int waker_connect(const struct vly_kernel_socket *sock, struct vly_addr *source)
{
	struct vly_addr target = waker_target(sock);
	struct sockaddr_in6 name;
	socklen_t size = vly_kernel_addr_write(&name, sock->is_ipv6, &target, 0);
	int fd = socket(sock->is_ipv6 ? AF_INET6 : AF_INET,
			SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (!connect(fd, (struct sockaddr *)&name, size)) {
		size = sizeof(name);
		if (!getsockname(fd, (struct sockaddr *)&name, &size)) {
			vly_kernel_addr_read(source, &name);
			return fd;
		}
	}
	close(fd);
	return -1;
}

// Whether the first datagram in our socket is the waker's; takes it if so.
static bool waker_arrives(const struct vly_backend_queue *queue)
{
	struct pollfd pollfd = {.fd = queue->sockets.list[0].fd, .events = POLLIN};
	struct sockaddr_in6 name = {.sin6_family = AF_UNSPEC};
	socklen_t size = sizeof(name);
	struct vly_addr peer;
	char byte;

	if (poll(&pollfd, 1, WAKER_TRY_MS) != 1 ||
	    recvfrom(pollfd.fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK, (struct sockaddr *)&name,
		     &size) != 0)
		return false;
	vly_kernel_addr_read(&peer, &name);
	if (peer.port != queue->receiver.waker.port ||
	    memcmp(peer.ip, queue->receiver.waker.ip, sizeof(peer.ip)))
		return false;
	return recv(pollfd.fd, &byte, 1, MSG_DONTWAIT) == 0;
}

void vly_socket_waker_open(struct vly_backend_queue *queue)
{
	struct timeval slice = {.tv_usec = RECEIVE_SLICE_US};
	struct vly_kernel_socket *sock = &queue->sockets.list[0];

	if (queue->sockets.count != 1 ||
	    setsockopt(sock->fd, SOL_SOCKET, SO_RCVTIMEO, &slice, sizeof(slice)))
		return;
	queue->receiver.wakes = &queue->sockets.wakes;
	queue->waker_fd = waker_connect(sock, &queue->receiver.waker);
	if (queue->waker_fd < 0)
		return;
	if (send(queue->waker_fd, "", 0, 0) == 0 && waker_arrives(queue))
		return;
	// It may still come, or come when we look no more: it stays known, but is not used.
	atomic_store_explicit(&queue->is_woken_often, true, memory_order_relaxed);
}

void vly_socket_wake(struct vly_backend_queue *queue)
{
	uint64_t one = 1;

	// W1: with sequential consistency, either we see that the thread sleeps, or it sees this
	// before it does (W2).
	atomic_store(&queue->is_woken, true);
	switch (atomic_load(&queue->sleep)) {
	case VLY_SOCKET_POLLING:
		if (write(queue->event_fd, &one, sizeof(one)) < 0)
			return; // it is full of wakes already
		break;
	case VLY_SOCKET_RECEIVING:
		atomic_store_explicit(&queue->is_woken_often, true, memory_order_relaxed);
		// Where the socket is full, what it has wakes as well, and this is lost.
		atomic_fetch_add(&queue->sockets.wakes, 1);
		if (send(queue->waker_fd, "", 0, 0) < 0)
			atomic_fetch_sub(&queue->sockets.wakes, 1);
		break;
	default:
		break;
	}
}

// --- waiting ------------------------------------------------------------------------------------

// W2: announces the sleep, then looks whether somebody has woken us. False: do not sleep.
static bool fall_asleep(struct vly_backend_queue *queue, enum vly_socket_sleep how)
{
	atomic_store(&queue->sleep, (int)how);
	if (!atomic_exchange(&queue->is_woken, false))
		return true;
	atomic_store(&queue->sleep, VLY_SOCKET_AWAKE);
	return false;
}

static bool may_receive(const struct vly_backend_queue *queue, uint64_t timeout_ns)
{
	return queue->is_busy && queue->waker_fd >= 0 && queue->receiver.armed &&
	       !queue->batch.count && timeout_ns >= RECEIVE_WAIT_MIN_NS &&
	       !atomic_load_explicit(&queue->is_woken_often, memory_order_relaxed);
}

// One datagram, by the plainest call. Whether it was there before we slept, the next burst can tell
// by its clock: then there may be more of them.
static void wait_in_receive(struct vly_backend_queue *queue)
{
	if (!fall_asleep(queue, VLY_SOCKET_RECEIVING))
		return;
	queue->slept_from_ns = vly_clock_ns();
	queue->is_busy = vly_kernel_receive_one(&queue->receiver, &queue->sockets.list[0], 0);
	atomic_store(&queue->sleep, VLY_SOCKET_AWAKE);
}

static void receive_ready(struct vly_backend_queue *queue, const struct pollfd *fds, uint32_t count)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (VLY_UNLIKELY(fds[i].revents & POLLERR))
			vly_kernel_errors_take(&queue->sockets.list[i], queue->ledger);
		if (fds[i].revents & ~POLLOUT)
			n += vly_kernel_receive(&queue->receiver, &queue->sockets.list[i],
						queue->receiver.armed_max, MSG_DONTWAIT, 0);
	}
	queue->is_busy = n > 0;
}

static void wait_in_poll(struct vly_backend_queue *queue, uint64_t timeout_ns)
{
	struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / NS_PER_S),
				   .tv_nsec = (long)(timeout_ns % NS_PER_S)};
	struct pollfd fds[VLY_LISTENS_MAX + 1];
	// Without a buffer, what lies in the sockets is nothing to wake for.
	uint32_t count = queue->receiver.armed || queue->pool.free_count ? queue->sockets.count : 0;
	uint64_t wakes;
	int n;

	for (uint32_t i = 0; i < count; i++)
		fds[i] = (struct pollfd){.fd = queue->sockets.list[i].fd, .events = POLLIN};
	fds[count] = (struct pollfd){.fd = queue->event_fd, .events = POLLIN};
	if (!fall_asleep(queue, VLY_SOCKET_POLLING))
		return;
	n = ppoll(fds, count + 1, &timeout, NULL);
	atomic_store(&queue->sleep, VLY_SOCKET_AWAKE);
	queue->is_busy = false;
	if (n <= 0)
		return;
	if (fds[count].revents && read(queue->event_fd, &wakes, sizeof(wakes)) > 0)
		atomic_exchange(&queue->is_woken, false);
	receive_ready(queue, fds, count);
}

int vly_socket_wait(struct vly_backend_queue *queue, uint64_t timeout_ns)
{
	if (vly_kernel_trains_count(&queue->trains) ||
	    vly_kernel_receiver_was_dense(&queue->receiver) ||
	    !vly_kernel_line_may_wait(&queue->sockets.line))
		return 0;
	if (VLY_UNLIKELY(queue->batch.count) && timeout_ns > HELD_WAIT_NS)
		timeout_ns = HELD_WAIT_NS;
	vly_kernel_receiver_rearm(&queue->receiver);
	if (may_receive(queue, timeout_ns))
		wait_in_receive(queue);
	else
		wait_in_poll(queue, timeout_ns);
	return 0;
}
