// SPDX-License-Identifier: BSD-3-Clause
#include "backend/kernel_port.h"

#include <stdlib.h>
#include <string.h>

#include "backend/kernel_pool.h"

struct vly_backend_queue *vly_kernel_queue_alloc(size_t bytes)
{
	size_t lines = (bytes + VLY_CACHE_LINE_BYTES - 1) / VLY_CACHE_LINE_BYTES;
	void *queue = aligned_alloc(VLY_CACHE_LINE_BYTES, lines * VLY_CACHE_LINE_BYTES);

	if (queue)
		memset(queue, 0, bytes);
	return queue;
}

void vly_kernel_port_add(struct vly_backend_port *port, struct vly_backend_queue *queue,
			 struct vly_kernel_sockets *sockets, const struct vly_kernel_pool *pool)
{
	if (!port->queue_count)
		port->pool = pool;
	port->sockets[port->queue_count] = sockets;
	port->queues[port->queue_count++] = queue;
}

int vly_kernel_port_open_sockets(struct vly_backend_port *port, const char *name,
				 const struct vly_port_config *config,
				 struct vly_kernel_options *options, struct vly_error *error)
{
	uint32_t queue = port->queue_count - 1;

	return vly_kernel_sockets_open(port->sockets[queue], name, config, options,
				       queue ? port->sockets[0] : NULL, queue, error);
}

uint32_t vly_kernel_port_queue_count(const struct vly_backend_port *port)
{
	return port->queue_count;
}

struct vly_backend_queue *vly_kernel_port_queue(struct vly_backend_port *port, uint32_t index)
{
	return port->queues[index];
}

uint32_t vly_kernel_port_buffer_count(const struct vly_backend_port *port)
{
	return port->pool->count;
}

struct vly_addr vly_kernel_port_local(const struct vly_backend_port *port)
{
	return port->sockets[0]->list[0].bound;
}

void vly_kernel_port_ask_class(struct vly_backend_port *port, bool is_wanted)
{
	for (uint32_t i = 0; i < port->queue_count; i++)
		vly_kernel_sockets_ask_class(port->sockets[i], is_wanted);
}

const char *vly_kernel_port_detail(const struct vly_backend_port *port)
{
	return port->detail;
}
