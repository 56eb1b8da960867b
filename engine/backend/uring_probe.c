// SPDX-License-Identifier: BSD-3-Clause
//
// Whether io_uring works here, and how much of it.
#include <errno.h>

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

static bool has_setup(struct vly_uring_features features)
{
	struct vly_uring_features got = features;
	struct io_uring ring;

	if (vly_uring_setup(&ring, &got))
		return false;
	io_uring_queue_exit(&ring);
	return got.sqpoll == features.sqpoll && got.defer_taskrun == features.defer_taskrun;
}

static bool has_napi(void)
{
	struct vly_uring_features features = {.defer_taskrun = true};
	struct io_uring ring;
	bool has;

	if (vly_uring_setup(&ring, &features))
		return false;
	has = vly_uring_napi(&ring, 1);
	io_uring_queue_exit(&ring);
	return has;
}

static bool has_send_to(void)
{
	struct vly_uring_features features = {.defer_taskrun = true};
	struct io_uring ring;
	bool has;

	if (vly_uring_setup(&ring, &features))
		return false;
	has = vly_uring_has_send_to(&ring);
	io_uring_queue_exit(&ring);
	return has;
}

void vly_uring_describe(const struct vly_log *log)
{
	static const char *const words[] = {"no", "yes"};
	bool works = vly_uring_probe(NULL) == 0;

	vly_log_line(log, "completions of failed sends only (CQE_SKIP, Linux 5.17): %s",
		     words[works]);
	vly_log_line(log, "provided buffer rings (Linux 5.19): %s", words[works]);
	vly_log_line(log, "multishot recvmsg, single issuer (Linux 6.0): %s", words[works]);
	vly_log_line(log, "deferred task work (DEFER_TASKRUN, Linux 6.1): %s",
		     words[has_setup((struct vly_uring_features){.defer_taskrun = true})]);
	vly_log_line(log, "addresses in send entries (Linux 6.1): %s", words[has_send_to()]);
	vly_log_line(log, "a kernel thread that submits (SQPOLL, Linux 5.11 unprivileged): %s",
		     words[has_setup((struct vly_uring_features){.sqpoll = true})]);
	vly_log_line(log, "device polling (REGISTER_NAPI, Linux 6.9): %s", words[has_napi()]);
	vly_kernel_options_describe(log);
}
