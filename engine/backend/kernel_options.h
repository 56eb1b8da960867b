// SPDX-License-Identifier: BSD-3-Clause
//
// What both kernel backends let one choose (-o key=value), and what this kernel has of it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <volley/error.h>
#include <volley/key.h>

#include "backend/kernel_keys.h"
#include "backend/kernel_stamp.h"

// What is asked of the sockets; switched off where the kernel has it not.
struct vly_kernel_options {
	bool gro;
	bool gso;
	bool joins_late;       // bare sockets wait with UDP_GRO until there are trains
	uint64_t rcvbuf_bytes; // 0: the system's
	uint64_t sndbuf_bytes; // 0: the system's
	uint32_t busy_poll_us; // 0: none
	enum vly_kernel_stamping stamping;
	bool icmp_errors; // a server is told of them, too
	bool connects;    // peers get connected sockets (kernel_line.h, kernel_route.h)
};

// What `values`, by enum vly_kernel_key, ask for. Returns 0, or -EINVAL for a word that is none;
// `name` is the backend's.
int vly_kernel_options_read(struct vly_kernel_options *options, const char *name,
			    const union vly_value *values, struct vly_error *error);

// Says what was asked for and could not be had, by a socket that was set up with `got`.
void vly_kernel_options_tell(const char *name, const struct vly_kernel_options *asked,
			     const struct vly_kernel_options *got, int fd,
			     const struct vly_log *log);

// Sets a socket's buffers: beyond the system's limit where we may, else up to it.
void vly_kernel_buffers_set(int fd, const struct vly_kernel_options *options);
// Lets the kernel poll the device for a socket, if `us` is not 0. False: we may not.
bool vly_kernel_busy_poll_set(int fd, uint32_t us);

// Whether this kernel can cut and join datagrams: a probe on a socket of its own.
bool vly_kernel_has_gso(void);
bool vly_kernel_has_gro(void);

// One line each, for `backends -v`.
void vly_kernel_options_describe(const struct vly_log *log);
