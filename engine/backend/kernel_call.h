// SPDX-License-Identifier: BSD-3-Clause
//
// The system calls of the hot path, as recvmsg(2) and so on say. The C library's own would provide
// for pthread_cancel(): two atomic operations a call as soon as a process has threads.
#pragma once

#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// *name_bytes is as large as the name, and stays so where all names are of one family.
static inline ssize_t vly_call_recvfrom(int fd, void *data, size_t bytes, int flags,
					struct sockaddr_in *name, socklen_t *name_bytes)
{
	return syscall(SYS_recvfrom, fd, data, bytes, flags, name, name_bytes);
}

static inline ssize_t vly_call_recvmsg(int fd, struct msghdr *msg, int flags)
{
	return syscall(SYS_recvmsg, fd, msg, flags);
}

static inline int vly_call_recvmmsg(int fd, struct mmsghdr *msgs, unsigned count, int flags)
{
	return (int)syscall(SYS_recvmmsg, fd, msgs, count, flags, NULL);
}

static inline ssize_t vly_call_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return syscall(SYS_sendmsg, fd, msg, flags);
}

static inline int vly_call_sendmmsg(int fd, struct mmsghdr *msgs, unsigned count, int flags)
{
	return (int)syscall(SYS_sendmmsg, fd, msgs, count, flags);
}

static inline ssize_t vly_call_sendto(int fd, const void *data, size_t bytes, int flags,
				      const struct sockaddr_in6 *name, socklen_t name_bytes)
{
	return syscall(SYS_sendto, fd, data, bytes, flags, name, name_bytes);
}
