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
#include "backend/kernel_steer.h"
#include "backend/uring.h"
#include "core/fail.h"

enum {
	DETAIL_BYTES = 96,
	BUSY_POLL_MAX_US = 10000,
	ZERO_COPY_BYTES_MAX = 65536,
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
	[VLY_URING_KEY_SQPOLL] = {"sqpoll", VLY_KEY_SWITCH, "off", 0, 0,
				  "let a kernel thread submit, which takes a core"},
	[VLY_URING_KEY_DEFER] = {"defer-taskrun", VLY_KEY_SWITCH, "on", 0, 0,
				 "let the kernel finish receptions only when asked"},
	[VLY_URING_KEY_FIXED] = {"fixed-files", VLY_KEY_SWITCH, "on", 0, 0,
				 "register the sockets with the ring"},
	[VLY_URING_KEY_SHARED] = {"shared", VLY_KEY_SWITCH, "off", 0, 0,
				  "let any thread use a queue, one at a time, as a shared client "
				  "does; costs the deferring"},
	[VLY_URING_KEY_ZERO_COPY] = {"zerocopy", VLY_KEY_SWITCH, "off", 0, 0,
				     "send long trains without a copy (SENDMSG_ZC): for a network "
				     "card, as loopback and veth copy them all the same"},
	[VLY_URING_KEY_ZERO_COPY_BYTES] = {"zerocopy-bytes", VLY_KEY_BYTES, "16k", 1,
					   ZERO_COPY_BYTES_MAX,
					   "how long a train must be for that"},
	[VLY_URING_KEY_MULTISHOT] = {"multishot", VLY_KEY_SWITCH, "off", 0, 0,
				     "receive through the ring also where there is one socket, "
				     "which plain calls are faster at"},
	{NULL, VLY_KEY_TEXT, NULL, 0, 0, NULL},
};

struct vly_backend_port {
	uint32_t queue_count;
	char detail[DETAIL_BYTES];
	struct vly_backend_queue *queues[VLY_QUEUES_MAX];
};

// The ring goes first: it writes into the pool and holds the sockets.
static void close_queue(struct vly_backend_queue *queue)
{
	vly_kernel_sockets_close(&queue->sockets);
	vly_uring_ring_close(queue);
	vly_kernel_batch_abandon(&queue->batch, &queue->sender);
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
	size_t bytes = (sizeof(struct vly_backend_queue) + 63) / 64 * 64;
	struct vly_backend_queue *queue = aligned_alloc(VLY_CACHE_LINE_BYTES, bytes);
	struct vly_backend_queue *first = port->queues[0];
	int rc;

	if (!queue)
		return vly_fail(error, -ENOMEM, "out of memory");
	memset(queue, 0, bytes);
	queue->end_fd = -1;
	port->queues[port->queue_count++] = queue; // what is open so far is closed with the port
	queue->ledger = ledger;
	queue->options = *options;
	// A receive by the ring sees no train that was missed; one sent without a copy must be one.
	queue->options.joins_late = config->listen_count <= 1 && !features->sqpoll &&
				    !features->multishot && !features->zero_copy;
	// Not O_NONBLOCK: a read of it through the ring shall wait.
	queue->event_fd = eventfd(0, EFD_CLOEXEC);
	if (queue->event_fd < 0)
		return vly_kernel_fail_files("uring", -errno, config->queues, error);
	rc = vly_kernel_pool_open(&queue->pool, config->buffers, error);
	if (rc)
		return rc;
	rc = vly_kernel_sockets_open(&queue->sockets, "uring", config, &queue->options,
				     first ? &first->sockets : NULL, port->queue_count - 1, error);
	if (rc)
		return rc;
	queue->sender = (struct vly_kernel_sender){
		.sockets = &queue->sockets,
		.pool = &queue->pool,
		.ledger = ledger,
		.gso = queue->options.gso,
		.log = config->log,
	};
	return vly_uring_ring_open(queue, features, error);
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
	struct vly_kernel_options asked = *options;

	asked.gso = values[VLY_KERNEL_KEY_GSO].on;
	vly_kernel_options_tell("uring", &asked, &first->options, first->sockets.list[0].fd,
				&config->log);
	if (values[VLY_URING_KEY_SQPOLL].on && !first->features.sqpoll)
		vly_log_line(&config->log,
			     "uring: no kernel thread (SQPOLL): submitting ourselves");
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
	rc = vly_kernel_options_read(&options, "uring", values, error);
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
			 values[VLY_KERNEL_KEY_SPREAD].on);
	tell(port, config, values, &options);
	*out = port;
	return 0;

err_close:
	uring_close(port);
	return rc;
}

static uint32_t uring_queue_count(const struct vly_backend_port *port)
{
	return port->queue_count;
}

static struct vly_backend_queue *uring_queue(struct vly_backend_port *port, uint32_t index)
{
	return port->queues[index];
}

static void uring_number(struct vly_backend_queue *queue, uint8_t number)
{
	queue->trains.queue = number;
}

static uint32_t uring_buffer_count(const struct vly_backend_port *port)
{
	return port->queues[0]->pool.count;
}

static struct vly_addr uring_local(const struct vly_backend_port *port)
{
	return port->queues[0]->sockets.list[0].bound;
}

static void uring_ask_class(struct vly_backend_port *port, bool is_wanted)
{
	for (uint32_t i = 0; i < port->queue_count; i++)
		vly_kernel_sockets_ask_class(&port->queues[i]->sockets, is_wanted);
}

static const char *uring_detail(const struct vly_backend_port *port)
{
	return port->detail;
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
	.keys = keys,
	.probe = vly_uring_probe,
	.describe = vly_uring_describe,
	.open = uring_open,
	.close = uring_close,
	.queue_count = uring_queue_count,
	.queue = uring_queue,
	.number = uring_number,
	.buffer_count = uring_buffer_count,
	.local = uring_local,
	.ask_class = uring_ask_class,
	.detail = uring_detail,
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
