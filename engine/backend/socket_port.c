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
#include "backend/kernel_steer.h"
#include "backend/socket.h"
#include "core/fail.h"

enum {
	DETAIL_BYTES = 64,
	BUSY_POLL_MAX_US = 10000,
};

static const struct vly_key keys[] = {
	[VLY_KERNEL_KEY_GRO] = {"gro", VLY_KEY_SWITCH, "on", 0, 0,
				"receive trains of one flow as one (UDP_GRO)"},
	[VLY_KERNEL_KEY_GSO] = {"gso", VLY_KEY_SWITCH, "on", 0, 0,
				"send trains of one flow as one (UDP_SEGMENT)"},
	[VLY_KERNEL_KEY_RCVBUF] = {"rcvbuf", VLY_KEY_BYTES, "4M", 0, 1u << 30,
				   "receive buffer of each socket; 0: the system's"},
	[VLY_KERNEL_KEY_SNDBUF] = {"sndbuf", VLY_KEY_BYTES, "1M", 0, 1u << 30,
				   "send buffer of each socket; 0: the system's"},
	[VLY_KERNEL_KEY_BUSY_POLL] = {"busy-poll-us", VLY_KEY_NUMBER, "0", 0, BUSY_POLL_MAX_US,
				      "let the kernel poll the device so long before it sleeps"},
	[VLY_KERNEL_KEY_TIMESTAMPS] = {"timestamps", VLY_KEY_TEXT, "off", 0, 0,
				       "when a datagram was received: off (when we took it), "
				       "software (when the kernel did) or hardware (the NIC)"},
	[VLY_KERNEL_KEY_SPREAD] = {"spread", VLY_KEY_SWITCH, "off", 0, 0,
				   "deal each datagram out to any queue, so that one peer keeps "
				   "all busy; its order is lost"},
	[VLY_KERNEL_KEY_ICMP_ERRORS] = {"icmp-errors", VLY_KEY_SWITCH, "off", 0, 0,
					"count the ICMP errors that what we send meets, which a "
					"client always does"},
	[VLY_KERNEL_KEY_CONNECT] = {"connect", VLY_KEY_SWITCH, "on", 0, 0,
				    "give a peer with one datagram in flight a connected socket, "
				    "while the thread spins and has one address"},
	{NULL, VLY_KEY_TEXT, NULL, 0, 0, NULL},
};

struct vly_backend_port {
	uint32_t queue_count;
	char detail[DETAIL_BYTES];
	struct vly_backend_queue *queues[VLY_QUEUES_MAX];
};

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
	if (!queue)
		return;
	vly_kernel_batch_abandon(&queue->batch, &queue->sender);
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
	size_t bytes = (sizeof(struct vly_backend_queue) + 63) / 64 * 64;
	struct vly_backend_queue *queue = aligned_alloc(VLY_CACHE_LINE_BYTES, bytes);
	struct vly_backend_queue *first = port->queues[0];
	int rc;

	if (!queue)
		return vly_fail(error, -ENOMEM, "out of memory");
	memset(queue, 0, bytes);
	queue->waker_fd = -1;
	queue->epoll_fd = -1;
	port->queues[port->queue_count++] = queue; // what is open so far is closed with the port
	queue->ledger = ledger;
	queue->options = *options;
	queue->options.joins_late = true;
	queue->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (queue->event_fd < 0)
		return vly_kernel_fail_files("socket", -errno, config->queues, error);
	rc = vly_kernel_pool_open(&queue->pool, config->buffers, error);
	if (rc)
		return rc;
	rc = vly_kernel_sockets_open(&queue->sockets, "socket", config, &queue->options,
				     first ? &first->sockets : NULL, port->queue_count - 1, error);
	if (rc)
		return rc;
	rc = watch_sockets(queue);
	if (rc)
		return vly_kernel_fail_files("socket", rc, config->queues, error);
	queue->sender = (struct vly_kernel_sender){
		.sockets = &queue->sockets,
		.pool = &queue->pool,
		.ledger = ledger,
		.gso = queue->options.gso,
		.log = config->log,
	};
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
	struct vly_kernel_options asked;
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
	asked = options;
	asked.gso = values[VLY_KERNEL_KEY_GSO].on;
	vly_kernel_options_tell("socket", &asked, &first->options, first->sockets.list[0].fd,
				&config->log);
	snprintf(port->detail, sizeof(port->detail), "gro %s, gso %s",
		 first->options.gro ? "on" : "off", first->options.gso ? "on" : "off");
	*out = port;
	return 0;

err_close:
	socket_close(port);
	return rc;
}

static uint32_t socket_queue_count(const struct vly_backend_port *port)
{
	return port->queue_count;
}

static struct vly_backend_queue *socket_queue(struct vly_backend_port *port, uint32_t index)
{
	return port->queues[index];
}

static void socket_number(struct vly_backend_queue *queue, uint8_t number)
{
	queue->trains.queue = number;
}

static uint32_t socket_buffer_count(const struct vly_backend_port *port)
{
	return port->queues[0]->pool.count;
}

static struct vly_addr socket_local(const struct vly_backend_port *port)
{
	return port->queues[0]->sockets.list[0].bound;
}

static void socket_ask_class(struct vly_backend_port *port, bool is_wanted)
{
	for (uint32_t i = 0; i < port->queue_count; i++)
		vly_kernel_sockets_ask_class(&port->queues[i]->sockets, is_wanted);
}

static const char *socket_detail(const struct vly_backend_port *port)
{
	return port->detail;
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
	.keys = keys,
	.probe = socket_probe,
	.describe = vly_kernel_options_describe,
	.open = socket_open,
	.close = socket_close,
	.queue_count = socket_queue_count,
	.queue = socket_queue,
	.number = socket_number,
	.buffer_count = socket_buffer_count,
	.local = socket_local,
	.ask_class = socket_ask_class,
	.detail = socket_detail,
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
