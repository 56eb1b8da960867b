// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backend/uring.h"
#include "core/fail.h"

enum {
	SQPOLL_IDLE_MS = 100,
	REGISTER_NAPI = 27, // IORING_REGISTER_NAPI, Linux 6.9: newer than our liburing
	END_WAIT_MS = 1000,
	PAGE_BYTES = 4096,
};

// struct io_uring_napi of Linux 6.9.
struct napi {
	uint32_t busy_poll_us;
	uint8_t prefer_busy_poll;
	uint8_t padding[3];
	uint64_t reserved;
};

static int setup(struct io_uring *ring, uint32_t flags)
{
	struct io_uring_params params = {
		.flags = flags | IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL |
			 IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
		.cq_entries = VLY_URING_CQ_ENTRIES,
		.sq_thread_idle = SQPOLL_IDLE_MS,
	};

	return io_uring_queue_init_params(VLY_URING_SQ_ENTRIES, ring, &params);
}

// The best first; SINGLE_ISSUER came with multishot recvmsg, so a kernel without it is too old. A
// shared ring does without what one thread alone may have: its completions come at once, also
// while the thread that has armed a receive sleeps elsewhere.
int vly_uring_setup(struct io_uring *ring, struct vly_uring_features *features)
{
	uint32_t own = features->shared ? 0 : IORING_SETUP_SINGLE_ISSUER;
	bool defers = features->defer_taskrun && !features->shared;
	int rc = -EINVAL;

	features->defer_taskrun = false; // sqpoll excludes it
	if (features->sqpoll) {
		rc = setup(ring, own | IORING_SETUP_SQPOLL);
		features->sqpoll = rc == 0;
	}
	if (rc && defers) {
		rc = setup(ring, own | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG);
		features->defer_taskrun = rc == 0;
	}
	if (rc && features->shared)
		return setup(ring, 0);
	if (rc)
		rc = setup(ring, own | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG);
	return rc;
}

static int disabled_by_sysctl(void)
{
	FILE *file = fopen("/proc/sys/kernel/io_uring_disabled", "re");
	int value = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%d", &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

int vly_uring_fail_setup(int code, struct vly_error *error)
{
	struct rlimit limit = {0, 0};
	int disabled = disabled_by_sysctl();

	if (disabled && (code == -EPERM || code == -EACCES))
		return vly_fail(error, code,
				"uring: switched off for %s on this machine; run: "
				"sysctl kernel.io_uring_disabled=0",
				disabled == 1 ? "the unprivileged" : "everybody");
	switch (code) {
	case -EPERM:
	case -EACCES:
		return vly_fail(error, code,
				"uring: forbidden by a seccomp filter, as container engines have; "
				"run: docker run --security-opt seccomp=docker/seccomp.json ..., "
				"or take the socket backend");
	case -ENOSYS:
		return vly_fail(error, code,
				"uring: this kernel has no io_uring (or a seccomp filter says so); "
				"take the socket backend, or run: docker run --security-opt "
				"seccomp=docker/seccomp.json ...");
	case -EINVAL:
		return vly_fail(error, -ENOTSUP,
				"uring: needs Linux 6.0 for multishot recvmsg; take the socket "
				"backend");
	case -ENOMEM:
		getrlimit(RLIMIT_MEMLOCK, &limit);
		return vly_fail(error, code,
				"uring: no memory for the ring (RLIMIT_MEMLOCK is %lu KiB); run: "
				"ulimit -l unlimited",
				(unsigned long)(limit.rlim_cur >> 10));
	case -EMFILE:
	case -ENFILE:
		return vly_kernel_fail_files("uring", code, NULL, error);
	default:
		return vly_fail(error, code,
				"uring: cannot make a ring (%s); take the socket backend",
				strerror(-code));
	}
}

// It came in the same version as SENDMSG_ZC, which can be asked for by number.
bool vly_uring_has_send_to(struct io_uring *ring)
{
	struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
	bool has = probe && io_uring_opcode_supported(probe, IORING_OP_SENDMSG_ZC);

	io_uring_free_probe(probe);
	return has;
}

bool vly_uring_napi(struct io_uring *ring, uint32_t us)
{
	struct napi napi = {.busy_poll_us = us, .prefer_busy_poll = 1};

	return io_uring_register((unsigned)ring->ring_fd, REGISTER_NAPI, &napi, 1) == 0;
}

// Where the kernel takes no files, entries name the sockets' descriptors.
// Beside the sockets, the ring gets one end of a pipe: the other end tells when the kernel, which
// takes a ring apart in its own time, has closed all of them.
static int register_files(struct vly_backend_queue *queue)
{
	int fds[VLY_LISTENS_MAX + 1];
	uint32_t count = 0;
	int ends[2];
	int rc;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	if (queue->features.fixed_files) {
		for (; count < queue->sockets.count; count++)
			fds[count] = queue->sockets.list[count].fd;
	}
	fds[count++] = ends[1];
	rc = io_uring_register_files(&queue->ring, fds, count);
	close(ends[1]);
	if (rc) {
		queue->features.fixed_files = false;
		close(ends[0]);
		return rc == -EPERM || rc == -EACCES ? rc : 0;
	}
	queue->end_fd = ends[0];
	return 0;
}

static int register_buffers(struct vly_backend_queue *queue)
{
	struct io_uring_buf_reg reg = {.bgid = VLY_URING_GROUP};
	void *memory;
	int rc;

	queue->provided_max = queue->pool.count / 2 < VLY_URING_PROVIDED ? queue->pool.count / 2
									 : VLY_URING_PROVIDED;
	queue->provided_goal = queue->provided_max < VLY_URING_PROVIDED_MIN
				       ? queue->provided_max
				       : (uint32_t)VLY_URING_PROVIDED_MIN;
	queue->buffer_entries = VLY_URING_PROVIDED;
	memory = aligned_alloc(PAGE_BYTES, PAGE_BYTES);
	_Static_assert(VLY_URING_PROVIDED * sizeof(struct io_uring_buf) <= PAGE_BYTES, "a page");
	if (!memory)
		return -ENOMEM;
	memset(memory, 0, PAGE_BYTES);
	queue->buffers = memory;
	reg.ring_addr = (uintptr_t)memory;
	reg.ring_entries = queue->buffer_entries;
	rc = io_uring_register_buf_ring(&queue->ring, &reg, 0);
	if (!rc)
		io_uring_buf_ring_init(queue->buffers);
	return rc;
}

int vly_uring_ring_open(struct vly_backend_queue *queue, const struct vly_uring_features *asked,
			struct vly_error *error)
{
	int rc;

	queue->features = *asked;
	rc = vly_uring_setup(&queue->ring, &queue->features);
	if (rc)
		return vly_uring_fail_setup(rc, error);
	queue->has_ring = true;
	vly_uring_direct_open(queue);
	rc = register_files(queue);
	if (!rc && !queue->is_direct)
		rc = register_buffers(queue);
	if (rc)
		return vly_uring_fail_setup(rc, error);
	queue->features.send_to = vly_uring_has_send_to(&queue->ring);
	queue->features.zero_copy = asked->zero_copy && queue->features.send_to;
	if (queue->options.busy_poll_us)
		queue->features.napi = vly_uring_napi(&queue->ring, queue->options.busy_poll_us);
	for (uint32_t i = 0; i < queue->sockets.count; i++)
		queue->to_arm[queue->to_arm_count++] = (uint16_t)i;
	queue->recv_msg = (struct msghdr){
		.msg_namelen = VLY_URING_NAME_BYTES,
		.msg_controllen = VLY_URING_CONTROL_BYTES,
	};
	return 0;
}

void vly_uring_ring_close(struct vly_backend_queue *queue)
{
	struct pollfd end = {.fd = queue->end_fd};

	if (queue->has_ring)
		io_uring_queue_exit(&queue->ring);
	if (queue->end_fd >= 0) {
		poll(&end, 1, END_WAIT_MS); // nothing is ever written: it can only hang up
		close(queue->end_fd);
	}
	free(queue->buffers);
}

void vly_uring_ring_enable(struct vly_backend_queue *queue)
{
	queue->is_enabled = true;
	// liburing 2.3 declares io_uring_enable_rings() but does not export it.
	io_uring_register((unsigned)queue->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	if (!queue->features.shared)                     // a thread's own number for it
		io_uring_register_ring_fd(&queue->ring); // spares a look-up a call; may fail
}
