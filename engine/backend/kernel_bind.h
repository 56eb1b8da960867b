// SPDX-License-Identifier: BSD-3-Clause
//
// Where the sockets of a queue are bound: at the listens; a client's, which has none, at the
// addresses that it is to send from, or at none in particular, with a port of the kernel's choice.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <volley/port.h>

// How many sockets a queue has.
uint32_t vly_kernel_bind_count(const struct vly_port_config *config);

// Where one of them is bound; index is below that count.
struct vly_endpoint vly_kernel_bind_at(const struct vly_port_config *config, uint32_t index);

// Whether one listen overlaps another, of which the kernel would only say that the port is in use;
// or nothing, of one that queues share, and deal the flows out to the wrong ones. Returns 0, or
// -EADDRINUSE and a line that names both.
int vly_kernel_bind_check(const char *name, const struct vly_port_config *config,
			  struct vly_error *error);

// As connect(2).
int vly_kernel_connect(int fd, bool is_ipv6, const struct vly_addr *addr);

// Writes why a socket could not be bound there, and returns code, a negative errno. `name` is the
// backend's.
int vly_kernel_bind_fail(const char *name, int code, const struct vly_addr *addr,
			 struct vly_error *error);
