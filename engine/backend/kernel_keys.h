// SPDX-License-Identifier: BSD-3-Clause
//
// The options (-o key=value) of both kernel backends, in one table: those of the ring alone come
// first, so that what follows them is a table as well, the sockets'.
#pragma once

#include <volley/key.h>

// The rows that only uring has: its table begins with them.
enum vly_uring_key {
	VLY_URING_KEY_SQPOLL,
	VLY_URING_KEY_DEFER,
	VLY_URING_KEY_FIXED,
	VLY_URING_KEY_SHARED,
	VLY_URING_KEY_ZERO_COPY,
	VLY_URING_KEY_ZERO_COPY_BYTES,
	VLY_URING_KEY_MULTISHOT,
	VLY_URING_KEY_COUNT,
};

// The rows that both have, counted from VLY_URING_KEY_COUNT on: socket's table begins there.
enum vly_kernel_key {
	VLY_KERNEL_KEY_GRO,
	VLY_KERNEL_KEY_GSO,
	VLY_KERNEL_KEY_RCVBUF,
	VLY_KERNEL_KEY_SNDBUF,
	VLY_KERNEL_KEY_BUSY_POLL,
	VLY_KERNEL_KEY_TIMESTAMPS,
	VLY_KERNEL_KEY_SPREAD,
	VLY_KERNEL_KEY_ICMP_ERRORS,
	VLY_KERNEL_KEY_CONNECT,
	VLY_KERNEL_KEY_COUNT,
};

extern const struct vly_key vly_kernel_keys[VLY_URING_KEY_COUNT + VLY_KERNEL_KEY_COUNT + 1];
