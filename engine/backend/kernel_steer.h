// SPDX-License-Identifier: BSD-3-Clause
//
// Which of the queues' sockets on one port gets a datagram: a program of ours in the kernel
// (SO_ATTACH_REUSEPORT_CBPF, Linux 4.5, needs no privilege). The kernel's own choice depends on how
// many sockets share the port, so that flows move when one comes or goes; ours on the flow alone.
#pragma once

#include <stdbool.h>

#include "backend/kernel_socket.h"

// To be called when all queues are bound: `first` are the first queue's sockets. All of a flow (the
// peer's address and port) goes to one queue, or, to spread, each datagram to any. Where the kernel
// refuses, it chooses by itself, and the log says so.
void vly_kernel_steer(const struct vly_kernel_sockets *first, const char *name,
		      const struct vly_port_config *config, bool spread);

// Whether this kernel takes such a program: a probe on a socket of its own.
bool vly_kernel_has_steering(void);
