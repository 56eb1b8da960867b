// SPDX-License-Identifier: BSD-3-Clause
//
// Multicast on the kernel's sockets (RFC 3678). The kernel gives a copy of what comes to a group to
// every socket that has joined it, so each group is joined by one queue alone.
#pragma once

#include "backend/kernel_socket.h"

// Joins those of config->groups that fall to queue `queue`, on each of its sockets that takes them.
// Returns 0, or with the fix: -EINVAL (no listen takes it), -ENODEV (no route, no multicast on that
// interface), -ENOBUFS (more than the system allows).
int vly_kernel_groups_join(struct vly_kernel_sockets *sockets, const char *name,
			   const struct vly_port_config *config, uint32_t queue,
			   struct vly_error *error);

// Prepares a socket before it is bound: it shall hear no group but those it joins, and may send to
// broadcast addresses. On a group's own address and port many programs may listen: all get it.
void vly_kernel_groups_prepare(int fd, bool is_ipv6, const struct vly_addr *bound);
