// SPDX-License-Identifier: BSD-3-Clause
//
// Opening and describing the io_uring backend, and its table.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backend/backends.h"
#include "backend/kernel_port.h"
#include "backend/kernel_steer.h"
#include "backend/uring.h"
#include "core/fail.h"

// The ring goes first: it writes into the pool and holds the sockets.
static void close_queue(struct vly_backend_queue *queue)
{
	vly_kernel_sockets_close(&queue->sockets);
	vly_uring_ring_close(queue);
	vly_kernel_batch_abandon(&queue->batch, &queue->sender);
	vly_kernel_routes_close(&queue->sender.routes);
	if (queue->event_fd >= 0)
		close(queue->event_fd);
	vly_kernel_pool_close(&queue->pool);
	free(queue);
}

static int open_queue(struct vly_backend_port *port, const struct vly_port_config *config,
		      const struct vly_kernel_options *options,
		      const struct vly_uring_features *features, struct vly_ledger_block *ledger,
		      struct vly_error *error)
{
	struct vly_backend_queue *queue = vly_kernel_queue_alloc(sizeof(*queue));
	int rc;

	if (!queue)
		return vly_fail(error, -ENOMEM, "out of memory");
	queue->end_fd = -1;
	vly_kernel_port_add(port, queue, &queue->sockets, &queue->pool);
	queue->ledger = ledger;
	queue->options = *options;
	// A receive by the ring sees no train that was missed; one sent without a copy must be one.
	queue->options.joins_late = config->listen_count <= 1 && !features->sqpoll &&
				    !features->multishot && !features->zero_copy;
	// Not O_NONBLOCK: a read of it through the ring shall wait.
	queue->event_fd = eventfd(0, EFD_CLOEXEC);
	if (queue->event_fd < 0)
		return vly_kernel_fail_files("uring", -errno, config, error);
	rc = vly_kernel_pool_open(&queue->pool, config->buffers, error);
	if (rc)
		return rc;
	rc = vly_kernel_port_open_sockets(port, "uring", config, &queue->options, error);
	if (rc)
		return rc;
	queue->sender = (struct vly_kernel_sender){
		.sockets = &queue->sockets,
		.pool = &queue->pool,
		.ledger = ledger,
		.gso = queue->options.gso,
		.log = config->log,
	};
	vly_kernel_routes_open(&queue->sender.routes, &queue->options, config->queues);
	rc = vly_uring_ring_open(queue, features, error);
	if (rc == -EMFILE)
		return vly_kernel_fail_files("uring", rc, config, error);
	return rc;
}

static void uring_close(struct vly_backend_port *port)
{
	if (!port)
		return;
	for (uint32_t i = 0; i < port->queue_count; i++)
		close_queue(port->queues[i]);
	free(port);
}

static void tell(struct vly_backend_port *port, const struct vly_port_config *config,
		 const union vly_value *values, const struct vly_kernel_options *options)
{
	const struct vly_backend_queue *first = port->queues[0];

	vly_kernel_options_tell("uring", options, &first->options, first->sockets.list[0].fd,
				&config->log);
	if (values[VLY_URING_KEY_SQPOLL].on && !first->features.sqpoll)
		vly_log_line(&config->log,
			     "uring: no kernel thread (SQPOLL): submitting ourselves, as the "
			     "kernel refuses one");
	if (options->busy_poll_us && !first->features.napi)
		vly_log_line(&config->log, "uring: no device polling: needs Linux 6.9");
	if (values[VLY_URING_KEY_ZERO_COPY].on && !first->features.zero_copy)
		vly_log_line(&config->log, "uring: no sends without a copy: needs Linux 6.1");
	snprintf(port->detail, sizeof(port->detail), "gro %s, gso %s, %s, %s%s",
		 first->options.gro ? "on" : "off", first->options.gso ? "on" : "off",
		 first->features.sqpoll          ? "sqpoll"
		 : first->features.defer_taskrun ? "deferred task work"
						 : "cooperative task work",
		 first->is_direct ? "plain receives" : "multishot receives",
		 first->features.zero_copy ? ", zero copy" : "");
}

static int uring_open(struct vly_backend_port **out, const struct vly_port_config *config,
		      const union vly_value *values, struct vly_ledger_block *const *ledgers,
		      struct vly_error *error)
{
	const union vly_value *shared = values + VLY_URING_KEY_COUNT;
	struct vly_kernel_options options;
	struct vly_uring_features features = {
		.sqpoll = values[VLY_URING_KEY_SQPOLL].on,
		.defer_taskrun = values[VLY_URING_KEY_DEFER].on,
		.fixed_files = values[VLY_URING_KEY_FIXED].on,
		.shared = values[VLY_URING_KEY_SHARED].on,
		.multishot = values[VLY_URING_KEY_MULTISHOT].on,
		.zero_copy = values[VLY_URING_KEY_ZERO_COPY].on,
		.zero_copy_bytes = (uint32_t)values[VLY_URING_KEY_ZERO_COPY_BYTES].number,
	};
	struct vly_backend_port *port = calloc(1, sizeof(*port));
	int rc;

	if (!port)
		return vly_fail(error, -ENOMEM, "out of memory");
	rc = vly_kernel_options_read(&options, "uring", shared, error);
	if (!rc)
		rc = vly_kernel_sockets_check("uring", config, error);
	if (rc)
		goto err_close;
	for (uint32_t i = 0; i == 0 || i < config->queues; i++) {
		rc = open_queue(port, config, &options, &features, ledgers[i], error);
		if (rc)
			goto err_close;
	}
	vly_kernel_steer(&port->queues[0]->sockets, "uring", config,
			 shared[VLY_KERNEL_KEY_SPREAD].on);
	tell(port, config, values, &options);
	*out = port;
	return 0;

err_close:
	uring_close(port);
	return rc;
}

static void uring_number(struct vly_backend_queue *queue, uint8_t number)
{
	queue->trains.queue = number;
}

static uint32_t uring_alloc_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
				  uint32_t count)
{
	return vly_kernel_pool_alloc(&queue->pool, dgrams, count);
}

static void uring_release_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
				uint32_t count)
{
	vly_kernel_pool_release(&queue->pool, dgrams, count);
}

static void uring_look(struct vly_backend_queue *queue, uint32_t times)
{
	queue->receiver.looks = times;
}

static uint32_t uring_gather(struct vly_backend_queue *queue)
{
	return vly_kernel_batch_gather(&queue->batch, &queue->sender);
}

// The ring's tells of completions, the sockets' of what the kernel puts off until it is called: a
// ring whose task work is deferred does not wake who polls it.
static uint32_t uring_fds(const struct vly_backend_queue *queue, int *fds, uint32_t max)
{
	uint32_t count = 0;

	if (max)
		fds[count++] = queue->ring.ring_fd;
	for (uint32_t i = 0; i < queue->sockets.count && count < max; i++)
		fds[count++] = queue->sockets.list[i].fd;
	return count;
}

const struct vly_backend vly_backend_uring = {
	.name = "uring",
	.summary = "the kernel's UDP through io_uring",
	.layer = VLY_LAYER_DATAGRAM,
	.keys = vly_kernel_keys,
	.probe = vly_uring_probe,
	.describe = vly_uring_describe,
	.open = uring_open,
	.close = uring_close,
	.queue_count = vly_kernel_port_queue_count,
	.queue = vly_kernel_port_queue,
	.number = uring_number,
	.buffer_count = vly_kernel_port_buffer_count,
	.local = vly_kernel_port_local,
	.ask_class = vly_kernel_port_ask_class,
	.detail = vly_kernel_port_detail,
	.look = uring_look,
	.rx_burst = vly_uring_rx_burst,
	.tx_burst = vly_uring_tx_burst,
	.gather = uring_gather,
	.alloc_burst = uring_alloc_burst,
	.release_burst = uring_release_burst,
	.wait = vly_uring_wait,
	.wake = vly_uring_wake,
	.fds = uring_fds,
	.flush = vly_uring_flush,
};
