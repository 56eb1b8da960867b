// SPDX-License-Identifier: BSD-3-Clause
//
// A port of a kernel backend: its queues, which each backend has of its own kind, and the slots of
// the vtable that ask no more of a queue than its sockets. Control thread.
#pragma once

#include "backend/backend.h"
#include "backend/kernel_socket.h"

struct vly_kernel_pool;

enum vly_kernel_port_limits {
	VLY_KERNEL_DETAIL_BYTES = 96,
};

struct vly_backend_port {
	uint32_t queue_count;
	char detail[VLY_KERNEL_DETAIL_BYTES];
	const struct vly_kernel_pool *pool; // the first queue's; the others' are as large
	struct vly_backend_queue *queues[VLY_QUEUES_MAX];
	struct vly_kernel_sockets *sockets[VLY_QUEUES_MAX]; // of each queue
};

// A queue of `bytes` bytes, zeroed and in cache lines of its own; free() it. NULL: out of memory.
struct vly_backend_queue *vly_kernel_queue_alloc(size_t bytes);

// Puts a queue behind the others, with those parts of it, and before they are opened: so that
// whatever is open is closed with the port.
void vly_kernel_port_add(struct vly_backend_port *port, struct vly_backend_queue *queue,
			 struct vly_kernel_sockets *sockets, const struct vly_kernel_pool *pool);

// Opens the sockets of the queue that was added last.
int vly_kernel_port_open_sockets(struct vly_backend_port *port, const char *name,
				 const struct vly_port_config *config,
				 struct vly_kernel_options *options, struct vly_error *error);

// As in backend.h.
uint32_t vly_kernel_port_queue_count(const struct vly_backend_port *port);
struct vly_backend_queue *vly_kernel_port_queue(struct vly_backend_port *port, uint32_t index);
uint32_t vly_kernel_port_buffer_count(const struct vly_backend_port *port);
struct vly_addr vly_kernel_port_local(const struct vly_backend_port *port);
void vly_kernel_port_ask_class(struct vly_backend_port *port, bool is_wanted);
const char *vly_kernel_port_detail(const struct vly_backend_port *port);
