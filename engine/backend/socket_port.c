// SPDX-License-Identifier: BSD-3-Clause
//
// Opening and describing the socket backend, and its table.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backend/backends.h"
#include "backend/kernel_port.h"
#include "backend/kernel_steer.h"
#include "backend/socket.h"
#include "core/fail.h"

static int socket_probe(struct vly_error *error)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return vly_fail(error, -errno, "socket: %s; allow the socket call for AF_INET",
				strerror(errno));
	close(fd);
	return 0;
}

static void close_queue(struct vly_backend_queue *queue)
{
	vly_kernel_batch_abandon(&queue->batch, &queue->sender);
	vly_kernel_routes_close(&queue->sender.routes);
	if (queue->waker_fd >= 0)
		close(queue->waker_fd);
	if (queue->event_fd >= 0)
		close(queue->event_fd);
	if (queue->epoll_fd >= 0)
		close(queue->epoll_fd);
	vly_kernel_sockets_close(&queue->sockets);
	vly_kernel_pool_close(&queue->pool);
	free(queue);
}

// Several sockets are asked by one call which of them have something.
static int watch_sockets(struct vly_backend_queue *queue)
{
	if (queue->sockets.count == 1)
		return 0;
	queue->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (queue->epoll_fd < 0)
		return -errno;
	for (uint32_t i = 0; i < queue->sockets.count; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};

		if (epoll_ctl(queue->epoll_fd, EPOLL_CTL_ADD, queue->sockets.list[i].fd, &event))
			return -errno;
	}
	return 0;
}

static int open_queue(struct vly_backend_port *port, const struct vly_port_config *config,
		      const struct vly_kernel_options *options, struct vly_ledger_block *ledger,
		      struct vly_error *error)
{
	struct vly_backend_queue *queue = vly_kernel_queue_alloc(sizeof(*queue));
	int rc;

	if (!queue)
		return vly_fail(error, -ENOMEM, "out of memory");
	queue->waker_fd = -1;
	queue->epoll_fd = -1;
	vly_kernel_port_add(port, queue, &queue->sockets, &queue->pool);
	queue->ledger = ledger;
	queue->options = *options;
	queue->options.joins_late = true;
	queue->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (queue->event_fd < 0)
		return vly_kernel_fail_files("socket", -errno, config, error);
	rc = vly_kernel_pool_open(&queue->pool, config->buffers, error);
	if (rc)
		return rc;
	rc = vly_kernel_port_open_sockets(port, "socket", config, &queue->options, error);
	if (rc)
		return rc;
	rc = watch_sockets(queue);
	if (rc)
		return vly_kernel_fail_files("socket", rc, config, error);
	queue->sender = (struct vly_kernel_sender){
		.sockets = &queue->sockets,
		.pool = &queue->pool,
		.ledger = ledger,
		.gso = queue->options.gso,
		.log = config->log,
	};
	vly_kernel_routes_open(&queue->sender.routes, &queue->options, config->queues);
	vly_kernel_receiver_open(&queue->receiver, &queue->pool, &queue->trains, ledger);
	if (config->queues <= 1)
		vly_socket_waker_open(queue);
	return 0;
}

static void socket_close(struct vly_backend_port *port)
{
	if (!port)
		return;
	for (uint32_t i = 0; i < port->queue_count; i++)
		close_queue(port->queues[i]);
	free(port);
}

static int socket_open(struct vly_backend_port **out, const struct vly_port_config *config,
		       const union vly_value *values, struct vly_ledger_block *const *ledgers,
		       struct vly_error *error)
{
	struct vly_kernel_options options;
	struct vly_backend_port *port = calloc(1, sizeof(*port));
	struct vly_backend_queue *first;
	int rc;

	if (!port)
		return vly_fail(error, -ENOMEM, "out of memory");
	rc = vly_kernel_options_read(&options, "socket", values, error);
	if (!rc)
		rc = vly_kernel_sockets_check("socket", config, error);
	if (rc)
		goto err_close;
	for (uint32_t i = 0; i == 0 || i < config->queues; i++) {
		rc = open_queue(port, config, &options, ledgers[i], error);
		if (rc)
			goto err_close;
	}
	first = port->queues[0];
	vly_kernel_steer(&first->sockets, "socket", config, values[VLY_KERNEL_KEY_SPREAD].on);
	vly_kernel_options_tell("socket", &options, &first->options, first->sockets.list[0].fd,
				&config->log);
	snprintf(port->detail, sizeof(port->detail), "gro %s, gso %s",
		 first->options.gro ? "on" : "off", first->options.gso ? "on" : "off");
	*out = port;
	return 0;

err_close:
	socket_close(port);
	return rc;
}

static void socket_number(struct vly_backend_queue *queue, uint8_t number)
{
	queue->trains.queue = number;
}

static uint32_t socket_alloc_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
				   uint32_t count)
{
	return vly_kernel_pool_alloc(&queue->pool, dgrams, count);
}

static void socket_release_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
				 uint32_t count)
{
	vly_kernel_pool_release(&queue->pool, dgrams, count);
}

static void socket_look(struct vly_backend_queue *queue, uint32_t times)
{
	queue->receiver.looks = times;
}

static uint32_t socket_gather(struct vly_backend_queue *queue)
{
	return vly_kernel_batch_gather(&queue->batch, &queue->sender);
}

static uint32_t socket_fds(const struct vly_backend_queue *queue, int *fds, uint32_t max)
{
	uint32_t count = queue->sockets.count < max ? queue->sockets.count : max;

	for (uint32_t i = 0; i < count; i++)
		fds[i] = queue->sockets.list[i].fd;
	return count;
}

const struct vly_backend vly_backend_socket = {
	.name = "socket",
	.summary = "the kernel's UDP through recvmmsg and sendmmsg",
	.layer = VLY_LAYER_DATAGRAM,
	.keys = vly_kernel_keys + VLY_URING_KEY_COUNT,
	.probe = socket_probe,
	.describe = vly_kernel_options_describe,
	.open = socket_open,
	.close = socket_close,
	.queue_count = vly_kernel_port_queue_count,
	.queue = vly_kernel_port_queue,
	.number = socket_number,
	.buffer_count = vly_kernel_port_buffer_count,
	.local = vly_kernel_port_local,
	.ask_class = vly_kernel_port_ask_class,
	.detail = vly_kernel_port_detail,
	.look = socket_look,
	.rx_burst = vly_socket_rx_burst,
	.tx_burst = vly_socket_tx_burst,
	.gather = socket_gather,
	.alloc_burst = socket_alloc_burst,
	.release_burst = socket_release_burst,
	.wait = vly_socket_wait,
	.wake = vly_socket_wake,
	.fds = socket_fds,
	.flush = vly_socket_flush,
};
