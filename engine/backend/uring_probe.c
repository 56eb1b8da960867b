// SPDX-License-Identifier: BSD-3-Clause
//
// Whether io_uring works here, and how much of it.
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/uring.h"
#include "core/fail.h"

int vly_uring_probe(struct vly_error *error)
{
	struct vly_uring_features features = {.defer_taskrun = true};
	struct io_uring ring;
	int rc = vly_uring_setup(&ring, &features);

	if (rc)
		return vly_uring_fail_setup(rc, error);
	io_uring_queue_exit(&ring);
	return 0;
}

enum {
	PAGE_BYTES = 4096,
	PROBE_BUFFERS = 8,
	FEATURE_CQE_SKIP = 1 << 11,
};

static bool has_setup(struct vly_uring_features features)
{
	struct vly_uring_features got = features;
	struct io_uring ring;

	if (vly_uring_setup(&ring, &got))
		return false;
	io_uring_queue_exit(&ring);
	return got.sqpoll == features.sqpoll && got.defer_taskrun == features.defer_taskrun;
}

// --- what a ring of ours has; each on the same ring ----------------------------------------------

static bool has_files(struct io_uring *ring)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool has = fd >= 0 && io_uring_register_files(ring, &fd, 1) == 0;

	if (fd >= 0)
		close(fd);
	return has;
}

static bool has_cqe_skip(struct io_uring *ring)
{
	return ring->features & FEATURE_CQE_SKIP;
}

static bool has_ring_fd(struct io_uring *ring)
{
	return io_uring_register_ring_fd(ring) == 1;
}

static bool has_buffer_ring(struct io_uring *ring)
{
	void *memory = aligned_alloc(PAGE_BYTES, PAGE_BYTES);
	struct io_uring_buf_reg reg = {
		.ring_addr = (uintptr_t)memory,
		.ring_entries = PROBE_BUFFERS,
	};
	bool has = memory && io_uring_register_buf_ring(ring, &reg, 0) == 0;

	if (has)
		io_uring_unregister_buf_ring(ring, 0);
	free(memory);
	return has;
}

// It came with single issuers, without which there is no ring of ours.
static bool has_multishot(struct io_uring *ring)
{
	(void)ring;
	return true;
}

static bool has_napi(struct io_uring *ring)
{
	return vly_uring_napi(ring, 1);
}

static bool has_send_to(struct io_uring *ring)
{
	return vly_uring_has_send_to(ring);
}

static const struct feature {
	const char *text;
	bool (*has)(struct io_uring *ring);
} features_of_rings[] = {
	{"registered files (Linux 5.1)", has_files},
	{"completions of failed sends only (CQE_SKIP, Linux 5.17)", has_cqe_skip},
	{"a registered ring, which spares a look-up a call (Linux 5.18)", has_ring_fd},
	{"provided buffer rings (Linux 5.19)", has_buffer_ring},
	{"multishot recvmsg (Linux 6.0)", has_multishot},
	{"a single issuer (SINGLE_ISSUER, Linux 6.0)", has_multishot},
	{"addresses in send entries (Linux 6.1)", has_send_to},
	{"sends without a copy (SENDMSG_ZC, Linux 6.1), by zerocopy=on", has_send_to},
	{"device polling (REGISTER_NAPI, Linux 6.9)", has_napi},
};

void vly_uring_describe(const struct vly_log *log)
{
	static const char *const words[] = {"no", "yes"};
	struct vly_uring_features features = {.defer_taskrun = true};
	struct io_uring ring;
	bool works = vly_uring_setup(&ring, &features) == 0;

	for (uint32_t i = 0; i < sizeof(features_of_rings) / sizeof(features_of_rings[0]); i++) {
		const struct feature *feature = &features_of_rings[i];

		vly_log_line(log, "%s: %s", feature->text, words[works && feature->has(&ring)]);
	}
	if (works)
		io_uring_queue_exit(&ring);
	vly_log_line(log, "deferred task work (DEFER_TASKRUN, Linux 6.1): %s",
		     words[has_setup((struct vly_uring_features){.defer_taskrun = true})]);
	vly_log_line(log, "a kernel thread that submits (SQPOLL, Linux 5.11 unprivileged): %s",
		     words[has_setup((struct vly_uring_features){.sqpoll = true})]);
	vly_kernel_options_describe(log);
}
